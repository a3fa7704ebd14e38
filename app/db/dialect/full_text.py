"""Full-text search: index the words of texts, and find texts by words."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, String, column, text

from app.db.dialect import is_sqlite
from app.db.dialect.bulk_copy import bulk_insert
from app.text import split_words

SEARCH_TABLE_DDL = {
    "sqlite": ("CREATE VIRTUAL TABLE event_words USING fts5(words)",),
    "postgresql": (
        "CREATE TABLE event_words (seq bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX ix_event_words_words ON event_words USING gin (words)",
    ),
}


MAX_WORDS_BYTES = 500_000
"""Bytes of distinct words that are indexed of one text, from its start. PostgreSQL takes a tsvector
of more than 1,048,575 bytes without an error, but finds none of its words."""


def _truncate_words(whole: str) -> str:
    if len(whole) <= 200:
        return whole
    found = " ".join([w[:200] for w in whole.split(" ")]).encode()
    if len(found) > MAX_WORDS_BYTES:
        found = found[:MAX_WORDS_BYTES].rpartition(b" ")[0]
    return found.decode()


def bulk_index_words(db: Connection, rows: Sequence[tuple[int, str]], shift: int = 0) -> None:
    """Index texts in bulk; each row has the distinct words of a text, separated by blanks.

    `shift` is added to the `seq` of each.
    """
    lines = [
        (seq + shift, found if len(found) <= 200 else _truncate_words(found)) for seq, found in rows
    ]
    if is_sqlite(db):
        bulk_insert(db, "event_words", ("rowid", "words"), lines)
        return
    between = "' '"
    quoted = [(seq, f"'{w.replace(' ', between)}'" if w else "") for seq, w in lines]
    bulk_insert(db, "event_words", ("seq", "words"), quoted)


def build_word_query(kind: str, asked: str) -> str | None:
    """Build a query for all words of a text, quoted so that none is syntax; None without words."""
    query_words = [w[:200] for w in split_words(asked)]
    if kind == "sqlite":
        return " AND ".join(f'"{w}"' for w in query_words) or None
    return " & ".join(f"'{w}'" for w in query_words) or None


def matches_words(kind: str, seq: ColumnElement[int]) -> ColumnElement[bool]:
    """Build the condition that a text matches the parameter `q`, made by `build_word_query`."""
    if kind == "sqlite":
        found = text("SELECT rowid FROM event_words WHERE event_words MATCH :q")
    else:
        found = text("SELECT seq FROM event_words WHERE words @@ CAST(:q AS tsquery)")
    return seq.in_(found)


FEW_TEXTS = 200
"""Texts with the words of a question up to which each of them is looked up."""


def has_few_texts(db: Connection, query: object) -> bool:
    """Whether few texts match a query of `build_word_query`: they are counted up to `FEW_TEXTS`."""
    matching = "event_words MATCH :q" if is_sqlite(db) else "words @@ CAST(:q AS tsquery)"
    counted = f"SELECT 1 FROM event_words WHERE {matching} LIMIT {FEW_TEXTS + 1}"
    found = db.scalar(text(f"SELECT count(*) FROM ({counted}) AS some_texts"), {"q": query})
    return int(found or 0) <= FEW_TEXTS


def select_word_ranks(kind: str) -> FromClause:
    """Select (seq, rank) of texts that match parameter `q`; rank is text that sorts numerically."""
    if kind == "sqlite":
        found = text(
            "SELECT rowid AS seq, printf('%015d', CAST(-bm25(event_words) * 1000000 AS INTEGER))"
            " AS rank FROM event_words WHERE event_words MATCH :q"
        )
    else:
        found = text(
            "SELECT seq, lpad(CAST(CAST(ts_rank(words, CAST(:q AS tsquery)) * 1000000 AS bigint)"
            " AS text), 15, '0') COLLATE \"C\" AS rank"
            " FROM event_words WHERE words @@ CAST(:q AS tsquery)"
        )
    return found.columns(column("seq", BigInteger), column("rank", String)).subquery("found")
