"""Batches of rows: compared outside the transaction, and written in one each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sqlalchemy import Connection, select

from app.db.dialect.bulk_copy import force_index_scans
from app.db.engine import Database
from app.db.journal import Writer, current_write_transaction
from app.db.tables import datasets
from app.events.record import ParticipantRecord, RejectedError
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.loading import event_batches, mention_batches, series_batches
from app.ingest.loading.change_log import ChangeLog
from app.ingest.loading.coverage import YEARLY_TABLES
from app.ingest.loading.event_batches import PreparedEvents
from app.ingest.loading.load_options import LoadListener, LoadOptions
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.rows import InputRow, Reject, make_reject

if TYPE_CHECKING:
    from app.ingest.loading.preparers import PreparerPool, PromisedBatch

BATCH_SECONDS = 0.5
"""Target duration of writing a batch: other writers wait that long, readers never do."""
FIRST_BATCH_ROWS, MIN_BATCH_ROWS, MAX_BATCH_ROWS = 500, 5_000, 10_000
"""Rows of the first batch, and the bounds of the batches that follow."""
# On a busy machine smaller batches shrank further, and each commit wrote the same pages again.
MENTIONS_FORMAT = "gdelt-mentions"


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


class LoadTarget(NamedTuple):
    """The file that rows come from, and the dataset they are loaded into."""

    file: str
    dataset: str


@dataclass(slots=True)
class BatchTask:
    """The rows of a batch, and where it is being prepared if that is elsewhere."""

    rows: Sequence[InputRow]
    where: LoadTarget
    tally: LoadStats
    rank: int | None
    """That of the release which the rows are of."""
    promised: "PromisedBatch | None" = None


@dataclass(slots=True)
class BatchWriter:
    """Writes the batches of a load one after another, and follows what others write meanwhile."""

    database: Database
    by: Writer
    options: LoadOptions
    listener: LoadListener
    batch_rows: int = field(default_factory=lambda: FIRST_BATCH_ROWS)
    """Rows of the next batch."""
    log: ChangeLog = field(default_factory=ChangeLog)
    _references: ReferenceCache | None = None

    def begin_file(self, names: set[str]) -> None:
        """Prepare for a file that goes into some datasets."""
        with self.database.connect() as db:
            force_index_scans(db)
            self.refresh_references(db).begin_file(db, names)

    def refresh_references(self, db: Connection) -> ReferenceCache:
        """Return the cache of actors and sources as they are now."""
        if self._references is None:
            self._references = ReferenceCache(db)
        self._references.catch_up(db)
        return self._references

    def send_batch(self, task: BatchTask, pool: "PreparerPool") -> None:
        """Have a batch of events prepared by another process."""
        name = task.rows[0].format.name if task.rows else ""
        if not name or name in YEARLY_TABLES or name == MENTIONS_FORMAT:
            return
        if self._references is None:
            return  # the first batch, or the one after a failure
        task.promised = pool.send_rows(
            task.rows,
            task.where.dataset,
            self._references,
            list(self.log.own),
            only_new=self.options.mode == "insert",
            rank=task.rank,
        )

    def load_batch(self, task: BatchTask) -> list[Reject]:
        """Load a batch: compare it outside the transaction, and write it if anything changes.

        It is compared again within the transaction if others have changed meanwhile what it rests
        on; where they wrote other events only, it is moved behind theirs.
        """
        with self.database.connect() as db:
            force_index_scans(db)
            references = self._catch_up(db)
            batch: PreparedBatch | None = None
            if task.promised is not None:
                batch = self._take_promised(db, task, references)
            if batch is None and task.rows:
                batch = self._prepare_batch(db, task, references.version)
        creating = batch is not None and self.options.create_actors and bool(batch.unknown)
        if batch is not None and not self.options.dry_run and (creating or not batch.is_empty):
            batch = self._write_batch(task, batch)
            return _make_rejects(batch, task.where)
        if batch is not None:
            task.tally.add_stats(batch.stats)
        rejects = _make_rejects(batch, task.where)
        if self.listener.on_commit is not None:
            with self.database.write() as db:
                self.listener.on_commit(db, task.tally, rejects)
        # Without this, an unchanged file would be compared in the smallest batches.
        self.batch_rows = min(MAX_BATCH_ROWS, self.batch_rows * 2)
        return rejects

    def _catch_up(self, db: Connection) -> ReferenceCache:
        if self.log.is_kept and self._references is not None:
            changes = self._references.list_other_changes(db)
            version = self._references.version
            self._references.catch_up(db)
            if self._references.version != version:
                self.log.note_others(self._references.version, changes)
        return self.refresh_references(db)

    def _take_promised(
        self, db: Connection, task: BatchTask, references: ReferenceCache
    ) -> PreparedEvents | None:
        """Take a batch from the process that prepared it; None where it is out of date."""
        assert task.promised is not None
        batch = task.promised.receive_batch(task.rows)
        self.log.forget_until(batch.last)
        if batch.last == references.version:
            return batch
        changes = self.log.list_since(batch.last)
        if changes and batch.move_after(db, references.version, changes, references):
            return batch
        return None

    def _prepare_batch(self, db: Connection, task: BatchTask, last: int) -> PreparedBatch:
        name, references, dataset = task.rows[0].format.name, self._references, task.where.dataset
        assert references is not None
        if name in YEARLY_TABLES:
            return series_batches.prepare_series_batch(db, task.rows, dataset, references)
        if name == MENTIONS_FORMAT:
            return mention_batches.prepare_mention_batch(db, task.rows, dataset, references)
        return event_batches.prepare_event_batch(
            db, task.rows, dataset, references, last,
            only_new=self.options.mode == "insert", rank=task.rank,
        )  # fmt: skip

    def _write_batch(self, task: BatchTask, batch: PreparedBatch) -> PreparedBatch:
        references, begun = self._references, time.perf_counter()
        assert references is not None
        try:
            with self.database.write() as db:
                begun, now = time.perf_counter(), current_write_transaction(db)
                force_index_scans(db)
                if now.version_before != references.version:
                    batch = self._follow_others(db, task, batch, references)
                if self.options.create_actors and batch.unknown:
                    event_batches.create_unknown_actors(db, batch.unknown, self.by, references)
                    self.log.note_others(now.last_seq, None)  # who was unknown may be known
                    batch = self._prepare_batch(db, task, now.last_seq)
                before = now.last_seq
                if not batch.is_empty:
                    batch.write_batch(db, self.by, references)
                task.tally.add_stats(batch.stats)
                if self.listener.on_commit is not None:
                    self.listener.on_commit(db, task.tally, _make_rejects(batch, task.where))
                references.version = now.last_seq
                if isinstance(batch, PreparedEvents):
                    self.log.note_batch(before, now.last_seq, batch.sources)
                else:
                    self.log.note_others(now.last_seq, None)
        except BaseException:
            # What was added to the cache in this transaction is rolled back.
            self._references = None
            raise
        self._adapt_batch_size(len(task.rows), time.perf_counter() - begun)
        return batch

    def _follow_others(
        self, db: Connection, task: BatchTask, batch: PreparedBatch, references: ReferenceCache
    ) -> PreparedBatch:
        """Move a batch behind what others have written, or prepare it again."""
        dataset = task.where.dataset
        if not dataset_exists(db, dataset):
            raise UnreadableFileError(f"goes into {dataset}, which was deleted meanwhile")
        changes = references.list_other_changes(db)
        references.catch_up(db)
        last = current_write_transaction(db).last_seq
        self.log.note_others(last, changes)
        if (
            changes
            and isinstance(batch, PreparedEvents)
            and batch.move_after(db, last, changes, references)
        ):
            return batch
        return self._prepare_batch(db, task, last)

    def _adapt_batch_size(self, rows: int, seconds: float) -> None:
        if rows * 2 >= self.batch_rows:
            wanted = int(rows * BATCH_SECONDS / max(seconds, 0.001))
            self.batch_rows = max(MIN_BATCH_ROWS, min(MAX_BATCH_ROWS, wanted, self.batch_rows * 4))


def dataset_exists(db: Connection, dataset: str) -> bool:
    """Return whether there is a dataset."""
    return db.scalar(select(datasets.c.code).where(datasets.c.code == dataset)) is not None


def _make_rejects(batch: PreparedBatch | None, where: LoadTarget) -> list[Reject]:
    return (
        [] if batch is None else [make_reject(row, wrong, *where) for row, wrong in batch.rejects]
    )
