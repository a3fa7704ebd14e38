"""Read events in chunks: any number, in constant memory, from one version of the database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.db.dialect import limit_sqlite_cache
from app.db.engine import Database
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.events import queries, read
from app.events.filter import EventQuery
from app.events.resolved_filter import ResolvedFilter
from app.lineages import Version

CHUNK = 1_000
"""Rows in one chunk; the connection returns to the pool before the chunk is sent."""


@dataclass(slots=True)
class EventStream:
    """A query whose events are read in chunks, with its position."""

    database: Database
    asked: EventQuery
    resolved: ResolvedFilter
    """The filter of `asked`, resolved."""
    version: Version
    """The version that every chunk is read from, whatever is written meanwhile."""
    secret: bytes
    max_events: int | None
    """The most events to read; None reads every one."""
    fields: Sequence[str] = ()
    """The fields of each event to read; all if empty."""
    cursor: str | None = None
    """The cursor of the next page, set once the chunks are read and there are more events."""
    last_key: PageKey | None = field(init=False)

    def __post_init__(self) -> None:
        bound = read.query_fingerprint(self.asked)
        self.last_key = decode_page_cursor(self.asked.cursor, bound, self.secret, self.version)

    def read_chunks(self) -> Iterator[list[str]]:
        """Yield documents in chunks: at least one chunk, and the last one may be empty."""
        left = self.max_events
        while True:
            size = CHUNK if left is None else min(left, CHUNK)
            with self.database.connect() as db, limit_sqlite_cache(db):
                # Current rows are cheaper to read than those of a version: `as_of` is set only
                # once something was written (decision 002: some 1.4 times the cost).
                now = read_version(db)
                if now.ancestry.current != self.version.ancestry.current:  # restored meanwhile
                    now.ancestry.require_version(self.version.lineage, self.version)
                if self.resolved.as_of is None and now != self.version:
                    self.resolved = replace(self.resolved, as_of=int(self.version))
                found = queries.bind_query(
                    db, self.resolved, self.asked.sort, self.last_key, size + 1
                )
                page = queries.compile_page_statement(found.statement_key)
                rows = page.fetch_rows(db, found.values)
            more, rows = len(rows) > size, rows[:size]
            if rows:
                self.last_key = PageKey(*rows[-1][:2])
            left = None if left is None else left - len(rows)
            if more and left == 0:
                assert self.last_key is not None
                self.cursor = encode_cursor(
                    self.last_key,
                    read.query_fingerprint(self.asked),
                    self.secret,
                    self.version,
                )
            known_by = self.resolved.known_by
            yield [read.trim_document(row[2], self.fields, known_by) for row in rows]
            if not more or left == 0:
                return
