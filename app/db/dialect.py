"""The only module that names a dialect: one word for each thing the two databases say apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    Text,
    func,
    literal,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.text import words


def _on_sqlite(db: Connection) -> bool:
    return db.dialect.name == "sqlite"


def upsert(db: Connection, table: Table, adding: Mapping[str, Column[int]] | None = None) -> Insert:
    """An insert that replaces the row of the same key, or adds to the columns in `adding`."""
    keys = [column.name for column in table.primary_key]
    insert = (sqlite.insert if _on_sqlite(db) else postgresql.insert)(table)
    changed = adding or {c.name: c for c in table.columns if c.name not in keys}
    new = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={n: (table.c[n] + new[n]) if adding else new[n] for n in changed},
    )


def one_writer(db: Connection) -> None:
    """Wait until nobody else writes; held until the transaction ends, so `seq` has no gaps."""
    if not _on_sqlite(db):  # SQLite: BEGIN IMMEDIATE has done it
        db.execute(text("SELECT pg_advisory_xact_lock(7140312)"))


def apart(db: Connection, rows: Sequence[tuple[str, ...]], *names: str) -> FromClause | None:
    """Rows to seek one by one, each for its first few; None where `IN` and a sort do that.

    SQLite leaves each value of an `IN` as soon as the page is full. PostgreSQL sorts all that the
    values find, unless a LATERAL join asks for the first few of each.
    """
    if _on_sqlite(db):
        return None
    columns = [literal(list(each), postgresql.ARRAY(Text())) for each in zip(*rows, strict=True)]
    return func.unnest(*columns).table_valued(*names).render_derived()


def once(db: Connection, rows: Select[Any], *columns: ColumnElement[Any]) -> Select[Any]:
    """Each row once, told apart by the columns it is sorted by; the others follow from those.

    PostgreSQL then walks an index of just these columns; SQLite does so for all of the row.
    """
    return rows.distinct() if _on_sqlite(db) else rows.ext(postgresql.distinct_on(*columns))


SEARCH_TABLE = {
    "sqlite": ("CREATE VIRTUAL TABLE event_words USING fts5(words)",),
    "postgresql": (
        "CREATE TABLE event_words (seq bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX ix_event_words_words ON event_words USING gin (words)",
    ),
}


def index_words(db: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Make texts findable, each under the `seq` of its revision."""
    if not rows:
        return
    statement = (
        "INSERT INTO event_words (rowid, words) VALUES (:seq, :words)"
        if _on_sqlite(db)
        else "INSERT INTO event_words (seq, words) VALUES"
        " (:seq, array_to_tsvector(array_remove(string_to_array(:words, ' '), '')))"
    )
    values: list[dict[str, Any]] = [
        {"seq": seq, "words": " ".join(w[:200] for w in dict.fromkeys(words(body)))}
        for seq, body in rows
    ]
    db.execute(text(statement), values)


def forget_words(db: Connection, seqs: Sequence[int]) -> None:
    """Take texts out of the index."""
    if seqs:
        key = "rowid" if _on_sqlite(db) else "seq"
        db.execute(text(f"DELETE FROM event_words WHERE {key} = :seq"), [{"seq": s} for s in seqs])


def has_words(db: Connection, seq: ColumnElement[int], asked: str) -> ColumnElement[bool]:
    """True where every word of `asked` occurs; nothing in it is query syntax."""
    wanted = [w[:200] for w in words(asked)]
    if not wanted:
        return literal_column("1 = 0")  # only punctuation was asked for
    if _on_sqlite(db):
        found = text("SELECT rowid FROM event_words WHERE event_words MATCH :asked")
        phrase = " AND ".join(f'"{w}"' for w in wanted)
    else:
        found = text("SELECT seq FROM event_words WHERE words @@ CAST(:asked AS tsquery)")
        phrase = " & ".join(f"'{w}'" for w in wanted)
    return seq.in_(found.bindparams(asked=phrase))
