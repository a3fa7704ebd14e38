"""Bodies of writes: bounded, strict JSON, every fault of them told."""

import asyncio
import difflib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from app.http.problems import MOST_FAULTS_OF_BODY, Fault, InvalidBodyError, UnreadableError
from app.text import safe

T = TypeVar("T")
DEEPEST = 32
MOST_NAMES = 1000
"""In one object: 1,500,000 unknown ones took the validator a minute and 800 MB to refuse."""
PATIENCE = 20.0
"""Seconds that a body may take to come, and as many more as it has pieces of `STEADY` bytes."""
STEADY = 16 * 1024
JSON_TYPES = ("application/json", "application/merge-patch+json")


async def _read(request: Request) -> bytes:
    kind = request.headers.get("content-type", JSON_TYPES[0]).partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise UnreadableError(415, f"Send JSON, with Content-Type: {JSON_TYPES[0]}.")
    return await received(request)


async def received(request: Request) -> bytes:
    """The bytes of a body; `UnreadableError` where they are too many, or do not come."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreadableError(415, "Send the body as it is, without Content-Encoding.")
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
    except ClientDisconnect as gone:  # else each leaves a traceback in the log
        raise UnreadableError(400, "The body ended before its end.") from gone
    except TimeoutError as slow:
        told = f"Only {len(body)} bytes of the body came in time; send the request again."
        raise UnreadableError(408, told) from slow
    return bytes(body)


Body = Annotated[bytes, Depends(_read)]
"""The bytes of a body, read before a worker is taken."""


def parsed(body: bytes) -> Any:
    """The JSON of a body; `UnreadableError` where it is none, `InvalidBodyError` for bad text."""
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


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


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
        raise ValueError("an object has a name twice")
    return found


def _unsafe(value: Any) -> list[Fault]:
    """What in a value one of the databases would refuse or alter, and nesting without end."""
    faults: list[Fault] = []
    todo: list[tuple[Any, list[str | int]]] = [(value, ["body"])]
    while todo and len(faults) < MOST_FAULTS_OF_BODY:
        held, loc = todo.pop()
        if len(loc) > DEEPEST:
            return [Fault(loc=loc[:3], message=f"is nested deeper than {DEEPEST}")]
        if isinstance(held, str):
            try:
                safe(held)
            except ValueError as bad:
                faults.append(Fault(loc=loc, message=str(bad)))
        elif isinstance(held, list):
            todo += [(one, [*loc, n]) for n, one in enumerate(held)]
        elif isinstance(held, dict):
            for name, one in held.items():
                readable = name.encode("utf-8", "replace").decode().replace("\x00", "?")[:100]
                todo += [(name, [*loc, readable]), (one, [*loc, readable])]
    return faults


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """A value as a model, or what is wrong with it."""

    value: T | None
    faults: list[Fault]

    def good(self) -> T:
        """The value; `InvalidBodyError` with every fault where there is none."""
        if self.value is None:
            raise InvalidBodyError(self.faults)
        return self.value


def valid(kind: TypeAdapter[T], value: Any, at: list[str | int]) -> Checked[T]:
    """Validate a part of a body; `at` is where in the body it stands."""
    try:
        return Checked(kind.validate_python(value), [])
    except ValidationError as wrong:
        # Pydantic's message never echoes the input; its `input` is left out on purpose.
        told = wrong.errors(include_input=False, include_url=False)
        return Checked(None, [_fault(kind, e, at) for e in told])


def _fault(kind: TypeAdapter[Any], error: Any, at: list[str | int]) -> Fault:
    loc = [*at, *(str(part)[:100] if isinstance(part, str) else part for part in error["loc"])]
    if error["type"] != "extra_forbidden":
        return Fault(loc=loc, message=str(error["msg"]).removeprefix("Value error, "))
    near = difflib.get_close_matches(str(loc[-1]).lower(), _names(kind), 1, 0.75)
    hint = f"Did you mean {near[0]}?" if near else None
    return Fault(loc=loc, message="is not a field here", hint=hint)


@lru_cache(maxsize=32)
def _names(kind: TypeAdapter[Any]) -> list[str]:
    """Every field that bodies of a kind may have, at whatever depth."""
    schema = kind.json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get("properties", {})})
