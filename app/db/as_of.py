"""Resolve `as_of`, which is a version, an instant or a day, to a version of the database."""

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from app.db.journal import read_version
from app.db.tables import commits
from app.errors import InvalidParameterError
from app.query_models import AsOf


def resolve_as_of(db: Connection, asked: AsOf | None, field: str = "as_of") -> int | None:
    """Return the version that `as_of` means; None where it is absent, which means the present.

    Raises `InvalidParameterError` for a version or an instant in the future.
    """
    if asked is None:
        return None
    newest = read_version(db)
    at = asked.instant
    if at is None:
        version = int(asked)
        if version > newest:
            raise InvalidParameterError(
                field, "is a version that does not exist yet", f"Newest: {newest}."
            )
        return version
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    latest = max(now, db.scalar(select(func.max(commits.c.at))) or "")
    exact = 10 if asked.is_day else None  # today is allowed, although its end is in the future
    if at[:exact] > latest[:exact]:
        raise InvalidParameterError(field, "is in the future", f"It is {now} now.")
    found = db.scalar(select(func.max(commits.c.seq)).where(commits.c.at <= at))
    return int(found or 0)


def resolve_version(db: Connection, as_of: AsOf | None) -> tuple[int, int | None]:
    """Return the version that an answer is of, and `as_of` as a version or None for the present."""
    past = resolve_as_of(db, as_of)
    return (read_version(db) if past is None else past), past
