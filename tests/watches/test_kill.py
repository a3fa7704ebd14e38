"""Killed at random moments: every change arrives, and in order."""

import random
import threading
import time
from http.client import HTTPException
from typing import Any

import pytest
from examples import add_key
from make import dataset
from service import Service
from soak import choose_size
from watches.receiver import run_receiver

from app.db.engine import Database
from app.events.verify import find_event_faults

TIMES = choose_size(1, 50)


def write_events(service: Service, turn: int, ended: threading.Event, written: list[int]) -> None:
    """Write events until stopped or cut off; keep the versions that were acknowledged."""
    number = 0
    while not ended.is_set():
        number += 1
        sent = {"key": f"kill-{turn}-{number}", "title": "t", "date": "2020-01-01",
                "participants": [{"actor": "ARM", "role": "initiator"}]}  # fmt: skip
        try:
            status, _, headers = service.ask("POST", "/v1/events", sent, timeout=5)
        except (OSError, HTTPException, ValueError):  # cut off in the middle
            return
        if status == 201:
            written.append(int(headers["etag"].strip('W/"').partition(".")[0]))


@pytest.mark.slow
@pytest.mark.soak
def test_killed_while_delivering(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTENTE_WATCH_PRIVATE_ADDRESSES", "true")
    with database.write() as db:
        dataset(db, "curated")
    service = Service(database.engine.url.render_as_string(hide_password=False), add_key(database))
    dice, written = random.Random(5), list[int]()
    with run_receiver() as receiver:
        service.start()
        body = {"name": "w", "events": {"actor": "ARM"}, "webhook": {"url": f"{receiver.url}/hook"}}
        status, watch, _ = service.ask("POST", "/v1/watches", body)
        assert status == 201, watch
        for turn in range(TIMES):
            ended = threading.Event()
            writer = threading.Thread(target=write_events, args=(service, turn, ended, written))
            writer.start()
            before, until = len(written), time.monotonic() + 30
            while len(written) == before and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(dice.uniform(0.0, 0.8))
            service.kill()
            ended.set()
            writer.join(10)
            with database.connect() as db:
                assert list(find_event_faults(db)) == []
            service.start()
        where = f"/v1/watches/{watch['id']}"
        until = time.monotonic() + 60
        while (shown := service.ask("GET", where)[1])["pending"] or shown["position"] is not None:
            assert time.monotonic() < until, shown
            time.sleep(0.1)
        changes, page = list[dict[str, Any]](), "/v1/changes?actor=ARM&limit=1000&after=0"
        while page:
            answer = service.ask("GET", page)[1]
            changes += answer["data"]
            page = answer["links"]["next"]
        until = time.monotonic() + 30
        first: dict[int, None] = {}
        while len(first) < len(changes):
            assert time.monotonic() < until, (len(first), len(changes))
            said = [m.verify(watch["secret"]) for m in receiver.list_messages()]
            first = {one["data"]["change"]["seq"]: None for one in said}
            time.sleep(0.05)
        service.kill()
    assert written
    assert list(first) == sorted(first) == [change["seq"] for change in changes]
    assert len(first) >= len(written)
    idents = {m.ident for m in receiver.list_messages()}
    assert len(idents) == len(first)
