"""Coverage as a set of days and slots, and releases that replace each other."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import open_client

from app.db.engine import Database
from app.ingest.formats.ucdp_release import find_release, parse_release
from ingest.loading import list_counts, load_file, read_coverage, read_document, write_file
from ingest.rows import make_table


@pytest.fixture
def api(database: Database) -> Iterator[TestClient]:
    """The service on the test's own database."""
    with open_client(database.engine.url.render_as_string(hide_password=False)) as found:
        yield found


def load_slots(database: Database, folder: Path, stamps: Sequence[str]) -> None:
    for stamp in stamps:
        rows = [{"globaleventid": stamp, "dateadded": stamp}]
        load_file(database, write_file(folder / f"{stamp}.csv", make_table("gdelt-v2", rows)))


def list_stamps(day: str, slots: range) -> list[str]:
    return [f"{day}{n // 4:02}{n % 4 * 15:02}00" for n in slots]


def get_coverage(api: TestClient, dataset: str) -> dict[str, Any]:
    [found] = [c for c in api.get("/v1/coverage").json()["data"] if c["dataset"] == dataset]
    return dict(found)


@pytest.mark.by_turns
@pytest.mark.parametrize(("version", "first", "last"), [
    ("26.1", "1989-01-01", "2025-12-31"), ("26.0.8", "2026-08-01", "2026-08-31"),
    ("26.0.2", "2026-02-01", "2026-02-28"), ("26.01.26.06", "2026-01-01", "2026-06-30"),
])  # fmt: skip
def test_a_release_names_its_days(version: str, first: str, last: str) -> None:
    release = parse_release(version)
    assert release is not None
    assert (release.first, release.last) == (first, last)


def test_what_is_no_release_is_none() -> None:
    wrong = ("26", "26.0", "26.0.13", "26.06.26.01", "26.01.27.06", "26.1.1", "x")
    assert [parse_release(v) for v in wrong] == [None] * len(wrong)
    assert find_release("rows.csv") is None
    names = ("ged261-csv.zip", "x/GEDEvent_v26_0_8.csv", "GEDEvent_v26_01_26_06.csv")
    assert [r and r.version for r in map(find_release, names)] == ["26.1", "26.0.8", "26.01.26.06"]


def test_ranks_go_by_kind_and_then_by_time() -> None:
    order = ["25.0.12", "26.0.1", "26.0.8", "25.10.25.12", "26.01.26.03", "26.01.26.06", "25.1"]
    ranks = [r.rank for r in map(parse_release, order) if r is not None]
    assert ranks == sorted(set(ranks))
    assert len(ranks) == len(order)


def test_one_slot_does_not_cover_its_day(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    load_slots(database, tmp_path, ["20260101001500"])
    assert read_coverage(database, "gdelt") == (None, None)
    found = get_coverage(api, "gdelt")
    assert found["intervals"] == found["gaps"] == []
    [day] = found["partial_days"]
    assert (day["day"], day["covered"], day["loaded"]) == ("2026-01-01", False, 1)
    assert (len(day["missing"]), day["missing"][:2]) == (95, ["00:00", "00:30"])
    assert found["missing_slots"] == 95
    assert api.get("/v1/coverage?as_of=9").json()["meta"]  # of a version nothing is said


def test_a_day_counts_from_nine_in_ten_slots_and_its_gaps_are_told(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    rows = [{"globaleventid": s, "dateadded": s} for s in list_stamps("20260102", range(86))]
    whole = make_table("gdelt-v2", rows)
    load_file(database, write_file(tmp_path / "most", whole))
    tag = api.get("/v1/coverage").headers["etag"]
    assert read_coverage(database, "gdelt") == (None, None)
    load_slots(database, tmp_path, list_stamps("20260102", range(90, 91)))
    assert read_coverage(database, "gdelt") == ("2026-01-02", "2026-01-02")
    assert api.get("/v1/coverage").headers["etag"] != tag
    found = get_coverage(api, "gdelt")
    assert found["partial_days"][0]["missing"][:4] == ["21:30", "21:45", "22:00", "22:15"]
    assert found["partial_days"][0]["covered"]
    load_file(database, write_file(tmp_path / "days", make_table("gdelt-v1", [
        {"globaleventid": "9", "dateadded": "20260105"},
    ])))  # fmt: skip
    found = get_coverage(api, "gdelt")
    assert found["intervals"] == [{"first": d, "last": d} for d in ("2026-01-02", "2026-01-05")]
    assert found["gaps"] == [{"first": "2026-01-03", "last": "2026-01-04"}]
    then = "dataset=gdelt&since=2026-01-03&until=2026-01-04"
    assert api.get(f"/v1/events?{then}").json()["meta"]["reason"] == "outside_coverage"
    for days, reason in (
        ("since=2026-01-02&until=2026-01-04", "partly_covered"),
        ("since=2026-01-02&until=2026-01-02", "no_match"),
        ("since=2026-01-05&until=2026-01-07", "no_match"),
        ("since=2026-01-06", "not_yet_covered"),
    ):
        asked = f"/v1/events?dataset=gdelt&q=zyxwvut&{days}"
        assert api.get(asked).json()["meta"]["reason"] == reason
    then = "dataset=gdelt&since=2026-01-01&until=2026-01-06"
    days = api.get(f"/v1/timeline?{then}&granularity=day&top=0")
    covered = [b["covered"] for b in days.json()["data"]]
    assert covered == [False, True, False, False, True, False]


def test_all_slots_of_a_day_leave_no_gap(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    for part in (range(50), range(50, 96)):
        rows = [{"globaleventid": s, "dateadded": s} for s in list_stamps("20260102", part)]
        load_file(database, write_file(tmp_path / "part", make_table("gdelt-v2", rows)))
    found = get_coverage(api, "gdelt")
    assert (found["first"], found["partial_days"]) == ("2026-01-02", [])


def load_release(database: Database, folder: Path, version: str, **cells: str) -> dict[str, int]:
    path = folder / f"GEDEvent_v{version.replace('.', '_')}.csv"
    table = make_table("ucdp-ged", [{"date_start": "2026-01-05", "date_end": "2026-01-05"} | cells])
    return list_counts(load_file(database, write_file(path, table))[0])


def test_an_older_release_puts_no_old_value_back(database: Database, tmp_path: Path) -> None:
    load_release(database, tmp_path, "26.0.2", best="9", high="9")
    again = load_release(database, tmp_path, "26.0.1", best="3")
    assert again == {"rows": 1, "unchanged": 1}
    assert "best estimate: 9" in json.dumps(read_document(database, "ucdp-ged:77"))
    assert load_release(database, tmp_path, "26.01.26.03", best="5", high="9")["changed"] == 1
    assert load_release(database, tmp_path, "26.0.3", best="9", high="9")["unchanged"] == 1


def test_a_row_that_a_later_release_leaves_as_it_is_stays(
    database: Database, tmp_path: Path
) -> None:
    load_release(database, tmp_path, "26.0.1", best="3")
    assert load_release(database, tmp_path, "26.0.3", best="3") == {"rows": 1, "unchanged": 1}
    assert load_release(database, tmp_path, "26.0.2", best="9", high="9")["unchanged"] == 1
    assert "best estimate: 3" in json.dumps(read_document(database, "ucdp-ged:77"))


def test_a_release_retracts_within_its_days_and_its_rank(
    database: Database, tmp_path: Path
) -> None:
    load_release(database, tmp_path, "26.0.1", id="1")
    load_release(
        database, tmp_path, "26.0.2", id="2", date_start="2026-02-03", date_end="2026-02-03"
    )
    path = tmp_path / "GEDEvent_v26_01_26_03.csv"
    table = make_table("ucdp-ged", [
        {"id": "3", "date_start": "2026-01-05", "date_end": "2026-01-05"},
    ])  # fmt: skip
    loader, _ = load_file(database, write_file(path, table), retract_missing=True)
    assert list_counts(loader) == {"rows": 1, "new": 1, "retracted": 2}
    assert load_release(database, tmp_path, "26.0.1", id="1") == {"rows": 1, "unchanged": 1}
    assert read_document(database, "ucdp-ged:1")["status"] == "retracted"
    older = tmp_path / "GEDEvent_v26_0_1.csv"
    loader, _ = load_file(database, older, retract_missing=True)
    assert "retracted" not in list_counts(loader)  # of a higher release
    assert load_release(database, tmp_path, "26.1", id="1")["changed"] == 1


def test_months_between_candidates_are_a_gap(database: Database, tmp_path: Path) -> None:
    load_release(database, tmp_path, "26.0.1")
    load_release(
        database, tmp_path, "26.0.4", id="8", date_start="2026-03-05", date_end="2026-03-05"
    )
    assert read_coverage(database, "ucdp-ged") == ("2026-01-01", "2026-04-30")


def test_days_between_unnamed_files_are_a_gap_where_they_are_many(
    database: Database, api: TestClient, tmp_path: Path
) -> None:
    for n, day in enumerate(("2018-06-01", "2018-06-03", "2018-06-20")):
        row = {"event_id": str(n), "event_date": day}
        load_file(database, write_file(tmp_path / day, make_table("icews", [row])))
    found = get_coverage(api, "icews")
    assert found["gaps"] == [{"first": "2018-06-04", "last": "2018-06-19"}]
