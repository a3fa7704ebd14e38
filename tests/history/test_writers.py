"""Several write and several follow at once: nothing lost, nothing twice, no gap."""

import http.client
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import make
import pytest
from examples import add_key
from service import Service
from soak import choose_size

from app.db.engine import Database
from app.events.verify import find_event_faults

SECONDS = choose_size(1, 30)
WRITERS, FOLLOWERS = 8, 4
COUNTER = "/v1/events/curated:counter"


@pytest.fixture
def service(database: Database) -> Iterator[Service]:
    """A server in its own process."""
    made = Service(database.engine.url.render_as_string(hide_password=False), add_key(database))
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def counted_up(service: Service) -> int:
    """Raise the counter by one, and return how often another writer was faster."""
    late = 0
    while True:
        _, event, headers = service.ask("GET", COUNTER)
        patch = {"title": str(int(event["title"]) + 1)}
        status, body, _ = service.ask("PATCH", COUNTER, patch, **{"If-Match": headers["etag"]})
        if status == 200:
            return late
        assert status == 412, body
        late += 1


def write_in_turn(
    service: Service, name: int, until: float, done: list[int], faults: list[Any]
) -> None:
    """Raise the counter and create events, in turn."""
    try:
        while time.monotonic() < until:
            counted_up(service)
            event = {"key": f"w{name}-{len(done)}-{time.monotonic_ns()}", "title": "t"}
            status, body, _ = service.ask("POST", "/v1/events", event | {"date": "2020"})
            assert status == 201, body
            done.append(1)
    except Exception as fault:
        faults.append(fault)


def follow_links(
    service: Service, ended: threading.Event, collected: list[int], faults: list[Any]
) -> None:
    """Follow `links.next`; where there is none, ask for the last one again."""
    url = "/v1/changes?after=0&limit=50&derived=true"
    try:
        while True:
            finished = ended.is_set()
            _, body, _ = service.ask("GET", url)
            collected += [change["seq"] for change in body["data"]]
            if body["links"]["next"] is None:
                if finished:
                    return
                time.sleep(0.02)
            url = body["links"]["next"] or url
    except Exception as fault:
        faults.append(fault)


def listen_to_stream(
    service: Service, upto: list[int], collected: list[int], faults: list[Any]
) -> None:
    """Follow the stream until what was written last has come."""
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    try:
        client.request("GET", "/v1/changes/stream?after=0&derived=true")
        answer = client.getresponse()
        while not upto or collected[-1:] < upto:
            line = answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"id: "):
                collected.append(int(line[4:].partition(b".")[0]))
            elif line.startswith(b": still here"):
                continue
    except Exception as fault:
        faults.append(fault)
    finally:
        client.close()


@pytest.mark.slow
@pytest.mark.soak
def test_writers_and_followers(service: Service, database: Database) -> None:
    service.ask("POST", "/v1/events", {"key": "counter", "title": "0", "date": "2020"})
    until, ended, upto = time.monotonic() + SECONDS, threading.Event(), list[int]()
    faults: list[Any] = []
    done: list[list[int]] = [[] for _ in range(WRITERS)]
    collected: list[list[int]] = [[] for _ in range(FOLLOWERS)]
    writers = [
        threading.Thread(target=write_in_turn, args=(service, n, until, mine, faults))
        for n, mine in enumerate(done)
    ]
    followers = [
        threading.Thread(target=follow_links, args=(service, ended, collected[n], faults))
        for n in (0, 1)
    ] + [
        threading.Thread(target=listen_to_stream, args=(service, upto, collected[n], faults))
        for n in (2, 3)
    ]
    for thread in (*writers, *followers):
        thread.start()
    for thread in writers:
        thread.join()
    event = {"key": "the-last", "title": "t", "date": "2020"}
    service.ask("POST", "/v1/events", event)
    newest = int(service.ask("GET", "/readyz")[1]["version"])
    upto.append(newest)
    # One more, so that a stream that has seen the last but one wakes and looks.
    service.ask("POST", "/v1/events", event | {"key": "after-the-last"})
    ended.set()
    for thread in followers:
        thread.join(60)
        assert not thread.is_alive()
    assert faults == []
    written = sum(len(mine) for mine in done)
    assert written >= WRITERS
    assert service.ask("GET", COUNTER)[1]["title"] == str(written)
    for mine in collected:
        assert mine == list(range(1, len(mine) + 1))
        assert len(mine) >= newest
    with database.connect() as db:
        assert list(find_event_faults(db)) == []


@pytest.mark.slow
def test_a_writer_of_another_process_wakes_the_stream(service: Service, database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
    client = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    try:
        client.request("GET", "/v1/changes/stream")
        answer = client.getresponse()
        assert answer.readline() == b": changes\n"
        time.sleep(1.2)  # until it listens
        begun = time.monotonic()
        with database.write() as db:
            make.event(db, "ARM", key="from-afar")
        while not (line := answer.readline()).startswith(b"data: "):
            assert line
        assert b'"id":"made:from-afar"' in line
        assert time.monotonic() - begun < 5
        begun = time.monotonic()
        assert service.stop() in (0, -signal.SIGTERM)
        assert time.monotonic() - begun < 5  # an open stream does not hold it up
    finally:
        client.close()
