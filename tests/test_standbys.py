"""Reading from a hot standby that lags: never stale where a version is named, through promotion."""

import http.client
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from conftest import fill_with_actors
from examples import add_key
from fastapi.testclient import TestClient
from replication import Replication, run_replication
from service import Service
from serving import open_client, serve_database
from soak import IN_FULL, choose_size
from sqlalchemy import func, select

from app.db.dialect.shared_question import SharedQuestion
from app.db.engine import Database
from app.db.leadership import DatabaseLeadership
from app.db.tables import keys
from app.http.metrics import VERSION_WAITS

pytestmark = [pytest.mark.slow]
DELAY_MS = 200
log = logging.getLogger("tests.standbys")
ACT = {
    "title": "An act", "date": "2020-01-01",
    "participants": [{"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"}],
}  # fmt: skip
MIN_VERSION = "Entente-Min-Version"


@pytest.fixture(scope="module")
def replication() -> Iterator[Replication]:
    """A primary with the bundled actors, and a standby 200 ms behind."""
    with run_replication(fill_with_actors, DELAY_MS) as found:
        yield found


@pytest.fixture(scope="module")
def key(replication: Replication) -> dict[str, str]:
    """A key that the standby knows too."""
    made = make_key(replication)
    asked = select(func.count()).select_from(keys)
    with closing(Database(replication.reader)) as standby:

        def has_key() -> bool:
            with standby.connect() as db:
                return bool(db.scalar(asked))

        wait_until(has_key, "the standby does not get the key")
    return made


def make_key(replication: Replication) -> dict[str, str]:
    with closing(Database(replication.url("primary"))) as database:
        return {"Authorization": f"Bearer {add_key(database)}"}


@pytest.fixture
def api(replication: Replication) -> Iterator[TestClient]:
    """A service that writes at the primary and reads from the standby."""
    with open_client(replication.writer, read_url=replication.reader, in_background=True) as client:
        yield client


@contextmanager
def pause_replay(replication: Replication) -> Iterator[None]:
    replication.run("standby", "SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        replication.run("standby", "SELECT pg_wal_replay_resume()")


def test_a_standby_is_not_asked_for_the_version_of_remembered_answers(
    replication: Replication,
) -> None:
    for name, is_asked in (("standby", False), ("primary", True)):
        with closing(Database(replication.url(name))) as database:
            found = SharedQuestion(database.engine, b"SELECT 1")._connect()
            assert (found is not None) == is_asked
            if found is not None:
                found.close()


def write_act(api: TestClient, key: dict[str, str], name: str) -> int:
    """Write an event, and return the version that the answer names."""
    written = api.post("/v1/events", json=[{**ACT, "key": name}], headers=key)
    assert written.status_code == 201, written.text
    return int(written.headers["entente-version"])


def count_waits(outcome: str) -> float:
    return float(VERSION_WAITS.labels(outcome)._value.get())


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def read_after(api: TestClient, name: str, version: int) -> list[str]:
    """Read what was written in every way that names its version, and return what is stale."""
    way: dict[str, tuple[str, dict[str, str]]] = {
        "one by header": (f"/v1/events/curated:{name}", {MIN_VERSION: str(version)}),
        "list as of": (f"/v1/events?dataset=curated&limit=1000&as_of={version}", {}),
        "feed after": (f"/v1/changes?after={version - 1}", {MIN_VERSION: str(version)}),
        "history by header": (
            f"/v1/events/curated:{name}/history",
            {MIN_VERSION: str(version)},
        ),
    }
    stale = []
    for what, (path, headers) in way.items():
        answer = api.get(path, headers=headers)
        if answer.status_code != 200 or f"curated:{name}" not in answer.text:
            stale.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        assert int(answer.headers["entente-version"]) >= version
    return stale


@pytest.mark.soak
def test_no_read_that_names_its_version_is_stale(api: TestClient, key: dict[str, str]) -> None:
    moved, began = count_waits("writer"), time.monotonic()
    writes = choose_size(12, 2500)  # each is read four times
    behind = []

    def write_and_read(number: int) -> list[str]:
        name = f"act-{number}"
        version = write_act(api, key, name)
        plain = api.get(f"/v1/events/curated:{name}")
        behind.append(plain.status_code == 404)
        return read_after(api, name, version)

    with ThreadPoolExecutor(8) as many:
        stale = [one for found in many.map(write_and_read, range(writes)) for one in found]
    moved = count_waits("writer") - moved
    log.info(
        "%d stale of %d reads; without a version %d of %d were; the writer answered %d; %.1f s",
        len(stale), 4 * writes, sum(behind), writes, moved, time.monotonic() - began,
    )  # fmt: skip
    assert stale == []
    assert sum(behind) > writes / 2  # the standby does lag
    assert moved < writes  # and it is the standby that answers, not the writer


def test_a_paused_standby_leaves_the_reads_that_name_a_version_to_the_writer(
    api: TestClient, key: dict[str, str], replication: Replication
) -> None:
    with (
        open_client(replication.writer, read_url=replication.reader, max_lag=0.05) as strict,
        pause_replay(replication),
    ):
        moved = count_waits("writer")
        version = write_act(api, key, "while-paused")
        assert read_after(api, "while-paused", version) == []
        assert count_waits("writer") > moved
        today = api.get("/v1/events?dataset=curated&as_of=2199-01-01")
        assert today.status_code == 422  # as ever: it is in the future
        state = api.get("/readyz").json()
        assert (state["role"], state["lag_versions"] > 0) == ("standby", True)
        assert api.get("/readyz").status_code == 200  # 30 s are allowed
        wait_until(lambda: strict.get("/readyz").status_code == 503, "it is never late")
        late = strict.get("/readyz").json()
        assert late["type"] == "/problems/behind"
        lines = api.get("/metrics").text.splitlines()
        assert "entente_reads_from_standby 1.0" in lines
        assert float(next(x for x in lines if x.startswith("entente_lag_versions "))[21:]) > 0
    wait_until(lambda: strict_lag(api) == 0, "the standby does not catch up")


def strict_lag(api: TestClient) -> int:
    return int(api.get("/readyz").json()["lag_versions"])


def test_remembered_answers_are_those_of_their_version(
    api: TestClient, key: dict[str, str], replication: Replication
) -> None:
    question = "/v1/events?dataset=curated&limit=1000"
    first = api.get(question)
    assert api.get(question).content == first.content
    with pause_replay(replication):
        version = write_act(api, key, "remembered")
        again = api.get(question)  # of the standby, which is behind
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        newer = api.get(question, headers={MIN_VERSION: str(version)})
        assert "curated:remembered" in newer.text
        assert newer.headers["etag"] != first.headers["etag"]
        assert api.get(question).content == first.content
    unchanged = {"If-None-Match": first.headers["etag"], MIN_VERSION: str(version)}
    assert api.get(question, headers=unchanged).status_code == 200


def test_a_standby_alone_says_later_and_never_begin_from_zero(
    api: TestClient, key: dict[str, str], replication: Replication
) -> None:
    for name in ("there", "there-too"):
        write_act(api, key, name)
    wait_until(lambda: strict_lag(api) == 0, "the standby does not catch up")
    page = api.get("/v1/events?dataset=curated&limit=1").json()["links"]["next"]
    with (
        open_client(replication.reader, writer_url="https://write.example") as alone,
        pause_replay(replication),
    ):
        version = write_act(api, key, "not-there")
        later = api.get("/v1/events?dataset=curated&limit=1", headers={MIN_VERSION: str(version)})
        asked: list[tuple[str, dict[str, str]]] = [
            ("/v1/events/curated:not-there", {MIN_VERSION: str(version)}),
            (f"/v1/events?as_of={version}", {}),
            (f"/v1/changes?after={version}", {}),
            (f"/v1/diff?from=1&to={version}", {}),
            (later.json()["links"]["next"], {}),
            ("/v1/changes/stream?limit=1", {"Last-Event-ID": str(version)}),
        ]
        for path, headers in asked:
            answer = alone.get(path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/behind"), path
            assert answer.headers["retry-after"] == "1"
            assert str(version) in answer.json()["detail"]
        assert alone.get(page).status_code == 200
        assert alone.get("/v1/events?as_of=x").status_code == 422
        assert alone.get("/v1/events?cursor=x").status_code == 422
    for path, headers in asked[:-1]:
        wait_until(lambda p=path, h=headers: alone_answers(replication, p, h), path)  # type: ignore[misc]


def alone_answers(replication: Replication, path: str, headers: dict[str, str]) -> bool:
    with open_client(replication.reader) as alone:
        return alone.get(path, headers=headers).status_code == 200


def test_a_standby_alone_never_tries_to_write(
    key: dict[str, str], replication: Replication
) -> None:
    settings: dict[str, Any] = {"cursor_key": "", "open_reading": False}
    writer = "https://write.example"
    with open_client(
        replication.reader, writer_url=writer, in_background=True, **settings
    ) as alone:
        asked = alone.get("/v1/actors?limit=1", headers=key)
        # Its primary was never served without a key of its own, so that there is none yet.
        assert asked.status_code == 503
        assert alone.get("/v1/actors/ARM", headers=key).status_code == 200
        for refused in (
            alone.post("/v1/events", json=[{**ACT, "key": "x"}], headers=key),
            alone.post("/v1/imports?dataset=curated", content=b"{}", headers=key),
        ):
            assert (refused.status_code, refused.json()["type"]) == (421, "/problems/standby")
            assert writer in refused.json()["detail"]
        assert alone.get("/readyz").json()["role"] == "standby"
        failures = alone.app.state.database.health.counts  # type: ignore[attr-defined]
        assert failures["read-only"] == 0
    with closing(Database(replication.reader)) as database:
        assert not database.accepts_writes()
        assert not DatabaseLeadership(database).claim()


@contextmanager
def follow_changes(address: str, after: int) -> Iterator[list[int]]:
    """Follow the change stream, and reconnect where it ends, as a browser does."""
    found: list[int] = []
    ended = threading.Event()
    host, _, port = address.removeprefix("http://").partition(":")

    def follow() -> None:
        last = after
        while not ended.is_set():
            client = http.client.HTTPConnection(host, int(port), timeout=5)
            try:
                client.request("GET", "/v1/changes/stream", headers={"Last-Event-ID": str(last)})
                answer = client.getresponse()
                assert answer.status in (200, 503), answer.read()
                while not ended.is_set() and answer.status == 200:
                    line = answer.readline()
                    if not line:
                        break
                    if line.startswith(b"id: "):
                        last = int(line[4:].partition(b".")[0])
                        found.append(last)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                client.close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    yield found
    ended.set()
    thread.join(10)


def test_followers_and_writers_survive_lag_pause_and_promotion() -> None:
    with run_replication(fill_with_actors, DELAY_MS) as replication:
        key = make_key(replication)
        settings = {"read_url": replication.reader, "in_background": True}
        with (
            open_client(replication.writer, **settings) as api,
            serve_database(replication.writer, **settings) as address,
        ):
            begin = write_act(api, key, "begin")
            with follow_changes(address, begin) as seen:
                write_act(api, key, "lag")
                with pause_replay(replication):
                    last = write_act(api, key, "paused")
                wait_until(lambda: seen[-1:] == [last], "the follower lost a change")
                replication.stop("primary")
                wait_until(
                    lambda: api.get("/v1/events/curated:paused").status_code == 200,
                    "the standby lost what it had received",
                )
                away = api.post("/v1/events", json=[{**ACT, "key": "away"}], headers=key)
                assert (away.status_code, "retry-after" in away.headers) == (503, True)
                replication.promote()
                wait_until(lambda: is_written(api, key, "promoted"), "no writes after promotion")
                done = int(api.get("/readyz").json()["version"])
                wait_until(lambda: seen[-1:] == [done], "the follower ended with the primary")
                assert api.get("/readyz").json()["role"] == "primary"
                assert read_after(api, "promoted", done) == []
            assert seen == list(range(begin + 1, done + 1))  # each once and in order


class Client(threading.Thread):
    """Writes acts and reads each as soon as it was acknowledged, until it is ended."""

    def __init__(self, service: Service, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.service, self.number, self.ended = service, number, ended
        self.acknowledged: dict[str, int] = {}
        self.statuses = Counter[str]()
        self.stale: list[str] = []
        self.longest_pause = 0.0

    def run(self) -> None:
        """Write and read, and count what is answered."""
        tried, last = 0, time.monotonic()
        while not self.ended.is_set():
            name = f"client-{self.number}-{tried}"
            again = {"Idempotency-Key": name}  # a write whose answer was lost is sent again
            status, _, headers = self.ask("POST", "/v1/events", [{**ACT, "key": name}], again)
            self.statuses[f"write {status}"] += 1
            if status != 201:
                time.sleep(0.05)
                continue
            tried += 1
            self.longest_pause = max(self.longest_pause, time.monotonic() - last)
            last, version = time.monotonic(), headers["entente-version"]
            self.acknowledged[name] = int(version)
            path = f"/v1/events/curated:{name}"
            status, _, _ = self.ask("GET", path, None, {MIN_VERSION: version})
            self.statuses[f"read {status}"] += 1
            if status not in (0, 200, 503):
                self.stale.append(f"{path}: {status}")

    def ask(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        """Ask, and return status 0 where there is no answer."""
        try:
            return self.service.ask(method, path, body, **headers)
        except (OSError, http.client.HTTPException):
            return 0, None, {}


@pytest.mark.soak
@pytest.mark.skipif(not IN_FULL, reason="two servers and two processes: in `make soak`")
def test_failover_loses_nothing_that_was_acknowledged() -> None:
    with run_replication(fill_with_actors, safe=True) as replication:
        both = replication.url("standby", "primary", target_session_attrs="prefer-standby")
        settings = {"ENTENTE_READ_URL": both}
        key = make_key(replication)["Authorization"].removeprefix("Bearer ")
        service = Service(replication.writer, key, workers=2, settings=settings)
        service.start()
        ended = threading.Event()
        clients = [Client(service, number, ended) for number in range(4)]
        try:
            begin = int(service.ask("GET", "/readyz")[1]["version"])
            address = f"http://127.0.0.1:{service.port}"
            with follow_changes(address, begin) as seen:
                for client in clients:
                    client.start()
                time.sleep(8)
                replication.stop("primary")
                before = {name for client in clients for name in client.acknowledged}
                time.sleep(1)
                replication.promote()
                time.sleep(10)
                ended.set()
                for client in clients:
                    client.join(30)
                acknowledged = {
                    name: version
                    for client in clients
                    for name, version in client.acknowledged.items()
                }
                newest = max(acknowledged.values())
                wait_until(lambda: seen[-1:] >= [newest], "the follower ended with the primary")
            stored = set[str]()
            path: str | None = "/v1/events?dataset=curated&limit=1000&fields=id"
            while path:
                _, page, _ = service.ask("GET", path, **{MIN_VERSION: str(newest)})
                stored |= {row["id"].removeprefix("curated:") for row in page["data"]}
                path = page["links"]["next"]
        finally:
            service.stop()
        statuses = sum((client.statuses for client in clients), Counter[str]())
        log.info(
            "%d acknowledged (%d before the failure), %d of them lost; %s; longest pause %.1f s;"
            " %d changes followed",
            len(acknowledged), len(before), len(acknowledged.keys() - stored), dict(statuses),
            max(client.longest_pause for client in clients), len(seen),
        )  # fmt: skip
        assert acknowledged.keys() - stored == set()
        assert len(set(acknowledged.values())) == len(acknowledged)  # no version twice
        assert [one for client in clients for one in client.stale] == []
        assert len(acknowledged) > len(before) > 0
        assert seen == list(range(begin + 1, seen[-1] + 1))


def is_written(api: TestClient, key: dict[str, str], name: str) -> bool:
    answer = api.post("/v1/events", json=[{**ACT, "key": name}], headers=key)
    assert answer.status_code in (201, 503), answer.text
    return answer.status_code == 201
