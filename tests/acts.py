"""Makes datasets of invented acts between four states, some of which change sides."""

from collections.abc import Sequence
from uuid import uuid4

import make
import numpy as np
from sqlalchemy import Connection

from app.db.engine import Database
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.statistics.sums import ONE_DAY

PEOPLE = ("USA", "RUS", "CHN", "FRA")


def make_acts(
    seed: int, turned: bool = False, people: Sequence[str] = PEOPLE, count: int = 160
) -> list[EventRecord]:
    """Make events of some actors over four years; some of them change sides in the middle."""
    dice = np.random.default_rng(seed)
    found = []
    for n in range(count):
        one, other = (people[i] for i in dice.choice(len(people), 2, replace=False))
        day = str(np.datetime64("2016-01-01") + int(dice.integers(0, 1460)) * ONE_DAY)
        mood = 1 if day < "2018-01-01" or "FRA" in (one, other) else -1
        score = float(mood * dice.choice([2.0, 4.0, 7.0]) * dice.choice([1, 1, 1, -1]))
        roles = ("initiator", "target")
        pair = (other, one) if turned else (one, other)
        found.append(
            convert_record(
                {
                    "key": f"e{n:03d}",
                    "title": f"event {n}",
                    "date": day,
                    "intensity": score,
                    "quad": (1 if score > 0 else 3) + int(abs(score) > 6),
                    "participants": [
                        {"actor": a, "role": r} for a, r in zip(pair, roles, strict=True)
                    ],
                }
            )
        )
    return found


def add_dataset(db: Connection) -> str:
    return make.dataset(db, f"made-{uuid4().hex[:8]}")


def load_batches(database: Database, batches: list[list[EventRecord]]) -> str:
    """Write batches of events to a new dataset, and rebuild its shifts after each."""
    with database.write() as db:
        dataset = add_dataset(db)
    for part in batches:
        with database.write() as db:
            write_events(db, part, dataset, make.BY)
        rebuild_stale_dyads(database)
    return dataset
