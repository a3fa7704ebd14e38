"""Keeps a dataset in step with the same one at another Entente: decision 032."""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from app.db.engine import Database
from app.db.journal import Writer
from app.events.vocabulary import Status
from app.ingest.loading.key_index import KeyIndex
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load
from app.ingest.loading.retraction import Retraction
from app.ingest.loading.stats import LoadStats
from app.pull import ledger
from app.pull.items import PullError, PullItem, SourceState
from app.pull.original import (
    WRONG_INPUT,
    ChangeFeed,
    ClosedOriginalError,
    Original,
    OriginalChange,
    Position,
    Question,
)
from app.pull.replica_window import ChangeWindow, PassedDocuments
from app.pull.replica_write import ReplicaWriter, WindowResult
from app.pull.round import RoundReport, record_round
from app.pull.wire import Wire
from app.sources.covered import read_dataset_document
from app.sources.schemas import Dataset

DOCUMENT_KINDS = ("actor", "membership", "source", "dataset")
BEGUN_AGAIN = "begun_again"
"""The mark in the ledger of a comparison from the beginning that has not come to its end."""
log = logging.getLogger("entente.pull")


@dataclass(frozen=True, slots=True)
class ReplicaSource:
    """What is followed: a dataset of another service."""

    base: str
    dataset: str
    key: str = field(default="", repr=False)
    every: int = 60
    """Seconds between two looks at it."""

    @property
    def name(self) -> str:
        """The name in the ledger."""
        return f"entente-{self.dataset}"

    @property
    def host(self) -> str:
        """The host, which changes are written in the name of."""
        return urlsplit(self.base).netloc


@dataclass(slots=True)
class ReplicaRound:
    """One look at an original: what has changed there since the last one is written here."""

    database: Database
    source: ReplicaSource
    wire: Wire
    accepts_terms: bool = False
    begins_again: bool = False
    is_ended: Callable[[], bool] = lambda: False
    on_window: Callable[[int], None] = lambda _: None
    """Called after each stretch of changes with the version that is reached."""
    _state: SourceState = field(init=False)
    _passed: PassedDocuments = field(default_factory=PassedDocuments)

    @property
    def _original(self) -> Original:
        one = self.source
        return Original(self.wire, one.base, one.dataset, one.key)

    @property
    def _by(self) -> Writer:
        return Writer(f"entente follow {self.source.host}")

    def run(self) -> RoundReport:
        """Write what has changed; raises `PullError` where nothing can be done."""
        report = RoundReport(self.source.name)
        with self.database.connect() as db:
            self._state = ledger.read_source(db, self.source.name)
        try:
            self._begin()
            self._follow_changes(report)
            if self._state.lists.get(BEGUN_AGAIN) and not report.left:
                self._retract_absent(report)
        except ClosedOriginalError as closed:
            self._close_replica()
            self._finish(report, str(closed))
            raise
        except PullError as failed:
            self._finish(report, str(failed))
            raise
        self._finish(report, None)
        return report

    def _begin(self) -> None:
        """Make sure that the dataset may be followed; the first time its document is written."""
        first = self._state.terms_accepted is None
        if not (first or self.begins_again):
            return
        theirs = self._read_dataset()
        if first and theirs.terms and not self.accepts_terms:
            raise PullError(
                f"{theirs.code} is given out under {theirs.licence}, and has terms:"
                f" {theirs.terms}\nAccept them once with --accept-terms.",
                WRONG_INPUT,
            )
        with self.database.connect() as db:
            ours = read_dataset_document(db, theirs.code)
        if first and ours is not None and not self.begins_again:
            raise PullError(
                f"The dataset {theirs.code} is here already, and not from {self.source.base}."
                " --begin-again makes it the same as there: events that it has alone are"
                " retracted.",
                WRONG_INPUT,
            )
        self._state.terms_accepted = ledger.format_instant(self.wire.now)
        if self.begins_again:
            self._state.mark = None
            self._state.lists = {BEGUN_AGAIN: self._state.terms_accepted}
        self.begins_again = False
        window = ChangeWindow(0, [self._read_dataset_change()], [])
        with self.database.write() as db:
            ReplicaWriter(db, self._by, self.source.dataset, window).write_window()
            ledger.write_source(db, self._state)

    def _read_dataset_change(self) -> OriginalChange:
        code = self.source.dataset
        found = self._original.find_documents("dataset", [code]).get(code)
        if found is None or found.action == "retract":
            raise PullError(f"{self.source.base} has no dataset {code}", WRONG_INPUT)
        return found

    def _read_dataset(self) -> Dataset:
        return Dataset.model_validate(msgspec.json.decode(self._read_dataset_change().document))

    def _follow_changes(self, report: RoundReport) -> None:
        """Write the two lists of changes together, in the order of writing."""
        at = Position.parse_label(self._state.mark)
        kinds: Question = [("kind", kind) for kind in DOCUMENT_KINDS]
        status: Question = [("status", one) for one in get_args(Status)]
        documents = ChangeFeed(self._original, kinds, at)
        events = ChangeFeed(self._original, [("dataset", self.source.dataset), *status], at)
        while (feed := _choose_feed(documents, events)) is not None:
            if self.is_ended():
                report.left = 1
                return
            before = feed.upto.seq
            feed.read_page()
            upto = min(documents.upto, events.upto, key=lambda one: one.seq)
            if upto.seq > at.seq:
                passed = documents.take_until(upto.seq)
                window = ChangeWindow.collect_changes(upto.seq, passed, events.take_until(upto.seq))
                self._write_window(window, upto, report)
                self._passed.keep_changes(passed)
                at = upto
            elif feed.upto.seq == before and documents.upto.seq != events.upto.seq:
                return  # a standby that is behind answered; the next round goes on

    def _write_window(self, window: ChangeWindow, upto: Position, report: RoundReport) -> None:
        with self.database.connect() as db:
            window.find_missing(db, self._original, self._passed)
        with self.database.write() as db:
            writer = ReplicaWriter(db, self._by, self.source.dataset, window)
            result = writer.write_window()
            now = ledger.format_instant(self.wire.now)
            reached = replace(self._state, mark=upto.label, newest=now[:16])
            ledger.write_source(db, reached)
            ledger.write_items(db, self.source.name, [self._make_item(result)])
        self._state = reached  # not before it is committed
        gc.collect()  # see ITEMS_BETWEEN_COLLECTIONS in `app.pull.round`
        self._note_result(result, report)
        self.on_window(upto.seq)

    def _make_item(self, result: WindowResult) -> PullItem:
        """Make the row of the ledger that says how far the replica is."""
        now = ledger.format_instant(self.wire.now)
        return PullItem(
            "changes", self.source.base, self.source.base, now[:16], state="loaded",
            first_listed=self._state.terms_accepted or now, loaded_at=now, rows=result.events,
        )  # fmt: skip

    def _note_result(self, result: WindowResult, report: RoundReport) -> None:
        report.rows += result.events
        report.new += result.new
        report.changed += result.changed
        report.retracted += result.retracted
        report.listed += result.documents
        if result.differing:
            log.warning(
                "%s: %d events are not rendered as at the original, such as %s: an actor or source"
                " was edited here, or the versions of Entente differ",
                self.source.name, len(result.differing), result.differing[0],
            )  # fmt: skip

    def _retract_absent(self, report: RoundReport) -> None:
        """Retract the events that the original does not have, after a beginning from zero."""
        stats = LoadStats()
        with KeyIndex() as keys:
            for key in self._original.list_keys():
                keys.add_key(key)
            by = Writer(self._by.name, "is not at the original")
            Retraction(self.database, by, stats, None).retract_missing(
                self.source.dataset, keys, None
            )
        report.retracted += stats.retracted
        self._state.lists = {}

    def _close_replica(self) -> None:
        """Close the dataset here as it is closed there; nothing more of it can be read."""
        window = ChangeWindow(0, [self._read_dataset_change()], [])
        with self.database.write() as db:
            if read_dataset_document(db, self.source.dataset) is not None:
                ReplicaWriter(db, self._by, self.source.dataset, window).write_window()

    def _finish(self, report: RoundReport, error: str | None) -> None:
        record_round(self.database, self.wire, self._state, report, error)
        maintain_after_load(self.database, report.new, MaintenanceTerms(is_ended=self.is_ended))


def _choose_feed(documents: ChangeFeed, events: ChangeFeed) -> ChangeFeed | None:
    """Choose the list that is behind, or else one that has more; None at the end of both."""
    if documents.upto.seq != events.upto.seq:
        return min(documents, events, key=lambda one: one.upto.seq)
    return next((one for one in (documents, events) if not one.is_done), None)
