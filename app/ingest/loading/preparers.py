"""Processes that prepare batches of events for the one that writes them.

Each reads with a connection of its own and writes nothing. See docs/decisions/031.
"""

import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
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
        except (EOFError, OSError) as died:
            raise PreparerError(
                "was not loaded to its end: a process that prepares rows died, or was killed for"
                " want of memory. What was stored by then remains; load the file again, perhaps"
                " with --jobs 1"
            ) from died
        if isinstance(packed, str):
            raise PreparerError(f"was not loaded to its end: {packed}")
        return unpack_batch(packed, rows)


class PreparerPool:
    """Processes that prepare batches; they end with the process that started them.

    A thread waits for each, on a connection of its own: a process that is killed while it sends
    ends that connection. In the one queue of a `ProcessPoolExecutor` the other processes keep the
    end open, and the load would wait for the rest of the message for ever.
    """

    def __init__(self, database: Database, processes: int) -> None:
        self.most_waiting = processes + 1
        """Batches that are under way at once, besides the one that is written."""
        self._url = render_database_url(database)
        self._threads = ThreadPoolExecutor(processes, "preparers")
        self._own = threading.local()
        self._started: list[tuple[SpawnProcess, Connection]] = []
        self.ready: Future[Connection] = self._threads.submit(self._reach_process)
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
        return PromisedBatch(self._threads.submit(self._have_prepared, order))

    def close(self) -> None:
        """End the processes; what waits for one is given up."""
        self._threads.shutdown(cancel_futures=True)
        for _, asked in self._started:
            asked.close()
        for process, _ in self._started:
            process.join()

    def _have_prepared(self, order: BatchOrder) -> bytes | str:
        asked = self._reach_process()
        asked.send(order)
        answer: bytes | str = asked.recv()
        return answer

    def _reach_process(self) -> Connection:
        """Return the connection to the process of this thread, which starts with its first."""
        known: Connection | None = getattr(self._own, "connection", None)
        if known is not None:
            return known
        context = get_context("spawn")
        asked, theirs = context.Pipe()
        process = context.Process(target=_prepare_orders, args=(self._url, theirs), daemon=True)
        process.start()
        theirs.close()
        self._started.append((process, asked))
        self._own.connection = asked
        asked.recv()  # it has opened the database
        return asked


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


def _prepare_orders(url: str, asked: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the writer ends this process
    preparer = _Preparer(url)
    asked.send(None)
    with suppress(EOFError, OSError):  # the writer has no more, or has died
        while True:
            asked.send(_prepare_order(preparer, asked.recv()))


def _prepare_order(preparer: _Preparer, order: BatchOrder) -> bytes | str:
    try:
        return preparer.prepare(order)
    except Exception as wrong:  # not every exception can be sent to another process
        return f"{type(wrong).__name__}: {' '.join(str(wrong).split())}"
