"""Closed datasets and keys for them: what is said, what stays open, and who may change what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_record import CLOSED, SUMS, bear, make_closed_record
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy import select
from typer.testing import CliRunner

from app.access.keys import Principal, find_readable_datasets
from app.cli import main
from app.db.engine import Database
from app.db.journal import Writer
from app.db.tables import datasets
from app.dumps.write import write_dumps
from app.sources.changes import write_datasets
from app.sources.citation import read_cited_datasets
from app.watches.readable import WatchReaders

PAIR = {"actor": "ARM", "toward": "RUS"}
BODY = {"title": "t", "date": "2020", "participants": []}
ROWS = 72
"""Events of each closed dataset; the open one has 12."""


@pytest.fixture
def keys(database: Database) -> dict[str, str]:
    return make_closed_record(database)


@pytest.fixture
def api(database: Database, keys: dict[str, str]) -> Iterator[TestClient]:
    assert keys
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as client:
        yield client


@pytest.mark.slow
def test_a_closed_dataset_that_is_named_is_403_and_one_that_is_not_is_left_out(
    api: TestClient, keys: dict[str, str]
) -> None:
    for path in (f"/v1/events?dataset={CLOSED}", f"/v1/events/{CLOSED}:unknown",
                 f"/v1/timeline?dataset={CLOSED}", f"/v1/events?dataset={SUMS}",
                 f"/v1/alignment?actor=ARM&toward=RUS&dataset={CLOSED}"):  # fmt: skip
        refused = api.get(path)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/closed-dataset")
    answer = api.get("/v1/events?actor=ARM&count=exact")
    assert answer.json()["meta"]["count"] == 12
    assert answer.json()["meta"]["closed"] == [CLOSED, SUMS]
    assert answer.headers["entente-closed"] == f"{CLOSED}, {SUMS}"
    keyed = api.get("/v1/events?actor=ARM&count=exact", headers=bear(keys, "all"))
    assert (keyed.json()["meta"]["count"], "entente-closed" in keyed.headers) == (
        12 + 2 * ROWS,
        False,
    )
    assert "closed" not in keyed.json()["meta"]


@pytest.mark.slow
def test_readers_who_see_different_rows_share_no_cached_answer(
    api: TestClient, keys: dict[str, str]
) -> None:
    found = [
        api.get("/v1/events?actor=ARM&limit=500", headers={} if key is None else bear(keys, key))
        for key in (None, "none", "closed", "all", None)
    ]
    tags = [answer.headers["etag"] for answer in found]
    assert tags[0] == tags[1] == tags[4]
    assert len(set(tags)) == 3
    assert [len(answer.json()["data"]) for answer in found] == [12, 12, 84, 156, 12]
    for answer, private in zip(found, (False, True, True, True, False), strict=True):
        assert ("private" in answer.headers["cache-control"]) is private
        assert "Authorization" in answer.headers["vary"]
    stale = api.get("/v1/events?actor=ARM&limit=500", headers={"If-None-Match": tags[3]})
    assert (stale.status_code, stale.headers["etag"]) == (200, tags[0])


def test_closing_a_dataset_also_closes_what_was_given_out_before(
    api: TestClient, database: Database
) -> None:
    before = api.get("/v1/events?dataset=made")
    permalink = before.json()["links"]["permalink"].replace("dataset=made&", "")
    assert len(api.get(permalink).json()["data"]) == 12
    set_access(database, "made", "closed")
    closed = api.get(permalink, headers={"If-None-Match": before.headers["etag"]})
    assert (closed.status_code, closed.json()["data"]) == (200, [])
    assert closed.json()["meta"]["closed"] == ["made", CLOSED, SUMS]
    set_access(database, "made", "open")
    assert len(api.get(permalink).json()["data"]) == 12


def set_access(database: Database, code: str, access: Any) -> None:
    with database.write() as db:
        [found] = read_cited_datasets(db, [code])
        write_datasets(db, [found.model_copy(update={"access": access})], Writer("tests"))


def test_sums_stay_open_but_not_by_what_is_in_a_row(api: TestClient, keys: dict[str, str]) -> None:
    timeline = api.get(f"/v1/timeline?dataset={SUMS}&granularity=year").json()
    assert [bucket["count"] for bucket in timeline["data"]] == [6] * 12
    assert all(bucket["top"] == [] for bucket in timeline["data"])
    by_word = api.get(f"/v1/timeline?dataset={SUMS}&q=title").json()
    assert sum(bucket["count"] for bucket in by_word["data"]) == 0
    assert by_word["meta"]["closed"] == [SUMS]
    facets = api.get("/v1/facets?by=dataset,publisher").json()["data"]
    counts = {row["value"]: row["count"] for row in facets["dataset"]}
    assert counts[SUMS] == ROWS
    assert CLOSED not in counts
    assert all("press" not in (row["value"] or "") for row in facets["publisher"])
    asked = {**PAIR, "dataset": SUMS}
    [shift] = api.get("/v1/shifts", params=asked).json()["data"]
    [known] = api.get("/v1/shifts", params=asked, headers=bear(keys, "all")).json()["data"]
    assert shift["before"] == known["before"]
    detail = api.get(f"/v1/shifts/{shift['id']}").json()
    whole = api.get(f"/v1/shifts/{shift['id']}", headers=bear(keys, "all")).json()
    assert detail["evidence"] == []
    assert SUMS in detail["evidence_absent_because"]
    assert detail["closed"] == pytest.approx(sum(event["share"] for event in whole["evidence"]))
    assert detail["closed"] + detail["prior"] == pytest.approx(detail["change"], abs=1e-6)


def test_missing_uncovered_and_closed_differ(api: TestClient, keys: dict[str, str]) -> None:
    for days, reason in (("1850", "closed"), ("1750", "outside_coverage"), ("2015", "no_match")):
        asked = {"since": days, "until": days, "actor": "FRA"}
        assert api.get("/v1/events", params=asked).json()["meta"]["reason"] == reason
    asked = {"since": "1850", "until": "1850"}
    keyed = api.get("/v1/events", params=asked, headers=bear(keys, "all")).json()
    assert keyed["meta"]["reason"] == "no_match"


def test_coverage_says_what_is_closed(api: TestClient) -> None:
    rows = {row["dataset"]: row for row in api.get("/v1/coverage").json()["data"]}
    assert [rows[code]["access"] for code in (CLOSED, SUMS, "made")] == ["closed", "sums", "open"]
    assert [rows[code]["events"] for code in (CLOSED, SUMS, "made")] == [None, ROWS, 12]
    assert rows[CLOSED]["first"] == "1801-01-01"


def test_a_key_for_some_datasets_writes_to_no_other(api: TestClient, keys: dict[str, str]) -> None:
    mine = bear(keys, "made")
    assert api.put("/v1/events/made:new", json=BODY, headers=mine).status_code == 201
    for method, path, body in (
        ("PUT", "/v1/events/curated:new", BODY),
        ("PUT", f"/v1/events/{CLOSED}:2014-01", BODY),
        ("PATCH", f"/v1/events/{SUMS}:2014-01", {"title": "x"}),
        ("POST", "/v1/actors/ARM/aliases", {"name": "Hayastan Republic"}),
        ("PATCH", "/v1/actors/ARM", {"summary": "x"}),
        ("PATCH", "/v1/sources/source-shut", {"title": "x"}),
        ("PATCH", "/v1/datasets/curated", {"name": "x"}),
    ):
        refused = api.request(method, path, json=body, headers=mine)
        assert (method, path, refused.status_code) == (method, path, 403), refused.text
    refused = api.post("/v1/imports", content=b"x", headers=mine)
    assert (refused.status_code, "dataset=" in refused.json()["detail"]) == (403, True)
    source = {"id": "mine", "kind": "news", "title": "t", "publisher": "p"}
    assert api.post("/v1/sources", json=source, headers=mine).status_code == 201


def test_an_update_that_fails_shows_no_closed_event(api: TestClient, keys: dict[str, str]) -> None:
    headers = bear(keys, "made") | {"If-Match": '"1.1e100001"'}
    refused = api.put(f"/v1/events/{CLOSED}:2014-01", json=BODY, headers=headers)
    assert (refused.status_code, "current" in refused.json()) == (403, False)


def test_only_an_admin_changes_access_and_a_reload_does_not(
    api: TestClient, database: Database, keys: dict[str, str]
) -> None:
    path = f"/v1/datasets/{CLOSED}"
    refused = api.patch(path, json={"access": "open"}, headers=bear(keys, "write"))
    assert (refused.status_code, "admin" in refused.json()["detail"]) == (403, True)
    whole = {name: value for name, value in api.get(path).json().items() if name != "access"}
    replaced = api.put(path, json=whole | {"name": "renamed"}, headers=bear(keys, "write"))
    assert (replaced.status_code, replaced.json()["access"]) == (200, "closed")
    assert api.get(f"/v1/events?dataset={CLOSED}").status_code == 403
    assert api.patch(path, json={"access": "open"}, headers=bear(keys, "admin")).status_code == 200
    assert api.get(f"/v1/events?dataset={CLOSED}").status_code == 200
    with database.connect() as db:
        assert db.scalar(select(datasets.c.access).where(datasets.c.code == CLOSED)) == "open"


def test_a_wrong_key_is_401_where_reading_is_open(api: TestClient, keys: dict[str, str]) -> None:
    wrong = keys["all"][:-1] + ("A" if keys["all"][-1] != "A" else "B")
    assert api.get("/v1/events", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    other = {"Authorization": "Bearer eyJ.of.a.proxy"}
    assert api.get("/v1/events", headers=other).status_code == 200


@pytest.mark.parametrize(
    ("scope", "reads", "writes", "readable"),
    [
        ("read", (), None, frozenset()),
        ("read", ("a",), None, {"a"}),
        ("read", ("*",), None, None),
        ("write", (), None, None),
        ("write", ("a",), ("b",), {"a", "b"}),
        ("admin", (), None, None),
    ],
)
def test_what_a_key_reads(scope: Any, reads: Any, writes: Any, readable: Any) -> None:
    limited = None if writes is None else frozenset(writes)
    assert Principal("i", "n", scope, False, frozenset(reads), limited).readable == readable


def test_the_terminal_closes_a_dataset_and_makes_a_key_for_it(
    database: Database, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keys
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    run = CliRunner()
    closed = run.invoke(main, ["datasets", "access", "made", "sums", "--reason", "terms"])
    assert (closed.exit_code, "made is sums now" in closed.output) == (0, True)
    assert run.invoke(main, ["datasets", "access", "made", "shut"]).exit_code == 2
    assert run.invoke(main, ["datasets", "access", "unknown", "open"]).exit_code == 2
    listed = run.invoke(main, ["datasets", "list", "--json"]).stdout
    assert {row["code"]: row["access"] for row in json.loads(listed)}["made"] == "sums"
    made = run.invoke(main, ["keys", "create", "r", "--scope", "read", "--reads", f"made,{SUMS}"])
    with open_client(url) as api:
        assert api.get("/v1/events?dataset=made").status_code == 403
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        assert len(api.get("/v1/events?dataset=made", headers=headers).json()["data"]) == 12
    for wrong in (["--scope", "read", "--writes", "made"], ["--reads", "a b"]):
        assert run.invoke(main, ["keys", "create", "r", *wrong]).exit_code == 2


def test_a_watch_hears_of_a_closed_dataset_only_with_a_key_for_it(
    database: Database, keys: dict[str, str]
) -> None:
    assert keys
    with database.connect() as db:
        found = [find_readable_datasets(db, name) for name in ("none", "closed", "all", "made")]
    assert found == [frozenset(), {CLOSED}, None, {"made"}]
    with database.connect() as db:
        owners = {f"w-{name}": name for name in ("none", "closed", "all")}
        readers, every = WatchReaders(db, owners), sorted(owners)
        assert readers.keep_readable(f"{CLOSED}:1", every) == ["w-all", "w-closed"]
        assert readers.keep_readable(f"{SUMS}:1", every) == ["w-all"]
        assert readers.keep_readable("made:1", every) == every


def test_dumps_of_a_closed_dataset_need_a_key(
    database: Database, keys: dict[str, str], tmp_path: Path
) -> None:
    assert list(write_dumps(database, tmp_path, [CLOSED, "made"], ["ndjson"]))
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, dump_folder=str(tmp_path)) as api:
        listed = api.get("/v1/dumps").json()["data"]
        keyed = api.get("/v1/dumps", headers=bear(keys, "closed")).json()["data"]
        assert {one["dataset"] for one in listed} == {"made"}
        assert {one["dataset"] for one in keyed} == {CLOSED, "made"}
        files = [f"/v1/dumps/files/{one['filename']}" for one in keyed if one["dataset"] == CLOSED]
        for path in files:
            assert api.get(path).status_code == 403
            assert api.get(path, headers=bear(keys, "closed")).status_code == 200
