"""Compare changes with watches: one pass over the changes, in order, for all watches.

What matches and the position of the pass are written in one transaction, so that a killed process
loses nothing and says nothing twice.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.reader import read_unsearched_codes
from app.db.tables import revisions, watches
from app.events.render import decode_event_document
from app.http.metrics import WATCH_CHANGES
from app.watches import delivery_store, watch_store
from app.watches.delivery_store import NewDelivery
from app.watches.event_facts import EventFacts
from app.watches.readable import WatchReaders
from app.watches.registry import WatchRegistry

BATCH_SIZE = 2_000
"""Revisions that are compared together. What is said goes into pages by watch, so that larger
batches write each page less often: see `bench/watches.py`."""
TRIM_INTERVAL = 500
"""Deliveries of a watch after which its oldest ended ones are dropped."""


class StretchFound(NamedTuple):
    """What a stretch of changes means to watches."""

    end: int
    deliveries: list[NewDelivery]
    touched: set[str]
    """Watches on shifts between whose sides something changed."""


class WatchMatcher:
    """Compares changes with the watches of a database; for one thread."""

    def __init__(self, database: Database, batch_size: int = BATCH_SIZE) -> None:
        self.database, self.batch_size = database, batch_size
        self._registry = WatchRegistry()
        self._since_trim: dict[str, int] = {}

    def match_batch(self) -> bool:
        """Compare the next changes with all watches; False where there are no more."""
        with self.database.connect() as db:
            begin, newest = watch_store.read_position(db), int(read_version(db))
            self._registry.refresh(db)
            if not self._registry.has_watches:
                return False  # the first one sets the position
            if begin >= newest:
                return self._catch_up(begin)
            if len(self._registry):
                found = compare_changes(db, self._registry, begin, newest, self.batch_size)
            else:
                found = StretchFound(newest, [], set())
        WATCH_CHANGES.inc(found.end - begin)
        with self.database.write() as db:
            # A watch that was changed meanwhile goes on by itself from where it was.
            known = set(self._registry.sent)
            self._registry.refresh(db)
            gone = known - self._registry.sent.keys()
            if watch_store.move_position(db, begin, found.end):
                self._write_found(db, found, gone)
                watch_store.delay_full_watches(db, found.end)
        self._catch_up(found.end)
        return True

    def _catch_up(self, position: int) -> bool:
        """Take the watches that lag furthest a stretch further; False where none does."""
        with self.database.connect() as db:
            lagging = [
                row for row in watch_store.list_lagging_watches(db) if row.position <= position
            ]
            if not lagging:
                return False
            begin = min(row.position for row in lagging)
            group = [row for row in lagging if row.position == begin]
            upto = min((row.position for row in lagging if row.position > begin), default=position)
            found = StretchFound(begin, [], set())
            if begin < upto:
                registry = WatchRegistry().take_rows(db, group)
                found = compare_changes(db, registry, begin, upto, self.batch_size)
        with self.database.write() as db:
            now = {row.id: row for row in watch_store.list_lagging_watches(db)}
            same = {
                row.id
                for row in group
                if row.id in now and now[row.id].position == begin and now[row.id].url == row.url
            }
            self._write_found(db, found, {row.id for row in group} - same)
            arrived = found.end == watch_store.read_position(db)
            watch_store.set_positions(db, same, None if arrived else found.end)
        return True

    def _write_found(self, db: Connection, found: StretchFound, gone: set[str]) -> None:
        deliveries = [one for one in found.deliveries if one.watch not in gone]
        delivery_store.add_deliveries(db, deliveries)
        if touched := sorted(found.touched - gone):
            statement = update(watches).where(watches.c.id.in_(touched))
            db.execute(statement.values(touched=found.end))
        for one in deliveries:
            count = self._since_trim[one.watch] = self._since_trim.get(one.watch, 0) + 1
            if count >= TRIM_INTERVAL:
                self._since_trim[one.watch] = 0
                delivery_store.drop_old_deliveries(db, one.watch)


def _select_changes(
    db: Connection, after: int, upto: int, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    before = revisions.alias("before")
    r, b = revisions.c, before.c
    earlier = (b.kind == r.kind) & (b.id == r.id) & (b.revision == r.revision - 1)
    found = select(
        r.seq,
        r.kind,
        r.id,
        r.action,
        r.derived,
        document_of(revisions),
        document_of(before, "before"),
    )
    found = found.select_from(revisions.outerjoin(before, earlier))
    return db.execute(found.where(r.seq > after, r.seq <= upto).order_by(r.seq).limit(limit)).all()


def compare_changes(
    db: Connection, registry: WatchRegistry, after: int, upto: int, limit: int
) -> StretchFound:
    """Compare changes after a `seq` with watches, up to another `seq` or some number of changes."""
    rows = _select_changes(db, after, upto, limit)
    deliveries: list[NewDelivery] = []
    touched: set[str] = set()
    readers, unsearched = WatchReaders(db, registry.owners), read_unsearched_codes(db)
    if any(registry.rests_on(row.kind, row.action) for row in rows):
        registry.resolve_again(db)
    for row in rows:
        if row.kind != "event":
            continue
        event = _read_facts(row.document, registry, unsearched)
        before = None if row.before is None else _read_facts(row.before, registry, unsearched)
        now = readers.keep_readable(row.id, registry.index.find_watches(event))
        then = [] if before is None else registry.index.find_watches(before)
        then = readers.keep_readable(row.id, then)
        for watch, change in describe_changes(now, then, event.status, before is None):
            if change != "changed" or not row.derived:
                deliveries.append(NewDelivery(watch, row.seq, change, registry.sent[watch]))
        if registry.sides:
            touched |= _find_touched(registry, event)
            if before is not None:
                touched |= _find_touched(registry, before)
    end = rows[-1].seq if len(rows) == limit else upto
    return StretchFound(end, deliveries, touched)


def _read_facts(document: str, registry: WatchRegistry, unsearched: Collection[str]) -> EventFacts:
    return EventFacts(decode_event_document(document), registry.survivors, unsearched)


def describe_changes(
    now: Sequence[str], then: Sequence[str], status: str, is_new: bool
) -> list[tuple[str, str]]:
    """Say of each watch that an event matches or matched, what the change is to it."""
    if is_new:
        return [(watch, "added") for watch in now]
    before, after = set(then), set(now)
    found = []
    for watch in now:
        change = "changed" if watch in before else "entered"
        found.append((watch, change))
    left = "retracted" if status == "retracted" else "left"
    found += [(watch, left) for watch in then if watch not in after]
    return found


def _find_touched(registry: WatchRegistry, event: EventFacts) -> set[str]:
    found: set[str] = set()
    for actor in {part[0] for part in event.parts}:
        found |= registry.sides.get(actor, set())
    return found
