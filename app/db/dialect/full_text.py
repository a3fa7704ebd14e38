"""Full-text search: index the words of texts, and find texts by words."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    LargeBinary,
    String,
    and_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    text,
)

from app.db.dialect import in_list_params, is_sqlite, match_any
from app.db.dialect.bulk_copy import bulk_insert
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import revisions
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


def remove_words(db: Connection, seqs: Sequence[int]) -> None:
    """Remove the words of some texts from the index."""
    name: ColumnElement[int] = literal_column("rowid" if is_sqlite(db) else "seq", BigInteger)
    gone = delete(table("event_words")).where(match_any(db.dialect.name, name))
    db.execute(gone, in_list_params(db, seqs))


def tidy_word_index(db: Connection) -> None:
    """Give up the room of words that were removed; on PostgreSQL vacuuming does that by itself."""
    if is_sqlite(db):  # FTS5 only notes that they are gone until its parts are merged
        db.execute(text("INSERT INTO event_words(event_words) VALUES ('optimize')"))


def select_indexed_seqs(kind: str) -> FromClause:
    """Select the `seq` of every text whose words are indexed."""
    if kind == "sqlite":
        kept = table("event_words_content", column("id", BigInteger))
        return select(kept.c.id.label("seq")).subquery("indexed")
    return table("event_words", column("seq", BigInteger)).alias("indexed")


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


def looks_into_texts(kind: str) -> bool:
    """Return whether statements say how words are looked for, in each text or among all.

    PostgreSQL chooses by its statistics: where it was made to, a page cost more.
    """
    return kind == "sqlite"


def matches_each_text(
    seq: ColumnElement[int], words: Sequence[BindParameter[str] | BindParameter[int]]
) -> ColumnElement[bool]:
    """Build the same condition, for when the text of each row is read instead of all that match.

    The parameters `words` are those of `list_plain_words`; `q` is needed too.
    """
    # FTS5 takes 20 µs to look a row up; its own copy of the text takes half of one.
    kept = table("event_words_content", column("id", BigInteger), column("c0", String))
    line = literal_column("' '", String).concat(kept.c.c0).concat(literal_column("' '"))
    is_plain = func.length(kept.c.c0) == func.length(cast(kept.c.c0, LargeBinary))
    # Letters that FTS5 does not know end a word for it: it finds `a` in one text word `a𞤀`.
    inside = (func.instr(kept.c.c0, func.trim(word)) > 0 for word in words)
    looked_up = text(
        "event_words_content.id IN (SELECT rowid FROM event_words"
        " WHERE event_words MATCH :q AND rowid = event_words_content.id)"
    )
    whole = and_(*(func.instr(line, word) > 0 for word in words))
    either = or_(whole, and_(not_(is_plain), *inside, looked_up))
    return exists().where(kept.c.id == seq, either)


def list_plain_words(asked: str) -> list[str]:
    """List the words of a text as `matches_each_text` takes them; none where one is not ASCII."""
    query_words = [f" {w[:200]} " for w in split_words(asked)]
    return query_words if all(w.isascii() for w in query_words) else []


FEW_TEXTS = 200
"""Texts with the words of a question up to which each of them is looked up."""
SOME_TEXTS = 1_000
"""The same on PostgreSQL, which would else look through all events of an actor.

It does so in parallel, and each process goes on when the page is full (performance.md)."""


class TextSample(NamedTuple):
    """Some texts that match a query: on SQLite the newest, on PostgreSQL any."""

    number: int
    """Without `is_whole` one more than were looked for."""
    first: int
    last: int
    """The least and the greatest `seq` of them."""
    newest: int
    """The greatest `seq` of all revisions."""
    is_whole: bool = False
    """Whether these are all, and so few enough to look each up."""

    @property
    def texts_in_all(self) -> float:
        """How many match in all, if they are everywhere as frequent as these are."""
        return self.number * self.newest / (self.last - self.first + 1)


def sample_texts(db: Connection, query: object) -> TextSample:
    """Find some texts that match a query of `build_word_query`."""
    found = _read_text_sample(db, query, FEW_TEXTS)
    if found.is_whole or is_sqlite(db) or found.texts_in_all > SOME_TEXTS:
        return found
    return _read_text_sample(db, query, SOME_TEXTS)


def _read_text_sample(db: Connection, query: object, most: int) -> TextSample:
    asked = _compile_text_sample(db.dialect.name)
    [row] = asked.fetch_rows(db, {"q": query, "most": most + 1})
    number, first, last, newest = (int(value or 0) for value in row)
    return TextSample(number, first, last, newest, number <= most)


@lru_cache(maxsize=2)
def _compile_text_sample(kind: str) -> CompiledStatement:
    of_sqlite = kind == "sqlite"
    seq: ColumnElement[int] = literal_column("rowid" if of_sqlite else "seq", BigInteger)
    matching = "event_words MATCH :q" if of_sqlite else "words @@ CAST(:q AS tsquery)"
    some = select(seq.label("seq")).select_from(table("event_words")).where(text(matching))
    some = some.order_by(seq.desc()) if of_sqlite else some
    found = some.limit(bindparam("most", type_=Integer)).subquery("found")
    newest = select(func.max(revisions.c.seq)).scalar_subquery()
    numbers = (func.count(), func.min(found.c.seq), func.max(found.c.seq), newest)
    return compile_statement(kind, select(*numbers).select_from(found))


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
