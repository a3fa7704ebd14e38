"""Retract events that a release lacks, or that their source has withdrawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, or_, select

from app.db.dialect import in_list, in_list_params
from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import events, loaded
from app.edtf import parse_bounds
from app.events.changes import read_event_documents, write_resolved_events
from app.events.render import decode_event_document
from app.events.to_input import input_from_document
from app.ingest.loading.bulk_write import forget_stored_hashes, note_retracted_rank
from app.ingest.loading.key_index import KeyIndex
from app.ingest.loading.stats import LoadStats

BATCH_EVENTS = 100
"""Events that are retracted in one transaction."""


@dataclass(slots=True)
class Retraction:
    """Retracts events of a dataset, in batches, and counts them."""

    database: Database
    by: Writer
    stats: LoadStats
    rank: int | None
    """That of the release at whose word events are retracted; those of a higher one stay."""
    on_commit: Callable[[Connection, LoadStats, Sequence[Any]], None] | None = None
    """Called in the transaction of each batch."""
    dry_run: bool = False

    def retract_missing(self, dataset: str, ledger: KeyIndex, window: str | None) -> None:
        """Retract the events of a dataset, or of a window, whose keys are missing."""
        after, prefix = f"{dataset}:", len(dataset) + 1
        while True:
            with self.database.connect() as db:
                ids = _list_current_ids(db, dataset, after, window, self.rank)
            if not ids:
                return
            after = ids[-1]
            gone = [f"{dataset}:{k}" for k in ledger.find_missing_keys([i[prefix:] for i in ids])]
            self._retract_batches(gone)

    def retract_keys(self, dataset: str, keys: Sequence[str]) -> None:
        """Retract those events with some keys that are current."""
        for at in range(0, len(keys), BATCH_EVENTS):
            ids = [f"{dataset}:{key}" for key in keys[at : at + BATCH_EVENTS]]
            with self.database.connect() as db:
                current = _list_unretracted(db, ids)
            self._retract_batches(current)

    def _retract_batches(self, ids: Sequence[str]) -> None:
        for at in range(0, len(ids), BATCH_EVENTS):
            self._retract_events(ids[at : at + BATCH_EVENTS])

    def _retract_events(self, ids: Sequence[str]) -> None:
        if not self.dry_run:
            with self.database.write() as db:
                stored = [decode_event_document(d) for _, d in read_event_documents(db, ids)]
                changed = [
                    (e.id, replace(input_from_document(e, {}), status="retracted"))
                    for e in stored
                    if e.status != "retracted"
                ]
                write_resolved_events(db, changed, self.by)
                forget_stored_hashes(db, ids)
                if self.rank is not None:
                    note_retracted_rank(db, [ident for ident, _ in changed], self.rank)
                tally = LoadStats(retracted=len(changed))
                if self.on_commit is not None:
                    self.on_commit(db, tally, [])
        else:
            tally = LoadStats(retracted=len(ids))
        self.stats.add_stats(tally)


def _list_current_ids(
    db: Connection, dataset: str, after: str, window: str | None, rank: int | None
) -> list[str]:
    """List events that are not retracted; with a window, those that began in it.

    With a rank, events of a higher release are left out.
    """
    e = events.c
    asked = select(e.id).where(e.dataset == dataset, e.id > after, e.status != "retracted")
    if window is not None:
        first, last = parse_bounds(window)
        asked = asked.where(e.start >= first.isoformat(), e.start <= last.isoformat())
    if rank is not None:
        asked = asked.outerjoin(loaded, loaded.c.event == e.id)
        asked = asked.where(or_(loaded.c.rank.is_(None), loaded.c.rank <= rank))
    return list(db.scalars(asked.order_by(e.id).limit(5000)))


def _list_unretracted(db: Connection, ids: Sequence[str]) -> list[str]:
    """List those of some events that are stored and not retracted."""
    asked = select(events.c.id).where(in_list(db, events.c.id), events.c.status != "retracted")
    return list(db.scalars(asked, in_list_params(db, ids)))
