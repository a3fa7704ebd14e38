"""Fill a SQLite and a PostgreSQL database, measure, and print the figures: `python -m bench`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from app.db.engine import Database
from bench.as_of import format_costs_as_of, has_past, measure_as_of, revise_tenth
from bench.generate import fill_database
from bench.http import measure_http
from bench.timeline import format_costs, measure_pages

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def main() -> None:
    """Measure the databases at `--url`, or new ones of both kinds that are filled first."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="per case")
    parser.add_argument("--url", action="append", help="filled already; may be repeated")
    asked = parser.parse_args()
    if asked.url:
        for url in asked.url:
            _report_database(Database(url), asked.seconds)
        return
    from postgres import run_postgresql  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="bench-") as place, run_postgresql() as server:
        for url in (f"sqlite:///{place}/bench.db", server.create_database("bench")):
            database = Database(url)
            begun = time.perf_counter()
            fill_database(database, asked.events)
            print(f"{asked.events:,} events in {time.perf_counter() - begun:.0f} s", flush=True)
            _report_database(database, asked.seconds)
            database.close()


def _report_database(database: Database, seconds: float) -> None:
    kind = database.engine.dialect.name
    print(format_costs(f"{kind}, in process", measure_pages(database, seconds)), "\n", flush=True)
    url = database.engine.url.render_as_string(hide_password=False)
    print(format_costs(f"{kind}, over HTTP", measure_http(url)), "\n", flush=True)
    if not has_past(database):
        revise_tenth(database)
    print(
        format_costs_as_of(f"{kind}, a tenth revised", measure_as_of(database, seconds)),
        "\n",
        flush=True,
    )


if __name__ == "__main__":
    main()
