"""After the database went back to an earlier version, no reader is given another history."""

import json
import re
import shutil
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
from examples import add_key
from fastapi.testclient import TestClient
from make import FIRST_LINEAGE
from serving import open_client, serve_database
from typer.testing import CliRunner

from app import cli
from app.db.backup import write_backup
from app.db.engine import Database
from app.db.lineage_table import (
    LineageError,
    begin_lineage,
    find_lineage_faults,
    read_lineages,
    read_version,
)
from app.lineages import Ancestry, Lineage, StateGoneError

pytestmark = [pytest.mark.slow, pytest.mark.by_turns, pytest.mark.bundled]

EVENT = "curated:2023-10-03-armenia-ratifies-rome-statute"
PAIR = "actor=ARM&toward=CSTO"
LISTS = (
    "/v1/events?actor=ARM&limit=5",
    "/v1/timeline?actor=ARM&since=2023",
    "/v1/datasets?limit=1",
    "/v1/coverage",
    f"/v1/shifts?{PAIR}",
)
"""Lists that have a permalink."""


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def key(database: Database) -> str:
    """A key that may write, from before everything else: it survives every fork."""
    return add_key(database)


def patch_title(url: str, key: str, title: str, if_match: str | None = None) -> Any:
    with open_client(url) as client:
        headers = {"Authorization": f"Bearer {key}"}
        headers |= {"If-Match": if_match} if if_match else {}
        body = {"title": title, "reason": "test"}
        return client.patch(f"/v1/events/{EVENT}", json=body, headers=headers)


class Reader:
    """What a reader was given at a version: addresses with their bytes, and tags."""

    def __init__(self, client: TestClient) -> None:
        lists = {path: client.get(path).raise_for_status() for path in LISTS}
        self.version = int(lists[LISTS[0]].headers["Entente-Version"])
        self.lineage = lists[LISTS[0]].headers["Entente-Lineage"]
        self.tags = {path: answer.headers["ETag"] for path, answer in lists.items()}
        events, shifts = lists[LISTS[0]].json(), lists[f"/v1/shifts?{PAIR}"].json()
        links = [a.json()["links"]["permalink"] for a in lists.values()]
        assert all(f"lineage={self.lineage}" in link for link in links)
        cited = client.get("/v1/citation", params={"view": f"view=event&id={EVENT}"}).json()
        self.event_tag = client.get(f"/v1/events/{EVENT}").headers["ETag"]
        self.next_page = events["links"]["next"]
        earlier = f"after={self.version - 1}&lineage={self.lineage}"
        self.changes = client.get(f"/v1/changes?{earlier}").json()["links"]["next"]
        self.shift = f"/v1/shifts/{shifts['data'][0]['id']}"
        pinned = f"as_of={self.version}&lineage={self.lineage}"
        self.pinned = [
            *links,
            self.shift,
            f"/v1/events/{EVENT}?{pinned}",
            f"/v1/events?actor=ARM&limit=3&format=csv&{pinned}",
            f"/v1/diff?from={self.version - 1}&to={self.version}&lineage={self.lineage}",
            f"/embed/timeline?actor=ARM&{pinned}",
            f"/v1/citation?format=ris&view={quote(cited['data']['permalink'].partition('?')[2])}",
        ]
        self.bytes = {path: client.get(path).raise_for_status().content for path in self.pinned}

    def is_answered_as_before(self, client: TestClient) -> None:
        """Whatever was cited has the same bytes, and tags of what has not changed hold."""
        assert {path: client.get(path).content for path in self.pinned} == self.bytes
        assert client.get(self.next_page).status_code == 200
        bare = client.get(f"/v1/events?actor=ARM&limit=5&as_of={self.version}").json()
        assert bare["data"] == json.loads(self.bytes[self.pinned[0]])["data"]
        assert client.get(self.changes).status_code == 200

    def is_refused(self, client: TestClient) -> None:
        """Nothing that was given out is answered with what is now under its number."""
        bare = f"/v1/events?actor=ARM&as_of={self.version}"
        own = [bare] if self.lineage == FIRST_LINEAGE else []
        stream = f"/v1/changes/stream?limit=1&after={self.version}&lineage={self.lineage}"
        for path in [*self.pinned, self.next_page, self.changes, stream, *own]:
            answer = client.get(path)
            assert answer.status_code == 410, path
            problem = answer.json()
            assert problem["type"] == "/problems/history-left"
            assert "lineage=" in problem["errors"][0]["hint"]
        ident = {"Last-Event-ID": f"{self.version}.{self.lineage}"}
        assert client.get("/v1/changes/stream?limit=1", headers=ident).status_code == 410
        for path, tag in self.tags.items():
            assert client.get(path, headers={"If-None-Match": tag}).status_code == 200, path
        tag = {"If-None-Match": self.event_tag}
        assert client.get(f"/v1/events/{EVENT}", headers=tag).status_code == 200


def copy_while_closed(database: Database, kind: str, folder: Path, request: Any) -> str:
    """Copy the files of a database, as a standby or a backup of the disk has them."""
    url, name = url_of(database), f"copy-{uuid4().hex[:8]}"
    database.close()
    if kind == "sqlite":
        source = url.removeprefix("sqlite:///")
        shutil.copy(source, folder / f"{name}.db")  # closing has emptied the write-ahead log
        return f"sqlite:///{folder / name}.db"
    server = request.getfixturevalue("server")
    request.addfinalizer(lambda: server.drop_database(name))
    return str(server.create_database(name, template=database.engine.url.database))


def run_command(monkeypatch: pytest.MonkeyPatch, url: str, *words: str) -> str:
    monkeypatch.setenv("ENTENTE_DATABASE_URL", url)
    answer = CliRunner().invoke(cli.main, ["db", *words])
    assert answer.exit_code == 0, answer.output
    return str(answer.stdout)


@pytest.mark.parametrize("way", ["restore", "promotion", "late"])
def test_a_reader_is_never_given_another_history(
    way: str,
    database: Database,
    kind: str,
    key: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = url_of(database)
    with open_client(url) as client:
        before = Reader(client)
    assert before.lineage == FIRST_LINEAGE
    if way == "restore":
        write_backup(database, tmp_path / "kept")
    else:
        standby = copy_while_closed(database, kind, tmp_path, request)
    assert patch_title(url, key, "Lost").status_code == 200
    with open_client(url) as client:
        lost = Reader(client)
    assert lost.version == before.version + 1

    if way == "restore":
        run_command(monkeypatch, url, "restore", str(tmp_path / "kept"))
    elif way == "promotion":
        url = standby
        run_command(monkeypatch, url, "lineage", "--renew")
    else:
        url = standby
    if way != "late":
        with open_client(url) as client:  # before the first write too
            assert client.get(lost.pinned[0]).status_code == 410
            held = {"If-None-Match": before.tags[LISTS[0]]}
            assert client.get(LISTS[0], headers=held).status_code == 304
    assert patch_title(url, key, "Kept").status_code == 200
    if way == "late":  # something was written before anybody renewed
        run_command(monkeypatch, url, "lineage", "--renew", "--at", str(before.version))
    found = json.loads(run_command(monkeypatch, url, "lineage", "--json"))
    assert [(one["parent"], one["forked_at"]) for one in found] == [
        (None, 0), (FIRST_LINEAGE, before.version),
    ]  # fmt: skip

    with open_client(url) as client:
        before.is_answered_as_before(client)
        lost.is_refused(client)
        after = Reader(client)
        assert (after.version, after.lineage) == (lost.version, found[1]["lineage"])
    refused = patch_title(url, key, "Overwritten", lost.event_tag)
    assert refused.status_code == 412
    assert "history" in refused.json()["detail"]
    bare = re.sub(r"\.[0-9a-f]+", "", after.event_tag)  # a tag without a lineage is of the first
    assert patch_title(url, key, "Overwritten", bare).status_code == 412
    assert patch_title(url, key, "Right", after.event_tag).status_code == 200
    with open_client(url) as client:
        assert {path: client.get(path).content for path in after.pinned} == after.bytes
    with closing(Database(url)) as made, made.connect() as db:
        assert list(find_lineage_faults(db)) == []


def test_an_open_stream_ends_when_its_history_is_left(database: Database, key: str) -> None:
    """The reader comes back with the id it has, and is told instead of waiting for ever."""
    url = url_of(database)
    with serve_database(url) as address, httpx2.Client(base_url=address, timeout=20) as client:
        with database.connect() as db:
            version = int(read_version(db))
        with client.stream("GET", f"/v1/changes/stream?after={version}") as stream:
            lines = stream.iter_lines()
            next(lines)  # connected
            patch_title(url, key, "Lost")
            last = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
            assert last == f"{version + 1}.{FIRST_LINEAGE}"
            with database.write() as db:
                begin_lineage(db, "test", version)
            patch_title(url, key, "Kept")
            assert not [line for line in lines if line.startswith("id: ")]  # and it ends
        answer = client.get("/v1/changes/stream?limit=1", headers={"Last-Event-ID": last})
        assert answer.status_code == 410
        ident = {"Last-Event-ID": f"{version}.{FIRST_LINEAGE}"}
        changes = client.get("/v1/changes/stream?limit=1", headers=ident).text
        assert f"id: {version + 1}." in changes
        assert last not in changes


def test_an_instant_in_the_time_that_was_lost_is_refused(database: Database, key: str) -> None:
    url = url_of(database)
    patch_title(url, key, "Kept")
    with open_client(url) as client, database.connect() as db:
        kept = client.get(f"/v1/events/{EVENT}").json()["recorded_at"]
        version = int(read_version(db))
    time.sleep(0.01)
    lost = datetime.now(UTC).isoformat()
    time.sleep(0.01)
    with database.write() as db:
        lineage = begin_lineage(db, "test", version).lineage
    time.sleep(0.01)
    later = datetime.now(UTC).isoformat()
    with open_client(url) as client:

        def ask(at: str, lineage: str | None = None) -> int:
            of = {} if lineage is None else {"lineage": lineage}
            query = {"as_of": at, **of, "limit": "1"}
            return int(client.get("/v1/events", params=query).status_code)

        assert ask(lost) == ask(lost, FIRST_LINEAGE) == 410
        assert ask(kept) == ask(kept, FIRST_LINEAGE) == ask(later) == 200
        assert ask(lost, lineage) == ask(later, lineage) == 200
        assert ask(later, FIRST_LINEAGE) == 410
        present = {"/v1/events?lineage=": 200, f"/v1/events/{EVENT}?lineage=": 200}
        assert {p: client.get(p + lineage).status_code for p in present} == present
        assert client.get("/v1/events?lineage=abcdef01").status_code == 410
        assert client.get("/v1/events?lineage=first").status_code == 422


def test_each_version_belongs_to_the_lineage_that_wrote_it() -> None:
    first, second, third = (
        Lineage("a", None, 0, "", ""),
        Lineage("b", "a", 100, "", ""),
        Lineage("c", "b", 120, "", ""),
    )
    known = Ancestry((first, second, third))
    assert [known.find_lineage(n) for n in (0, 100, 101, 120, 121)] == ["a", "a", "b", "b", "c"]
    for lineage, version in ((None, 100), ("a", 7), ("b", 120), ("b", 40), ("c", 999)):
        known.require_version(lineage, version)
    for lineage, version in ((None, 101), ("a", 101), ("b", 121), ("d", 1)):
        with pytest.raises(StateGoneError):
            known.require_version(lineage, version)


def test_a_fork_is_where_the_present_history_has_been(database: Database, key: str) -> None:
    patch_title(url_of(database), key, "One")
    with database.write() as db:
        begin_lineage(db, "test")
    with database.connect() as db:
        version = int(read_version(db))
    for at in (version - 1, version + 1):
        with pytest.raises(LineageError), database.write() as db:
            begin_lineage(db, "test", at)
    with database.connect() as db:
        assert [one.forked_at for one in read_lineages(db)] == [0, version]
