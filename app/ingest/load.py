"""The loader stores files in batches, one transaction each, and counts the fate of every row."""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Literal, NamedTuple, Protocol

from sqlalchemy import Connection, select

from app.db.dialect.pouring import by_index, ready_to_pour
from app.db.engine import Database
from app.db.journal import Writer, moment
from app.db.tables import alliance_years, datasets, events
from app.events.changes import documents, put
from app.events.given import given_of
from app.events.schemas import Event
from app.ingest import events as event_batches
from app.ingest import mentions as mention_batches
from app.ingest import series
from app.ingest.coverage import BY_YEAR, Into, widen
from app.ingest.format import Format
from app.ingest.given import GivenActor, RejectedError
from app.ingest.ledger import Ledger, Marks
from app.ingest.opened import Opened, UnreadableError
from app.ingest.reading import AUTO, Reading, recognised
from app.ingest.row import Reject, Row, day, key, length, reject
from app.ingest.standing import Standing
from app.ingest.store import forget_digests
from app.ingest.tally import Tally
from app.sources.changes import write_datasets

SECONDS = 0.5
"""Target duration of writing a batch: other writers wait that long, readers never do."""
FIRST, LEAST, MOST = 500, 5_000, 10_000
"""Rows of the first batch, and the bounds of the batches that follow."""
# On a busy machine smaller batches shrank further, and each commit wrote the same pages again.
MOST_BYTES = 8 << 20
"""Maximum bytes of the rows of a batch, as read; in memory they take some twenty times as much."""
LOOKING = 16
"""Rows that are read between two calls of `LoadListener.check_interrupt`."""
COLLECTING = (2_000_000, 10, 100)
"""Thresholds of garbage collection; the defaults cost a third of the time of a load."""
NOT_EVENTS = (*BY_YEAR, "gdelt-mentions")
"""Formats whose rows are not events."""
Mode = Literal["upsert", "insert"]


class Batch(Protocol):
    """A batch of rows that was compared with the database: what each kind of batch provides."""

    tally: Tally
    rejects: list[tuple[Row, RejectedError]]
    unknown: dict[str, GivenActor]

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write."""

    def write(self, db: Connection, by: Writer, standing: Standing) -> None:
        """Write what is new or changed."""


@dataclass(slots=True)
class Options:
    """Options of a load, stored as JSON with each import."""

    format: str = AUTO
    dataset: str | None = None
    retract_missing: bool = False
    create_actors: bool = False
    dry_run: bool = False
    mode: Mode = "upsert"
    """`insert`: a row that would change a stored event is rejected."""


class Where(NamedTuple):
    """The file that rows come from, and the dataset they are loaded into."""

    file: str
    dataset: str


@dataclass(slots=True)
class Heard:
    """Callbacks by which a loader reports its progress."""

    rejected: Callable[[Reject], None] = lambda _: None
    """Called for each rejected row, after its batch."""
    progress: Callable[[int, int], None] = lambda _rows, _position: None
    """Called with the rows done in this file and the bytes read of it."""
    looking: Callable[[], None] = lambda: None
    """Called every few rows, also before anything is stored; what it raises ends the load."""
    committing: Callable[[Connection, Tally, Sequence[Reject]], None] | None = None
    """Called in the transaction of each batch, also of one that changes nothing."""


@dataclass(slots=True)
class Loader:
    """A loader of files into one database."""

    database: Database
    by: Writer
    options: Options
    heard: Heard = field(default_factory=Heard)
    tally: Tally = field(default_factory=Tally)
    skip: int = 0
    """Rows at the beginning that an interrupted load has stored already."""
    _standing: Standing | None = None
    _size: int = FIRST

    def load(self, files: Sequence[Opened]) -> list[str]:
        """Load files in order; returns a message for each file that could not be read."""
        failed = []
        if self.options.retract_missing and len(files) != 1:
            return [f"retract_missing takes one file, the whole release; {len(files)} were sent"]
        for file in files:
            self.heard.looking()
            try:
                self._load(file)
            except UnreadableError as wrong:
                failed.append(f"{file.name} {wrong}")
            except OSError as wrong:
                failed.append(f"{file.name} cannot be read: {wrong.strerror or wrong}")
        return failed

    def _load(self, file: Opened) -> None:
        reading = recognised(file, self.options.format)
        if self.options.retract_missing and reading.mended:
            raise UnreadableError("is a rejects file; retract_missing takes a whole release")
        places: dict[tuple[str, str], Into] = {}
        if not reading.mended:
            self._into(places, reading.format, "")
        with Ledger() as ledger:
            self._look_through(file, reading, ledger, places)
            if self.options.retract_missing and not ledger.length:
                raise UnreadableError(
                    "has no rows, so retract_missing would retract every event; nothing was done"
                )
            marks = ledger.replaced()
            if self.skip >= ledger.length:
                self.skip -= ledger.length
            else:
                self._run(file, reading, places, marks)
            if self.options.retract_missing and not ledger.nameless:
                [into] = places.values()
                self._retract_missing(into.dataset, ledger, file.name)
        if not self.options.dry_run:
            for into in places.values():
                self._finish(into)
        if self.options.retract_missing and ledger.nameless:
            raise UnreadableError(
                f"has {ledger.nameless:,} rows whose key cannot be read; nothing was retracted,"
                " since they may belong to current events. Correct the file and load it again"
            )

    def _into(self, places: dict[tuple[str, str], Into], format_: Format, dataset: str) -> Into:
        """Return the coverage of the dataset that rows go into; a missing dataset is created."""
        told = self._told(format_, dataset)
        into = places.get((told, format_.name))
        if into is None:
            if self.options.retract_missing and format_.name in NOT_EVENTS:
                raise UnreadableError(
                    f"is {format_.name}, which has no events that could be retracted"
                )
            if self.options.mode == "insert" and format_.name in NOT_EVENTS:
                raise UnreadableError(f"is {format_.name}; mode=insert applies to events only")
            if not self.options.dry_run:
                self._ensure(told, format_)
            into = places[told, format_.name] = Into(told, format_)
        return into

    def _told(self, format_: Format, dataset: str) -> str:
        """Choose the dataset of a row; a row of a rejects file names its own."""
        return self.options.dataset or dataset or format_.dataset.code

    def _look_through(
        self, file: Opened, reading: Reading, ledger: Ledger, places: dict[tuple[str, str], Into]
    ) -> None:
        """Index the keys of all rows, and note the days on which they were added."""
        own = None if reading.mended else next(iter(places.values()))
        dated = own is not None and own.format.day is not None
        with file.open() as stream:
            for row in reading.rows(stream):
                if not ledger.length % LOOKING:
                    self.heard.looking()
                name, into = key(row), own
                if into is None:
                    if row.wrong is not None:
                        ledger.add(None)
                        continue
                    into = self._into(places, row.format, row.dataset)
                    apart = into.format.name if into.format.name in NOT_EVENTS else ""
                    name = name and f"{into.dataset}:{apart}:{name}"
                ledger.add(name)
                if dated or (own is None and into.format.day is not None):
                    into.cover(day(row))

    def _run(
        self, file: Opened, reading: Reading, places: dict[tuple[str, str], Into], marks: Marks
    ) -> None:
        with self.database.connect() as db:
            by_index(db)
            self._stand(db).begin(db, {into.dataset for into in places.values()})
        name = os.fsencode(file.name).decode("utf-8", "replace")
        with file.open() as stream:
            rows = enumerate(reading.rows(stream))
            for _ in islice(rows, self.skip):
                pass
            done, self.skip = self.skip, 0
            while part := self._part(rows):
                for _, run in groupby(part, _belongs):
                    self._batch(list(run), name, marks)
                done += len(part)
                self.heard.progress(done, stream.position)
                self.heard.looking()

    def _part(self, rows: Iterator[tuple[int, Row]]) -> list[tuple[int, Row]]:
        """Take the rows of the next batch; fewer if they are long."""
        part: list[tuple[int, Row]] = []
        size = 0
        while size < MOST_BYTES and (
            some := list(islice(rows, min(LOOKING, self._size - len(part))))
        ):
            part += some
            size += sum([length(row) for _, row in some])
        return part

    def _batch(self, run: Sequence[tuple[int, Row]], file: str, marks: Marks) -> None:
        """Load a batch: compare it outside the transaction, and write it if anything changes.

        It is compared again within the transaction if the database has changed meanwhile.
        """
        first = run[0][1]
        where = Where(file, self._told(first.format, first.dataset))
        rows = [row for n, row in run if not marks.count or n not in marks]
        tally = Tally(rows=len(run), duplicates=len(run) - len(rows))
        with self.database.connect() as db:
            by_index(db)
            standing = self._stand(db)
            batch = (
                _prepared(db, rows, where.dataset, standing, self.options.mode, standing.version)
                if rows
                else None
            )
        creating = batch is not None and self.options.create_actors and bool(batch.unknown)
        if batch is not None and not self.options.dry_run and (creating or not batch.idle):
            batch = self._write(rows, where, batch, tally)
            told = _rejects(batch, where)
        else:
            if batch is not None:
                tally.add(batch.tally)
            told = _rejects(batch, where)
            if self.heard.committing is not None:
                with self.database.write() as db:
                    self.heard.committing(db, tally, told)
            # Without this, an unchanged file would be compared in the smallest batches.
            self._size = min(MOST, self._size * 2)
        self.tally.add(tally)
        for refused in told:
            self.heard.rejected(refused)

    def _write(self, rows: Sequence[Row], where: Where, batch: Batch, tally: Tally) -> Batch:
        standing, begun = self._standing, time.perf_counter()
        dataset = where.dataset
        assert standing is not None
        try:
            with self.database.write() as db:
                begun = time.perf_counter()
                by_index(db)
                if moment(db).before != standing.version:
                    if not _there(db, dataset):
                        raise UnreadableError(f"goes into {dataset}, which was deleted meanwhile")
                    standing.catch_up(db)
                    batch = _prepared(
                        db, rows, dataset, standing, self.options.mode, moment(db).last
                    )
                if self.options.create_actors and batch.unknown:
                    event_batches.create_actors(db, batch.unknown, self.by, standing)
                    batch = _prepared(
                        db, rows, dataset, standing, self.options.mode, moment(db).last
                    )
                if not batch.idle:
                    batch.write(db, self.by, standing)
                tally.add(batch.tally)
                if self.heard.committing is not None:
                    self.heard.committing(db, tally, _rejects(batch, where))
                standing.version = moment(db).last
        except BaseException:
            # What was added to the cache in this transaction is rolled back.
            self._standing = None
            raise
        self._adapt(len(rows), time.perf_counter() - begun)
        return batch

    def _adapt(self, rows: int, seconds: float) -> None:
        if rows * 2 >= self._size:
            wanted = int(rows * SECONDS / max(seconds, 0.001))
            self._size = max(LEAST, min(MOST, wanted, self._size * 4))

    def _stand(self, db: Connection) -> Standing:
        if self._standing is None:
            self._standing = Standing(db)
        self._standing.catch_up(db)
        return self._standing

    def _ensure(self, dataset: str, format_: Format) -> None:
        """Create the dataset if it does not exist."""
        with self.database.connect() as db:
            if _there(db, dataset):
                return
        with self.database.write() as db:
            if not _there(db, dataset):
                made = format_.dataset.model_copy(update={"code": dataset})
                if dataset != format_.dataset.code:
                    made.name = dataset
                write_datasets(db, [made], self.by)

    def _finish(self, into: Into) -> None:
        with self.database.write() as db:
            if BY_YEAR.get(into.format.name) is alliance_years:
                series.both_ways(db, into.dataset)
            changed = self.tally.new + self.tally.changed > 0
            widen(db, into, self.by, changed=changed)

    def _retract_missing(self, dataset: str, ledger: Ledger, name: str) -> None:
        """Retract the events of the dataset that are missing from the file, a whole release."""
        by = Writer(self.by.name, f"missing from {name.rpartition('/')[2]}")
        after = f"{dataset}:"
        while True:
            with self.database.connect() as db:
                ids = _standing_ids(db, dataset, after)
            if not ids:
                return
            after = ids[-1]
            prefix = len(dataset) + 1
            gone = [f"{dataset}:{k}" for k in ledger.missing([i[prefix:] for i in ids])]
            for at in range(0, len(gone), 100):
                self._retract(gone[at : at + 100], by)

    def _retract(self, ids: Sequence[str], by: Writer) -> None:
        if not self.options.dry_run:
            with self.database.write() as db:
                standing = [Event.model_validate_json(body) for _, body in documents(db, ids)]
                changed = [
                    (e.id, given_of(e, {}).model_copy(update={"status": "retracted"}))
                    for e in standing
                    if e.status != "retracted"
                ]
                put(db, changed, by)
                forget_digests(db, ids)
                tally = Tally(retracted=len(changed))
                if self.heard.committing is not None:
                    self.heard.committing(db, tally, [])
        else:
            tally = Tally(retracted=len(ids))
        self.tally.add(tally)


def in_earnest(database: Database) -> None:
    """Tune this process for loading: database settings and garbage collection.

    For processes that do nothing else.
    """
    with database.engine.connect() as db:
        ready_to_pour(db)
    gc.freeze()
    gc.set_threshold(*COLLECTING)


def _there(db: Connection, dataset: str) -> bool:
    return db.scalar(select(datasets.c.code).where(datasets.c.code == dataset)) is not None


def _belongs(row: tuple[int, Row]) -> tuple[str, str]:
    return row[1].format.name, row[1].dataset


def _prepared(
    db: Connection, rows: Sequence[Row], dataset: str, standing: Standing, mode: Mode, last: int
) -> Batch:
    name = rows[0].format.name
    if name in BY_YEAR:
        return series.prepare(db, rows, dataset, standing)
    if name == "gdelt-mentions":
        return mention_batches.prepare(db, rows, dataset, standing)
    only_new = mode == "insert"
    return event_batches.prepare(db, rows, dataset, standing, last, only_new=only_new)


def _rejects(batch: Batch | None, where: Where) -> list[Reject]:
    return [] if batch is None else [reject(row, wrong, *where) for row, wrong in batch.rejects]


def _standing_ids(db: Connection, dataset: str, after: str) -> list[str]:
    e = events.c
    asked = select(e.id).where(e.dataset == dataset, e.id > after, e.status != "retracted")
    return list(db.scalars(asked.order_by(e.id).limit(5000)))
