"""Query parameters for time: `as_of` versions, days and dates, shared by several routes."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import Connection, func, select

from app.db.journal import read_version
from app.db.tables import commits
from app.edtf import parse_bounds, parse_edtf
from app.http.page import PagingQuery, StrictQuery
from app.http.problems import InvalidParameterError
from app.text import ShortText


def _require_single_day(text: str) -> str:
    if parse_edtf(text).precision != "day":
        raise ValueError("must be one day, such as 2023-10-13")
    return text


def _require_bounded_date(text: str) -> str:
    parse_bounds(text)
    return text


_VERSION = re.compile(r"[0-9]{1,18}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(\.[0-9]{1,9})?([Zz]|[ +-][0-9]{2}:[0-9]{2})"
)
"""The blank is a `+` that was not percent-encoded, as in many typed links."""
_AS_OF_MESSAGE = "must be a version such as 1234, an instant such as 2026-11-24T09:00:00Z, or a day"


def _require_as_of(text: str) -> str:
    if not _VERSION.fullmatch(text):
        parse_instant(text)
    return text


def parse_instant(text: str) -> str:
    """Return an instant, or the end of a day, in the form of stored instants (UTC, microseconds).

    Raises ValueError where the text is neither.
    """
    if len(text) == 10:
        return f"{_require_single_day(text)}T23:59:59.999999Z"
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(_AS_OF_MESSAGE)
    day, time, fraction, zone = found.groups()
    try:
        offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")
        at = datetime.fromisoformat(f"{day}T{time}{(fraction or '.0')[:7]:0<7}{offset}")
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError) as impossible:
        raise ValueError(_AS_OF_MESSAGE) from impossible


AsOf = Annotated[ShortText, Field(max_length=40), AfterValidator(_require_as_of)]
AS_OF_DESCRIPTION = "Answer as of a version, an instant, or the end of a day."


def resolve_as_of(db: Connection, asked: str | None, field: str = "as_of") -> int | None:
    """Return the version that `as_of` means; None where it is absent, which means the present.

    Raises `InvalidParameterError` for a version or an instant in the future.
    """
    if asked is None:
        return None
    newest = read_version(db)
    if _VERSION.fullmatch(asked):
        if int(asked) > newest:
            raise InvalidParameterError(
                field, "is a version that does not exist yet", f"Newest: {newest}."
            )
        return int(asked)
    at = parse_instant(asked)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    latest = max(now, db.scalar(select(func.max(commits.c.at))) or "")
    exact = 10 if len(asked) == 10 else None  # today is allowed, although its end is in the future
    if at[:exact] > latest[:exact]:
        raise InvalidParameterError(field, "is in the future", f"It is {now} now.")
    found = db.scalar(select(func.max(commits.c.seq)).where(commits.c.at <= at))
    return int(found or 0)


def resolve_checked_as_of(db: Connection, asked: str | None) -> int | None:
    """Return the version of an `as_of` that `resolve_as_of` has checked before in this request."""
    if asked is not None and _VERSION.fullmatch(asked):
        return int(asked)
    return resolve_as_of(db, asked)


EdtfDate = Annotated[ShortText, Field(max_length=64), AfterValidator(_require_bounded_date)]
SingleDay = Annotated[ShortText, AfterValidator(_require_single_day)]


def today() -> str:
    """Return today's date in UTC, in ISO form."""
    return datetime.now(UTC).date().isoformat()


class AsOfQuery(StrictQuery):
    """Query parameters of a route that can answer as of a version."""

    as_of: AsOf | None = Field(None, description=AS_OF_DESCRIPTION, examples=["2026-11-24"])


class AsOfPagingQuery(AsOfQuery, PagingQuery):
    """Query parameters of a paged list that can answer as of a version."""


def resolve_version(db: Connection, as_of: str | None) -> tuple[int, int | None]:
    """Return the version that an answer is of, and `as_of` as a version or None for the present."""
    past = resolve_as_of(db, as_of)
    return (read_version(db) if past is None else past), past


class OnDayQuery(AsOfQuery):
    """Query parameters of a route that answers for one day."""

    on: SingleDay | None = Field(None, description="The day to answer for; default: today.")

    @property
    def day(self) -> str:
        """The day to answer for."""
        return self.on or today()
