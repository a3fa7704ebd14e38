"""One number for one question: a row of a list, its id and the named pair."""

from typing import Any

import make
import pytest
from acts import load_batches, make_acts
from fastapi.testclient import TestClient
from serving import open_client
from soak import choose_size

from app.actors.changes import retract_membership
from app.actors.schemas import Membership
from app.db.engine import Database
from app.events.changes import write_events
from app.events.record import convert_record
from app.shifts import families
from app.shifts.materialized import read, verify
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.statistics.null_distribution import Calibration
from bench import one_number

pytestmark = pytest.mark.by_turns

GROUPS = ("NATO", "EU", "RUS", "FRA", "DEU", "USA", "AZE")
"""Two groups with members of each, and others: some sort before their group, some after."""


def list_rows(api: TestClient, **asked: Any) -> list[dict[str, Any]]:
    answer = api.get("/v1/shifts", params=asked)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def assert_rows_equal_their_details(api: TestClient, rows: list[dict[str, Any]]) -> None:
    assert [found for row in rows for found in one_number.compare_with_detail(api, row)] == []


def assert_named_pairs_agree(api: TestClient, rows: list[dict[str, Any]]) -> None:
    assert [found for row in rows for found in one_number.compare_with_named_pair(api, row)] == []


def read_both_families(database: Database, dataset: str) -> list[list[Any]]:
    """Read the family of all dyads from the stored rows, and detect it."""
    asked, known = read.dataset_question(dataset), Calibration()
    with database.connect() as db:
        found = read.read_family(db, asked, known), families.detect_family(db, asked, known)
    assert found[0].tests == found[1].tests
    return [[(r.question.actor, r.question.toward, r.finding, r.q) for r in f.rows] for f in found]


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("several", [False, True], ids=["one dataset", "two datasets"])
def test_a_row_of_a_group_differs_from_its_id(database: Database, several: bool) -> None:
    datasets = [load_batches(database, [make_acts(21, people=GROUPS, count=700)])]
    if several:
        datasets.append(load_batches(database, [make_acts(22, people=GROUPS[2:], count=200)]))
    url = database.engine.url.render_as_string(hide_password=False)
    every = [{}, {"actor": "FRA"}, {"actor": "EU"}, {"acts": "own"}]
    with open_client(url, alignment_datasets=tuple(datasets)) as api:
        for asked in every[:3:2] if several else every:
            rows = list_rows(api, max_q=1, limit=1000, **asked)
            assert {code for row in rows for code in row["toward"]} & {"EU", "NATO"}
            assert all(row["datasets"] == datasets for row in rows)
            # Those of one actor are mostly rows of the whole ranking too.
            some = rows[:: choose_size(4, 1)] if asked else rows
            assert_rows_equal_their_details(api, some)
            if "acts" not in asked:
                assert_named_pairs_agree(api, some)


@pytest.mark.slow
def test_rows_of_the_bundled_ranking_differ_from_their_ids(api: TestClient) -> None:
    rows = list_rows(api, max_q=1)
    assert any(row["toward"] == ["CSTO"] for row in rows)
    assert_rows_equal_their_details(api, rows)
    assert_named_pairs_agree(api, rows)


@pytest.mark.slow
def test_an_act_of_a_member_leaves_the_stored_row_of_its_group_as_it_was(
    database: Database,
) -> None:
    acts = make_acts(23, people=GROUPS, count=500)
    dataset = load_batches(database, [acts[:400]])
    with database.write() as db:
        write_events(db, acts[400:], dataset, make.BY)
    stored, detected = read_both_families(database, dataset)
    assert stored == detected
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert not read.has_stale_dyads(db)
        assert list(verify.verify_stored_shifts(db)) == []
    stored, again = read_both_families(database, dataset)
    assert stored == again == detected


@pytest.mark.slow
def test_a_membership_that_ends_leaves_the_stored_rows_of_its_group_as_they_were(
    database: Database,
) -> None:
    dataset = load_batches(database, [make_acts(24, people=GROUPS, count=300)])
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        asked = {"actor": "FRA", "group": "NATO"}
        [document] = api.get("/v1/memberships", params=asked).json()["data"]
    with database.write() as db:
        retract_membership(db, Membership.model_validate(document), make.BY)
    stored, detected = read_both_families(database, dataset)
    assert stored == detected
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []


@pytest.mark.slow
@pytest.mark.soak
def test_a_row_of_a_large_corpus_differs_from_its_id(database: Database) -> None:
    """Every row of a ranking over 30,000 dyads in full, over 400 otherwise."""
    actors = choose_size(30, 250)
    dataset = write_busy_dyads(database, actors)
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, alignment_datasets=(dataset,)) as api:
        rows = one_number.list_rows(api)
        assert rows[0]["family_size"] > len(rows) > actors
        assert_rows_equal_their_details(api, rows[:: choose_size(3, 1)])


def write_busy_dyads(database: Database, count: int) -> str:
    """Write acts between states, each with any other; some change in the middle."""
    codes = one_number.list_state_codes(count)
    acts = ({**act, "reports": []} for act in one_number.draw_acts(codes))
    return load_batches(database, [[convert_record(act) for act in acts]])
