"""The loader stores files in batches, one transaction each, and counts the fate of every row."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, select

from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import alliance_years, datasets
from app.events.word_index import write_datasets_with_words
from app.ingest.formats.counts import COUNTS_FORMAT
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.file_format import FileFormat
from app.ingest.formats.ucdp_release import Release
from app.ingest.loading import series_batches
from app.ingest.loading.batch_writer import (
    MENTIONS_FORMAT,
    BatchTask,
    BatchWriter,
    LoadTarget,
    dataset_exists,
)
from app.ingest.loading.coverage import YEARLY_TABLES, DatasetCoverage, widen_dataset_coverage
from app.ingest.loading.key_index import KeyIndex
from app.ingest.loading.load_options import LoadListener, LoadOptions, PreparerError
from app.ingest.loading.retraction import Retraction
from app.ingest.loading.row_bitmap import RowBitmap
from app.ingest.loading.spellings import RESPELLED, ActorSpellings, find_respelled_rows
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.files import InputFile
from app.ingest.readers.recognize import recognize_file
from app.ingest.readers.recognized_file import RecognizedFile
from app.ingest.readers.rows import InputRow, measure_row_length, read_row_day, read_row_key

if TYPE_CHECKING:
    from app.ingest.loading.preparers import PreparerPool

MAX_BATCH_BYTES = 8 << 20
"""Maximum bytes of the rows of a batch, as read; in memory they take some twenty times as much."""
ROWS_BETWEEN_CHECKS = 16
"""Rows that are read between two calls of `LoadListener.check_interrupt`."""
MIN_SHARED_ROWS = 50_000
"""Rows of a file from which on other processes are started for it: that costs a second of CPU."""
NON_EVENT_FORMATS = (*YEARLY_TABLES, MENTIONS_FORMAT)
"""Formats whose rows are not events."""


class PartUnderWay(NamedTuple):
    """Rows that were read together: their batches, their number, and where the file was then."""

    tasks: list[BatchTask]
    rows: int
    position: int


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
    jobs: int = 1
    """Processes that work on large files of events; one of them writes."""
    _writer: BatchWriter | None = None
    _pool: "PreparerPool | None" = None

    def load_files(self, files: Sequence[InputFile]) -> list[str]:
        """Load files in order; returns a message for each file that could not be read."""
        failed = []
        if self.options.retract_missing and len(files) != 1:
            return [f"retract_missing takes one file, the whole release; {len(files)} were sent"]
        try:
            for file in files:
                self.listener.check_interrupt()
                try:
                    self._load_file(file)
                except UnreadableFileError as wrong:
                    failed.append(f"{file.name} {wrong}")
                except PreparerError as wrong:
                    failed.append(f"{file.name} {wrong}")
                    break
                except OSError as wrong:
                    failed.append(f"{file.name} cannot be read: {wrong.strerror or wrong}")
        finally:
            if self._pool is not None:
                self._pool.close()
                self._pool = None
        return failed

    @property
    def writer(self) -> BatchWriter:
        """What writes the batches."""
        if self._writer is None:
            self._writer = BatchWriter(self.database, self.by, self.options, self.listener)
        self._writer.options, self._writer.listener = self.options, self.listener
        return self._writer

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
                self._start_pool(reading, ledger.length - self.skip)
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
            index = self.writer.refresh_references(db).actor_index
        if not spellings.have_synonyms(index):
            return RowBitmap(0)

        with file.open() as stream:
            return find_respelled_rows(
                reading.read_rows(stream),
                index,
                lambda row: self._choose_dataset(row.format, row.dataset),
                self.listener.check_interrupt,
            )

    def _start_pool(self, reading: RecognizedFile, rows: int) -> None:
        """Start other processes for a file that is worth it."""
        apart = not reading.is_rejects_file and reading.format.name in NON_EVENT_FORMATS
        if self._pool is None and self.jobs > 1 and rows >= MIN_SHARED_ROWS and not apart:
            # Most loads need no other process, and what starts them takes a while to import.
            from app.ingest.loading.preparers import PreparerPool  # noqa: PLC0415

            self._pool = PreparerPool(self.database, self.jobs - 1)
            self.writer.log.is_kept = True

    def _load_rows(
        self,
        file: InputFile,
        reading: RecognizedFile,
        places: dict[tuple[str, str], DatasetCoverage],
        marks: RowBitmap,
        respelled: RowBitmap,
    ) -> None:
        self.writer.begin_file({into.dataset for into in places.values()})
        name = os.fsencode(file.name).decode("utf-8", "replace")
        most_waiting = 0 if self._pool is None else self._pool.most_waiting
        waiting: deque[PartUnderWay] = deque()
        with file.open() as stream:
            rows = enumerate(reading.read_rows(stream))
            for _ in islice(rows, self.skip):
                pass
            done, self.skip = self.skip, 0
            while True:
                part = self._take_rows(rows)
                if part:
                    waiting.append(self._begin_part(part, name, marks, respelled, stream.position))
                if not waiting:
                    break
                if not part or len(waiting) > most_waiting:
                    first = waiting.popleft()
                    self._send_waiting(waiting)
                    done = self._finish_part(first, done)

    def _send_waiting(self, waiting: Iterable[PartUnderWay]) -> None:
        """Have parts prepared elsewhere that were begun before the other processes were ready.

        Nothing was written since the last of them was begun, so that none is compared with a later
        version than one behind it.
        """
        if self._pool is not None and self._pool.ready.done():
            for task in (task for part in waiting for task in part.tasks):
                if task.promised is None and task.rows:
                    self.writer.send_batch(task, self._pool)

    def _begin_part(
        self,
        part: list[tuple[int, InputRow]],
        name: str,
        marks: RowBitmap,
        respelled: RowBitmap,
        position: int,
    ) -> PartUnderWay:
        if respelled.count:
            part = [
                (n, replace(row, wrong=RESPELLED) if n in respelled else row) for n, row in part
            ]
        tasks = []
        for _, group in groupby(part, _get_group_key):
            run = list(group)
            rows = [row for n, row in run if not marks.count or n not in marks]
            first = run[0][1]
            where = LoadTarget(name, self._choose_dataset(first.format, first.dataset))
            tally = LoadStats(rows=len(run), duplicates=len(run) - len(rows))
            tasks.append(task := BatchTask(rows, where, tally, self._rank))
            if self._pool is not None:
                self.writer.send_batch(task, self._pool)
        return PartUnderWay(tasks, len(part), position)

    def _finish_part(self, part: PartUnderWay, done: int) -> int:
        """Write the batches of a part; returns the number of rows that are done."""
        for task in part.tasks:
            rejects = self.writer.load_batch(task)
            self.stats.add_stats(task.tally)
            for refused in rejects:
                self.listener.on_reject(refused)
        done += part.rows
        self.listener.on_progress(done, part.position)
        self.listener.check_interrupt()
        return done

    def _take_rows(self, rows: Iterator[tuple[int, InputRow]]) -> list[tuple[int, InputRow]]:
        """Take the rows of the next batch; fewer if they are long."""
        part: list[tuple[int, InputRow]] = []
        size = 0
        while size < MAX_BATCH_BYTES and (
            some := list(islice(rows, min(ROWS_BETWEEN_CHECKS, self.writer.batch_rows - len(part))))
        ):
            part += some
            size += sum([measure_row_length(row) for _, row in some])
        return part

    def _ensure_dataset(self, dataset: str, format_: FileFormat) -> None:
        """Create the dataset if it does not exist."""
        with self.database.connect() as db:
            stored = _read_dataset_choices(db, dataset)
        if stored is not None:
            scale, searched = stored
            if self.options.searched not in (None, searched):
                raise UnreadableFileError(
                    f"goes into {dataset}, whose words are {'' if searched else 'not '}searched;"
                    f" entente datasets search {dataset} {'off' if searched else 'on'} changes that"
                )
            if self.options.signals not in (None, scale):
                raise UnreadableFileError(
                    f"goes into {dataset}, whose signals are derived by {scale};"
                    f" load it into another dataset for {self.options.signals}"
                )
            return
        with self.database.write() as db:
            if not dataset_exists(db, dataset):
                made = format_.dataset.model_copy(update={"code": dataset})
                if dataset != format_.dataset.code:
                    made.name = dataset
                if self.options.signals is not None:
                    made.signals = self.options.signals
                if self.options.searched is not None:
                    made.searched = self.options.searched
                write_datasets_with_words(db, [made], self.by)

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


def _read_dataset_choices(db: Connection, dataset: str) -> tuple[str, bool] | None:
    """Read how the signals of a dataset are derived, and whether it is searched; None without."""
    d = datasets.c
    row = db.execute(select(d.signals, d.searched).where(d.code == dataset)).one_or_none()
    return None if row is None else (row.signals, row.searched)


def _get_group_key(row: tuple[int, InputRow]) -> tuple[str, str]:
    return row[1].format.name, row[1].dataset
