"""Measure what an installation of some size takes: `python -m bench.scaling`.

Made-up events are loaded by the command, and their shifts found; then bytes by table, CPU seconds,
peak memory and time are printed. `--parquet` also exports them, and asks DuckDB for all dyads by
month, as docs/scaling.md does.

    python -m bench.scaling --events 1000000 --folder /tmp/scaling --on sqlite --parquet
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
from sqlalchemy import text

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.exports import measure_export
from bench.loading import ROOT, measure_load, server_seconds, write_events

sys.path.insert(0, str(ROOT / "tests"))
SIZES = {
    "postgresql": "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC",
    "sqlite": "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m"
    " ON m.name = s.name GROUP BY 1 ORDER BY 2 DESC",
}
RUNS = 7


def measure_installation(url: str, path: Path, count: int) -> None:
    """Load a file into an empty database, and print what it took."""
    with closing(Database(url)) as database:
        upgrade_schema(database)
        load_bundled_data(database)
    before = _read_sizes(url)
    cost, report = measure_load(url, path, "--dataset", "bench", "--jobs", "1")
    print(
        f"load: {count / cost.wall:,.0f} events/s, {cost.wall:.0f} s; CPU {cost.client:.0f} s of"
        f" the command, {cost.server:.0f} s of the server; at most {cost.peak} MiB; {report}"
    )
    server = url if url.startswith("postgresql") else None
    spent, begun = server_seconds(server), time.perf_counter()
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "app", "shifts", "refresh"]
    subprocess.run(
        command,
        check=True,
        env={**os.environ, "ENTENTE_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime
    print(
        f"shifts: {time.perf_counter() - begun:.0f} s; CPU {cpu:.0f} s of the command,"
        f" {server_seconds(server) - spent:.0f} s of the server"
    )
    after = _read_sizes(url)
    grown = {name: size - before.get(name, 0) for name, size in after.items()}
    total = sum(grown.values())
    print(f"{total / count:,.0f} bytes an event, {total / 2**30:.2f} GiB")
    for name, size in sorted(grown.items(), key=lambda item: -item[1]):
        if size > 0.002 * total:
            print(f"  {name}: {size / count:,.0f}")


def _read_sizes(url: str) -> dict[str, int]:
    with closing(Database(url)) as database, database.connect() as db:
        rows = db.execute(text(SIZES[db.dialect.name]))
        return {str(name): int(size) for name, size in rows}


def measure_archive(url: str, folder: Path) -> None:
    """Export all events as Parquet, and time the questions of docs/scaling.md on them."""
    parts = folder / "events"
    parts.mkdir(exist_ok=True)
    wall, cpu, size, peak = measure_export(url, "parquet", parts / "all.parquet")
    print(f"export: {wall:.0f} s, CPU {cpu:.0f} s, {size / 2**20:,.0f} MiB, at most {peak:.0f} MiB")
    page = (ROOT / "docs/scaling.md").read_text("utf-8")
    os.chdir(folder)
    with closing(duckdb.connect()) as db:
        for question in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
            asked = f"SELECT count(*) FROM ({question.strip().rstrip(';')})"
            times = []
            for _ in range(1 if "COPY" in question else RUNS):
                begun = time.perf_counter()
                [(rows,)] = db.execute(question if "COPY" in question else asked).fetchall()
                times.append(1000 * (time.perf_counter() - begun))
            print(
                f"{' '.join(question.split())[:60]}…: median {statistics.median(times):.0f} ms,"
                f" least {min(times):.0f}; {rows} rows"
            )


def main() -> None:
    """Measure, and print what was found."""
    from postgres import run_postgresql  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="where what is made is kept")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--parquet", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = asked.folder / f"{asked.events}.ndjson"
    if not path.exists():
        write_events(path, asked.events)
    if asked.on == "postgresql":
        with run_postgresql() as server:
            measure_installation(server.create_database("scaling"), path, asked.events)
        return
    file = asked.folder / f"{asked.events}.db"
    url = f"sqlite:///{file.resolve()}"
    if not file.exists():
        measure_installation(url, path, asked.events)
    if asked.parquet:
        measure_archive(url, asked.folder)


if __name__ == "__main__":
    main()
