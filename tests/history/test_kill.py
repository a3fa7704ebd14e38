"""Killed at random moments of writing: every acknowledged write is there, none by half."""

import random
import threading
import time
from http.client import HTTPException
from typing import Any

import pytest
from examples import add_key
from service import Service
from soak import choose_size

from app.db.engine import Database
from app.events.verify import find_event_faults

TIMES = choose_size(1, 50)
WRITERS = 3


def write_pairs(
    service: Service, name: str, ended: threading.Event, acknowledged: list[str]
) -> None:
    """Create pairs of events until stopped or cut off; keep what was acknowledged."""
    number = 0
    while not ended.is_set():
        number += 1
        keys = [f"{name}-{number}-{half}" for half in "ab"]
        sent = [
            {"key": k, "title": k, "date": "2020-01-01", "intensity": 1.0,
             "participants": [{"actor": "ARM", "role": "initiator"},
                              {"actor": "RUS", "role": "target"}]}
            for k in keys
        ]  # fmt: skip
        try:
            status, _, _ = service.ask("POST", "/v1/events", sent, timeout=5)
        except (OSError, HTTPException, ValueError):  # cut off in the middle
            return
        if status == 201:
            acknowledged += keys


@pytest.mark.slow
@pytest.mark.soak
def test_killed_while_writing(database: Database) -> None:
    service = Service(database.engine.url.render_as_string(hide_password=False), add_key(database))
    dice = random.Random(7)
    acknowledged: list[str] = []
    for turn in range(TIMES):
        service.start()
        ended = threading.Event()
        writers: list[threading.Thread] = [
            threading.Thread(
                target=write_pairs, args=(service, f"kill-{turn}-{n}", ended, acknowledged)
            )
            for n in range(WRITERS)
        ]
        for thread in writers:
            thread.start()
        before, until = len(acknowledged), time.monotonic() + 30
        while len(acknowledged) == before and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.8))
        service.kill()
        ended.set()
        for thread in writers:
            thread.join(10)
    service.start()
    stored: set[str] = set()
    url: str | None = "/v1/events?q=kill&limit=1000&fields=id"
    while url:
        body: Any = service.ask("GET", url)[1]
        keys = {event["id"].partition(":")[2] for event in body["data"]}
        stored |= {key for key in keys if key.startswith("kill-")}
        url = body["links"]["next"]
    feed = {c["id"] for c in _read_feed(service) if "kill-" in c["id"]}
    service.kill()
    assert acknowledged
    assert set(acknowledged) <= stored
    assert {key[:-1] + half for key in stored for half in "ab"} == stored, "half of a batch"
    assert feed == {f"curated:{key}" for key in stored}
    with database.connect() as db:
        assert list(find_event_faults(db)) == []


def _read_feed(service: Service) -> list[Any]:
    found, url = [], "/v1/changes?after=0&kind=event&limit=1000"
    while url:
        body = service.ask("GET", url)[1]
        found += body["data"]
        url = body["links"]["next"]
    return found
