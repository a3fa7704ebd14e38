"""The ledger of pulls: each item with its state, and what is known of each source."""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from app.db.dialect import build_upsert
from app.db.engine import Database
from app.db.tables import pull_items, pull_sources
from app.pull.items import OPEN_STATES, KnownItems, PullItem, SourceState

PACE_SHARE = 0.8
"""The share of a source's pace after which a round may begin."""
_COLUMNS = [column.name for column in pull_items.columns]
_ITEM_FIELDS = {one.name for one in fields(PullItem)} & set(_COLUMNS)
_TEXT_COLUMNS = ("checksum", "etag", "last_modified")
"""Columns that are null where the field of an item is empty."""


def format_instant(at: datetime) -> str:
    """Format an instant as the ledger keeps it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_source(db: Connection, source: str) -> SourceState:
    """Read what is known of a source."""
    found = db.execute(select(pull_sources).where(pull_sources.c.source == source)).one_or_none()
    if found is None:
        return SourceState(source)
    return SourceState(**dict(found._mapping) | {"lists": json.loads(found.lists)})


def write_source(db: Connection, state: SourceState) -> None:
    """Write what is known of a source."""
    row = {one.name: getattr(state, one.name) for one in fields(SourceState)}
    db.execute(build_upsert(db, pull_sources), [row | {"lists": json.dumps(state.lists)}])


def write_items(db: Connection, source: str, items: Sequence[PullItem]) -> None:
    """Write items as they are now."""
    rows = [_make_row(source, item) for item in items]
    for at in range(0, len(rows), 500):
        db.execute(build_upsert(db, pull_items), rows[at : at + 500])


def _make_row(source: str, item: PullItem) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in _ITEM_FIELDS}
    for name in _TEXT_COLUMNS:
        row[name] = row[name] or None
    return row | {"source": source, "item": item.name}


def _make_item(row: Row[Any]) -> PullItem:
    found = dict(row._mapping)
    del found["source"]
    for name in _TEXT_COLUMNS:
        found[name] = found[name] or ""
    return PullItem(name=found.pop("item"), **found)


def make_known_items(database: Database, source: str) -> KnownItems:
    """Make the view of the ledger that a source plans with."""
    c = pull_items.c

    def find(stream: str, first: str, last: str) -> dict[str, PullItem]:
        asked = select(pull_items).where(
            c.source == source, c.stream == stream, c.stamp >= first, c.stamp <= last
        )
        with database.connect() as db:
            return {row.item: _make_item(row) for row in db.execute(asked)}

    def newest(stream: str) -> str | None:
        asked = select(func.max(c.stamp)).where(c.source == source, c.stream == stream)
        with database.connect() as db:
            found: str | None = db.scalar(asked)
            return found

    return KnownItems(find, newest)


def read_open_items(
    db: Connection, source: str, states: Sequence[str] = OPEN_STATES
) -> list[PullItem]:
    """Read the items of a source that are not done, by stamp."""
    c = pull_items.c
    asked = select(pull_items).where(c.source == source, c.state.in_(states))
    return [_make_item(row) for row in db.execute(asked.order_by(c.stamp, c.stream, c.item))]


def read_due_items(db: Connection, source: str, now: str) -> list[PullItem]:
    """Read the items whose next try has come."""
    c = pull_items.c
    never = c.state.in_(("missing", "refused")) & c.next_try.is_(None)
    asked = select(pull_items).where(
        c.source == source,
        c.state.in_(OPEN_STATES),
        ~never,
        or_(c.next_try.is_(None), c.next_try <= now),
    )
    return [_make_item(row) for row in db.execute(asked.order_by(c.stamp, c.stream, c.item))]


def list_pulled_sources(db: Connection) -> list[str]:
    """List the sources of the ledger, datasets of other services and parts among them."""
    return list(db.scalars(select(pull_sources.c.source).order_by(pull_sources.c.source)))


def is_due(db: Connection, source: str, every: float) -> bool:
    """Return whether a source is to be looked at: by its pace in seconds, or for a due item."""
    last, now = read_source(db, source).last_round, datetime.now(UTC)
    if last is None:
        return True
    age = (now - datetime.fromisoformat(last)).total_seconds()
    # Rounds begin a little earlier or later; the source's clock may be off, or have been.
    return abs(age) > PACE_SHARE * every or bool(read_due_items(db, source, format_instant(now)))


def count_states(db: Connection, sources: Sequence[str]) -> list[dict[str, Any]]:
    """Count the items of each stream of some sources by state, with the newest stamp."""
    c = pull_items.c
    asked = select(
        c.source,
        c.stream,
        c.state,
        func.count().label("items"),
        func.coalesce(func.sum(c.rows), 0).label("rows"),
        func.max(c.stamp).label("newest"),
    ).group_by(c.source, c.stream, c.state)
    asked = asked.where(c.source.in_(sources))
    rows = db.execute(asked.order_by(c.source, c.stream, c.state))
    return [dict(row._mapping) | {"rows": int(row.rows)} for row in rows]
