"""Watches on shifts: speak up once when a verdict is reached, and once when it falls."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from app.access.keys import find_readable_datasets
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.reader import Reader
from app.db.tables import events, watches
from app.errors import ClosedDatasetError, InvalidParameterError
from app.shifts import evidence, ranking, serialize
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import EventShare
from app.shifts.filter import ShiftQuery
from app.shifts.materialized.calibration import read_calibration
from app.shifts.materialized.read import has_stale_dyads
from app.shifts.question import AlignmentQuestion, read_question_days, resolve_question
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.verdicts import STRENGTH
from app.watches import delivery_store, watch_store
from app.watches.delivery_store import NewDelivery
from app.watches.schemas import WatchedShift

MAX_EVIDENCE = 50
"""Events that a message lists, those with the largest shares first."""
W = watches.c


@dataclass(frozen=True, slots=True)
class ShiftFound:
    """What a watched question finds at a version."""

    version: int
    label: str
    reached: bool
    shift: dict[str, Any]
    """The most certain shift, or the row that says that there is none."""
    shares: list[EventShare]
    """The evidence of it, the largest shares first."""


def to_shift_query(asked: WatchedShift) -> ShiftQuery:
    """Return the question of `/v1/shifts` that a watch asks."""
    return ShiftQuery.model_validate(asked.model_dump(exclude={"verdict"}, exclude_unset=True))


def resolve_watched_sides(
    db: Connection, asked: WatchedShift, defaults: tuple[str, ...]
) -> tuple[str, ...]:
    """Resolve whose acts may move a watched shift; raises `InvalidParameterError`."""
    question = resolve_question(db, to_shift_query(asked), defaults)
    return (question.actor,)


def find_watched_shift(
    db: Connection, asked: WatchedShift, defaults: tuple[str, ...]
) -> ShiftFound:
    """Find the most certain shift of a watched question, with its evidence."""
    query, version = to_shift_query(asked), read_version(db)
    known = read_calibration(db)
    question = resolve_question(db, query, defaults)
    rows = ranking.find_shifts_of_question(db, query, question, known).rows
    best = min(
        rows,
        key=lambda row: (
            -STRENGTH.get(row.verdict, 0), serialize.shift_sort_key(row, query.sort),
        ),
    )  # fmt: skip
    [shown] = serialize.add_formal_steps(db, [best])
    names = serialize.read_actor_names(db, [shown])
    shift = serialize.serialize_shift(shown, query, "named", version, names)
    return ShiftFound(
        int(version),
        version.label,
        STRENGTH.get(best.verdict, 0) >= STRENGTH[asked.verdict],
        shift.model_dump(mode="json"),
        _list_shares(db, question, best, known),
    )


def _list_shares(
    db: Connection, question: AlignmentQuestion, row: DetectedShift, known: Calibration
) -> list[EventShare]:
    days = read_question_days(db, question)
    return evidence.build_evidence(db, question, row, days, known.prior_share).events


def encode_finding(found: ShiftFound) -> str:
    """Encode what the next finding is compared with."""
    named = [share.event for share in found.shares[:MAX_EVIDENCE]]
    return json.dumps({"reached": found.reached, "version": found.version, "evidence": named})


def check_touched_shifts(
    database: Database, defaults: tuple[str, ...], *, waits_for_rebuild: bool
) -> int:
    """Compute the watched shifts whose sides changed again; returns how many spoke up.

    With `waits_for_rebuild` nothing is done as long as shifts of other dyads are stale, whose votes
    help to date a shift.
    """
    touched = (W.kind == "shift") & (W.state == "active") & (W.touched > W.checked)
    with database.connect() as db:
        rows = db.execute(select(watches).where(touched).order_by(W.checked)).all()
        if not rows or (waits_for_rebuild and has_stale_dyads(db)):
            return 0
    return sum(_check_shift(database, row, defaults) for row in rows)


def _check_shift(database: Database, row: Row[Any], defaults: tuple[str, ...]) -> bool:
    asked = WatchedShift.model_validate_json(row.question)
    before = json.loads(row.finding)
    with database.connect() as db:
        reader = Reader(find_readable_datasets(db, row.owner))
    try:
        with database.for_reader(reader).connect() as db:
            found = find_watched_shift(db, asked, defaults)
            new = _list_new_shares(db, found, int(before["version"]))
    except (InvalidParameterError, ClosedDatasetError) as gone:  # such as a retracted actor
        with database.write() as db:
            watch_store.stop_watch(db, row.id, "suspended", f"its question has no answer: {gone}")
        return False
    spoke = found.reached is not bool(before["reached"])
    with database.write() as db:
        now = watch_store.find_watch(db, row.id)
        if now is None or now.state != "active" or now.checked != row.checked:
            return False
        values: dict[str, Any] = {"checked": found.version}
        if spoke:
            change = "reached" if found.reached else "fallen"
            document = json.dumps(_build_shift_message(row, found, change, before, new))
            if not delivery_store.has_delivery(db, row.id, found.version):
                one = NewDelivery(
                    row.id, found.version, change, bool(row.url or row.email), document
                )
                delivery_store.add_deliveries(db, [one])
            values["finding"] = encode_finding(found)
        db.execute(update(watches).where(W.id == row.id).values(values))
    return spoke


def _list_new_shares(db: Connection, found: ShiftFound, since: int) -> list[EventShare]:
    """List the evidence that was written after a version."""
    named = [share.event for share in found.shares]
    new: set[str] = set()
    for at in range(0, len(named), 500):
        part = events.c.id.in_(named[at : at + 500])
        new |= set(db.scalars(select(events.c.id).where(part, events.c.seq > since)))
    return [share for share in found.shares if share.event in new]


def _build_shift_message(
    row: Row[Any], found: ShiftFound, change: str, before: dict[str, Any], new: list[EventShare]
) -> dict[str, Any]:
    kept = {share.event for share in found.shares}
    return {
        "type": f"shift.{change}",
        "timestamp": watch_store.format_now(),
        "data": {
            "watch": {"id": row.id, "name": row.name},
            "version": found.label,
            "shift": found.shift,
            "evidence": [share.model_dump(mode="json") for share in new[:MAX_EVIDENCE]],
            "no_longer_evidence": [event for event in before["evidence"] if event not in kept],
            "address": f"/v1/shifts/{found.shift['id']}",
        },
    }
