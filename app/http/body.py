"""Read the body of a write: limited size, strict JSON, and every error in it reported."""

import asyncio
import difflib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, NoReturn, TypeVar

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect

from app.http.problems import MOST_FAULTS_OF_BODY, Fault, InvalidBodyError, UnreadableError
from app.text import safe

T = TypeVar("T")
DEEPEST = 32
MOST_NAMES = 1000
"""Names in one object: refusing 1,500,000 unknown ones took pydantic a minute and 800 MB."""
PATIENCE = 20.0
"""Seconds that a body may take to arrive, plus one for every `MIN_BYTES_PER_SECOND` received."""
STEADY = 16 * 1024
JSON_TYPES = ("application/json", "application/merge-patch+json")


async def _read(request: Request) -> bytes:
    kind = request.headers.get("content-type", JSON_TYPES[0]).partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise UnreadableError(415, f"Send JSON, with Content-Type: {JSON_TYPES[0]}.")
    return await received(request)


async def received(request: Request) -> bytes:
    """Return the bytes of a body; raises `UnreadableRequestError` if too large or too slow."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreadableError(415, "Send the body uncompressed, without Content-Encoding.")
    most = request.app.state.settings.max_body_bytes
    body = bytearray()
    begun = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout_at(begun + PATIENCE) as patience:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise UnreadableError(
                        413, f"A body has at most {most} bytes; send several, or an import."
                    )
                patience.reschedule(begun + PATIENCE + len(body) / STEADY)
    except ClientDisconnect as gone:  # otherwise each one logs a traceback
        raise UnreadableError(400, "The connection closed before the body was complete.") from gone
    except TimeoutError as slow:
        message = f"Only {len(body)} bytes of the body arrived in time; send the request again."
        raise UnreadableError(408, message) from slow
    return bytes(body)


Body = Annotated[bytes, Depends(_read)]
"""The bytes of a body, read before the handler occupies a thread."""


def parsed(body: bytes) -> Any:
    """Parse the JSON of a body.

    Raises `UnreadableRequestError` for invalid JSON, `InvalidBodyError` for text that a database
    cannot store.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_no_number,
            parse_float=_finite,
            object_pairs_hook=_once_each,
        )
    except UnicodeDecodeError as broken:
        raise UnreadableError(400, "The body is not UTF-8.") from broken
    except RecursionError as deep:
        raise UnreadableError(400, f"The body is nested deeper than {DEEPEST}.") from deep
    except ValueError as broken:
        raise UnreadableError(400, f"The body is not JSON: {str(broken)[:200]}.") from broken
    if faults := _unsafe(value):
        raise InvalidBodyError(faults)
    return value


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MOST_NAMES:
        raise ValueError(f"an object has more than {MOST_NAMES} names")
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same name twice")
    return found


def _unsafe(value: object) -> list[Fault]:
    """Find text in a value that a database would refuse or alter, and nesting that is too deep."""
    faults: list[Fault] = []
    todo: list[tuple[object, list[str | int]]] = [(value, ["body"])]
    while todo and len(faults) < MOST_FAULTS_OF_BODY:
        item, loc = todo.pop()
        if len(loc) > DEEPEST:
            return [Fault(loc=loc[:3], message=f"is nested deeper than {DEEPEST}")]
        if isinstance(item, str):
            try:
                safe(item)
            except ValueError as bad:
                faults.append(Fault(loc=loc, message=str(bad)))
        elif isinstance(item, list):
            todo += [(one, [*loc, n]) for n, one in enumerate(item)]
        elif isinstance(item, dict):
            for name, one in item.items():
                readable = name.encode("utf-8", "replace").decode().replace("\x00", "?")[:100]
                todo += [(name, [*loc, readable]), (one, [*loc, readable])]
    return faults


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """A validated value, or the errors found in it."""

    value: T | None
    faults: list[Fault]

    def good(self) -> T:
        """Return the value; raises `InvalidBodyError` with all errors where there is none."""
        if self.value is None:
            raise InvalidBodyError(self.faults)
        return self.value


def valid(kind: TypeAdapter[T], value: object, at: list[str | int]) -> Checked[T]:
    """Validate a part of a body; `at` is its location in the body."""
    try:
        return Checked(kind.validate_python(value), [])
    except ValidationError as invalid:
        # Pydantic's messages do not echo the input; `input` is excluded so that answers never do.
        errors = invalid.errors(include_input=False, include_url=False)
        return Checked(None, [_fault(kind, e, at) for e in errors])


def _fault(kind: TypeAdapter[Any], error: ErrorDetails, at: list[str | int]) -> Fault:
    loc = [*at, *(str(part)[:100] if isinstance(part, str) else part for part in error["loc"])]
    if error["type"] != "extra_forbidden":
        return Fault(loc=loc, message=str(error["msg"]).removeprefix("Value error, "))
    near = difflib.get_close_matches(str(loc[-1]).lower(), _names(kind), 1, 0.75)
    hint = f"Did you mean {near[0]}?" if near else None
    return Fault(loc=loc, message="is not a field here", hint=hint)


@lru_cache(maxsize=32)
def _names(kind: TypeAdapter[Any]) -> list[str]:
    """List all field names that a model of bodies has, at any depth."""
    schema = kind.json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})
