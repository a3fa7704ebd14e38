"""Select the documents of many rows as one value, joined by the database (decision 035).

SQLite's driver lets go of the interpreter's lock and takes it again for each row: over several
connections, whose threads wait for it, that costs more than reading the rows.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, FromClause, LargeBinary, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _JoinedTexts(FunctionElement[str]):
    """Texts joined by a separator, in the order of further columns, the last first."""

    name = "joined_texts"
    type = String()
    inherit_cache = True


class _JoinedLengths(_JoinedTexts):
    """The bytes of each document, as it is stored, where any may be packed."""

    name = "joined_lengths"
    inherit_cache = True


class _JoinedDocuments(FunctionElement[bytes]):
    """Documents joined by commas, packed or plain, as bytes."""

    name = "joined_documents"
    type = LargeBinary()
    inherit_cache = True


def _compile_parts(
    found: FunctionElement[str] | FunctionElement[bytes], compiler: SQLCompiler
) -> list[str]:
    return [compiler.process(clause) for clause in found.clauses]


@compiles(_JoinedTexts, "sqlite")
def _join_texts_for_sqlite(found: _JoinedTexts, compiler: SQLCompiler, **_: object) -> str:
    return f"group_concat({_compile_parts(found, compiler)[0]}, char(10))"


@compiles(_JoinedTexts, "postgresql")
def _join_texts_for_postgresql(found: _JoinedTexts, compiler: SQLCompiler, **_: object) -> str:
    text, *order = _compile_parts(found, compiler)
    return f"string_agg({text}, chr(10) ORDER BY {', '.join(order)})"


@compiles(_JoinedLengths, "sqlite")
def _join_lengths_for_sqlite(found: _JoinedLengths, compiler: SQLCompiler, **_: object) -> str:
    # Casting a text copies it; without a dictionary none is packed.
    packed, plain = _compile_parts(found, compiler)[:2]
    length = f"coalesce(length({packed}), length(CAST({plain} AS BLOB)))"
    may_be_packed = "EXISTS (SELECT 1 FROM dictionaries)"
    return f"group_concat(CASE WHEN {may_be_packed} THEN {length} END, ',')"


@compiles(_JoinedLengths, "postgresql")
def _join_lengths_for_postgresql(found: _JoinedLengths, compiler: SQLCompiler, **_: object) -> str:
    packed, plain, *order = _compile_parts(found, compiler)
    length = f"coalesce(length({packed}), octet_length({plain}))"
    return f"string_agg({length}::text, ',' ORDER BY {', '.join(order)})"


@compiles(_JoinedDocuments, "sqlite")
def _join_documents_for_sqlite(found: _JoinedDocuments, compiler: SQLCompiler, **_: object) -> str:
    packed, plain = _compile_parts(found, compiler)[:2]
    return f"CAST(group_concat(coalesce({packed}, {plain}), ',') AS BLOB)"


@compiles(_JoinedDocuments, "postgresql")
def _join_documents_for_postgresql(
    found: _JoinedDocuments, compiler: SQLCompiler, **_: object
) -> str:
    packed, plain, *order = _compile_parts(found, compiler)
    either = f"coalesce({packed}, convert_to({plain}, 'UTF8'))"
    return f"string_agg({either}, ','::bytea ORDER BY {', '.join(order)})"


def reads_in_order(kind: str) -> bool:
    """Return whether rows of a sorted and materialized part are read, and joined, in its order.

    So SQLite does, which cannot sort what it joins before version 3.44; sorting rows that are
    sorted would take a tenth of a page's time.
    """
    return kind == "sqlite"


def join_texts(text: ColumnElement[str], *order: ColumnElement[str]) -> ColumnElement[str]:
    """Join texts of sorted rows by line feeds."""
    return _JoinedTexts(text, *order)


def join_documents(
    revision: FromClause, order: Sequence[ColumnElement[str]]
) -> tuple[ColumnElement[bytes], ColumnElement[str]]:
    """Join documents of `revisions` in an order as they are stored; also the bytes of each."""
    stored = revision.c.packed, revision.c.plain
    return _JoinedDocuments(*stored, *order), _JoinedLengths(*stored, *order)
