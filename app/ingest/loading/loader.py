"""The loader stores files in batches, one transaction each, and counts the fate of every row."""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Literal, NamedTuple, Protocol

from msgspec.structs import replace
from sqlalchemy import Connection, select

from app.db.dialect.bulk_copy import force_index_scans, prepare_bulk_load
from app.db.engine import Database
from app.db.journal import Writer, current_write_transaction
from app.db.tables import alliance_years, datasets
from app.events.record import ParticipantRecord, RejectedError
from app.events.signals import SignalScale
from app.ingest.formats.counts import COUNTS_FORMAT
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import FileFormat
from app.ingest.formats.ucdp_release import Release
from app.ingest.loading import event_batches as event_batches
from app.ingest.loading import mention_batches as mention_batches
from app.ingest.loading import series_batches
from app.ingest.loading.coverage import YEARLY_TABLES, DatasetCoverage, widen_dataset_coverage
from app.ingest.loading.key_index import KeyIndex, RowBitmap
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.retraction import Retraction
from app.ingest.loading.spellings import RESPELLED, ActorSpellings, find_respelled_rows
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.files import InputFile
from app.ingest.readers.recognize import AUTO, recognize_file
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import (
    InputRow,
    Reject,
    make_reject,
    measure_row_length,
    read_row_day,
    read_row_key,
)
from app.sources.changes import write_datasets

BATCH_SECONDS = 0.5
"""Target duration of writing a batch: other writers wait that long, readers never do."""
FIRST_BATCH_ROWS, MIN_BATCH_ROWS, MAX_BATCH_ROWS = 500, 5_000, 10_000
"""Rows of the first batch, and the bounds of the batches that follow."""
# On a busy machine smaller batches shrank further, and each commit wrote the same pages again.
MAX_BATCH_BYTES = 8 << 20
"""Maximum bytes of the rows of a batch, as read; in memory they take some twenty times as much."""
ROWS_BETWEEN_CHECKS = 16
"""Rows that are read between two calls of `LoadListener.check_interrupt`."""
GC_THRESHOLDS = (2_000_000, 10, 100)
"""Thresholds of garbage collection; the defaults cost a third of the time of a load."""
NON_EVENT_FORMATS = (*YEARLY_TABLES, "gdelt-mentions")
"""Formats whose rows are not events."""
LoadMode = Literal["upsert", "insert"]


class PreparedBatch(Protocol):
    """A batch of rows that was compared with the database: what each kind of batch provides."""

    stats: LoadStats
    rejects: list[tuple[InputRow, RejectedError]]
    unknown: dict[str, ParticipantRecord]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""

    def write_batch(self, db: Connection, by: Writer, references: ReferenceCache) -> None:
        """Write what is new or changed."""


@dataclass(slots=True)
class LoadOptions:
    """Options of a load, stored as JSON with each import."""

    format: str = AUTO
    dataset: str | None = None
    retract_missing: bool = False
    retract_window: str | None = None
    """The days that the file is a full release of, in EDTF; None: all."""
    create_actors: bool = False
    dry_run: bool = False
    mode: LoadMode = "upsert"
    """`insert`: a row that would change a stored event is rejected."""
    covers: str | None = None
    """The days, in EDTF, or the slot that the file is known to cover; None: as its rows say."""
    signals: SignalScale | None = None
    """How the signals of the dataset are derived; None: as they are, by the rules if it is new."""


class LoadTarget(NamedTuple):
    """The file that rows come from, and the dataset they are loaded into."""

    file: str
    dataset: str


@dataclass(slots=True)
class LoadListener:
    """Callbacks by which a loader reports its progress."""

    on_reject: Callable[[Reject], None] = lambda _: None
    """Called for each rejected row, after its batch."""
    on_progress: Callable[[int, int], None] = lambda _rows, _position: None
    """Called with the rows done in this file and the bytes read of it."""
    check_interrupt: Callable[[], None] = lambda: None
    """Called every few rows, also before anything is stored; what it raises ends the load."""
    on_commit: Callable[[Connection, LoadStats, Sequence[Reject]], None] | None = None
    """Called in the transaction of each batch, also of one that changes nothing."""


@dataclass(slots=True)
class Loader:
    """A loader of files into one database."""

    database: Database
    by: Writer
    options: LoadOptions
    listener: LoadListener = field(default_factory=LoadListener)
    stats: LoadStats = field(default_factory=LoadStats)
    skip: int = 0
    """Rows at the beginning that an interrupted load has stored already."""
    _release: Release | None = None
    """The release that the present file is, where its name says so."""
    loaded_into: set[str] = field(default_factory=set)
    """The datasets that rows went into so far."""
    _references: ReferenceCache | None = None
    _batch_rows: int = FIRST_BATCH_ROWS

    def load_files(self, files: Sequence[InputFile]) -> list[str]:
        """Load files in order; returns a message for each file that could not be read."""
        failed = []
        if self.options.retract_missing and len(files) != 1:
            return [f"retract_missing takes one file, the whole release; {len(files)} were sent"]
        for file in files:
            self.listener.check_interrupt()
            try:
                self._load_file(file)
            except UnreadableFileError as wrong:
                failed.append(f"{file.name} {wrong}")
            except OSError as wrong:
                failed.append(f"{file.name} cannot be read: {wrong.strerror or wrong}")
        return failed

    def _load_file(self, file: InputFile) -> None:
        reading = recognize_file(file, self.options.format)
        self._release = None if reading.is_rejects_file else reading.format.find_release(file.name)
        if self.options.retract_missing and reading.is_rejects_file:
            raise UnreadableFileError("is a rejects file; retract_missing takes a whole release")
        places: dict[tuple[str, str], DatasetCoverage] = {}
        if not reading.is_rejects_file:
            self._ensure_coverage(places, reading.format, "")
        with KeyIndex() as ledger:
            spellings = self._index_keys(file, reading, ledger, places)
            if self.options.retract_missing and not ledger.length:
                raise UnreadableFileError(
                    "has no rows, so retract_missing would retract every event; nothing was done"
                )
            marks = ledger.find_replaced_rows()
            respelled = self._find_respelled_rows(file, reading, spellings)
            if self.skip >= ledger.length:
                self.skip -= ledger.length
            else:
                self._load_rows(file, reading, places, marks, respelled)
            if self.options.retract_missing and not ledger.keyless:
                [into] = places.values()
                self._retract_missing(into.dataset, ledger, file.name)
        if not self.options.dry_run:
            for into in places.values():
                self._complete_dataset(into)
        if self.options.retract_missing and ledger.keyless:
            raise UnreadableFileError(
                f"has {ledger.keyless:,} rows whose key cannot be read; nothing was retracted,"
                " since they may belong to current events. Correct the file and load it again"
            )

    def _ensure_coverage(
        self, places: dict[tuple[str, str], DatasetCoverage], format_: FileFormat, dataset: str
    ) -> DatasetCoverage:
        """Return the coverage of the dataset that rows go into; a missing dataset is created."""
        chosen = self._choose_dataset(format_, dataset)
        into = places.get((chosen, format_.name))
        if into is None:
            if self.options.retract_missing and format_.name in NON_EVENT_FORMATS:
                raise UnreadableFileError(
                    f"is {format_.name}, which has no events that could be retracted"
                )
            if self.options.mode == "insert" and format_.name in NON_EVENT_FORMATS:
                raise UnreadableFileError(f"is {format_.name}; mode=insert applies to events only")
            if not self.options.dry_run:
                self._ensure_dataset(chosen, format_)
                self.loaded_into.add(chosen)
            into = places[chosen, format_.name] = DatasetCoverage(chosen, format_)
            into.note_known_days(self._release, self.options.covers)
        return into

    def _choose_dataset(self, format_: FileFormat, dataset: str) -> str:
        """Choose the dataset of a row; a row of a rejects file names its own."""
        return self.options.dataset or dataset or format_.dataset.code

    def _index_keys(
        self,
        file: InputFile,
        reading: RecognizedFile,
        ledger: KeyIndex,
        places: dict[tuple[str, str], DatasetCoverage],
    ) -> ActorSpellings:
        """Index the keys of all rows, the days they were added, and names in rows of counts."""
        spellings = ActorSpellings()
        own = None if reading.is_rejects_file else next(iter(places.values()))
        dated = own is not None and own.format.read_day is not None and not own.is_known
        with file.open() as stream:
            for row in reading.read_rows(stream):
                if not ledger.length % ROWS_BETWEEN_CHECKS:
                    self.listener.check_interrupt()
                name, into = read_row_key(row), own
                if name is not None and row.format is COUNTS_FORMAT:
                    spellings.add_key(name)
                if into is None:
                    if row.wrong is not None:
                        ledger.add_key(None)
                        continue
                    into = self._ensure_coverage(places, row.format, row.dataset)
                    apart = into.format.name if into.format.name in NON_EVENT_FORMATS else ""
                    name = name and f"{into.dataset}:{apart}:{name}"
                ledger.add_key(name)
                if dated or (own is None and into.format.read_day is not None):
                    into.include_day(read_row_day(row))
        return spellings

    def _find_respelled_rows(
        self, file: InputFile, reading: RecognizedFile, spellings: ActorSpellings
    ) -> RowBitmap:
        """Find the rows of counts that repeat an earlier one under other names."""
        with self.database.connect() as db:
            index = self._refresh_references(db).actor_index
        if not spellings.have_synonyms(index):
            return RowBitmap(0)

        with file.open() as stream:
            return find_respelled_rows(
                reading.read_rows(stream),
                index,
                lambda row: self._choose_dataset(row.format, row.dataset),
                self.listener.check_interrupt,
            )

    def _load_rows(
        self,
        file: InputFile,
        reading: RecognizedFile,
        places: dict[tuple[str, str], DatasetCoverage],
        marks: RowBitmap,
        respelled: RowBitmap,
    ) -> None:
        with self.database.connect() as db:
            force_index_scans(db)
            self._refresh_references(db).begin_file(db, {into.dataset for into in places.values()})
        name = os.fsencode(file.name).decode("utf-8", "replace")
        with file.open() as stream:
            rows = enumerate(reading.read_rows(stream))
            for _ in islice(rows, self.skip):
                pass
            done, self.skip = self.skip, 0
            while part := self._take_rows(rows):
                if respelled.count:
                    part = [
                        (n, replace(row, wrong=RESPELLED) if n in respelled else row)
                        for n, row in part
                    ]
                for _, run in groupby(part, _get_group_key):
                    self._load_batch(list(run), name, marks)
                done += len(part)
                self.listener.on_progress(done, stream.position)
                self.listener.check_interrupt()

    def _take_rows(self, rows: Iterator[tuple[int, InputRow]]) -> list[tuple[int, InputRow]]:
        """Take the rows of the next batch; fewer if they are long."""
        part: list[tuple[int, InputRow]] = []
        size = 0
        while size < MAX_BATCH_BYTES and (
            some := list(islice(rows, min(ROWS_BETWEEN_CHECKS, self._batch_rows - len(part))))
        ):
            part += some
            size += sum([measure_row_length(row) for _, row in some])
        return part

    def _load_batch(self, run: Sequence[tuple[int, InputRow]], file: str, marks: RowBitmap) -> None:
        """Load a batch: compare it outside the transaction, and write it if anything changes.

        It is compared again within the transaction if others have changed meanwhile what it rests
        on; where they wrote other events only, it is moved behind theirs.
        """
        first = run[0][1]
        where = LoadTarget(file, self._choose_dataset(first.format, first.dataset))
        rows = [row for n, row in run if not marks.count or n not in marks]
        tally = LoadStats(rows=len(run), duplicates=len(run) - len(rows))
        with self.database.connect() as db:
            force_index_scans(db)
            references = self._refresh_references(db)
            batch = (
                _prepare_batch(
                    db,
                    rows,
                    where.dataset,
                    references,
                    self.options.mode,
                    references.version,
                    self._rank,
                )
                if rows
                else None
            )
        creating = batch is not None and self.options.create_actors and bool(batch.unknown)
        if batch is not None and not self.options.dry_run and (creating or not batch.is_empty):
            batch = self._write_batch(rows, where, batch, tally)
            rejects = _make_rejects(batch, where)
        else:
            if batch is not None:
                tally.add_stats(batch.stats)
            rejects = _make_rejects(batch, where)
            if self.listener.on_commit is not None:
                with self.database.write() as db:
                    self.listener.on_commit(db, tally, rejects)
            # Without this, an unchanged file would be compared in the smallest batches.
            self._batch_rows = min(MAX_BATCH_ROWS, self._batch_rows * 2)
        self.stats.add_stats(tally)
        for refused in rejects:
            self.listener.on_reject(refused)

    def _write_batch(
        self, rows: Sequence[InputRow], where: LoadTarget, batch: PreparedBatch, tally: LoadStats
    ) -> PreparedBatch:
        references, begun = self._references, time.perf_counter()
        dataset = where.dataset
        assert references is not None
        try:
            with self.database.write() as db:
                begun = time.perf_counter()
                force_index_scans(db)
                if current_write_transaction(db).version_before != references.version:
                    if not _dataset_exists(db, dataset):
                        raise UnreadableFileError(
                            f"goes into {dataset}, which was deleted meanwhile"
                        )
                    changes = references.list_other_changes(db)
                    references.catch_up(db)
                    last = current_write_transaction(db).last_seq
                    if not (
                        changes
                        and isinstance(batch, event_batches.PreparedEvents)
                        and batch.move_after(db, last, changes, references)
                    ):
                        batch = _prepare_batch(
                            db, rows, dataset, references, self.options.mode, last, self._rank
                        )
                if self.options.create_actors and batch.unknown:
                    event_batches.create_unknown_actors(db, batch.unknown, self.by, references)
                    batch = _prepare_batch(
                        db,
                        rows,
                        dataset,
                        references,
                        self.options.mode,
                        current_write_transaction(db).last_seq,
                        self._rank,
                    )
                if not batch.is_empty:
                    batch.write_batch(db, self.by, references)
                tally.add_stats(batch.stats)
                if self.listener.on_commit is not None:
                    self.listener.on_commit(db, tally, _make_rejects(batch, where))
                references.version = current_write_transaction(db).last_seq
        except BaseException:
            # What was added to the cache in this transaction is rolled back.
            self._references = None
            raise
        self._adapt_batch_size(len(rows), time.perf_counter() - begun)
        return batch

    def _adapt_batch_size(self, rows: int, seconds: float) -> None:
        if rows * 2 >= self._batch_rows:
            wanted = int(rows * BATCH_SECONDS / max(seconds, 0.001))
            self._batch_rows = max(
                MIN_BATCH_ROWS, min(MAX_BATCH_ROWS, wanted, self._batch_rows * 4)
            )

    def _refresh_references(self, db: Connection) -> ReferenceCache:
        if self._references is None:
            self._references = ReferenceCache(db)
        self._references.catch_up(db)
        return self._references

    def _ensure_dataset(self, dataset: str, format_: FileFormat) -> None:
        """Create the dataset if it does not exist."""
        with self.database.connect() as db:
            scale = _read_dataset_scale(db, dataset)
        if scale is not None:
            if self.options.signals not in (None, scale):
                raise UnreadableFileError(
                    f"goes into {dataset}, whose signals are derived by {scale};"
                    f" load it into another dataset for {self.options.signals}"
                )
            return
        with self.database.write() as db:
            if not _dataset_exists(db, dataset):
                made = format_.dataset.model_copy(update={"code": dataset})
                if dataset != format_.dataset.code:
                    made.name = dataset
                if self.options.signals is not None:
                    made.signals = self.options.signals
                write_datasets(db, [made], self.by)

    def _complete_dataset(self, into: DatasetCoverage) -> None:
        with self.database.write() as db:
            if YEARLY_TABLES.get(into.format.name) is alliance_years:
                series_batches.mirror_alliance_years(db, into.dataset)
            changed = self.stats.new + self.stats.changed > 0
            widen_dataset_coverage(db, into, self.by, changed=changed)

    def _retract_missing(self, dataset: str, ledger: KeyIndex, name: str) -> None:
        """Retract the events of a dataset, or of the window, that are missing from the release."""
        by = Writer(self.by.name, f"missing from {name.rpartition('/')[2]}")
        window = self.options.retract_window or (
            self._release and f"{self._release.first}/{self._release.last}"
        )
        self._make_retraction(by).retract_missing(dataset, ledger, window)

    def retract_keys(self, dataset: str, keys: Sequence[str], reason: str) -> None:
        """Retract those events of a dataset with some keys that are current."""
        self._make_retraction(Writer(self.by.name, reason)).retract_keys(dataset, keys)

    def _make_retraction(self, by: Writer) -> Retraction:
        return Retraction(
            self.database, by, self.stats, self._rank, self.listener.on_commit,
            dry_run=self.options.dry_run,
        )  # fmt: skip

    @property
    def _rank(self) -> int | None:
        """The rank of the release that the present file is."""
        return None if self._release is None else self._release.rank


def tune_process_for_loading(database: Database) -> None:
    """Tune this process for loading: database settings and garbage collection.

    For processes that do nothing else.
    """
    with database.engine.connect() as db:
        prepare_bulk_load(db)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _read_dataset_scale(db: Connection, dataset: str) -> str | None:
    """Read how the signals of a dataset are derived; None where there is no such dataset."""
    scale: str | None = db.scalar(select(datasets.c.signals).where(datasets.c.code == dataset))
    return scale


def _dataset_exists(db: Connection, dataset: str) -> bool:
    return db.scalar(select(datasets.c.code).where(datasets.c.code == dataset)) is not None


def _get_group_key(row: tuple[int, InputRow]) -> tuple[str, str]:
    return row[1].format.name, row[1].dataset


def _prepare_batch(
    db: Connection,
    rows: Sequence[InputRow],
    dataset: str,
    references: ReferenceCache,
    mode: LoadMode,
    last: int,
    rank: int | None,
) -> PreparedBatch:
    name = rows[0].format.name
    if name in YEARLY_TABLES:
        return series_batches.prepare_series_batch(db, rows, dataset, references)
    if name == "gdelt-mentions":
        return mention_batches.prepare_mention_batch(db, rows, dataset, references)
    return event_batches.prepare_event_batch(
        db, rows, dataset, references, last, only_new=mode == "insert", rank=rank
    )


def _make_rejects(batch: PreparedBatch | None, where: LoadTarget) -> list[Reject]:
    return (
        [] if batch is None else [make_reject(row, wrong, *where) for row, wrong in batch.rejects]
    )
