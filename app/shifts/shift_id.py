"""The id of a shift: its question, version and days, so that its answer never changes. Pure."""

import base64
import json
from dataclasses import dataclass
from datetime import date
from typing import get_args

from pydantic import ValidationError

from app.shifts.filter import QUESTION_FIELDS, Scope, SidesQuery
from app.shifts.statistics.scan_rows import Method

MAX_ID_LENGTH = 6000
SIDE_FIELDS = ("actor", "toward", "against", "acts")


class BadShiftIdError(ValueError):
    """A text that is not the id of a shift."""


@dataclass(frozen=True, slots=True)
class ShiftReference:
    """The content of an id."""

    asked: SidesQuery
    version: int | None
    """None: the current version."""
    scope: Scope
    method: Method
    span: tuple[str, str, str] | None
    """First day before, first day after, last day after; None for a level without a date."""
    lineage: str | None = None
    """The lineage that the version is of; None: the first."""


def pack_shift_id(key: ShiftReference) -> str:
    """Encode the id of a shift: base64 of compact JSON."""
    asked = key.asked
    fields = asked.model_dump(exclude_defaults=True, exclude={"as_of", "lineage"})
    fields = {
        name: value
        for name, value in fields.items()
        if name in SidesQuery.model_fields and (name in SIDE_FIELDS or name not in QUESTION_FIELDS)
    }
    body: list[object] = [fields, key.version, key.scope, key.method, key.span]
    body += [] if key.lineage is None else [key.lineage]
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack_shift_id(text: str) -> ShiftReference:
    """Decode the id of a shift; raises `BadShiftIdError`."""
    try:
        if len(text) > MAX_ID_LENGTH:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        fields, version, scope, method, span, *more = json.loads(raw)
        [lineage] = more or [None]
        asked = SidesQuery.model_validate(fields)
        if asked.actor is None or not asked.toward or method not in get_args(Method):
            raise ValueError("incomplete")
        if scope not in get_args(Scope):
            raise ValueError("no scope")
        if lineage is not None and type(lineage) is not str:
            raise ValueError("no lineage")
        days = _check_span(span)
        return ShiftReference(asked, _check_version(version), scope, method, days, lineage)
    except (ValueError, TypeError, RecursionError, ValidationError) as broken:
        raise BadShiftIdError("not the id of a shift") from broken


def _check_version(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("no version")
    return value


def _check_span(value: object) -> tuple[str, str, str] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("no span")
    first, turn, last = value
    for day in (first, turn, last):
        if type(day) is not str or date.fromisoformat(day).isoformat() != day:
            raise ValueError("no day")
    if not first <= turn <= last:
        raise ValueError("days out of order")
    return first, turn, last
