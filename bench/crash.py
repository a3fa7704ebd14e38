"""`python -m bench.crash`: kill loads at random points, load again, compare with one left alone.

Half of them are killed as commands, half as imports of a service that is killed and started again.
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
from pathlib import Path
from typing import Any

from sqlalchemy import text

from app.access.keys import create_key
from app.db.engine import Database
from app.db.migrate import upgrade
from app.events.verify import findings
from app.ingest.bundled import load
from bench.loading import write_events

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
        env={**os.environ, **settings}, stdout=subprocess.DEVNULL,
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


def killed_command(url: str, path: Path, dice: random.Random, span: float) -> None:
    """Kill a command, and run it again to its end."""
    process = command(url, path)
    time.sleep(span * (0.3 + 0.7 * dice.random()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    if command(url, path).wait() != 0:
        raise RuntimeError("the second load failed")


def killed_import(url: str, path: Path, dice: random.Random, span: float, place: Path) -> None:
    """Kill a service while it imports; the next one ends what was begun."""
    database = Database(url)
    with database.write() as db:
        key = create_key(db, "bench", "write")
    database.close()
    process, port = service(url, place)
    told = asked(port, "/v1/imports", key, path.read_bytes())
    time.sleep(span * 0.7 * dice.random())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process, port = service(url, place)
    try:
        until = time.monotonic() + 300
        while told["state"] not in ("done", "failed") and time.monotonic() < until:
            time.sleep(0.2)
            told = asked(port, f"/v1/imports/{told['id']}", key)
    finally:
        process.terminate()
        process.wait()
    if told["state"] != "done":
        raise RuntimeError(f"the import is {told['state']}: {told['error']}")


def main() -> None:
    """Print how many came out as the undisturbed load did."""
    given = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    given.add_argument("--times", type=int, default=50)
    given.add_argument("--events", type=int, default=5000)
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
    begun = time.perf_counter()
    command(url, path).wait()
    span, whole, alike = time.perf_counter() - begun, state(url), 0
    if odd := verified(url):
        raise RuntimeError(f"the undisturbed load is not as it has to be: {odd[0]}")
    for number in range(times):
        url = fresh(f"killed-{number}")
        if number % 2:
            killed_import(url, path, dice, span, place / "uploads")
        else:
            killed_command(url, path, dice, span)
        found = state(url)
        differing = [name for name, rows in whole.items() if found[name] != rows]
        alike += not differing
        if number % 10 == 9:
            print(f"{kind}: {alike} of {number + 1} so far", flush=True)
        if kind == "sqlite":
            for part in place.glob(f"killed-{number}.db*"):
                part.unlink()
        if differing:
            print(f"{kind}, kill {number}: {', '.join(differing)} differ", flush=True)
    how = f"each killed within {span:.0f} s, every other one as an import"
    print(f"{kind}: {alike} of {times} as the undisturbed load, {how}", flush=True)


if __name__ == "__main__":
    main()
