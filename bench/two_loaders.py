"""Measure two loaders at once, and one with `--jobs 2`, against one: `python -m bench.two_loaders`.

Each loads the same two files. Two loaders prepare their batches at the same time, and write them in
turn; of two jobs one prepares and the other writes, if a file has 50,000 rows. The clock counts
here, so other work on the machine counts too: take the ratio, on an idle machine of two processors.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.events.verify import find_event_faults
from bench.loading import ROOT, write_events

sys.path.insert(0, str(ROOT / "tests"))
NAMES = ("one", "two", "jobs")


def load_at_once(
    url: str, runs: Sequence[Sequence[Path]], jobs: int = 1, *, check: bool
) -> tuple[float, float]:
    """Load files by one process for each run; returns seconds by the clock and of CPU."""
    database = Database(url)
    upgrade_schema(database)
    load_bundled_data(database)
    settings = os.environ | {"ENTENTE_DATABASE_URL": url}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = (sys.executable, "-m", "app", "load", "--dataset", "bench", "--json")
    command += ("--jobs", str(jobs), "--no-compact")
    started = [
        subprocess.Popen([*command, *map(str, files)], env=settings, stdout=subprocess.DEVNULL)
        for files in runs
    ]
    failed = [process.wait() for process in started]
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if any(failed):
        raise SystemExit(f"a load failed: {failed}")
    if check:
        with database.connect() as db:
            if faults := list(find_event_faults(db)):
                raise SystemExit("\n".join(faults[:10]))
    database.close()
    return seconds, sum(after[:2]) - sum(before[:2])


@contextmanager
def open_databases(kind: str, folder: Path) -> Iterator[list[str]]:
    """Make three empty databases of a kind, and yield their addresses."""
    if kind == "sqlite":
        yield [f"sqlite:///{folder / name}.sqlite" for name in NAMES]
        return
    from postgres import run_postgresql  # noqa: PLC0415

    with run_postgresql() as server:
        server.stop_autovacuum()
        yield [server.create_database(name) for name in NAMES]


def main() -> None:
    """Print events a second of each way to load, for each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000, help="events of each of two files")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--way", choices=("two loaders", "two jobs"), help="by default both")
    parser.add_argument("--unchecked", action="store_true", help="verify nothing afterwards")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = [folder / "a.ndjson", folder / "b.ndjson"]
        for n, path in enumerate(files):
            write_events(path, asked.events, seed=n + 1, after=n * asked.events)
        for kind in (asked.only,) if asked.only else ("sqlite", "postgresql"):
            with open_databases(kind, folder) as (one, two, shared):
                check = not asked.unchecked
                alone, alone_cpu = load_at_once(one, [files], check=check)
                print(f"{kind}: one loader {2 * asked.events / alone:,.0f} events a second")
                for what, url, runs, jobs in (
                    ("two loaders", two, [[files[0]], [files[1]]], 1),
                    ("two jobs", shared, [files], 2),
                ):
                    if asked.way not in (None, what):
                        continue
                    seconds, cpu = load_at_once(url, runs, jobs, check=check)
                    print(
                        f"  {what} {2 * asked.events / seconds:,.0f}: {alone / seconds:.2f} times;"
                        f" CPU {cpu / alone_cpu:.2f} times",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
