"""The census of the bundled record, and facts that contradict each other."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from app.alliances.validity import find_doubtful_facts
from app.bundled.census import count_events, count_steps, describe_census
from app.bundled.load_bundled import build_bundled_record
from app.db.engine import Database
from app.db.tables import actors

DOCS = Path(__file__).resolve().parents[2] / "docs" / "bundled.md"


@pytest.fixture(scope="module")
def record():
    return build_bundled_record()


def test_census_is_printed_in_the_docs(record):
    assert "\n".join(describe_census(record)) in DOCS.read_text("utf-8")


@pytest.mark.parametrize(
    "dataset", ["curated", "realignments", "antecedents", "memberships", "unga"]
)
def test_no_stated_signal_is_without_a_reason(record, dataset):
    assert count_events(dataset, record.events[dataset], record.sources).unreasoned == 0


def test_few_events_of_the_case_rest_on_low_grades(record):
    assert count_events("curated", record.events["curated"], record.sources).low_grade < 15


def test_votes_and_steps_state_no_signals(record):
    for dataset in ("memberships", "unga"):
        assert not any(event.signals for event in record.events[dataset])


def test_a_step_is_confirmed_by_two_publishers_and_not_by_two_pages_of_one(record):
    publishers = {source.id: source.publisher.casefold() for source in record.sources}
    for event in record.events["memberships"]:
        named = {publishers[report.source] for report in event.reports}
        assert event.status == ("confirmed" if len(named) > 1 else "reported"), event.key


@pytest.mark.parametrize("dataset", ["curated", "realignments", "antecedents", "unga"])
def test_what_is_confirmed_has_two_publishers(record, dataset):
    census = count_events(dataset, record.events[dataset], record.sources)
    assert census.confirmed_by_one == []


def test_every_step_of_states_and_groups_leads_to_an_event(record):
    ids = {f"{name}:{event.key}" for name, events in record.events.items() for event in events}
    kinds = {actor.code: actor.kind for actor in record.actors}
    for membership in record.memberships:
        if kinds[membership.actor] not in ("person", "body"):
            for step in membership.steps:
                assert step.event in ids, (membership.id, step)
    assert count_steps(record.memberships, record.sources).steps > 1000


def test_bundled_record_contradicts_itself_nowhere(database: Database) -> None:
    with database.connect() as db:
        assert list(find_doubtful_facts(db)) == []


@pytest.mark.bundled
def test_act_before_birth_is_remarked(database: Database) -> None:
    with database.engine.begin() as db:
        db.execute(update(actors).where(actors.c.code == "ARM").values(since="2020-01-01"))
    with database.connect() as db:
        remarks = list(find_doubtful_facts(db))
    assert any(
        remark.startswith("curated:2019-") and "ARM takes part" in remark for remark in remarks
    )
    assert any(remark.startswith("ARM:CSTO:member:1: in force on") for remark in remarks)


@pytest.mark.slow
def test_census_is_a_command() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "app", "census"], capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[0].startswith("curated: ")
