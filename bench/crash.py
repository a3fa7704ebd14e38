"""Kill loads at random points, load again, and compare the result with an undisturbed load.

Run `python -m bench.crash`. Half of the loads are commands, half are imports over HTTP. Of an
import, the service with its import process, the service alone and that process alone are killed in
turn. Four of five kills wait until a random part of the rows is stored; the others come at any time
after the start.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from app.access.keys import create_key
from app.bundled.load_bundled import load_bundled_data
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.db.tables import events, revisions
from app.events.verify import find_event_faults
from bench.loading import write_events

WAYS = ("all", "the service", "the process of imports")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
DOCUMENTS = (
    select(events.c.id, document_of(revisions), revisions.c.revision)
    .join(revisions, revisions.c.seq == events.c.seq)
    .where(events.c.dataset == "local")
    .order_by(events.c.id)
)
OTHERS = {
    "participations": "SELECT actor, event, role, via FROM participations ORDER BY 1, 2, 3, 4",
    "signals": 'SELECT "from", toward, event, score FROM signals ORDER BY 1, 2, 3',
    "day_sums": 'SELECT * FROM day_sums ORDER BY "from", toward, dataset, day',
    "sources": "SELECT id, title, publisher, url FROM sources ORDER BY id",
    "loaded": "SELECT * FROM loaded ORDER BY event",
    "reports": "SELECT event, number, source, publisher, published FROM reports ORDER BY 1, 2",
    "events": 'SELECT id, start, "end", type, quad, x, y, z FROM events ORDER BY id',
    "words": "SELECT count(*) FROM event_words",
    "revisions": "SELECT kind, count(*), max(revision) FROM revisions GROUP BY kind ORDER BY kind",
    "numbering": "SELECT max(seq) - count(*), (SELECT max(seq) FROM commits) FROM revisions",
}


def read_state(url: str) -> dict[str, Any]:
    """Read the rows of a database, without the times at which they were written."""
    database = Database(url)
    with database.connect() as db:
        found = {
            name: [tuple(row) for row in db.execute(text(asked))] for name, asked in OTHERS.items()
        }
        found["documents"] = [
            (row[0], row[1].partition(',"recorded_at":')[0], row[2])
            for row in db.execute(DOCUMENTS)
        ]
    database.close()
    return found


def list_findings(url: str) -> list[str]:
    """List the differences between the documents and the other tables."""
    database = Database(url)
    with database.connect() as db:
        found = list(find_event_faults(db))
    database.close()
    return found


def start_load(url: str, path: Path) -> subprocess.Popen[bytes]:
    """Start a load as a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", "load", str(path), "--json"], cwd=ROOT,
        env={**os.environ, "ENTENTE_DATABASE_URL": url}, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def start_service(url: str, uploads: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a service, and return its process and port once it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"ENTENTE_DATABASE_URL": url, "ENTENTE_IMPORT_FOLDER": str(uploads)}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)], cwd=ROOT,
        env={**os.environ, **settings}, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 300  # on a busy machine the start can take long
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return process, port
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the service did not start within 300 s")


def request_json(port: int, path: str, key: str, body: bytes | None = None) -> Any:
    """Send a request to a service and return its JSON answer; with a body, a POST."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class KillTimer:
    """Decides when to kill a load by the rows it has stored, and notes how many it had."""

    def __init__(self, url: str, whole: int, dice: random.Random) -> None:
        self.stored, self._whole, self._dice = 0, whole, dice
        self._database = Database(url)
        self._before = 0
        self._before = self._count_stored()

    def _count_stored(self) -> int:
        with self._database.connect() as db:
            return int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0) - self._before

    def wait_until_due(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it is time to kill the process."""
        dice = self._dice
        share = dice.random() * 0.95 if dice.random() < 0.8 else 0.0
        if share:
            until = time.monotonic() + 120
            while self._count_stored() <= share * self._whole * 0.9 and time.monotonic() < until:
                if process.poll() is not None:
                    return
                time.sleep(0.01)
            time.sleep(0.4 * dice.random() * dice.random())
        else:
            time.sleep(2.5 * dice.random())

    def note_stored(self) -> None:
        """Note how many rows of the killed load are stored."""
        self.stored = self._count_stored()
        self._database.close()


def kill_and_rerun_load(url: str, path: Path, aim: KillTimer) -> None:
    """Kill a load command, and run it again to its end."""
    process = start_load(url, path)
    aim.wait_until_due(process)
    process.kill()
    process.wait()
    aim.note_stored()
    if start_load(url, path).wait() != 0:
        raise RuntimeError("the second load failed")


def kill_and_finish_import(url: str, path: Path, aim: KillTimer, place: Path, way: str) -> None:
    """Kill a service that imports, or its import process, and wait until the import is done."""
    database = Database(url)
    with database.write() as db:
        key = create_key(db, "bench", "write")
    database.close()
    process, port = start_service(url, place)
    job = request_json(port, "/v1/imports", key, path.read_bytes())
    aim.wait_until_due(process)
    if way == "the process of imports":
        for child in list_children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        aim.note_stored()
    else:
        if way == "all":
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        aim.note_stored()
        process, port = start_service(url, place)
    try:
        until = time.monotonic() + 300
        while job["state"] not in ("done", "failed") and time.monotonic() < until:
            time.sleep(0.1)
            job = request_json(port, f"/v1/imports/{job['id']}", key)
    finally:
        process.terminate()
        process.wait()
    if job["state"] != "done":
        raise RuntimeError(f"the import is {job['state']}: {job['error']}")
    if job["rows"] != job["new"] or list(place.iterdir()):
        raise RuntimeError(f"the import counts {job}, and left {list(place.iterdir())}")


def list_children(parent: int) -> list[int]:
    """List the ids of the processes that a service started for imports."""
    asked = ["ps", "-o", "pid=", "--ppid", str(parent)]
    return [int(n) for n in subprocess.run(asked, capture_output=True, check=False).stdout.split()]


def main() -> None:
    """Print how many killed loads ended with the same rows as the undisturbed one."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--events", type=int, default=8000)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    wanted = parser.parse_args()
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, run_postgresql() as server:
        place, dice = Path(folder), random.Random(1)
        write_events(path := place / "events.ndjson", wanted.events)
        for kind in wanted.on or ("sqlite", "postgresql"):
            _repeat_kills(kind, wanted.times, path, place, server, dice)


def _repeat_kills(
    kind: str, times: int, path: Path, place: Path, server: Any, dice: random.Random
) -> None:
    """Kill a load `times` times, each time in a copy of a database with the bundled data."""

    def create_named_database(name: str, template: str) -> str:
        if kind == "sqlite":
            if template:
                shutil.copy(place / f"{template}.db", place / f"{name}.db")
            return f"sqlite:///{place}/{name}.db"
        return str(server.create_database(name, template or "template0"))

    def create_copy(name: str) -> str:
        return create_named_database(name, "template")

    database = Database(create_named_database("template", ""))
    upgrade_schema(database)
    load_bundled_data(database)
    database.close()
    url = create_copy("whole")
    before = read_last_seq(url)
    start_load(url, path).wait()
    whole, alike, within = read_state(url), 0, Counter[str]()
    rows = read_last_seq(url) - before
    if wrong := list_findings(url):
        raise RuntimeError(f"the undisturbed load is inconsistent: {wrong[0]}")
    for number in range(times):
        url = create_copy(f"killed-{number}")
        aim = KillTimer(url, rows, dice)
        way = WAYS[number // 2 % 3] if number % 2 else "command"
        if number % 2:
            kill_and_finish_import(url, path, aim, place / "uploads", way)
        else:
            kill_and_rerun_load(url, path, aim)
        within[way] += 0 < aim.stored < rows
        found = read_state(url)
        differing = [name for name, rows_before in whole.items() if found[name] != rows_before]
        alike += not differing
        if number % 10 == 9:
            print(f"{kind}: {alike} of {number + 1} so far", flush=True)
        if kind == "sqlite":
            for part in place.glob(f"killed-{number}.db*"):
                part.unlink()
        if differing:
            print(f"{kind}, kill {number} ({way}): {', '.join(differing)} differ", flush=True)
    by_way = ", ".join(f"{way} {count}" for way, count in within.items())
    print(f"{kind}: {alike} of {times} equal the undisturbed load", flush=True)
    print(f"  killed with the rows partly stored: {within.total()} ({by_way})", flush=True)


def read_last_seq(url: str) -> int:
    """Return the highest sequence number of the revisions in a database."""
    database = Database(url)
    with database.connect() as db:
        found = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
    database.close()
    return found


if __name__ == "__main__":
    main()
