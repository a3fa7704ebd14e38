"""Read events in chunks: any number, in constant memory, from one version of the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.db.dialect import passing_through
from app.db.engine import Database
from app.db.journal import version_of
from app.db.keyset import Key, pack
from app.events import queries, read
from app.events.filter import EventQuery
from app.http.asked import seen
from app.http.page import resumed

CHUNK = 1_000
"""Rows in one chunk; the connection returns to the pool before the chunk is sent."""


@dataclass(slots=True)
class Reading:
    """A query whose events are read in chunks, with its position."""

    database: Database
    asked: EventQuery
    secret: bytes
    most: int | None
    """The most events to read; None reads every one."""
    cursor: str | None = None
    """The cursor of the next page, set once the chunks are read and there are more events."""
    after: Key | None = field(init=False)
    settled: EventQuery = field(init=False)
    version: int = field(init=False)
    """The version that every chunk is read from, whatever is written meanwhile."""

    def __post_init__(self) -> None:
        with self.database.connect() as db:
            self.version, _ = seen(db, self.asked.as_of)
            found = queries.settle(db, self.asked)
        assert isinstance(found, EventQuery)
        self.settled = found
        self.after = resumed(self.asked.cursor, read.fingerprint(self.asked), self.secret)

    def chunks(self) -> Iterator[list[str]]:
        """Yield documents in chunks: at least one chunk, and the last one may be empty."""
        left = self.most
        while True:
            size = CHUNK if left is None else min(left, CHUNK)
            with self.database.connect() as db, passing_through(db):
                # Current rows are cheaper to read than those of a version: `as_of` is set only
                # once something was written (decision 002: some 1.4 times the cost).
                if self.settled.as_of is None and version_of(db) != self.version:
                    version = {"as_of": str(self.version)}
                    self.settled = self.settled.model_copy(update=version)
                found = queries.asking(db, self.settled, self.asked.sort, self.after, size + 1)
                rows = queries.page_statement(found.reading).run(db, found.values).all()
            more, rows = len(rows) > size, rows[:size]
            if rows:
                self.after = Key(rows[-1].value, rows[-1].id)
            left = None if left is None else left - len(rows)
            if more and left == 0:
                assert self.after is not None
                self.cursor = pack(self.after, read.fingerprint(self.asked), self.secret)
            yield [read.trimmed(row.document, self.asked) for row in rows]
            if not more or left == 0:
                return
