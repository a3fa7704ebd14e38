"""`python -m bench.crash`: kill loads at random points, load again, compare with one left alone.

Half of them are killed as commands, half as imports over HTTP: of those by turns the service with
its process for imports, the service alone, that process alone. Four of five kills wait until a
random part of the rows is stored, the others come at any time after the start.
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

from sqlalchemy import text

from app.access.keys import create_key
from app.db.engine import Database
from app.db.migrate import upgrade
from app.events.verify import findings
from app.ingest.bundled import load
from bench.loading import write_events

WAYS = ("all", "the service", "the process of imports")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
DOCUMENTS = (
    "SELECT e.id, r.document, r.revision FROM events e JOIN revisions r ON r.seq = e.seq"
    " WHERE e.dataset = 'local' ORDER BY e.id"
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


def state(url: str) -> dict[str, Any]:
    """What a database holds, without the moments at which it was written."""
    database = Database(url)
    with database.connect() as db:
        told = {
            name: [tuple(row) for row in db.execute(text(asked))] for name, asked in OTHERS.items()
        }
        told["documents"] = [
            (row[0], row[1].partition(',"recorded_at":')[0], row[2])
            for row in db.execute(text(DOCUMENTS))
        ]
    database.close()
    return told


def verified(url: str) -> list[str]:
    """What the documents say otherwise than the rest."""
    database = Database(url)
    with database.connect() as db:
        found = list(findings(db))
    database.close()
    return found


def command(url: str, path: Path) -> subprocess.Popen[bytes]:
    """A load as a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", "load", str(path), "--json"], cwd=ROOT,
        env={**os.environ, "ENTENTE_DATABASE_URL": url}, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def service(url: str, uploads: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A service, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"ENTENTE_DATABASE_URL": url, "ENTENTE_IMPORT_FOLDER": str(uploads)}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", str(port)], cwd=ROOT,
        env={**os.environ, **settings}, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 300  # a busy machine takes its time
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
            return process, port
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the service does not come up")


def asked(port: int, path: str, key: str, body: bytes | None = None) -> Any:
    """The answer of a service."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    request.add_header("Authorization", f"Bearer {key}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Aim:
    """When to kill a load, by how many rows it has stored; and how many it had."""

    def __init__(self, url: str, whole: int, dice: random.Random) -> None:
        self.stored, self._whole, self._dice = 0, whole, dice
        self._database = Database(url)
        self._before = 0
        self._before = self._now()

    def _now(self) -> int:
        with self._database.connect() as db:
            return int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0) - self._before

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Until it is time to kill."""
        dice = self._dice
        share = dice.random() * 0.95 if dice.random() < 0.8 else 0.0
        if share:
            until = time.monotonic() + 120
            while self._now() <= share * self._whole * 0.9 and time.monotonic() < until:
                if process.poll() is not None:
                    return
                time.sleep(0.01)
            time.sleep(0.4 * dice.random() * dice.random())
        else:
            time.sleep(2.5 * dice.random())

    def note(self) -> None:
        """Note what is stored of the load that was killed."""
        self.stored = self._now()
        self._database.close()


def killed_command(url: str, path: Path, aim: Aim) -> None:
    """Kill a command, and run it again to its end."""
    process = command(url, path)
    aim.wait(process)
    process.kill()
    process.wait()
    aim.note()
    if command(url, path).wait() != 0:
        raise RuntimeError("the second load failed")


def killed_import(url: str, path: Path, aim: Aim, place: Path, way: str) -> None:
    """Kill a service while it imports, or the process that does it; what was begun is ended."""
    database = Database(url)
    with database.write() as db:
        key = create_key(db, "bench", "write")
    database.close()
    process, port = service(url, place)
    told = asked(port, "/v1/imports", key, path.read_bytes())
    aim.wait(process)
    if way == "the process of imports":
        for child in children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        aim.note()
    else:
        if way == "all":
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        aim.note()
        process, port = service(url, place)
    try:
        until = time.monotonic() + 300
        while told["state"] not in ("done", "failed") and time.monotonic() < until:
            time.sleep(0.1)
            told = asked(port, f"/v1/imports/{told['id']}", key)
    finally:
        process.terminate()
        process.wait()
    if told["state"] != "done":
        raise RuntimeError(f"the import is {told['state']}: {told['error']}")
    if told["rows"] != told["new"] or list(place.iterdir()):
        raise RuntimeError(f"the import counts {told}, and left {list(place.iterdir())}")


def children(parent: int) -> list[int]:
    """The processes that a service has imports carried out by."""
    asked = ["ps", "-o", "pid=", "--ppid", str(parent)]
    return [int(n) for n in subprocess.run(asked, capture_output=True, check=False).stdout.split()]


def main() -> None:
    """Print how many came out as the undisturbed load did."""
    given = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    given.add_argument("--times", type=int, default=50)
    given.add_argument("--events", type=int, default=8000)
    given.add_argument("--on", choices=("sqlite", "postgresql"), action="append")
    wanted = given.parse_args()
    from postgres import running  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running() as server:
        place, dice = Path(folder), random.Random(1)
        write_events(path := place / "events.ndjson", wanted.events)
        for kind in wanted.on or ("sqlite", "postgresql"):
            _repeat(kind, wanted.times, path, place, server, dice)


def _repeat(
    kind: str, times: int, path: Path, place: Path, server: Any, dice: random.Random
) -> None:
    """Kill as often as asked; the first database with the bundled data is copied for each."""

    def named(name: str, template: str) -> str:
        if kind == "sqlite":
            if template:
                shutil.copy(place / f"{template}.db", place / f"{name}.db")
            return f"sqlite:///{place}/{name}.db"
        return str(server.create_database(name, template or "template0"))

    def fresh(name: str) -> str:
        return named(name, "template")

    database = Database(named("template", ""))
    upgrade(database)
    load(database)
    database.close()
    url = fresh("whole")
    before = versions(url)
    command(url, path).wait()
    whole, alike, within = state(url), 0, Counter[str]()
    rows = versions(url) - before
    if odd := verified(url):
        raise RuntimeError(f"the undisturbed load is not as it has to be: {odd[0]}")
    for number in range(times):
        url = fresh(f"killed-{number}")
        aim = Aim(url, rows, dice)
        way = WAYS[number // 2 % 3] if number % 2 else "command"
        if number % 2:
            killed_import(url, path, aim, place / "uploads", way)
        else:
            killed_command(url, path, aim)
        within[way] += 0 < aim.stored < rows
        found = state(url)
        differing = [name for name, held in whole.items() if found[name] != held]
        alike += not differing
        if number % 10 == 9:
            print(f"{kind}: {alike} of {number + 1} so far", flush=True)
        if kind == "sqlite":
            for part in place.glob(f"killed-{number}.db*"):
                part.unlink()
        if differing:
            print(f"{kind}, kill {number} ({way}): {', '.join(differing)} differ", flush=True)
    told = ", ".join(f"{way} {count}" for way, count in within.items())
    print(f"{kind}: {alike} of {times} as the undisturbed load", flush=True)
    print(f"  killed with the rows partly stored: {within.total()} ({told})", flush=True)


def versions(url: str) -> int:
    """How many revisions a database holds."""
    database = Database(url)
    with database.connect() as db:
        found = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
    database.close()
    return found


if __name__ == "__main__":
    main()
