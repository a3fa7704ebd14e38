"""Volumes follow from signals, whatever is written, in the same transaction."""

from typing import Any

import make
import numpy as np
import pytest
from msgspec import structs
from soak import choose_size
from sqlalchemy import select, update

from app.db.engine import Database
from app.db.tables import day_sums, month_counts, volumes
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.events.verify import find_event_faults
from app.shifts.statistics.sums import ONE_DAY

pytestmark = pytest.mark.slow


def make_input(key: int, day: str, score: float, one: str, other: str, **more: Any) -> EventRecord:
    signal = {"from": one, "toward": other, "score": score}
    return convert_record(
        {"key": str(key), "title": f"{key}", "date": day, "signals": [signal], "participants": []}
        | more
    )


def make_events(count: int, seed: int) -> list[EventRecord]:
    """Events of three states on the same few days, at the turn of a month."""
    dice = np.random.default_rng(seed)
    people = ("ARM", "RUS", "USA")
    found = []
    for key in range(count):
        one, other = (people[n] for n in dice.choice(3, 2, replace=False))
        day = str(np.datetime64("2020-01-28") + int(dice.integers(0, 8)) * ONE_DAY)
        found.append(make_input(key, day, float(dice.choice([-9.0, -4.0, 3.0, 7.0])), one, other))
    return found


def test_a_volume_is_all_signals_of_the_dataset(database: Database) -> None:
    with database.write() as db:
        dataset = make.dataset(db)
        acts = [make_input(n, f"2020-0{1 + n // 2}-03", 1.0, "ARM", "USA") for n in range(3)]
        write_events(db, [*acts, make_input(9, "2020-01-04", 1.0, "RUS", "USA")], dataset, make.BY)
        v = volumes.c
        rows = db.execute(select(v.size, v.start, v.n).where(v.dataset == dataset))
        assert sorted(map(tuple, rows)) == [
            ("day", "2020-01-03", 2), ("day", "2020-01-04", 1), ("day", "2020-02-03", 1),
            ("month", "2020-01", 3), ("month", "2020-02", 1),
        ]  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(choose_size(1, 10)))
def test_written_changed_and_retracted_volumes_stay_true(database: Database, seed: int) -> None:
    acts = make_events(60, seed)
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, acts, dataset, make.BY)
    moved = [structs.replace(e, date="2020-03-09") for e in acts[:20]]
    gone = [structs.replace(e, status="retracted") for e in acts[10:40]]
    for part in (moved, gone, acts[30:35]):
        with database.write() as db:
            write_events(db, part, dataset, make.BY)
        with database.connect() as db:
            assert not list(find_event_faults(db))
    left = [structs.replace(e, status="retracted") for e in acts]
    with database.write() as db:
        write_events(db, left, dataset, make.BY)
    with database.connect() as db:
        assert not list(find_event_faults(db))
        for table in (day_sums, month_counts, volumes):
            assert not db.execute(select(table).where(table.c.dataset == dataset)).all()


@pytest.mark.parametrize("size", ["day", "month"])
def test_verify_detects_a_wrong_volume(database: Database, size: str) -> None:
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, make_events(20, 9), dataset, make.BY)
    v = volumes.c
    ours = (v.dataset == dataset, v.size == size)
    with database.engine.connect() as db:
        db.execute(update(volumes).where(*ours).values(n=v.n + 1))
        found = list(find_event_faults(db))
        db.rollback()
    assert found
    assert all(dataset in line and size in line for line in found)
