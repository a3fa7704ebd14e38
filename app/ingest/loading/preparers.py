"""Processes that prepare batches of events for the one that writes them.

Each reads with a connection of its own and writes nothing. See docs/decisions/031.
"""

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import NamedTuple

from app.db.dialect.bulk_copy import force_index_scans
from app.db.engine import Database
from app.db.worker_process import render_database_url
from app.ingest.loading.event_batches import PreparedEvents, prepare_event_batch
from app.ingest.loading.load_options import PreparerError
from app.ingest.loading.packed_batches import (
    PackedRows,
    pack_batch,
    pack_rows,
    unpack_batch,
    unpack_rows,
)
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.tuning import tune_process_for_loading
from app.ingest.readers.rows import InputRow


class BatchOrder(NamedTuple):
    """What a process needs to know to prepare a batch."""

    rows: PackedRows
    dataset: str
    version: int
    """That of the database, as far as the writer knows it."""
    own: list[tuple[int, int]]
    """What the load itself has written: see `ReferenceCache.follow_load`."""
    datasets_are_empty: bool
    only_new: bool
    rank: int | None


class PromisedBatch:
    """A batch that another process prepares."""

    def __init__(self, future: Future[bytes | str]) -> None:
        self._future = future

    def receive_batch(self, rows: Sequence[InputRow]) -> PreparedEvents:
        """Wait for the batch, which is one of some rows; raises `PreparerError`."""
        try:
            packed = self._future.result()
        except BrokenProcessPool as broken:
            raise PreparerError(
                "was not loaded to its end: a process that prepares rows died, or was killed for"
                " want of memory. What was stored by then remains; load the file again, perhaps"
                " with --jobs 1"
            ) from broken
        if isinstance(packed, str):
            raise PreparerError(f"was not loaded to its end: {packed}")
        return unpack_batch(packed, rows)


class PreparerPool:
    """Processes that prepare batches; they end with the process that started them."""

    def __init__(self, database: Database, processes: int) -> None:
        self.most_waiting = processes + 1
        """Batches that are under way at once, besides the one that is written."""
        self._pool = ProcessPoolExecutor(
            processes, get_context("spawn"), _open_preparer, (render_database_url(database),)
        )
        self.ready = self._pool.submit(_is_open)
        """Done once the first process has started; until then the writer prepares batches."""

    def send_rows(
        self,
        rows: Sequence[InputRow],
        dataset: str,
        references: ReferenceCache,
        own: list[tuple[int, int]],
        *,
        only_new: bool,
        rank: int | None,
    ) -> PromisedBatch | None:
        """Have a batch prepared; None where this process has to do it."""
        packed = pack_rows(rows) if self.ready.done() else None
        if packed is None:
            return None
        empty = references.datasets_are_empty
        order = BatchOrder(packed, dataset, references.version, own, empty, only_new, rank)
        try:
            return PromisedBatch(self._pool.submit(_prepare_order, order))
        except BrokenProcessPool as broken:
            failed: Future[bytes | str] = Future()
            failed.set_exception(broken)
            return PromisedBatch(failed)

    def close(self) -> None:
        """End the processes; what they prepare is given up."""
        self._pool.shutdown(cancel_futures=True)


class _Preparer:
    """The state of a process that prepares batches."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, 1)
        tune_process_for_loading(self.database)
        self.references: ReferenceCache | None = None

    def prepare(self, order: BatchOrder) -> bytes:
        """Prepare a batch as the writer would."""
        rows = unpack_rows(order.rows)
        with self.database.connect() as db:
            force_index_scans(db)
            if self.references is None:
                self.references = ReferenceCache(db)
            self.references.follow_load(db, order.version, order.own)
            self.references.datasets_are_empty = order.datasets_are_empty
            batch = prepare_event_batch(
                db, rows, order.dataset, self.references, order.version,
                only_new=order.only_new, rank=order.rank,
            )  # fmt: skip
        return pack_batch(batch, rows)


_preparers: list[_Preparer] = []
"""The one of this process, once it is one that prepares."""


def _open_preparer(url: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _preparers.append(_Preparer(url))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _is_open() -> bool:
    return bool(_preparers)


def _prepare_order(order: BatchOrder) -> bytes | str:
    try:
        return _preparers[0].prepare(order)
    except Exception as wrong:  # not every exception can be sent to another process
        return f"{type(wrong).__name__}: {' '.join(str(wrong).split())}"
