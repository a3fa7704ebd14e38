"""Writers that keep what was acknowledged, and whether all of it is there, once and whole."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from service import Service

from app.db.engine import Database
from app.events.verify import find_event_faults

WRITERS = 3


@dataclass(slots=True)
class PairWriters:
    """Write pairs of events, each pair in one request, whatever happens to the service."""

    service: Service
    acknowledged: list[str] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    _turn: int = 0

    def _write_pairs(self, name: str, ended: threading.Event) -> None:
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
                status, _, _ = self.service.ask("POST", "/v1/events", sent, timeout=5)
            except (OSError, HTTPException, ValueError):  # cut off in the middle
                ended.wait(0.02)
                continue
            if status == 201:
                self.acknowledged += keys
            else:
                self.refused[status] += 1
                ended.wait(0.02)

    @contextmanager
    def write_meanwhile(self) -> Iterator[None]:
        """Write for as long as the block runs."""
        ended, self._turn = threading.Event(), self._turn + 1
        writers = [
            threading.Thread(target=self._write_pairs, args=(f"kill-{self._turn}-{n}", ended))
            for n in range(WRITERS)
        ]
        for thread in writers:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in writers:
                thread.join(20)

    def wait_for_more(self, seconds: float = 60) -> None:
        """Wait until something more is acknowledged."""
        before, until = len(self.acknowledged), time.monotonic() + seconds
        while len(self.acknowledged) == before:
            assert time.monotonic() < until, f"nothing is acknowledged any more: {self.refused}"
            time.sleep(0.01)

    def check_record(self, database: Database) -> None:
        """What was acknowledged is there, nothing by half or twice, and `verify` finds no fault."""
        listed = [
            event["id"].partition(":")[2]
            for event in _read_all(self.service, "/v1/events?q=kill&limit=1000&fields=id")
        ]
        stored = {key for key in listed if key.startswith("kill-")}
        assert len(listed) == len(set(listed)), "an event is there twice"
        feed = [
            change["id"]
            for change in _read_all(self.service, "/v1/changes?after=0&kind=event&limit=1000")
            if "kill-" in change["id"]
        ]
        assert self.acknowledged
        assert set(self.acknowledged) <= stored, "an acknowledged event is lost"
        assert {key[:-1] + half for key in stored for half in "ab"} == stored, "half of a batch"
        assert sorted(feed) == sorted(f"curated:{key}" for key in stored)
        with database.connect() as db:
            assert list(find_event_faults(db)) == []


def _read_all(service: Service, url: str | None) -> list[Any]:
    found: list[Any] = []
    while url:
        body = service.ask("GET", url)[1]
        found += body["data"]
        url = body["links"]["next"]
    return found
