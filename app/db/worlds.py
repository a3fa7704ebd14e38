"""What stands, and what stood: the same statement over the one, or over both as of a version."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    union_all,
)

from app.db.tables import PAST, revisions

PART = 500
"""Documents whose rows are moved in one statement."""


class World(Enum):
    """Rows that stand, or rows that were replaced; every revision lies in one of the two."""

    NOW = "now"
    PAST = "past"

    def of(self, table: Table) -> Table:
        """The table of this world."""
        return table if self is World.NOW else PAST[table]

    def stood(self, rows: Any) -> list[ColumnElement[bool]]:
        """That rows of this world stood at the version in the parameter `as_of`."""
        version = bindparam("as_of", type_=BigInteger)
        begun = rows.seq <= version
        return [begun] if self is World.NOW else [begun, rows.gone > version]


def worlds(as_of: bool) -> tuple[World, ...]:
    """Where to look: everywhere for a version, else only at what stands."""
    return (World.NOW, World.PAST) if as_of else (World.NOW,)


def as_it_stood(table: Table, build: Callable[[Any], Select[Any]]) -> Select[Any]:
    """A statement over one table (as its columns) at the version in the parameter `as_of`."""
    arms = [build(w.of(table).c).where(*w.stood(w.of(table).c)) for w in World]
    both = union_all(*arms).subquery()
    return select(*both.c)


def across(as_of: int | None, table: Table, build: Callable[[Any], Select[Any]]) -> Select[Any]:
    """A statement over one table (as its columns), as it stands or as it stood at a version."""
    if as_of is None:
        return build(table.c)
    return as_it_stood(table, build).params(as_of=as_of)


def with_documents(
    as_of: int | None, table: Table, build: Callable[[Any], Select[Any]]
) -> Select[Any]:
    """As `across`; the statement finds a `seq`, beside which the document of it stands."""
    held = across(as_of, table, build).subquery()
    found = select(*held.c, revisions.c.document)
    return found.join(revisions, revisions.c.seq == held.c.seq)


def remember(db: Connection, kind: str, column: Column[str], ids: Sequence[str]) -> None:
    """Copy the rows of some documents to the past: their newest revisions replace them.

    `column` holds the document's id, in the table whose rows are copied.
    """
    table = column.table
    assert isinstance(table, Table)
    r = revisions.c
    by = select(func.max(r.seq)).where(r.kind == kind, r.id == column).scalar_subquery()
    names = [c.name for c in table.columns]
    for at in range(0, len(ids), PART):
        old = select(*table.columns, by).where(column.in_(ids[at : at + PART]))
        db.execute(insert(PAST[table]).from_select([*names, "gone"], old))


def bury(db: Connection, kind: str, column: Column[str], ids: Sequence[str]) -> None:
    """Move the rows of some documents to the past, as `remember` copies them."""
    remember(db, kind, column, ids)
    for at in range(0, len(ids), PART):
        db.execute(delete(column.table).where(column.in_(ids[at : at + PART])))
