"""Imports over HTTP: durable, bounded, safe to send twice."""

import errno
import gzip
import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from ingest.loading import find_faults, read_documents
from ingest.rows import join_events, make_event, make_table
from serving import open_client
from sqlalchemy import insert, select, update

from app.access.keys import create_key
from app.db.engine import Database
from app.db.file_lock import FileLock
from app.db.tables import import_rejects, imports, sources
from app.ingest.jobs import job_store, router
from app.ingest.jobs.job_store import format_current_time

WAIT = {"Prefer": "wait=60"}


@pytest.fixture
def url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def key(database: Database) -> str:
    with database.write() as db:
        return create_key(db, "loader", "write")


@pytest.fixture
def client(url: str, key: str, tmp_path: Path) -> Iterator[TestClient]:
    folder = str(tmp_path / "uploads")
    limits = {"import_folder": folder, "max_import_bytes": 1_000_000}
    with open_client(url, show_faults=False, in_background=True, **limits) as made:
        made.headers["Authorization"] = f"Bearer {key}"
        yield made


def send_file(client: TestClient, body: str | bytes, query: str = "", **headers: str) -> Any:
    return client.post(f"/v1/imports{query}", content=body, headers={**WAIT, **headers})


def wait_for_end(client: TestClient, where: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found: dict[str, Any] = client.get(where).json()
        if found["state"] in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.05)
    raise AssertionError("the import does not end")


@pytest.mark.by_turns
def test_a_small_batch_is_answered_at_once(client: TestClient, database: Database) -> None:
    answer = send_file(client, join_events(make_event("a"), make_event("b")), "?dataset=mine")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["rows"], body["new"], body["by"]) == ("done", 2, 2, "loader")
    assert client.get("/v1/events/mine:a").json()["title"] == "Event a"
    assert find_faults(database) == []


@pytest.mark.by_turns
def test_without_waiting_a_job_is_taken(client: TestClient) -> None:
    body = gzip.compress(join_events(*(make_event(f"k{n}") for n in range(300))).encode())
    answer = client.post("/v1/imports", content=body)
    assert answer.status_code == 202
    assert wait_for_end(client, answer.headers["Location"])["new"] == 300
    listed = client.get("/v1/imports").json()["data"]
    assert [one["id"] for one in listed] == [answer.json()["id"]]


def test_sent_twice_it_is_stored_once(client: TestClient, database: Database) -> None:
    body = join_events(*(make_event(f"k{n}") for n in range(50)))
    first, second = send_file(client, body).json(), send_file(client, body).json()
    assert (first["new"], second["new"], second["unchanged"]) == (50, 0, 50)
    assert len(read_documents(database, "local")) == 50


@pytest.mark.by_turns
def test_rejects_are_paged_and_can_be_sent_again(client: TestClient) -> None:
    rows = [make_event(f"k{n}", date="2020-01-02" if n % 2 else "soon") for n in range(10)]
    body = send_file(client, join_events(*rows)).json()
    assert (body["new"], body["rejected"]) == (5, 5)
    [(why, number)] = body["reasons"].items()
    assert number == 5
    assert why.startswith("date: ")
    where = f"/v1/imports/{body['id']}/rejects"
    page = client.get(f"{where}?limit=2").json()
    line_numbers = [r["line"] for r in page["data"]]
    while page["links"]["next"]:
        page = client.get(page["links"]["next"]).json()
        line_numbers += [r["line"] for r in page["data"]]
    assert line_numbers == [1, 3, 5, 7, 9]
    lines = client.get(f"{where}?format=ndjson").text
    again = send_file(client, lines.replace('"date":"soon"', '"date":"2020-01-03"')).json()
    assert (again["rows"], again["new"]) == (5, 5)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"hello", "is of no known format"), (join_events(make_event()).encode("utf-16-le"), "UTF-16"),
     (gzip.compress(b"{}" * 5000, mtime=0)[:-30], "cannot be decompressed"),
     (b"[1]", "an object is expected")],
    ids=["nothing", "utf-16", "cut", "array"],
)  # fmt: skip
def test_unreadable_upload_fails_with_the_cause(
    client: TestClient, body: bytes, words: str
) -> None:
    document = send_file(client, body).json()
    assert document["state"] == "failed"
    assert words in document["error"]


@pytest.mark.by_turns
def test_uploads_are_bounded_and_leave_nothing_behind(client: TestClient, tmp_path: Path) -> None:
    assert send_file(client, b"x" * 1_000_001).status_code == 413
    assert send_file(client, b"").status_code == 400
    assert send_file(client, join_events(make_event("a"))).status_code == 200
    time.sleep(0.2)
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.by_turns
@pytest.mark.parametrize("query", ["?format=xml", "?dataset=a/b", "?formt=acled"])
def test_wrong_parameters_are_refused(client: TestClient, query: str) -> None:
    answer = send_file(client, join_events(make_event("a")), query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.by_turns
def test_writing_needs_a_key(client: TestClient) -> None:
    del client.headers["Authorization"]
    assert send_file(client, join_events(make_event("a"))).status_code == 401
    assert client.get("/v1/imports/none").status_code == 404


@pytest.mark.by_turns
def test_a_release_over_http(client: TestClient) -> None:
    send_file(client, make_table("ucdp-ged", [{"id": "1"}, {"id": "2"}]))
    body = send_file(client, make_table("ucdp-ged", [{"id": "2"}]), "?retract_missing=true").json()
    assert (body["unchanged"], body["retracted"]) == (1, 1)


@pytest.mark.by_turns
def test_a_release_of_a_month_over_http(client: TestClient) -> None:
    months = [{"id": str(n), "date_start": day, "date_end": day}
              for n, day in enumerate(("2014-05-02", "2014-05-31", "2014-06-01"))]  # fmt: skip
    send_file(client, make_table("ucdp-ged", months))
    one = make_table("ucdp-ged", months[:1])
    body = send_file(client, one, "?retract_missing=true&retract_window=2014-05").json()
    assert (body["unchanged"], body["retracted"]) == (1, 1)
    for wrong in ("?retract_window=2014-05", "?retract_missing=true&retract_window=soon",
                  "?retract_missing=true&retract_window=2014-05/.."):  # fmt: skip
        refused = send_file(client, one, wrong)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["loc"] == ["query", "retract_window"]


def _left_behind(database: Database, path: Path, done: int, counts: dict[str, Any]) -> None:
    options = {"format": "auto", "dataset": None, "retract_missing": False,
               "create_actors": False, "dry_run": False}  # fmt: skip
    with database.write() as db:
        db.execute(
            insert(imports).values(
                id="left",
                state="running",
                by="loader",
                created_at=format_current_time(),
                started_at=format_current_time(),
                seen_at="2020-01-01T00:00:00.000000Z",
                options=json.dumps(options),
                counts=json.dumps(counts),
                file=str(path),
                size=1,
                done=done,
            )
        )


@pytest.mark.slow
def test_import_continues_after_a_crash(
    url: str, key: str, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_text(join_events(*(make_event(f"k{n}") for n in range(40))))
    _left_behind(database, path, 30, {"rows": 30, "new": 30})
    with open_client(url, in_background=True) as client:
        body = wait_for_end(client, "/v1/imports/left")
    assert (body["state"], body["rows"], body["new"]) == ("done", 40, 40)
    assert len(read_documents(database, "local")) == 10  # the thirty before were not read again
    assert not path.exists()
    assert key


@pytest.mark.slow
@pytest.mark.by_turns
def test_a_cancelled_import_ends_after_a_batch(
    url: str, key: str, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_text(join_events(*(make_event(f"k{n}") for n in range(40))))
    _left_behind(database, path, 0, {})
    with database.write() as db:
        db.execute(update(imports).values(state="cancelling"))
    with open_client(url, in_background=True) as client:
        body = wait_for_end(client, "/v1/imports/left")
        client.headers["Authorization"] = f"Bearer {key}"
        assert client.delete("/v1/imports/left").json()["state"] == "cancelled"
    assert (body["state"], body["new"]) == ("cancelled", 0)
    assert read_documents(database, "local") == {}


@pytest.mark.by_turns
def test_rejects_are_kept_with_the_batch(client: TestClient, database: Database) -> None:
    body = send_file(client, join_events(make_event("a", date="x"))).json()
    with database.connect() as db:
        rows = db.execute(select(import_rejects)).all()
    assert [(r[0], r.number) for r in rows] == [(body["id"], 1)]


@pytest.mark.by_turns
@pytest.mark.parametrize("name", ["%00", "%EF%BF%BF", "a%0Ab", "'%20OR%201=1--", "9" * 61, "x"])
def test_ids_of_no_import(client: TestClient, name: str) -> None:
    for path in (f"/v1/imports/{name}", f"/v1/imports/{name}/rejects"):
        answer = client.get(path)
        assert answer.status_code in (404, 422), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def test_hostile_queries_below_an_import(client: TestClient) -> None:
    body = send_file(client, join_events(make_event("a", date="x"))).json()
    where = f"/v1/imports/{body['id']}"
    assert client.get(where).status_code == 200
    assert client.get(f"{where}/rejects").status_code == 200
    for query in (
        "limit=0", "limit=1001", "limit=9999999999999999999999", "cursor=", "cursor=AAAA",
        "cursor=%00", "format=xml", "zzz=1",
    ):  # fmt: skip
        answer = client.get(f"{where}/rejects?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["loc"][1] == query.partition("=")[0]
    assert client.get(f"{where}?limit=1").status_code == 422


@pytest.mark.by_turns
def test_a_dry_run_counts_and_stores_nothing(client: TestClient, database: Database) -> None:
    body = join_events(make_event("one"), make_event("two"), {"key": "three"})
    answer = send_file(client, body, "?dry_run=true")
    document = answer.json()
    assert (document["state"], document["dry_run"], document["mode"]) == ("done", True, "upsert")
    assert (document["rows"], document["new"], document["rejected"]) == (3, 2, 1)
    rejects = client.get(f"/v1/imports/{document['id']}/rejects").json()["data"]
    assert [r["line"] for r in rejects] == [3]
    assert read_documents(database, "local") == {}
    real = send_file(client, body).json()
    assert (real["dry_run"], real["new"], len(read_documents(database, "local"))) == (False, 2, 2)


def test_inserting_changes_nothing_that_is_there(client: TestClient, database: Database) -> None:
    posted = {"key": "posted", "dataset": "local", "title": "By hand", "date": "2023"}
    send_file(client, join_events(make_event("one")))
    assert client.post("/v1/events", json=posted).status_code == 201
    before = read_documents(database, "local")
    rows = (
        make_event("one"),
        make_event("one") | {"key": "two"},
        make_event("posted", title="Another"),
    )
    body = send_file(client, join_events(*rows), "?mode=insert").json()
    assert (body["unchanged"], body["new"], body["rejected"]) == (1, 1, 1)
    assert body["reasons"] == {"key: conflicts with the stored event": 1}
    again = send_file(
        client, join_events(make_event("one", title="Another")), "?mode=insert"
    ).json()
    assert (again["changed"], again["rejected"]) == (0, 1)
    now = read_documents(database, "local")
    assert {key: now[key] for key in before} == before
    assert len(now) == len(before) + 1


@pytest.mark.by_turns
def test_only_events_are_inserted(client: TestClient) -> None:
    body = send_file(client, "ccode1,ccode2,year,cow_defense,cow_neutral,cow_nonagg,cow_entente\n"
                "2,20,1950,1,0,0,0\n", "?mode=insert").json()  # fmt: skip
    assert body["state"] == "failed"
    assert "mode=insert applies to events only" in body["error"]
    assert send_file(client, "x", "?mode=replace").status_code == 422


@pytest.mark.by_turns
def test_rejected_rows_bring_no_sources(client: TestClient, database: Database) -> None:
    def said(key: str, page: str, *more: Any) -> dict[str, Any]:
        source = {"publisher": "P", "title": "T", "url": f"https://p.example/{page}"}
        return make_event(key, reports=[{"source": source}, *more])

    send_file(client, join_events(said("one", "1")))
    rows = [said("one", "2"), said("two", "3"), said("three", "4", {"source": "nobody"})]
    body = send_file(client, join_events(*rows), "?mode=insert").json()
    assert (body["new"], body["rejected"]) == (1, 2)
    with database.connect() as db:
        asked = select(sources.c.url).where(sources.c.publisher == "P").order_by(sources.c.url)
        assert list(db.scalars(asked)) == ["https://p.example/1", "https://p.example/3"]
    assert find_faults(database) == []


@pytest.mark.by_turns
def test_what_was_posted_counts_as_changed_or_unchanged(client: TestClient) -> None:
    send_file(client, join_events(make_event("first")))  # makes the dataset
    rows = [make_event("same", reports=[]), make_event("other", reports=[])]
    for row in rows:
        posted = client.post("/v1/events", json=row | {"dataset": "local"})
        assert posted.status_code == 201, posted.text
    rows[1]["title"] = "Another"
    body = send_file(client, join_events(*rows)).json()
    assert (body["new"], body["changed"], body["unchanged"]) == (0, 1, 1)
    assert client.get("/v1/events/local:other").json()["revision"] == 2
    assert client.get("/v1/events/local:same").json()["revision"] == 1


def test_what_is_cancelled_before_it_begins_leaves_nothing_behind(
    client: TestClient, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_text(join_events(make_event("a")))
    with closing(FileLock(path)):  # so that no worker begins
        _left_behind(database, path, 0, {})
        with database.write() as db:
            db.execute(update(imports).values(state="waiting"))
        assert client.delete("/v1/imports/left").json()["state"] == "cancelled"
    assert [p for p in tmp_path.glob("upload*") if p.is_file()] == []
    assert read_documents(database, "local") == {}


def test_import_with_a_nul_in_a_key_blocks_no_other_import(client: TestClient) -> None:
    send_file(client, join_events(make_event("first")))
    body = send_file(client, join_events(make_event("k\0"))).json()
    assert (body["state"], body["rejected"]) == ("done", 1)
    assert send_file(client, join_events(make_event("later"))).json()["new"] == 1


@pytest.mark.parametrize("deep", [100, 400, 900])
def test_deeply_nested_rejects_are_listed(client: TestClient, deep: int) -> None:
    body = '{"key":"a","title":"t","date":"2020","x":' + "[" * deep + "]" * deep + "}\n"
    document = send_file(client, body).json()
    assert document["rejected"] == 1
    page = client.get(f"/v1/imports/{document['id']}/rejects")
    assert page.status_code == 200
    [row] = page.json()["data"]
    assert (row["line"], row["dataset"], row["file"]) == (1, "local", "")


def test_a_page_of_long_rejects_is_short(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_store, "MAX_PAGE_CHARACTERS", 1000)
    rows = [make_event(f"k{n}", date="soon", summary="x" * 10 * n) for n in range(40)]
    body = send_file(client, join_events(*rows)).json()
    where: str | None = f"/v1/imports/{body['id']}/rejects?limit=20"
    line_numbers: list[int] = []
    pages = 0
    while where:
        page = client.get(where).json()
        line_numbers += [row["line"] for row in page["data"]]
        where, pages = page["links"]["next"], pages + 1
    assert line_numbers == list(range(1, 41))
    assert pages > 10


@pytest.mark.by_turns
def test_a_release_in_several_files_fails(client: TestClient, database: Database) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name in "ab":
            out.writestr(name, join_events(make_event(name)))
    send_file(client, packed.getvalue())
    body = send_file(client, packed.getvalue(), "?retract_missing=true").json()
    assert (body["state"], body["retracted"]) == ("failed", 0)
    assert "the whole release" in body["error"]
    assert len(read_documents(database, "local")) == 2


@pytest.mark.by_turns
def test_a_rejected_row_names_its_member_and_not_the_path_of_the_upload(client: TestClient) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("in/one.ndjson", join_events(make_event("a", date="soon")))
    body = send_file(client, packed.getvalue(), "?dataset=desk").json()
    [row] = client.get(f"/v1/imports/{body['id']}/rejects").json()["data"]
    assert (row["file"], row["dataset"]) == ("one.ndjson", "desk")


@pytest.mark.by_turns
def test_full_disk_is_reported_and_leaves_no_upload(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(router, "_write_upload", full)
    answer = send_file(client, join_events(make_event("a")))
    assert answer.status_code == 507
    assert answer.json()["type"].endswith("full")
    assert list((tmp_path / "uploads").iterdir()) == []
