"""Read the body of a write: limited size, strict JSON, and every error in it reported."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Annotated, NoReturn

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from app.errors import Fault, InvalidBodyError
from app.http.problems import UnreadableRequestError
from app.text import require_storable
from app.validation import MAX_BODY_FAULTS

MAX_DEPTH = 32
MAX_OBJECT_NAMES = 1000
"""Names in one object: refusing 1,500,000 unknown ones took pydantic a minute and 800 MB."""
MAX_BODY_VALUES = 500_000
"""Values in a body, with the commas of its texts; a thousand events have some 200,000."""
PATIENCE = 20.0
"""Seconds that a body may take to arrive, plus one for every `MIN_BYTES_PER_SECOND` received."""
MIN_BYTES_PER_SECOND = 16 * 1024
JSON_TYPES = ("application/json", "application/merge-patch+json")


async def _read_json_body(request: Request) -> bytes:
    kind = request.headers.get("content-type", JSON_TYPES[0]).partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise UnreadableRequestError(415, f"Send JSON, with Content-Type: {JSON_TYPES[0]}.")
    return await receive_body(request)


async def receive_body(request: Request, most: int | None = None) -> bytes:
    """Return the bytes of a body; raises `UnreadableRequestError` if too large or too slow.

    A body has at most as many bytes as a write, or fewer where `most` says so.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreadableRequestError(415, "Send the body uncompressed, without Content-Encoding.")
    largest: int = request.app.state.settings.max_body_bytes
    most, instead = (largest, "send several, or an import") if most is None else (most, "ask less")
    body = bytearray()
    begun = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(begun + PATIENCE) as patience:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise UnreadableRequestError(
                        413, f"A body has at most {most} bytes; {instead}."
                    )
                patience.reschedule(begun + PATIENCE + len(body) / MIN_BYTES_PER_SECOND)
    except ClientDisconnect as gone:  # otherwise each one logs a traceback
        raise UnreadableRequestError(
            400, "The connection closed before the body was complete."
        ) from gone
    except TimeoutError as slow:
        message = f"Only {len(body)} bytes of the body arrived in time; send the request again."
        raise UnreadableRequestError(408, message) from slow
    return bytes(body)


BodyBytes = Annotated[bytes, Depends(_read_json_body)]
"""The bytes of a body, read before the handler occupies a thread."""


def parse_json_body(body: bytes) -> object:
    """Parse the JSON of a body.

    Raises `UnreadableRequestError` for invalid JSON and for too many values, `InvalidBodyError` for
    text that a database cannot store.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_BODY_VALUES:  # before anything is built
        raise UnreadableRequestError(
            413, f"A body has at most {MAX_BODY_VALUES} values; send several, or an import."
        )
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_reject_constant,
            parse_float=_parse_finite_float,
            object_pairs_hook=_reject_duplicate_names,
        )
    except UnicodeDecodeError as broken:
        raise UnreadableRequestError(400, "The body is not UTF-8.") from broken
    except RecursionError as deep:
        raise UnreadableRequestError(400, f"The body is nested deeper than {MAX_DEPTH}.") from deep
    except ValueError as broken:
        raise UnreadableRequestError(400, f"The body is not JSON: {str(broken)[:200]}.") from broken
    if faults := _find_unsafe_values(value):
        raise InvalidBodyError(faults)
    return value


def _reject_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _parse_finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _reject_duplicate_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(pairs) > MAX_OBJECT_NAMES:
        raise ValueError(f"an object has more than {MAX_OBJECT_NAMES} names")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same name twice")
    return found


def _find_unsafe_values(value: object) -> list[Fault]:
    """Find text in a value that a database would refuse or alter, and nesting that is too deep."""
    faults: list[Fault] = []
    loc: list[str | int] = ["body"]
    try:
        for found in _iterate_faults(value, loc):
            faults.append(found)
            if len(faults) == MAX_BODY_FAULTS:
                break
    except _TooDeepError:
        return [Fault(loc=loc[:3], message=f"is nested deeper than {MAX_DEPTH}")]
    return faults


class _TooDeepError(Exception):
    """A value is nested deeper than `MAX_DEPTH`."""


def _iterate_faults(item: object, loc: list[str | int]) -> Iterator[Fault]:
    """Find faults in a value at a location, which is extended while its parts are looked at."""
    # No location is made for numbers: a list of 15 million zeros took 30 s and 3.3 GB.
    if isinstance(item, str):
        try:
            require_storable(item)
        except ValueError as bad:
            yield Fault(loc=list(loc), message=str(bad))
    elif isinstance(item, list | dict) and item:
        if len(loc) == MAX_DEPTH:
            raise _TooDeepError
        parts = enumerate(item) if isinstance(item, list) else item.items()
        for name, one in parts:
            if isinstance(name, str):
                loc.append(name.encode("utf-8", "replace").decode().replace("\x00", "?")[:100])
                yield from _iterate_faults(name, loc)
            else:
                loc.append(name)
            if isinstance(one, str | list | dict):
                yield from _iterate_faults(one, loc)
            loc.pop()
