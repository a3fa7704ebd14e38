"""Resolve `as_of`, which is a version, an instant or a day, to a version of the database."""

from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Connection, func, select

from app.db.lineage_table import read_version
from app.db.request_versions import refuse_later_version
from app.db.tables import commits
from app.errors import InvalidParameterError
from app.lineages import Version
from app.query_models import AsOf


class AsksAsOf(Protocol):
    """A question that may name a version and the lineage that it is of."""

    @property
    def as_of(self) -> AsOf | None:
        """The version, an instant or a day; None for the present."""

    @property
    def lineage(self) -> str | None:
        """The lineage of `as_of`, or the one that the present has to be in."""


def resolve_as_of(
    db: Connection, asked: AsOf | None, lineage: str | None, field: str = "as_of"
) -> int | None:
    """Return the version that `as_of` means; None where it is absent, which means the present.

    Raises `InvalidParameterError` for a version or an instant in the future, and `StateGoneError`
    for one of a history that the database has left.
    """
    if asked is None and lineage is None:
        return None
    newest = read_version(db)
    return _resolve_past(db, newest, asked, lineage, field)


def _resolve_past(
    db: Connection, newest: Version, asked: AsOf | None, lineage: str | None, field: str
) -> int | None:
    if asked is None:
        if lineage is not None:
            newest.ancestry.require_version(lineage, newest)
        return None
    at = asked.instant
    if at is None:
        version = int(asked)
        newest.ancestry.require_version(lineage, version)
        if version > newest:
            refuse_later_version(field, version, newest, "is a version that does not exist yet")
        return version
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    latest = max(now, db.scalar(select(func.max(commits.c.at))) or "")
    exact = 10 if asked.is_day else None  # today is allowed, although its end is in the future
    if at[:exact] > latest[:exact]:
        raise InvalidParameterError(field, "is in the future", f"It is {now} now.")
    c = commits.c
    found = db.execute(select(c.seq, c.at).where(c.at <= at).order_by(c.at.desc()).limit(1)).first()
    version = 0 if found is None else int(found.seq)
    if found is not None and found.at == at:  # the instant of a write, which is of one history
        if lineage is not None:
            newest.ancestry.require_version(lineage, version)
    else:
        newest.ancestry.require_instant(lineage, at, version)
    return version


def resolve_version(db: Connection, asked: AsksAsOf) -> tuple[Version, int | None]:
    """Return the version that an answer is of, and `as_of` as a version or None for the present."""
    newest = read_version(db)
    past = _resolve_past(db, newest, asked.as_of, asked.lineage, "as_of")
    return (newest if past is None else Version(past, newest.ancestry)), past
