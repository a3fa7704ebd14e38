"""Query parameters for time: `as_of` versions, days and dates, shared by several routes."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import Connection, func, select

from app.db.journal import version_of
from app.db.tables import commits
from app.edtf import bounds, parse
from app.http.page import Paging, Query
from app.http.problems import InvalidError
from app.text import Word


def _day(text: str) -> str:
    if parse(text).precision != "day":
        raise ValueError("must be one day, such as 2023-10-13")
    return text


def _dated(text: str) -> str:
    bounds(text)
    return text


_VERSION = re.compile(r"[0-9]{1,18}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(\.[0-9]{1,9})?([Zz]|[ +-][0-9]{2}:[0-9]{2})"
)
"""The blank is a `+` that was not percent-encoded, as in many typed links."""
_AS_OF = "must be a version such as 1234, an instant such as 2026-11-24T09:00:00Z, or a day"


def _as_of(text: str) -> str:
    if not _VERSION.fullmatch(text):
        instant(text)
    return text


def instant(text: str) -> str:
    """Return an instant, or the end of a day, in the form of stored instants (UTC, microseconds).

    Raises ValueError where the text is neither.
    """
    if len(text) == 10:
        return f"{_day(text)}T23:59:59.999999Z"
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(_AS_OF)
    day, time, fraction, zone = found.groups()
    try:
        offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")
        at = datetime.fromisoformat(f"{day}T{time}{(fraction or '.0')[:7]:0<7}{offset}")
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError) as impossible:
        raise ValueError(_AS_OF) from impossible


AsOf = Annotated[Word, Field(max_length=40), AfterValidator(_as_of)]
AS_OF = "Answer as of a version, an instant, or the end of a day."


def version_at(db: Connection, asked: str | None, field: str = "as_of") -> int | None:
    """Return the version that `as_of` means; None where it is absent, which means the present.

    Raises `InvalidParameterError` for a version or an instant in the future.
    """
    if asked is None:
        return None
    newest = version_of(db)
    if _VERSION.fullmatch(asked):
        if int(asked) > newest:
            raise InvalidError(field, "is a version that does not exist yet", f"Newest: {newest}.")
        return int(asked)
    at = instant(asked)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    latest = max(now, db.scalar(select(func.max(commits.c.at))) or "")
    exact = 10 if len(asked) == 10 else None  # today is allowed, although its end is in the future
    if at[:exact] > latest[:exact]:
        raise InvalidError(field, "is in the future", f"It is {now} now.")
    found = db.scalar(select(func.max(commits.c.seq)).where(commits.c.at <= at))
    return int(found or 0)


def pinned(db: Connection, asked: str | None) -> int | None:
    """Return the version of an `as_of` that `resolve_as_of` has checked before in this request."""
    if asked is not None and _VERSION.fullmatch(asked):
        return int(asked)
    return version_at(db, asked)


Date = Annotated[Word, Field(max_length=64), AfterValidator(_dated)]
Day = Annotated[Word, AfterValidator(_day)]


def today() -> str:
    """Return today's date in UTC, in ISO form."""
    return datetime.now(UTC).date().isoformat()


class Past(Query):
    """Query parameters of a route that can answer as of a version."""

    as_of: AsOf | None = Field(None, description=AS_OF, examples=["2026-11-24"])


class PastPaging(Past, Paging):
    """Query parameters of a paged list that can answer as of a version."""


def seen(db: Connection, as_of: str | None) -> tuple[int, int | None]:
    """Return the version that an answer is of, and `as_of` as a version or None for the present."""
    past = version_at(db, as_of)
    return (version_of(db) if past is None else past), past


class OnDay(Past):
    """Query parameters of a route that answers for one day."""

    on: Day | None = Field(None, description="The day to answer for; default: today.")

    @property
    def day(self) -> str:
        """The day to answer for."""
        return self.on or today()
