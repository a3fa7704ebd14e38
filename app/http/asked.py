"""Parameters that several addresses take."""

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
"""The blank is a plus sign that was not encoded, as in most links that people type."""
_AS_OF = "must be a version such as 1234, an instant such as 2026-11-24T09:00:00Z, or a day"


def _as_of(text: str) -> str:
    if not _VERSION.fullmatch(text):
        instant(text)
    return text


def instant(text: str) -> str:
    """An instant or the end of a day, in the form of the record; raises ValueError."""
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
AS_OF = "The record as it stood: a version, an instant, or the end of a day."


def version_at(db: Connection, asked: str | None, field: str = "as_of") -> int | None:
    """The version that `as_of` means; None where the present is meant.

    Raises `InvalidError` for what has not been yet: what it will say cannot be known.
    """
    if asked is None:
        return None
    newest = version_of(db)
    if _VERSION.fullmatch(asked):
        if int(asked) > newest:
            raise InvalidError(field, "is a version that is not there yet", f"Newest: {newest}.")
        return int(asked)
    at = instant(asked)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    latest = max(now, db.scalar(select(func.max(commits.c.at))) or "")
    exact = 10 if len(asked) == 10 else None  # today is no future, though its end is
    if at[:exact] > latest[:exact]:
        raise InvalidError(field, "lies in the future", f"It is {now} now.")
    found = db.scalar(select(func.max(commits.c.seq)).where(commits.c.at <= at))
    return int(found or 0)


def pinned(db: Connection, asked: str | None) -> int | None:
    """As `version_at`, of what has been through it once already."""
    if asked is not None and _VERSION.fullmatch(asked):
        return int(asked)
    return version_at(db, asked)


Date = Annotated[Word, Field(max_length=64), AfterValidator(_dated)]
Day = Annotated[Word, AfterValidator(_day)]


def today() -> str:
    """Today in UTC."""
    return datetime.now(UTC).date().isoformat()


class Past(Query):
    """An address that also answers as the record stood before."""

    as_of: AsOf | None = Field(None, description=AS_OF, examples=["2026-11-24"])


class PastPaging(Past, Paging):
    """A list that also answers as the record stood before."""


def seen(db: Connection, as_of: str | None) -> tuple[int, int | None]:
    """The version that an answer is of, and the same again where it is not the present."""
    then = version_at(db, as_of)
    return (version_of(db) if then is None else then), then


class OnDay(Past):
    """An address that answers about a day."""

    on: Day | None = Field(None, description="The day asked about; today unless given.")

    @property
    def day(self) -> str:
        """The day asked about."""
        return self.on or today()
