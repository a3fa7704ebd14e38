"""A round of pulling: what a source has is compared with the ledger, fetched, and loaded."""

import gc
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from app.db.engine import Database
from app.db.journal import Writer
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.loading.loader import Loader
from app.ingest.loading.maintenance import MaintenanceTerms, maintain_after_load
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.files import open_input_files
from app.ingest.remote.errors import DownloadError, InterruptedDownloadError, WrongDigestError
from app.pull import ledger
from app.pull.items import (
    DONE_STATES,
    TIMELESS,
    Asking,
    BadFileError,
    Fetched,
    MissingItemError,
    OverForTodayError,
    PullError,
    PullItem,
    PullSource,
    PullWindow,
    RefusedError,
    SourceState,
)
from app.pull.wire import Wire

RETRY_MINUTES, MAX_RETRY_MINUTES = 15, 24 * 60
"""Minutes until the next try of an item that failed; they double up to a day."""
WATCHED_DAYS = 7
"""Days for which a missing file is looked for again, once a day."""
BREAKER = 3
"""Items that fail one after the other, from the first on, before a source counts as down."""
ITEMS_BETWEEN_COLLECTIONS = 20
"""Items after which garbage is collected. Statements and requests leave some 570 objects an item in
cycles; by the thresholds of a load they would be found after 3,500 items and 400 MB."""
Order = Literal["newest", "oldest"]
log = logging.getLogger("entente.pull")


@dataclass(slots=True)
class RoundReport:
    """What came of a round."""

    source: str
    listed: int = 0
    """Items that the source named and the ledger did not have, or had in another version."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Items that were asked for, by what became of them."""
    rows: int = 0
    new: int = 0
    changed: int = 0
    retracted: int = 0
    rejected: int = 0
    requests: int = 0
    received: int = 0
    """Bytes that arrived."""
    left: int = 0
    """Items that are due and were left for a later round."""
    stopped: str | None = None
    """Why the round ended before its end."""

    def count(self, state: str) -> None:
        """Count an item by what became of it."""
        self.outcomes[state] = self.outcomes.get(state, 0) + 1

    def add_stats(self, stats: LoadStats) -> None:
        """Add the rows of a load."""
        for name in ("rows", "new", "changed", "retracted", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(stats, name))


@dataclass(slots=True)
class Round:
    """One look at a source: lists, then items that are due, then the ledger."""

    database: Database
    source: PullSource
    wire: Wire
    window: PullWindow = field(default_factory=PullWindow)
    is_forced: bool = False
    """Whether unfinished items are asked for before their next try has come."""
    order: Order = "newest"
    max_files: int | None = None
    max_bytes: int | None = None
    on_item: Callable[[PullItem, int, int], None] = lambda *_: None
    """Called after each item, with its number and that of all."""
    is_ended: Callable[[], bool] = lambda: False
    """Asked between items whether the round has to end."""
    _state: SourceState = field(init=False)
    _loader: Loader | None = None

    def plan(self) -> list[PullItem]:
        """Ask for lists alone, and return the items that would be fetched; nothing is stored."""
        items = self._list_items()
        known = self._find_known(items)
        due = [one for item in items if (one := _merge(known.get((item.stream, item.name)), item))]
        named = {(item.stream, item.name) for item in due}
        return [*due, *(one for one in self._read_due() if (one.stream, one.name) not in named)]

    def run(self) -> RoundReport:
        """Fetch and load what is due; raises `PullError` where nothing can be done."""
        report = RoundReport(self.source.name)
        try:
            self._run_items(report)
        except PullError as failed:
            self._finish(report, str(failed))
            raise
        except DownloadError as failed:
            report.stopped = f"the lists of {self.source.name}: {failed}"
            self._finish(report, report.stopped)
        else:
            self._finish(report, report.stopped)
        return report

    def _run_items(self, report: RoundReport) -> None:
        items = self._list_items()
        report.listed = self._record_items(items)
        due = self._read_due()
        due.sort(key=lambda one: one.stamp, reverse=self.order == "newest")
        chosen = due[: self.max_files]
        failures = 0
        for number, item in enumerate(chosen, 1):
            full = self.max_bytes is not None and self.wire.received >= self.max_bytes
            if full or self.is_ended():
                report.left = len(due) - number + 1
                return
            try:
                self._pull_item(item, report)
            except OverForTodayError as over:
                report.stopped, report.left = str(over), len(due) - number + 1
                return
            report.count(item.state)
            self.on_item(item, number, len(chosen))
            if not number % ITEMS_BETWEEN_COLLECTIONS:
                gc.collect()
            failures = failures + 1 if item.state == "failed" else -len(chosen)
            if failures >= BREAKER:
                report.stopped = f"{self.source.name} is down: {item.error}"
                report.left = len(due) - number
                return
        report.left = len(due) - len(chosen)

    def _list_items(self) -> list[PullItem]:
        with self.database.connect() as db:
            self._state = ledger.read_source(db, self.source.name)
        return self.source.list_items(self._ask())

    def _ask(self) -> Asking:
        known = ledger.make_known_items(self.database, self.source.name)
        return Asking(self.wire, self._state, known, self.window)

    def _find_known(self, items: Sequence[PullItem]) -> dict[tuple[str, str], PullItem]:
        """Find what the ledger has of some items."""
        view, found = ledger.make_known_items(self.database, self.source.name), {}
        for stream in {item.stream for item in items}:
            stamps = [item.stamp for item in items if item.stream == stream]
            for name, known in view.find(stream, min(stamps), max(stamps)).items():
                found[stream, name] = known
        return found

    def _record_items(self, items: Sequence[PullItem]) -> int:
        """Record what is new or has another version, with the tags of the lists, all at once."""
        known = self._find_known(items)
        now = ledger.format_instant(self.wire.now)
        merged = [
            one for item in items if (one := _merge(known.get((item.stream, item.name)), item))
        ]
        for item in merged:
            item.first_listed = item.first_listed or now
        with self.database.write() as db:
            ledger.write_items(db, self.source.name, merged)
            ledger.write_source(db, self._state)
        return len(merged)

    def _read_due(self) -> list[PullItem]:
        """Read the items that are due now; in a window that is asked for, all unfinished ones."""
        with self.database.connect() as db:
            if not self.is_forced:
                now = ledger.format_instant(self.wire.now)
                return ledger.read_due_items(db, self.source.name, now)
            found = ledger.read_open_items(db, self.source.name)
        # What the source itself names as missing or closed was never asked for.
        asked = [one for one in found if one.tries or one.state not in ("missing", "refused")]
        return [item for item in asked if self.window.contains(item.stamp)]

    def _pull_item(self, item: PullItem, report: RoundReport) -> None:
        folder = Path(tempfile.mkdtemp(prefix="entente-pull-"))
        item.tries += 1
        try:
            self._fetch_and_load(item, folder, report)
        except InterruptedDownloadError as failed:
            self._put_off(item, "failed", str(failed))
        except WrongDigestError as wrong:
            self._put_off(item, "bad", str(wrong))
        except DownloadError as failed:
            self._note_refusal(item, failed)
        except (BadFileError, UnreadableFileError) as wrong:
            self._put_off(item, "bad", str(wrong))
        except MissingItemError as missing:
            self._note_missing(item, str(missing))
        except RefusedError as refused:
            self._put_off(item, "refused", str(refused), minutes=MAX_RETRY_MINUTES)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with self.database.write() as db:
            ledger.write_items(db, self.source.name, [item])
            ledger.write_source(db, self._state)

    def _fetch_and_load(self, item: PullItem, folder: Path, report: RoundReport) -> None:
        found = self.source.fetch_item(self._ask(), item, folder)
        if found.path is not None:
            stats = self._load(item, found)
            item.rows, item.rejected = stats.rows, stats.rejected
            item.publications += 1
            report.add_stats(stats)
        if found.download is not None:
            item.etag = found.download.etag or item.etag
            item.last_modified = found.download.last_modified or item.last_modified
        item.state = "loaded" if item.rows else "empty"
        item.error, item.next_try = None, None
        item.loaded_at = ledger.format_instant(self.wire.now)
        self._state.restriction = found.restriction
        if item.stamp != TIMELESS:
            self._state.newest = max(self._state.newest or "", item.stamp)
        self._state.mark = max(filter(None, (found.mark, self._state.mark)), default=None)

    def _load(self, item: PullItem, found: Fetched) -> LoadStats:
        """Load a file, and retract what the source has withdrawn."""
        assert found.path is not None
        options = self.source.choose_options(item)
        options.covers = found.covers or options.covers
        if self._loader is None:
            by = Writer(f"entente pull {self.source.name}")
            self._loader = Loader(self.database, by, options)
        loader = self._loader
        loader.options, loader.stats = options, LoadStats()
        if failed := loader.load_files(list(open_input_files(found.path))):
            raise BadFileError("; ".join(failed))
        if found.retracts:
            code = self.source.dataset.code
            loader.retract_keys(code, found.retracts, f"deleted by {self.source.name}")
        return loader.stats

    def _put_off(
        self, item: PullItem, state: str, error: str, *, minutes: int | None = None
    ) -> None:
        """Note why an item did not come, and when it is asked for again."""
        wait = min(RETRY_MINUTES << min(item.tries - 1, 10), MAX_RETRY_MINUTES)
        at = self.wire.now + timedelta(minutes=minutes or wait)
        item.state, item.error, item.next_try = state, error[:500], ledger.format_instant(at)
        log.warning("%s %s: %s: %s", self.source.name, item.name, state, item.error)

    def _note_refusal(self, item: PullItem, failed: DownloadError) -> None:
        if failed.status in (404, 410):
            self._note_missing(item, str(failed))
        elif failed.status in (400, 401, 403):
            self._put_off(item, "refused", str(failed), minutes=MAX_RETRY_MINUTES)
        elif failed.status in (429, 503):
            self._put_off(item, "failed", str(failed), minutes=MAX_RETRY_MINUTES // 24)
        else:
            self._put_off(item, "bad", str(failed))

    def _note_missing(self, item: PullItem, error: str) -> None:
        """Note that a file is not there: it may be late, or missing, at last for good."""
        stamp = datetime.fromisoformat(item.stamp).replace(tzinfo=self.wire.now.tzinfo)
        age = self.wire.now - stamp
        hours = self.source.count_late_hours(item)
        if age < timedelta(hours=hours):
            self._put_off(item, "late", error, minutes=RETRY_MINUTES - 1)
            return
        self._put_off(item, "missing", error, minutes=MAX_RETRY_MINUTES)
        if age > timedelta(days=WATCHED_DAYS, hours=hours):
            item.next_try = None

    def _finish(self, report: RoundReport, error: str | None) -> None:
        record_round(self.database, self.wire, self._state, report, error)
        maintain_after_load(self.database, report.new, MaintenanceTerms(is_ended=self.is_ended))


def record_round(
    database: Database, wire: Wire, state: SourceState, report: RoundReport, error: str | None
) -> None:
    """Record in the report and in the ledger that a round has ended, and why, if it failed."""
    report.requests, report.received = wire.requests, wire.received
    state.last_round = ledger.format_instant(wire.now)
    state.error = error
    if error is None:
        state.last_success = state.last_round
    with database.write() as db:
        ledger.write_source(db, state)


def _merge(known: PullItem | None, item: PullItem) -> PullItem | None:
    """Return the item as it is to be recorded; None where the ledger has it as it is."""
    if known is None:
        return item
    done = known.state in DONE_STATES
    other = bool(item.checksum) and item.checksum != known.checksum
    if done and not other and not item.again:
        return None
    if not done and not other and item.state in ("listed", known.state):
        return None
    known.url, known.size = item.url, item.size or known.size
    if other or item.again:
        known.checksum = item.checksum or known.checksum
        known.state, known.tries, known.next_try, known.error = item.state, 0, None, item.error
    return known
