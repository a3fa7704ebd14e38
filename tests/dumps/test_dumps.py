"""Dumps: whole datasets as files with versions, read by data frames from their address."""

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import zstandard
from fastapi.testclient import TestClient
from feed_pages import read_all_events
from serving import open_client, serve_database

from app.db.engine import Database
from app.db.file_lock import FileLock, LockedError
from app.db.journal import Writer
from app.dumps.store import list_dumps
from app.dumps.write import write_dumps
from app.errors import InvalidParameterError
from app.events.changes import write_events
from app.events.record import EventRecord, ParticipantRecord, convert_record

SET = "realignments"


def get_url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def folder(bundled_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the dumps of one dataset."""
    made = tmp_path_factory.mktemp("dumps")
    assert len(list(write_dumps(bundled_database, made, [SET]))) == 2
    return made


@pytest.fixture(scope="module")
def dumped(bundled_database: Database, folder: Path) -> Iterator[TestClient]:
    with open_client(get_url(bundled_database), dump_folder=str(folder)) as client:
        yield client


def list_files(client: TestClient) -> dict[str, dict[str, Any]]:
    page = client.get(f"/v1/dumps?dataset={SET}").raise_for_status().json()
    return {dump["format"]: dump for dump in page["data"]}


def test_dumps_contain_every_event_of_their_dataset(dumped: TestClient) -> None:
    files = list_files(dumped)
    events = read_all_events(dumped, f"dataset={SET}&sort=date")
    packed = dumped.get(files["ndjson"]["href"]).content
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().splitlines()
    assert [json.loads(line) for line in lines] == events
    table = pq.read_table(io.BytesIO(dumped.get(files["parquet"]["href"]).content))
    assert table.column("id").to_pylist() == [event["id"] for event in events]
    assert all(dump["events"] == len(events) for dump in files.values())


def test_a_dump_says_which_request_repeats_it(dumped: TestClient) -> None:
    dump = list_files(dumped)["parquet"]
    schema = pq.read_schema(io.BytesIO(dumped.get(dump["href"]).content))
    about = json.loads(schema.metadata[b"entente"])
    assert dump["filename"] == f"{SET}-v{dump['version']}-{dump['lineage']}.parquet"
    assert about["version"] == dump["version"]
    again = pq.read_table(io.BytesIO(dumped.get(about["request"]).content))
    assert again.num_rows == dump["events"]


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_a_dump_has_length_digest_and_strong_etag(dumped: TestClient, form: str) -> None:
    dump = list_files(dumped)[form]
    answer = dumped.get(dump["href"])
    digest = hashlib.sha256(answer.content)
    assert digest.hexdigest() == dump["sha256"]
    assert (
        answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    )
    assert int(answer.headers["content-length"]) == dump["bytes"] == len(answer.content)
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["cache-control"] == "public, max-age=2592000, immutable"
    assert "content-encoding" not in answer.headers
    same = dumped.get(dump["href"], headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["cache-control"] == answer.headers["cache-control"]
    short = dumped.head(dump["href"])
    assert short.headers["content-length"] == str(dump["bytes"])
    assert short.content == b""


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=-8", 206, slice(-8, None)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=99999999-", 416, None),
        ("bytes=9-1", 200, slice(None)),
        ("bytes=x", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_ranges_of_a_dump(dumped: TestClient, asked: str, status: int, part: slice | None) -> None:
    address = list_files(dumped)["parquet"]["href"]
    whole = dumped.get(address).content
    answer = dumped.get(address, headers={"Range": asked})
    assert answer.status_code == status
    if part is None:
        assert answer.json()["type"] == "/problems/range"
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    else:
        assert answer.content == whole[part]


def test_a_range_of_another_version_is_the_whole_file(dumped: TestClient) -> None:
    address = list_files(dumped)["parquet"]["href"]
    tag = dumped.get(address).headers["etag"]
    for sent, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200)):
        headers = {"Range": "bytes=0-3", "If-Range": sent}
        assert dumped.get(address, headers=headers).status_code == status
    headers = {"Range": "bytes=99999999-", "If-Range": '"other"'}
    assert dumped.get(address, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "name", ["none.parquet", "..%2F..%2Fetc%2Fpasswd", "%00", ".hidden", "%ff", "a%5Cb", "x" * 300]
)
def test_unknown_dumps_are_problems(dumped: TestClient, name: str) -> None:
    answer = dumped.get(f"/v1/dumps/files/{name}")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_records_of_dumps_are_not_files(dumped: TestClient) -> None:
    dump = list_files(dumped)["parquet"]
    assert dumped.get(f"{dump['href']}.json").status_code == 404


def test_a_list_without_dumps_says_so(dumped: TestClient) -> None:
    page = dumped.get("/v1/dumps?dataset=curated").json()
    assert (page["data"], page["meta"]["reason"]) == ([], "no_match")
    assert dumped.get("/v1/dumps?datset=curated").status_code == 422


def test_a_data_package_describes_the_files(dumped: TestClient) -> None:
    package = dumped.get("/v1/dumps/datapackage.json").raise_for_status().json()
    files = list_files(dumped)
    for resource in package["resources"]:
        dump = files["parquet" if resource["format"] == "parquet" else "ndjson"]
        assert f"/v1/dumps/{resource['path']}" == dump["href"]
        assert resource["hash"] == f"sha256:{dump['sha256']}"
        assert resource["bytes"] == dump["bytes"]
        types = {field["name"]: field["type"] for field in resource["schema"]["fields"]}
        assert types["start"] == "date"
        assert types["recorded_at"] == "datetime"
        assert types["participants"] == "array"
        [parts] = [f for f in resource["schema"]["fields"] if f["name"] == "participants"]
        role = parts["jsonSchema"]["items"]["properties"]["role"]
        assert role == {"type": ["string", "null"]}
        assert all(field["description"] for field in resource["schema"]["fields"])
        assert resource["licenses"] == [{"name": "CC-BY-4.0", "title": "CC BY 4.0"}]


def test_datasets_of_schema_org_lead_to_their_downloads(dumped: TestClient) -> None:
    answer = dumped.get("/v1/dumps/datasets.jsonld").raise_for_status()
    assert answer.headers["content-type"] == "application/ld+json"
    [dataset] = answer.json()["@graph"]
    assert dataset["@type"] == "Dataset"
    for download in dataset["distribution"]:
        path = download["contentUrl"].removeprefix("http://testserver")
        assert hashlib.sha256(dumped.get(path).content).hexdigest() == download["sha256"]


def test_datasets_lead_to_their_dumps(dumped: TestClient) -> None:
    links = dumped.get("/v1/datasets").headers["link"]
    for path in ("/v1/dumps", "/v1/dumps/datapackage.json", "/v1/dumps/datasets.jsonld"):
        assert f"<{path}>" in links
        assert dumped.get(path).status_code == 200


@pytest.mark.slow
@pytest.mark.by_turns
def test_data_frames_read_dumps_from_their_address(
    bundled_database: Database, folder: Path, dumped: TestClient
) -> None:
    dump = list_files(dumped)["parquet"]
    with serve_database(get_url(bundled_database), dump_folder=str(folder)) as root:
        frame = pl.read_parquet(root + dump["href"])
        scanned = pl.scan_parquet(root + dump["href"]).select("id", "start").collect()
        table = pd.read_parquet(root + dump["href"])
    assert frame.height == scanned.height == len(table) == dump["events"]
    assert frame.schema["start"] == pl.Date
    assert frame.schema["recorded_at"] == pl.Datetime("us", "UTC")
    assert isinstance(frame.schema["participants"], pl.List)


def make_events(*keys: str) -> list[EventRecord]:
    part = ParticipantRecord("initiator", actor="ARM")
    return [
        convert_record({"key": k, "title": k, "date": "2020", "participants": [part]}) for k in keys
    ]


def test_only_datasets_that_changed_are_written_again(database: Database, tmp_path: Path) -> None:
    by = Writer("test")
    for keys in (("a",), ("b", "c")):
        with database.write() as db:
            write_events(db, make_events(*keys), "curated", by)
        made = list(write_dumps(database, tmp_path, ["curated"], ["ndjson"]))
        assert len(made) == 1
        assert list(write_dumps(database, tmp_path, ["curated", "memberships"], ["ndjson"])) != made
    with database.write() as db:  # of another dataset
        write_events(db, make_events("d"), "realignments", by)
    assert list(write_dumps(database, tmp_path, ["curated"], ["ndjson"])) == []
    assert [dump.events for dump in list_dumps(tmp_path, "curated")] == [3, 1]


def test_older_versions_are_removed_where_few_are_kept(database: Database, tmp_path: Path) -> None:
    for key in "abc":
        with database.write() as db:
            write_events(db, make_events(key), "curated", Writer("test"))
        list(write_dumps(database, tmp_path, ["curated"], ["ndjson"], keep=2))
    assert [dump.events for dump in list_dumps(tmp_path, "curated")] == [3, 2]
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("curated")]) == 4


def test_a_file_that_was_cut_off_is_not_listed(database: Database, tmp_path: Path) -> None:
    [dump] = write_dumps(database, tmp_path, ["curated"], ["ndjson"])
    file = tmp_path / dump.filename
    file.write_bytes(file.read_bytes()[:-1])
    assert list_dumps(tmp_path) == []


def test_one_process_writes_at_a_time(database: Database, tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "writing")
    with pytest.raises(LockedError):
        list(write_dumps(database, tmp_path, ["curated"]))
    lock.close()
    with pytest.raises(InvalidParameterError):
        list(write_dumps(database, tmp_path, ["nothing"]))


def test_a_dump_of_a_history_that_was_left_says_so(database: Database, tmp_path: Path) -> None:
    [dump] = write_dumps(database, tmp_path, ["curated"], ["ndjson"])
    record = tmp_path / f"{dump.filename}.json"
    left = dump.model_copy(update={"lineage": "0000abcd"})
    record.write_text(left.model_dump_json(), "utf-8")
    with open_client(get_url(database), dump_folder=str(tmp_path)) as client:
        [listed] = client.get("/v1/dumps").json()["data"]
    assert listed["in_history"] is False
    assert len(list(write_dumps(database, tmp_path, ["curated"], ["ndjson"]))) == 1


def test_a_dataset_that_is_not_known_is_refused(api: TestClient) -> None:
    answer = api.get("/v1/dumps?dataset=nothing")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "dataset"]
