"""Read current rows, or the rows as of a version, with the same statement.

Each index table has a history table of the same columns (`HISTORY_TABLES`), into which rows move
when a newer revision replaces them: decision 002.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVarTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    union_all,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.db.dialect import in_list_params, match_any
from app.db.dialect.stored_document import document_of
from app.db.tables import HISTORY_TABLES, revisions

Columns = ReadOnlyColumnCollection[str, ColumnElement[Any]]
Values = TypeVarTuple("Values")
"""Types of the columns that a statement selects."""


class RowState(Enum):
    """Whether rows are current or superseded; the rows of a revision are all one or the other."""

    CURRENT = "now"
    SUPERSEDED = "past"

    def table_for(self, table: Table) -> Table:
        """Return the table itself, or its history table."""
        return table if self is RowState.CURRENT else HISTORY_TABLES[table]

    def conditions_as_of(self, rows: Columns) -> list[ColumnElement[bool]]:
        """Return the conditions for rows that were current at the version in parameter `as_of`."""
        version = bindparam("as_of", type_=BigInteger)
        begun = rows.seq <= version
        return [begun] if self is RowState.CURRENT else [begun, rows.gone > version]


def list_row_states(as_of: bool) -> tuple[RowState, ...]:
    """Return the row states to read: both for a version, else only the current rows."""
    return (RowState.CURRENT, RowState.SUPERSEDED) if as_of else (RowState.CURRENT,)


def select_as_of(table: Table, build: Callable[[Columns], Select[*Values]]) -> Select[*Values]:
    """Build a statement over one table as of the version in the parameter `as_of`.

    `build` receives the columns of the table or of its history table.
    """
    arms = [
        build(w.table_for(table).c).where(*w.conditions_as_of(w.table_for(table).c))
        for w in RowState
    ]
    both = union_all(*arms).subquery()
    return select(*both.c)


def select_current_or_as_of(
    as_of: int | None, table: Table, build: Callable[[Columns], Select[*Values]]
) -> Select[*Values]:
    """Build a statement over one table: its current rows, or those as of a version.

    `build` receives the columns of the table or of its history table.
    """
    if as_of is None:
        return build(table.c)
    return select_as_of(table, build).params(as_of=as_of)


def select_with_documents(
    as_of: int | None, table: Table, build: Callable[[Columns], Select[*Values]]
) -> Select[*Values, str]:
    """As `select_current_or_as_of`, with the document of each selected `seq` added."""
    rows = select_current_or_as_of(as_of, table, build).subquery()
    found = select(*rows.c, document_of(revisions))
    return found.join(revisions, revisions.c.seq == rows.c.seq)


def copy_to_history(db: Connection, kind: str, column: Column[str], ids: Sequence[str]) -> None:
    """Copy the rows of some documents to the history table, ended by their newest revisions.

    `column` is the column of document ids in the table whose rows are copied.
    """
    if ids:
        copy, _ = _build_move(db.dialect.name, kind, column)
        db.execute(copy, in_list_params(db, ids))


def move_to_history(db: Connection, kind: str, column: Column[str], ids: Sequence[str]) -> None:
    """Move the rows of some documents to the history table: `copy_to_history`, then delete."""
    if ids:
        for statement in _build_move(db.dialect.name, kind, column):
            db.execute(statement, in_list_params(db, ids))


@lru_cache(64)
def _build_move(dialect: str, kind: str, column: Column[str]) -> tuple[Insert, Delete]:
    """Build the statements that copy rows to the history table and delete them."""
    table = column.table
    assert isinstance(table, Table)
    r = revisions.c
    by = select(func.max(r.seq)).where(r.kind == kind, r.id == column).scalar_subquery()
    wanted = match_any(dialect, column)
    old = select(*table.columns, by).where(wanted)
    names = [c.name for c in table.columns]
    copy = insert(HISTORY_TABLES[table]).from_select([*names, "gone"], old)
    return copy, delete(table).where(wanted)
