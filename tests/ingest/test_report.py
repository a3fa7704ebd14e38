"""The report of a load: which names no actor has, right to the count, wherever it is shown."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples import add_key
from fastapi.testclient import TestClient
from serving import open_client
from typer.testing import CliRunner, Result

from app import cli
from app.db.engine import Database
from app.ingest.loading import batch_writer, stats
from app.ingest.loading.report import build_load_report
from ingest.loading import load_file, write_file
from ingest.rows import join_events, make_event, make_table

NAMES = ("Zedland", "Zedland", "name:Zedland", "militia:Zed Front", "United Stats", "ARM")
EXPECTED = [
    ("actor", "Zedland", 150), ("actor", "United Stats", 50), ("code", "militia:Zed Front", 50),
    ("country", "Zedland", 300),
]  # fmt: skip


@pytest.fixture(autouse=True)
def url(database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    found = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", found)
    return found


@pytest.fixture
def client(url: str, database: Database, tmp_path: Path) -> Iterator[TestClient]:
    with open_client(
        url, show_faults=False, in_background=True, import_folder=str(tmp_path / "uploads")
    ) as made:
        made.headers["Authorization"] = f"Bearer {add_key(database)}"
        yield made


def run_load(*words: str) -> Result:
    return CliRunner().invoke(cli.main, ["load", *words])


def build_rows(times: int = 50) -> list[dict[str, Any]]:
    return [
        make_event(
            f"e{n}",
            participants=[{"actor": name, "role": "initiator"}],
            location={"country": "name:Zedland"},
            date=f"20{n % 20:02}-03-04",
        )
        for n, name in enumerate(NAMES * times)
    ]


def sort_names(names: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return sorted((one["kind"], one["name"], one["count"]) for one in names)


@pytest.mark.slow
def test_every_place_has_the_same_counts(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_writer, "FIRST_BATCH_ROWS", 7)
    monkeypatch.setattr(batch_writer, "MAX_BATCH_ROWS", 11)
    monkeypatch.setattr(batch_writer, "MIN_BATCH_ROWS", 7)
    path = write_file(tmp_path / "a.ndjson", join_events(*build_rows()))
    table, listed = tmp_path / "names.csv", tmp_path / "names.json"
    done = run_load(str(path), "--dataset", "mine", "--json", "--unresolved", str(table))
    report = json.loads(done.stdout)
    assert report["parties"] == {"named": 300, "resolved": 50, "share": 0.1667}
    assert sort_names(report["unresolved"]) == sorted(EXPECTED)
    assert (report["unresolved_names"], report["unresolved_further"]) == (4, 0)
    first = report["unresolved"][0]
    assert (first["kind"], first["first"], first["last"]) == ("country", "2000-03-04", "2019-03-04")
    near = {one["name"]: [c["code"] for c in one["nearest"]] for one in report["unresolved"]}
    assert near["United Stats"][0] == "USA"
    with table.open(newline="") as lines:
        rows = [(r["kind"], r["name"], int(r["count"])) for r in csv.DictReader(lines)]
    assert sorted(rows) == sorted(EXPECTED)

    again = run_load(str(path), "--dataset", "mine", "--json", "--unresolved", str(listed))
    assert json.loads(again.stdout)["parties"] == report["parties"]
    assert json.loads(again.stdout)["unchanged"] == 300
    assert sort_names(json.loads(listed.read_text())) == sorted(EXPECTED)

    headers = {"Prefer": "wait=60"}
    body = path.read_bytes()
    one = client.post("/v1/imports?dataset=sent", content=body, headers=headers).json()
    assert (one["state"], one["parties"]) == ("done", report["parties"])
    assert one["unresolved"] == report["unresolved"]
    assert one["unknown_actors"] == {n: c for k, n, c in EXPECTED if k != "country"}
    [same] = client.get("/v1/imports").json()["data"]
    assert same == one
    found, where = [], f"/v1/imports/{one['id']}/unresolved?limit=3"
    while where:
        page = client.get(where).json()
        found += page["data"]
        where = page["links"]["next"]
    assert sort_names(found) == sorted(EXPECTED)
    lines = client.get(f"/v1/imports/{one['id']}/unresolved?format=csv").text
    assert lines == table.read_text()
    found, where = [], "/v1/unresolved?dataset=mine&dataset=sent&limit=1"
    while where:
        page = client.get(where).json()
        found += page["data"]
        where = page["links"]["next"]
    assert sort_names(found) == sorted((k, n, 2 * c) for k, n, c in EXPECTED)


@pytest.mark.slow
@pytest.mark.by_turns
def test_few_resolved_parties_come_first_and_exit_4(tmp_path: Path) -> None:
    rows = build_rows(1)
    path = write_file(tmp_path / "a", join_events(*rows))
    for expected, words in ((0, []), (4, ["--strict"]), (4, ["--strict"]), (4, ["--dry-run"])):
        strict = ["--strict"] if "--dry-run" in words else words
        done = run_load(str(path), "--dataset", "mine", *words, *strict)
        assert done.exit_code == expected
        first = done.stdout.splitlines()[0]
        assert first.startswith("Only 16.6 % of the parties were resolved (1 of 6)")
        assert "militia:Zed Front" in done.stderr
    (tmp_path / "b").write_text(join_events(*rows, make_event("x", date="no")))
    assert run_load(str(tmp_path / "b"), "--dataset", "other").exit_code == 3
    assert run_load(str(tmp_path / "b"), "--dataset", "other", "--strict").exit_code == 4
    (tmp_path / "c").write_text(join_events(make_event("y", participants=[])))
    assert run_load(str(tmp_path / "c"), "--strict").exit_code == 0
    enough = [make_event(f"g{n}") for n in range(5)]
    enough[0]["participants"][0] = {"actor": "Zedland", "role": "initiator"}
    done = run_load(str(write_file(tmp_path / "d", join_events(*enough))), "--strict")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == "90.0 % of 10 parties resolved"


def test_tables_are_aligned(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", make_table("ucdp-ged", [{"id": "1"}, {"id": "2"}]))
    lines = run_load(str(path)).stderr.splitlines()
    header, row = lines[0], lines[1]
    assert header.split() == ["unresolved", "kind", "name", "first", "last", "nearest"]
    assert row[header.index("kind") :].startswith("code  ucdp:6711 (DPR)")
    assert row[header.index("first") :].startswith("2014-05-02")
    assert row[: len("unresolved")] == "         2"


def test_counts_are_exact_up_to_a_bound(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "MAX_NAMES", 3)
    names = ["A1", "A2", "A3", "A4", "A5", "A2", "A4", "A3", "A3"]
    rows = [
        make_event(f"e{n}", participants=[{"actor": f"Zed {name}", "role": "initiator"}])
        for n, name in enumerate(names)
    ]
    path = write_file(tmp_path / "a", join_events(*rows))
    made, _ = load_file(database, path, dataset="mine")
    with database.connect() as db:
        report = build_load_report(db, made.stats, errors=[], dry_run=False, seconds=0.0)
    counted = {one.name: one.count for one in report.unresolved}
    assert counted == {"Zed A1": 1, "Zed A2": 2, "Zed A3": 3}
    assert (report.unresolved_names, report.unresolved_further) == (3, 3)
    assert report.parties.named - report.parties.resolved == len(names)


def test_rejected_rows_count_no_names(database: Database, tmp_path: Path) -> None:
    who = [{"actor": "Zedland", "role": "initiator"}]
    wrong = make_event("b", participants=who, reports=[{"source": "no-such-source"}])
    path = write_file(tmp_path / "a", join_events(make_event("a", participants=who), wrong))
    made, rejects = load_file(database, path, dataset="mine")
    assert len(rejects) == 1
    assert (made.stats.parties, made.stats.unresolved_parties) == (1, 1)


def test_states_of_a_series_are_parties(database: Database, tmp_path: Path) -> None:
    lines = ["ccode1,ccode2,year,cow_defense,cow_neutral,cow_nonagg,cow_entente"]
    lines += ["2,20,1950,1,0,0,0", "2,9999,1950,1,0,0,0"]
    made, _ = load_file(database, write_file(tmp_path / "a.csv", "\n".join(lines) + "\n"))
    assert (made.stats.parties, made.stats.unresolved_parties) == (4, 1)
    [total] = made.stats.names.list_by_frequency()
    assert (total.kind, total.name, total.times) == ("code", "cow:9999", 1)


def test_a_file_that_cannot_be_written_is_refused_before_loading(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a", join_events(make_event("a")))
    for target in ("/nowhere/names.csv", str(path)):
        refused = run_load(str(path), "--unresolved", target)
        assert refused.exit_code == 2
        assert "--unresolved" in refused.stderr
    assert json.loads(run_load(str(path), "--json").stdout)["new"] == 1
