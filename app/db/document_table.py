"""Which table has the documents of a kind, and under which path they are listed."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table

from app.db.versioning import Columns

RowConditions = Callable[[Columns], list[ColumnElement[bool]]]
"""Builds the conditions of a list from the columns of its table or of the history table."""


@dataclass(frozen=True, slots=True)
class DocumentTable:
    """A kind of document, its table with the column of ids, and the path of its list."""

    kind: str
    table: Table
    id_column: str
    path: str
