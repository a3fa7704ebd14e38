"""Serve both databases for an hour at a low rate, and print whether anything grows.

`python -m bench.soak --minutes 60`: readers ask, a writer writes, changes and retracts events,
changes are followed, streams are opened and left, whole exports are read, files are imported, and a
watch sends its messages to a receiver on loopback. Memory, handles and threads of the service are
noted every minute; those of the last quarter are compared with those of the second one. Ends with 1
where something grew, an answer was not as expected, or `entente verify` finds a fault.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from postgres import run_postgresql
from watches.receiver import Receiver, run_receiver

from app.access.keys import create_key
from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.events.output_formats import OUTPUT_FORMATS
from bench.http import find_postmaster, read_cpu_seconds, run_server

READS = (
    "/v1/events?actor=RUS&limit=50", "/v1/events?q=treaty&limit=20", "/v1/events/{event}",
    "/v1/timeline?between=ARM,RUS&granularity=year", "/v1/facets?actor=ARM&by=type,role",
    "/v1/alignment?actor=ARM&toward=RUS&granularity=year", "/v1/actors/resolve?q=Armenia",
    "/v1/shifts?actor=ARM&toward=RUS", "/v1/alliances?on=2023-10-13", "/v1/ties?actor=ARM",
    "/v1/diff?from=0&actor=ARM&since=2023-10", "/v1/similarity?actors=ARM,RUS&since=2021",
    "/v1/brief?actor=ARM&toward=RUS", "/", "/ogc/collections/events/items?limit=10",
    "/v1/timeline?actor=ARM&format=svg", "/v1/events?actor=Nobody", "/v1/events?limit=x",
)  # fmt: skip
EXPECTED = {200, 201, 202, 204, 404, 422}
KEPT = 200
"""Events of the writer's own that are there at once: older ones are retracted."""
GROWTH_SHARE, GROWTH_MEBIBYTES = 0.05, 4.0
"""What private memory may grow by: the larger of a share and a number of MiB."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a service has at one moment, in all of its processes."""

    minute: float
    memory: float
    """MiB that are its own: without files that it maps."""
    handles: int
    threads: int
    processes: int
    cpu: float

    @classmethod
    def take(cls, pid: int, minute: float, cpu: float) -> "Sample":
        """Read it of a process and of those below it."""
        memory, handles, threads, pids = 0.0, 0, 0, [pid]
        for one in pids:  # it grows meanwhile
            with suppress(OSError):  # a process of an import may end while we look
                lines = Path(f"/proc/{one}/status").read_text().splitlines()
                status = dict(line.split(":", 1) for line in lines if ":" in line)
                handles += len(list(Path(f"/proc/{one}/fd").iterdir()))
                memory += int(status.get("RssAnon", "0 kB").split()[0]) / 1024
                threads += int(status["Threads"])
                for task in Path(f"/proc/{one}/task").iterdir():
                    pids += map(int, (task / "children").read_text().split())
        return cls(minute, memory, handles, threads, len(pids), cpu)


@dataclass(slots=True)
class Visit:
    """Somebody who uses a service in all ways by turns, and what came of it."""

    port: int
    key: str
    receiver: Receiver
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    events: list[str] = field(default_factory=list)
    version: int = 0
    _reads: Iterator[str] = field(default_factory=lambda: cycle(READS))
    _forms: Iterator[str] = field(default_factory=lambda: cycle(OUTPUT_FORMATS))

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """Send a request on a connection of its own, and count what came of it."""
        begun = time.perf_counter()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        raw = isinstance(body, bytes)
        sent = body if raw or body is None else json.dumps(body).encode()
        kind = "application/x-ndjson" if raw else "application/json"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        try:
            client.request(method, path, sent, headers)
            answer = client.getresponse()
            found = answer.read()
        except OSError as cut:
            self.faults.append(f"{method} {path}: {cut}")
            return b""
        finally:
            client.close()
        self.statuses[answer.status] += 1
        if answer.status not in EXPECTED:
            self.faults.append(f"{method} {path}: {answer.status} {found[:200]!r}")
        self.waits.append(time.perf_counter() - begun)
        return found

    def read_something(self) -> None:
        """Ask the next of the questions."""
        ours = self.events[-1] if self.events else "none"
        self.ask("GET", next(self._reads).format(event=ours))
        self.done["reads"] += 1

    def write_something(self) -> None:
        """Write an event, change the one before it, and retract the oldest of many."""
        number = self.done["writes"]
        day = f"{2000 + number % 25}-{1 + number % 12:02}-{1 + number % 28:02}"
        sent = {
            "key": f"soak-{number}", "title": f"Act {number}", "date": day, "intensity": 1.5,
            "participants": [
                {"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"},
            ],
        }  # fmt: skip
        self.ask("POST", "/v1/events", sent)
        if self.events:
            change = {"intensity": -2.5, "reason": "mended"}
            self.ask("PATCH", f"/v1/events/{self.events[-1]}", change)
        self.events.append(f"curated:soak-{number}")
        if len(self.events) > KEPT:
            self.ask("DELETE", f"/v1/events/{self.events.pop(0)}?reason=old")
        self.done["writes"] += 1

    def follow_changes(self) -> None:
        """Ask for what changed since the last time."""
        body = json.loads(self.ask("GET", f"/v1/changes?after={self.version}&limit=1000"))
        if body["data"]:
            self.version = body["data"][-1]["seq"]
            self.done["changes"] += len(body["data"])

    def open_stream(self) -> None:
        """Begin a stream of changes, read a little of it, and leave without a word."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with suppress(OSError):
            client.request("GET", "/v1/changes/stream?after=0")
            self.done["streams"] += len(client.getresponse().read(200)) > 0
        client.close()

    def read_export(self) -> None:
        """Read all events of an actor in the next of the formats."""
        self.ask("GET", f"/v1/events?actor=ARM&format={next(self._forms)}")
        self.done["exports"] += 1

    def send_import(self) -> None:
        """Send a small file, which a process of its own imports; the same one each time."""
        row = {"title": "Talks", "date": "2021-05-05",
               "participants": [{"actor": "GEO", "role": "initiator"}]}  # fmt: skip
        lines = [json.dumps(row | {"key": f"import-{n}"}) for n in range(20)]
        self.ask("POST", "/v1/imports?format=entente", "\n".join(lines).encode())
        self.done["imports"] += 1

    def keep_watch(self) -> None:
        """Keep a watch besides the first one, ask for its feed and messages, and remove it."""
        sent = {"name": "soak", "events": {"actor": "GEO"}}
        watch = json.loads(self.ask("POST", "/v1/watches", sent))["id"]
        self.ask("GET", f"/v1/watches/{watch}/deliveries")
        self.ask("DELETE", f"/v1/watches/{watch}")
        with self.receiver.arrived:
            self.done["messages"] += len(self.receiver.messages)
            self.receiver.messages.clear()
        self.done["watches"] += 1

    def begin(self) -> None:
        """Keep the watch whose messages are sent."""
        sent = {"name": "all", "events": {"actor": "ARM"}, "webhook": {"url": self.receiver.url}}
        self.ask("POST", "/v1/watches", sent)

    def run_until(self, ended: threading.Event, pace: float) -> None:
        """Do everything in its own time until ended; a larger pace does it more often."""
        due: list[tuple[float, Callable[[], None], float]] = [
            (0.0, self.read_something, 0.5 / pace),
            (0.1, self.write_something, 5 / pace),
            (0.2, self.follow_changes, 5 / pace),
            (0.3, self.open_stream, 10 / pace),
            (2.0, self.read_export, 20 / pace),
            (3.0, self.send_import, 300 / pace),
            (4.0, self.keep_watch, 30 / pace),
        ]
        begun = time.monotonic()
        while not ended.is_set():
            due.sort(key=lambda one: one[0])
            when, act, every = due[0]
            if ended.wait(max(0.0, begun + when - time.monotonic())):
                return
            act()
            due[0] = (max(when + every, time.monotonic() - begun), act, every)


def run_visit(visit: Visit, ended: threading.Event, pace: float) -> None:
    """Run a visit; what ends it early is a fault."""
    try:
        visit.run_until(ended, pace)
    except Exception as stopped:
        visit.faults.append(f"the visit ended: {stopped!r}")


def judge_growth(samples: list[Sample]) -> list[str]:
    """Compare the last quarter of the samples with the second one, and say what grew."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    found = []
    for name, least in (("memory", GROWTH_MEBIBYTES), ("handles", 3.0), ("threads", 1.0)):
        before = statistics.median(getattr(one, name) for one in early)
        after = statistics.median(getattr(one, name) for one in late)
        verdict = "grew" if after - before > max(least, GROWTH_SHARE * before) else "flat"
        print(f"  {name}: {before:.1f} in the second quarter, {after:.1f} in the last: {verdict}")
        if verdict == "grew":
            found.append(f"{name} grew from {before:.1f} to {after:.1f}")
    return found


def find_record_faults(url: str) -> list[str]:
    """Run `entente verify`, and return what it printed where it did not end well."""
    command = [sys.executable, "-m", "app", "verify"]
    settings = os.environ | {"ENTENTE_DATABASE_URL": url}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    print(f"  verify: {done.returncode} {done.stdout.strip()[-200:]}")
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def soak_services(urls: dict[str, str], minutes: float, every: float, pace: float) -> list[str]:
    """Serve the databases side by side for some minutes, and return what went wrong."""
    ended, faults = threading.Event(), list[str]()
    os.environ["ENTENTE_WATCH_PRIVATE_ADDRESSES"] = "true"
    # Otherwise it is full, and memory flat, only after an hour or more at this rate.
    os.environ.setdefault("ENTENTE_ANSWER_MEMORY_BYTES", str(4 << 20))
    with ExitStack() as opened:
        visits, threads = dict[str, tuple[Visit, int, int | None]](), list[threading.Thread]()
        for kind, url in urls.items():
            database = Database(url)
            upgrade_schema(database)
            load_bundled_data(database)
            postmaster = find_postmaster(database)
            with database.write() as db:
                key = create_key(db, "bench", "write")
            database.close()
            port, pid = opened.enter_context(run_server(url))
            visit = Visit(port, key, opened.enter_context(run_receiver()))
            visits[kind] = visit, pid, postmaster
            visit.begin()
            threads.append(threading.Thread(target=run_visit, args=(visit, ended, pace)))
        samples: dict[str, list[Sample]] = {kind: [] for kind in urls}
        print(
            "minute database    MiB handles threads processes   CPU  answers   p50   p99 ms",
            flush=True,
        )
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for number in range(1 + round(60 * minutes / every)):
            time.sleep(max(0.0, begun + number * every - time.monotonic()))
            for kind, (visit, pid, postmaster) in visits.items():
                cpu = sum(read_cpu_seconds(one) for one in (pid, postmaster) if one)
                sample = Sample.take(pid, number * every / 60, cpu)
                before = samples[kind][-1] if samples[kind] else sample
                samples[kind].append(sample)
                waits, visit.waits = sorted(visit.waits) or [0.0], []
                print(
                    f"{sample.minute:6.1f} {kind:10} {sample.memory:5.1f} {sample.handles:7}"
                    f" {sample.threads:7} {sample.processes:9} {(cpu - before.cpu) / every:5.1%}"
                    f" {visit.statuses.total():8} {1000 * statistics.median(waits):5.0f}"
                    f" {1000 * waits[int(0.99 * (len(waits) - 1))]:8.0f}",
                    flush=True,
                )
        ended.set()
        for thread in threads:
            thread.join(90)
        for kind, (visit, _, _) in visits.items():
            print(f"{kind}: {dict(visit.done)}; statuses {dict(sorted(visit.statuses.items()))}")
            found = [*visit.faults, *judge_growth(samples[kind])]
            faults += [f"{kind}: {fault}" for fault in found]
    for kind, url in urls.items():
        faults += [f"{kind}: {fault}" for fault in find_record_faults(url)]
    return faults


def main() -> None:
    """Soak both databases, or one of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--every", type=float, default=60, help="seconds between two samples")
    parser.add_argument("--pace", type=float, default=1, help="2 asks twice as often")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    asked = parser.parse_args()
    kinds = asked.on or ["sqlite", "postgresql"]
    with tempfile.TemporaryDirectory(prefix="bench-") as place, ExitStack() as opened:
        urls = {"sqlite": f"sqlite:///{place}/soak.db"} if "sqlite" in kinds else {}
        if "postgresql" in kinds:
            urls["postgresql"] = opened.enter_context(run_postgresql()).create_database("soak")
        found = soak_services(urls, asked.minutes, asked.every, asked.pace)
    for fault in found[:20]:
        print(fault)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
