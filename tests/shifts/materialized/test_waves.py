"""Votes of dyads are stored and kept fresh, and their partners with them."""

from collections.abc import Sequence
from typing import Any

import make
import numpy as np
import pytest
from acts import add_dataset
from serving import open_client
from sqlalchemy import select, update

from app.db.engine import Database
from app.db.tables import dyad_votes, dyads, shifts
from app.db.worker_process import render_database_url
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.shifts.materialized import votes
from app.shifts.materialized.family_names import name_family
from app.shifts.materialized.read import IS_STALE
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.materialized.verify import verify_stored_shifts
from app.shifts.statistics.sums import ONE_DAY, ONE_MONTH

pytestmark = pytest.mark.by_turns

PARTNERS = ("CHN", "FRA", "DEU", "ITA", "ESP", "POL", "TUR", "IRN", "IND", "JPN", "BRA", "MEX")
MOVING = PARTNERS[:5]


def make_events(seed: int, partners: Sequence[str], moving: Sequence[str]) -> list[EventRecord]:
    """Make four acts a month of the USA toward each partner; some partners turn in 2018."""
    dice, found = np.random.default_rng(seed), []
    for partner in partners:
        for month in range(60):
            for n in range(4):
                begins = (np.datetime64("2016-01") + month * ONE_MONTH).astype("datetime64[D]")
                day = begins + 6 * n * ONE_DAY
                turned = partner in moving and month >= 30
                good = bool(dice.random() < (0.3 if turned else 0.9))
                found.append(
                    convert_record(
                        {
                            "key": f"{seed}-{partner}-{month}-{n}",
                            "title": "act",
                            "date": str(day),
                            "intensity": 4.0 if good else -4.0,
                            "quad": 1 if good else 3,
                            "participants": [
                                {"actor": "USA", "role": "initiator"},
                                {"actor": partner, "role": "target"},
                            ],
                        }
                    )
                )
    return found


def load(database: Database, dataset: str, events: list[EventRecord]) -> None:
    with database.write() as db:
        write_events(db, events, dataset, make.BY)


def read_rows(database: Database, dataset: str) -> list[Any]:
    with database.connect() as db:
        s = shifts.c
        columns = (s.one, s.other, s.number, s.p, s.q, s.weight, s.finding)
        rows = db.execute(select(*columns).where(s.dataset == dataset)).all()
    return sorted(map(tuple, rows))


@pytest.mark.slow
def test_votes_of_one_dataset_leave_a_shared_dyad_as_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        one, other = add_dataset(db), add_dataset(db)
    monkeypatch.setenv("ENTENTE_ALIGNMENT_DATASETS", f'["{one}","{other}"]')
    load(database, one, make_events(7, ["DEU"], ["DEU"]))
    load(database, other, make_events(7, ["DEU"], [])[:1])  # too few for votes of its own
    rebuild_stale_dyads(database)
    load(database, other, make_events(8, [p for p in PARTNERS if p != "DEU"], MOVING))
    rebuild_stale_dyads(database)
    joint = read_rows(database, name_family([one, other]))
    [(*_, finding)] = [row for row in joint if "DEU" in row[:2]]
    assert f'"of":{len(PARTNERS) - 1}' in finding
    with database.connect() as db:
        assert list(verify_stored_shifts(db)) == []


@pytest.mark.slow
def test_partners_that_moved_are_named_and_kept_fresh(database: Database) -> None:
    with database.write() as db:
        dataset = add_dataset(db)
    load(database, dataset, make_events(1, PARTNERS[1:], MOVING))
    rebuild_stale_dyads(database)
    assert read_rows(database, dataset)
    with open_client(render_database_url(database), in_background=True) as api:
        asked = {"actor": "USA", "toward": "DEU", "dataset": dataset}
        [before] = api.get("/v1/shifts", params=asked).json()["data"]
        assert before["wave"]["actor"] == "USA"
        assert before["wave"]["of"] == len(PARTNERS) - 2
        assert set(before["wave"]["partners"]) <= set(MOVING) - {"DEU"}
        [listed] = [
            row
            for row in api.get("/v1/shifts", params={"dataset": dataset, "max_q": 1}).json()["data"]
            if {row["actor"], *row["toward"]} == {"USA", "DEU"}
        ]
        assert listed["wave"] == before["wave"]
        detail = api.get(f"/v1/shifts/{listed['id']}").json()
        assert detail["wave"] == before["wave"]
        filtered = api.get("/v1/shifts", params=asked | {"min_intensity": -10}).json()["data"]
        assert [row["wave"] for row in filtered] == [None] * len(filtered)
        assert all(row["wave_reason"] for row in filtered)
    # A partner more that moves in the same month: the others are detected again, and only they.
    load(database, dataset, make_events(2, PARTNERS[:1], MOVING))
    with database.connect() as db:
        assert len(db.execute(select(dyads.c.one).where(IS_STALE)).all()) == 1
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert not db.execute(select(dyads.c.one).where(IS_STALE)).all()
        assert list(verify_stored_shifts(db)) == []
    kept = read_rows(database, dataset)
    assert any("CHN" in row[6] for row in kept if "CHN" not in row[:2])
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    rebuild_stale_dyads(database)
    assert read_rows(database, dataset) == kept


@pytest.mark.slow
def test_a_setting_leaves_every_dyad_to_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        dataset = add_dataset(db)
    load(database, dataset, make_events(1, PARTNERS, MOVING))
    rebuild_stale_dyads(database)
    with_waves = read_rows(database, dataset)
    assert any(row[5] > 1 for row in with_waves)
    monkeypatch.setenv("ENTENTE_SHIFT_WAVES", "false")
    votes.apply_wave_setting(database)
    rebuild_stale_dyads(database)
    assert {row[5] for row in read_rows(database, dataset)} == {1.0}
    with database.connect() as db:
        assert not db.execute(select(dyad_votes.c.one)).all()
        assert list(verify_stored_shifts(db)) == []
    monkeypatch.setenv("ENTENTE_SHIFT_WAVES", "true")
    votes.apply_wave_setting(database)
    rebuild_stale_dyads(database)
    assert read_rows(database, dataset) == with_waves
