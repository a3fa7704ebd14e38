"""The id of a shift: the question, the version and the days, so that it keeps answering. Pure."""

import base64
import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from pydantic import ValidationError

from app.shifts.filter import OF_THE_QUESTION, SidesQuery
from app.shifts.judge import Method

Scope = Literal["named", "actor", "all"]
"""Among which tests it was found: of a named question, of an actor's dyads, of all."""
LONGEST = 6000
OF_THE_SIDES = ("actor", "toward", "against", "acts")


class BadKeyError(ValueError):
    """The id was not made by us."""


@dataclass(frozen=True, slots=True)
class ShiftKey:
    """What an id says."""

    asked: SidesQuery
    version: int | None
    """None: of what stands."""
    scope: Scope
    method: Method
    span: tuple[str, str, str] | None
    """First day before, first day after, last day after; None for a level without a date."""


def pack(key: ShiftKey) -> str:
    """The id of a shift."""
    asked = key.asked
    held = asked.model_dump(exclude_defaults=True, exclude={"as_of"})
    held = {
        name: value
        for name, value in held.items()
        if name in SidesQuery.model_fields and (name in OF_THE_SIDES or name not in OF_THE_QUESTION)
    }
    body = [held, key.version, key.scope, key.method, key.span]
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack(text: str) -> ShiftKey:
    """What an id says; raises `BadKeyError`."""
    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        held, version, scope, method, span = json.loads(raw)
        asked = SidesQuery.model_validate(held)
        if asked.actor is None or not asked.toward or method not in get_args(Method):
            raise ValueError("incomplete")
        if scope not in get_args(Scope):
            raise ValueError("no scope")
        return ShiftKey(asked, _version(version), scope, method, _span(span))
    except (ValueError, TypeError, RecursionError, ValidationError) as broken:
        raise BadKeyError("not the id of a shift") from broken


def _version(value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("no version")
    return value


def _span(value: Any) -> tuple[str, str, str] | None:
    if value is None:
        return None
    first, turn, last = value
    for day in (first, turn, last):
        if type(day) is not str or date.fromisoformat(day).isoformat() != day:
            raise ValueError("no day")
    if not first <= turn <= last:
        raise ValueError("days out of order")
    return first, turn, last
