"""What watches cost: 10,000 of them over a load of 100,000 events, and how late messages arrive.

`python -m bench.watches [EVENTS] [WATCHES] [popular] [matching] [postgresql]` prints how late
messages arrive at a receiver on loopback while others never answer, and then the CPU for each
change that is compared with all watches. These are spread evenly over the actors; with `popular`,
actors with many events are also watched by many, and ten times as many messages are to be kept.
With `matching`, only that is measured; with `postgresql` on that database, whose own CPU is not
counted.
"""

import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from make import BY
from postgres import run_postgresql
from sqlalchemy import Connection, insert
from watches.receiver import Receiver, Request, run_receiver

from app.access.keys import Principal, create_key
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.tables import house, watches
from app.events.changes import write_events
from app.events.record import convert_record
from app.events.resolved_filter import ResolvedFilter, SearchCircle
from app.settings import Settings
from app.watches import watch_store
from app.watches.keep import keep_watch, resolve_watch
from app.watches.matching import WatchMatcher
from app.watches.registry import encode_codes
from app.watches.schemas import WatchBody
from app.watches.worker import WatchWorker
from bench.generate import GROUP, KINDS, NAMES, fill_database

WHO = Principal("", "bench", "watch")
DEAD_RECEIVERS, MESSAGES = 200, 200


def make_question(dice: random.Random, *, popular: bool) -> ResolvedFilter:
    """Make up a question, with its names resolved."""
    weights = [1 / (rank + 1) if popular else 1.0 for rank in range(len(NAMES))]
    one, other = dice.choices(NAMES, weights, k=2)
    kind, step = dice.choice(KINDS)[0], dice.random()
    if step < 0.35:
        return ResolvedFilter(actor=(one,), type=(kind,))  # type: ignore[arg-type]
    if step < 0.65:
        return ResolvedFilter(between=(one, other))
    if step < 0.8:
        return ResolvedFilter(initiator=(one,), target=(other,), max_intensity=-2)
    if step < 0.9:
        return ResolvedFilter(actor=(one,), since=f"20{dice.randint(14, 23)}-01-01")
    if step < 0.95:
        return ResolvedFilter(q=f"{kind.lower()} {one}")
    if step < 0.97:
        return ResolvedFilter(member_of=(GROUP,), quad=(4,))
    place = SearchCircle(round(dice.uniform(-60, 70), 2), round(dice.uniform(-180, 180), 2), 200)
    return ResolvedFilter(near=place, quad=(4,))


def keep_watches(database: Database, count: int, *, popular: bool) -> None:
    """Write watches on made-up questions before the first event, half of them with a webhook."""
    dice = random.Random(3)
    plain = {
        "owner": "bench", "name": "w", "kind": "events", "question": "{}", "state": "active",
        "secrets": "[]", "token": "", "created_at": "", "edition": 1, "pending": 0, "failures": 0,
    }  # fmt: skip
    rows = [
        plain
        | {"id": f"w_{n:016x}", "codes": encode_codes(make_question(dice, popular=popular))}
        | {"url": "https://hooks.example/x" if n % 2 else None}
        for n in range(count)
    ]
    with database.write() as db:
        db.execute(insert(watches), rows)
        for name in (watch_store.POSITION, watch_store.EDITION):
            db.execute(insert(house), {"name": name, "value": "1"})


def _keep(db: Connection, body: dict[str, Any], settings: Settings) -> None:
    sent = WatchBody.model_validate(body)
    keep_watch(db, sent, resolve_watch(db, sent, settings), WHO, settings)


def measure_matching(database: Database, events: int, count: int, *, popular: bool) -> None:
    """Compare all events with watches, and print the CPU that this takes for each."""
    keep_watches(database, count, popular=popular)
    matcher = WatchMatcher(database)
    cpu, begun, slowest = time.process_time(), time.perf_counter(), 0.0
    while True:
        before = time.perf_counter()
        if not matcher.match_batch():
            break
        slowest = max(slowest, time.perf_counter() - before)
    cpu, took = time.process_time() - cpu, time.perf_counter() - begun
    with database.connect() as db:
        said = db.exec_driver_sql("SELECT count(*) FROM watch_deliveries").scalar() or 0
        assert watch_store.read_position(db) == read_version(db)
    kind = database.engine.dialect.name
    print(
        f"{kind}: {events:,} changes compared with {count:,} watches: {1000 * cpu / events:.3f} ms"
        f" of CPU and {1000 * took / events:.3f} ms for each change; {said:,} messages kept;"
        f" slowest batch {slowest:.2f} s",
        flush=True,
    )


def measure_latency(database: Database) -> None:
    """Print how late messages arrive while other receivers never answer."""
    settings = Settings(watches_per_key=10**9, watch_private_addresses=True)
    arrivals: dict[str, float] = {}

    def note_arrival(request: Request) -> None:
        arrivals[request.headers["webhook-id"]] = time.perf_counter()
        request.answer(204)

    with ExitStack() as open_:
        receiver: Receiver = open_.enter_context(run_receiver())
        receiver.answers["/hook"] = note_arrival
        silent = open_.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1000))
        dead = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with database.write() as db:
            create_key(db, "bench", "watch")
            for n in range(DEAD_RECEIVERS + 1):
                url = dead if n else f"{receiver.url}/hook"
                body = {"name": "w", "events": {"tag": ["late"]}, "webhook": {"url": url}}
                _keep(db, body, settings)
        worker = WatchWorker(database, settings)
        worker.start()
        commits: list[float] = []
        try:
            for n in range(MESSAGES):
                fields = {"key": f"late{n}", "title": "late", "date": "2020-01-01"}
                fields |= {"tags": ["late"]}
                with database.write() as db:
                    write_events(db, [convert_record(fields)], "gdelt", BY)
                commits.append(time.perf_counter())
                time.sleep(0.05)
            receiver.wait_for(MESSAGES, seconds=60)
        finally:
            threading.Thread(target=worker.close).start()
        late = [a - c for a, c in zip(sorted(arrivals.values()), commits, strict=True)]
    deciles = statistics.quantiles(late, n=100)
    print(
        f"{database.engine.dialect.name}: {MESSAGES} messages with {DEAD_RECEIVERS} receivers that"
        f" never answer: arrived {1000 * statistics.median(late):.0f} ms after the commit in the"
        f" median, {1000 * deciles[98]:.0f} ms at the 99th percentile",
        flush=True,
    )


def main() -> None:
    """Measure on a new database."""
    popular = "popular" in sys.argv
    asked = [int(text) for text in sys.argv[1:] if text.isdecimal()]
    events, count = (*asked, 100_000, 10_000)[:2] if len(asked) != 1 else (asked[0], 10_000)
    with ExitStack() as open_:
        place = open_.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        server = open_.enter_context(run_postgresql()) if "postgresql" in sys.argv else None

        def make_database(name: str) -> Database:
            url = server.create_database(name) if server else f"sqlite:///{place}/{name}.db"
            return open_.enter_context(closing(Database(url)))

        if "matching" not in sys.argv:
            database = make_database("bench")
            fill_database(database, min(events, 20_000))
            measure_latency(database)
        database = make_database("again")
        fill_database(database, events)
        measure_matching(database, events, count, popular=popular)


if __name__ == "__main__":
    main()
