"""The family of the datasets that are counted by default: kept as if they were one dataset."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import make
import pytest
from acts import load_batches, make_acts
from serving import open_client
from sqlalchemy import Connection, delete, select, update

from app.actors.changes import retract_membership
from app.actors.schemas import Membership
from app.db.engine import Database
from app.db.tables import dyads, families, shifts
from app.events.changes import write_events
from app.shifts.families import UNDATED_TEST, detect_family
from app.shifts.materialized import joint_families, read, verify
from app.shifts.materialized.family_names import name_family
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.statistics.null_distribution import Calibration

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

PEOPLE = ("NATO", "EU", "RUS", "FRA", "DEU", "USA", "AZE")
"""Two groups with members of each, and others."""


def configure_datasets(monkeypatch: pytest.MonkeyPatch, *datasets: str) -> str:
    """Configure the datasets that are counted by default, and return the name of their family."""
    listed = ",".join(f'"{code}"' for code in datasets)
    monkeypatch.setenv("ENTENTE_ALIGNMENT_DATASETS", f"[{listed}]")
    return name_family(datasets)


def list_findings(rows: list[Any]) -> list[Any]:
    return [(r.question.actor, r.question.toward, r.finding, r.q) for r in rows]


def read_answers(db: Connection, family: str, actor: str = "") -> list[list[Any]]:
    """The family of a question as it is read, and as it is detected from day sums."""
    asked = replace(read.dataset_question(family), actor=actor)
    known = Calibration()
    answers = read.read_family(db, asked, known), detect_family(db, asked, known)
    assert answers[0].tests == answers[1].tests
    tests = read.read_family_tests(db, asked, "actor" if actor else "all", known)
    dated = [(row.finding.p, row.finding.weight) for row in answers[1].rows]
    undated = answers[1].tests - len(dated)
    assert sorted(tests) == sorted([*dated, *[UNDATED_TEST] * undated])
    return [list_findings(answer.rows) for answer in answers]


@pytest.fixture
def joint(database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """Two datasets that share dyads, and their family, which is kept."""
    one = load_batches(database, [make_acts(31, people=PEOPLE, count=300)])
    other = load_batches(database, [make_acts(32, people=PEOPLE[1:5], count=100)])
    family = configure_datasets(monkeypatch, one, other)
    rebuild_stale_dyads(database)
    return one, other, family


def test_datasets_together_answer_otherwise_than_their_days(
    database: Database, joint: tuple[str, str, str]
) -> None:
    one, other, family = joint
    whole = read.dataset_question(family)
    for seed, dataset in ((33, other), (34, one)):
        with database.connect() as db:
            assert read.is_current(db, family)
            kept, detected = read_answers(db, family)
            assert kept == detected
            assert kept
            assert read_answers(db, family, "FRA")[0] == read_answers(db, family, "FRA")[1]
            best = read.read_most_certain(
                db, read.dataset_question(family), read.RankedFrom(1), 1000
            )
            assert best is not None
            assert sorted(map(repr, list_findings(best[0]))) == sorted(map(repr, kept))
            assert list(verify.verify_stored_shifts(db)) == []
        with database.write() as db:
            write_events(db, make_acts(seed, people=PEOPLE[2:], count=40), dataset, make.BY)
        with database.connect() as db:
            assert not read.is_current(db, family)
            assert read.read_most_certain(db, whole, read.RankedFrom(1), 10) is None
            kept, detected = read_answers(db, family)
            assert kept == detected
        rebuild_stale_dyads(database)


def test_a_membership_that_ends_leaves_a_joint_family_as_it_was(
    database: Database, joint: tuple[str, str, str]
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, in_background=True) as api:
        found = api.get("/v1/memberships", params={"actor": "FRA", "group": "NATO"}).json()
    with database.write() as db:
        retract_membership(db, Membership.model_validate(found["data"][0]), make.BY)
    for _ in range(2):
        with database.connect() as db:
            kept, detected = read_answers(db, joint[2])
            assert kept == detected
            assert list(verify.verify_stored_shifts(db)) == []
        rebuild_stale_dyads(database)


def test_a_dyad_that_a_joint_family_lacks_or_has_wrong_is_not_found(
    database: Database, joint: tuple[str, str, str]
) -> None:
    family, s, d = joint[2], shifts.c, dyads.c
    with database.write() as db:
        row = db.execute(select(s.one, s.other).where(s.dataset == family)).first()
        assert row is not None
        of_pair = (d.one == row.one, d.other == row.other, d.dataset == family)
        db.execute(delete(dyads).where(*of_pair))
    with database.connect() as db:
        faults = list(verify.verify_stored_shifts(db))
    assert f"shifts of {row.one} and {row.other} in {family}: not kept" in faults
    with database.write() as db:
        db.execute(update(shifts).where(s.dataset == family).values(p=0.5))
    with database.connect() as db:
        faults = list(verify.verify_stored_shifts(db))
    assert sum(f"in {family}: differ from a rebuild" in fault for fault in faults) > 1


def test_services_with_other_settings_leave_each_others_families(
    database: Database, joint: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, family = joint
    second = name_family((one, other, "curated"))
    for chosen in ((one, other, "curated"), (one,), (one, other)):  # by turns, as two services
        configure_datasets(monkeypatch, *chosen)
        assert rebuild_stale_dyads(database) == 0 or len(chosen) == 3
    with database.connect() as db:
        assert {family, second} <= set(db.scalars(select(families.c.dataset)))
        for name in (family, second):
            kept, detected = read_answers(db, name)
            assert kept == detected
        assert list(verify.verify_stored_shifts(db)) == []
    assert second in joint_families.drop_other_families(database)
    with database.connect() as db:
        for table in (shifts, dyads, families):
            assert not db.scalars(select(table.c.dataset).where(table.c.dataset == second)).all()
        assert list(verify.verify_stored_shifts(db)) == []


def test_a_family_beyond_the_most_is_computed_and_warned_of(
    database: Database,
    joint: tuple[str, str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(joint_families, "MAX_JOINT_FAMILIES", 1)
    configure_datasets(monkeypatch, *joint[:2], "curated")
    for _ in range(2):
        rebuild_stale_dyads(database)
    assert [r.message.count("--drop-others") for r in caplog.records] == [1]
    with database.connect() as db:
        assert (
            name_family((*joint[:2], "curated")) not in db.scalars(select(families.c.dataset)).all()
        )


def test_pages_of_a_joint_ranking_differ_from_the_whole(
    database: Database, joint: tuple[str, str, str]
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, in_background=True, alignment_datasets=joint[:2]) as api:
        whole = api.get("/v1/shifts", params={"max_q": 1}).json()["data"]
        rows, address = [], "/v1/shifts?max_q=1&limit=3"
        while address:
            answer = api.get(address).json()
            rows += answer["data"]
            address = answer["links"]["next"]
    assert [(r["actor"], r["toward"], r["onset"]) for r in rows] == [
        (r["actor"], r["toward"], r["onset"]) for r in whole
    ]
    assert all(a["at_least"] >= b["at_least"] for a, b in pairwise(rows))
