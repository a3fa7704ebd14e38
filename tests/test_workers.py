"""A service of several processes: one port, one leader, and nobody notices the death of one."""

import http.client
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from examples import add_key
from service import Service
from soak import choose_size
from sqlalchemy import text

from app.db.dialect import find_sqlite_file
from app.db.engine import Database
from app.db.leadership import DatabaseLeadership, FileLeadership
from app.settings import Settings
from app.shifts.materialized.read import has_stale_dyads

STREAMS = 60
ACT = {
    "title": "An act", "date": "2020-01-01", "intensity": 3.0,
    "participants": [{"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"}],
}  # fmt: skip


def render_url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def list_processes(service: Service) -> list[int]:
    """The processes that answer, oldest first."""
    assert service.process is not None
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has just ended
                continue
            if parent == service.process.pid and b"spawn_main" in words:
                found.append(int(entry.name))
    return sorted(found)


def wait_for_processes(service: Service, count: int, without: set[int]) -> set[int]:
    """Wait until so many processes answer, none of them one of the earlier ones."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        found = set(list_processes(service))
        if len(found) == count and not found & without:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not replaced: {found}")


def read_metrics(service: Service) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=20) as answer:
        return str(answer.read(), "utf-8")


def ask_with_wrong_key(service: Service) -> int:
    return service.ask("POST", "/v1/events", [], Authorization="Bearer ent_wrong")[0]


def write_act_and_await_shifts(service: Service, database: Database, key: str) -> None:
    status, _, _ = service.ask("POST", "/v1/events", [{**ACT, "key": key}])
    assert status == 201
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with database.connect() as db:
            if not has_stale_dyads(db):
                return
        time.sleep(0.1)
    raise AssertionError("nobody rebuilt the shifts")


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    service = Service(render_url(database), add_key(database), workers=2)
    service.start()
    yield service
    assert service.process is not None
    service.process.kill()
    service.process.wait(10)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.by_turns
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_the_death_of_any_process_goes_unnoticed(service: Service, database: Database) -> None:
    both = wait_for_processes(service, 2, set())
    write_act_and_await_shifts(service, database, "before")
    killed_in_turn = sorted(both)[: choose_size(1, 2)]  # the first is mostly the leader
    for number, killed in enumerate(killed_in_turn):
        os.kill(killed, signal.SIGSTOP)
        time.sleep(1)  # until the supervisor waits for its sign of life
        os.kill(killed, signal.SIGKILL)
        for _ in range(20):
            assert service.ask("GET", "/v1/events?limit=1")[0] == 200
        write_act_and_await_shifts(service, database, f"after-{number}")
        wait_for_processes(service, 2, {killed})
    children = wait_for_processes(service, 2, set())
    service.kill()
    until = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until, "a process goes on without its supervisor"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.by_turns
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are read from /proc")
def test_processes_are_replaced_one_by_one_and_streams_do_not_delay_the_end(
    service: Service,
) -> None:
    replaced = wait_for_processes(service, 2, set())
    for _ in range(20):
        assert service.ask("GET", "/v1/events?limit=1")[0] == 200
    wrong = [ask_with_wrong_key(service) for _ in range(13)]
    assert wrong == [401] * 10 + [429] * 3  # whichever of them is asked
    for _ in range(4):  # whichever of them is scraped
        assert 'route="/v1/events",status="200"} 20.0' in read_metrics(service)
    until = time.monotonic() + 30
    while 'entente_threads{pool="exports"} 2.0' not in read_metrics(service):
        assert time.monotonic() < until, "a process does not measure itself"
        time.sleep(0.1)
    assert read_metrics(service).count("\nprocess_resident_memory_bytes ") == 1
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    while set(list_processes(service)) & replaced:
        assert service.ask("GET", "/healthz")[0] == 200
        time.sleep(0.04)  # the new processes import the application meanwhile
    streams = []
    for _ in range(STREAMS):
        client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
        client.request("GET", "/v1/changes/stream")
        streams.append((client, client.getresponse()))
    assert all(answer.status == 200 for _, answer in streams)
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < 10  # 0.8 seconds on an idle machine
    for client, answer in streams:
        answer.read()
        client.close()


def await_leadership(claimant: DatabaseLeadership) -> None:
    """Claim until it is granted: the server ends a session some time after its client."""
    until = time.monotonic() + 30
    while not claimant.claim():
        assert time.monotonic() < until, "a session that ended still leads"


def test_one_process_leads_and_another_takes_over(database: Database) -> None:
    with closing(Database(render_url(database), 2)) as elsewhere:
        first, second = DatabaseLeadership(database), DatabaseLeadership(elsewhere)
        assert first.claim()
        assert first.claim()
        assert not second.claim()
        first.resign()
        await_leadership(second)
        assert not first.claim()
        second.resign()
        await_leadership(first)
        if find_sqlite_file(database.engine) is None:
            with database.write() as db:  # as when the server or the network goes away
                db.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 7140313"
                        " AND locktype = 'advisory' AND pid <> pg_backend_pid() AND database ="
                        " (SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                )
            await_leadership(second)
            assert not first.claim()
        first.resign()
        second.resign()


def test_whoever_has_nothing_to_lock_leads(tmp_path: Path) -> None:
    assert FileLeadership(tmp_path / "uploads").claim()
    assert FileLeadership(tmp_path / "uploads").claim()


def test_services_on_several_databases_share_a_folder_without_waiting(tmp_path: Path) -> None:
    first, other = FileLeadership(tmp_path, "a"), FileLeadership(tmp_path, "b")
    assert first.claim()
    assert not FileLeadership(tmp_path, "a").claim()
    assert other.claim()
    first.resign()
    other.resign()


@pytest.mark.parametrize(
    ("url", "threads", "connections"), [("sqlite:///a.db", 2, 16), ("postgresql://b/c", 4, 18)]
)
def test_numbers_follow_from_the_database(url: str, threads: int, connections: int) -> None:
    alone = Settings(database_url=url, workers=1)
    assert (alone.thread_count, alone.connection_count) == (threads, connections)
    shared = Settings(database_url=url, workers=3, threads=7, pool_size=9, exports=4)
    assert (shared.thread_count, shared.connection_count) == (7, 9)
    assert alone.quick_threads == (1 if url.startswith("sqlite") else 4)
    assert shared.share_of(shared.exports) == 2
    assert Settings(database_url="sqlite:///a.db").worker_count == 1
    assert 1 <= Settings(database_url="postgresql://b/c").worker_count <= 8
