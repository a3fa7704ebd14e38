"""After a change of the rules all signals are derived again, and the old ones stay readable."""

from math import log2

import make
import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy import delete, func, insert, select, update

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.tables import datasets, day_sums, dyads, house, signals
from app.editing.rerender import MARK, apply_signal_rules
from app.events.event_sums import sum_signals_by_day
from app.events.signals import RULES_VERSION
from app.events.verify import find_event_faults
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.materialized.verify import verify_stored_shifts

pytestmark = pytest.mark.slow

SCALE = datasets.c.signals

OF_MADE = signals.c.dataset == "made"


def write_by_old_rules(database: Database) -> tuple[str, str, int]:
    """Write a ceasefire and a treaty as version 1 of the rules did; returns also the version."""
    with database.write() as db:
        make.dataset(db)
        db.execute(update(datasets).where(datasets.c.code == "made").values(signals="goldstein"))
        truce = make.event(db, "ARM", "AZE", cameo="0871", date="2020-11-10")
        treaty = make.event(db, "ARM", "AZE", cameo="057", date="2020-11-11")
        db.execute(update(datasets).where(datasets.c.code == "made").values(signals="entente"))
    rebuild_stale_dyads(database)
    with database.connect() as db:
        return truce, treaty, read_version(db)


def test_a_vague_date_keeps_its_old_day(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
        vague = make.event(db, "ARM", "AZE", cameo="057", date="2020-11")
        roles = {"ARM": "initiator", "AZE": "target"}
        visit = make.event(db, "ARM", "AZE", cameo="043", date="2020-11-10", roles=roles)
        # As the schema before had it: each signal on its first day.
        db.execute(update(signals).where(signals.c.event == vague).values(end="2020-11-01"))
        db.execute(delete(day_sums).where(day_sums.c.dataset == "made"))
        rows = [dict(r) for r in db.execute(select(signals).where(OF_MADE)).mappings()]
        db.execute(insert(day_sums), sum_signals_by_day(rows))
    assert apply_signal_rules(database) == 2
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
        ends = select(signals.c.event, signals.c.end).where(OF_MADE)
        assert {tuple(row) for row in db.execute(ends)} == {
            (vague, "2020-11-30"),
            (visit, "2020-11-10"),
        }
        assert db.scalar(select(datasets.c.mirrored_visits).where(datasets.c.code == "made"))


def read_scores(api: TestClient, event: str, **more: str | int) -> list[float]:
    answer = api.get(f"/v1/events/{event}", params=more).json()
    return [s["score"] for s in answer["signals"]]


def test_signals_stay_as_old_rules_derived_them(database: Database) -> None:
    truce, treaty, version = write_by_old_rules(database)
    assert apply_signal_rules(database) == 1
    assert apply_signal_rules(database) is None

    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        assert read_scores(api, truce) == []
        assert read_scores(api, truce, as_of=version) == [9.0, 9.0]
        assert read_scores(api, treaty) == [8.0, 8.0]
        asked = {"actor": "ARM", "toward": "AZE", "dataset": "made", "granularity": "month"}
        of_months = [
            sum(p["positive"] for p in api.get("/v1/alignment", params=asked | more).json()["data"])
            for more in ({}, {"as_of": version})
        ]
        assert of_months == [1.6, 3.4]
        assert api.get("/v1/changes", params={"after": version}).json()["data"] == []
        shown = api.get("/v1/changes", params={"after": version, "derived": True}).json()["data"]
        assert [(c["id"], c["by"]) for c in shown] == [(truce, "entente")]

    with database.connect() as db:
        stale = select(func.count()).where(dyads.c.changed != dyads.c.segmented)
        assert db.scalar(stale.where(dyads.c.dataset == "made")) == 1
        assert db.scalar(select(house.c.value).where(house.c.name == MARK)) == str(RULES_VERSION)
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert [*find_event_faults(db), *verify_stored_shifts(db)] == []


def test_an_exercise_keeps_the_weight_of_its_days(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = "2023-10-09/2023-10-13"
    own = [{"from": "ARM", "toward": "RUS", "score": 2, "reason": "They came late."}]
    roles = {"ARM": "initiator", "AZE": "target"}
    rows = select(signals.c.event, signals.c.weight).where(OF_MADE).distinct()
    by_days = round(1 + log2(5), 4)
    with database.write() as db, monkeypatch.context() as patched:
        patched.setattr("app.events.render.weigh_act", lambda _, span: span.weight)  # version 2
        make.dataset(db)
        exercise = make.event(db, "ARM", "RUS", cameo="062", date=days)
        stated = make.event(db, "ARM", "RUS", cameo="062", date=days, signals=own)
        blockade = make.event(db, "ARM", "AZE", cameo="191", date=days, roles=roles)
    with database.connect() as db:
        assert {weight for _, weight in db.execute(rows)} == {by_days}
    assert apply_signal_rules(database) == 2
    with database.connect() as db:
        weights = {tuple(row) for row in db.execute(rows)}
        assert weights == {(exercise, 1.0), (stated, 1.0), (blockade, by_days)}
        assert list(find_event_faults(db)) == []


@pytest.mark.bundled
def test_sums_of_an_older_schema_are_not_taken_over(database: Database) -> None:
    rows = select(func.sum(day_sums.c.n), func.sum(day_sums.c.q1))
    with database.connect() as db:
        count, classed = db.execute(rows).one()
    downgrade_schema(database, "20261127_cited")
    with database.connect() as db:
        assert db.execute(rows).one()[0] == count
        assert db.execute(rows).one()[1] < classed / 900
    upgrade_schema(database)
    with database.connect() as db:
        assert db.execute(rows).one()[0] == count
