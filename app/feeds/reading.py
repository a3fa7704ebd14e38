"""Events in chunks: as many as there are, in constant memory, of one state of the database."""

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
"""Rows read at once; the connection is given back before they are sent."""


@dataclass(slots=True)
class Reading:
    """What is read, and where the reading stands."""

    database: Database
    asked: EventQuery
    secret: bytes
    most: int | None
    """Events in all; None: every one."""
    cursor: str | None = None
    """Where the next reading goes on, once the chunks are read and there is more."""
    after: Key | None = field(init=False)
    settled: EventQuery = field(init=False)
    version: int = field(init=False)
    """What is read is of this version, whatever is written meanwhile."""

    def __post_init__(self) -> None:
        with self.database.connect() as db:
            self.version, _ = seen(db, self.asked.as_of)
            found = queries.settle(db, self.asked)
        assert isinstance(found, EventQuery)
        self.settled = found
        self.after = resumed(self.asked.cursor, read.fingerprint(self.asked), self.secret)

    def chunks(self) -> Iterator[list[str]]:
        """Documents, at least one chunk, the last one perhaps empty."""
        left = self.most
        while True:
            size = CHUNK if left is None else min(left, CHUNK)
            with self.database.connect() as db, passing_through(db):
                if self.settled.as_of is None and version_of(db) != self.version:
                    pinned = {"as_of": str(self.version)}
                    self.settled = self.settled.model_copy(update=pinned)
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
