"""Bytes of an event on PostgreSQL by table and by index: `python -m bench.sizes`.

Made-up events are loaded by the command into a database with the bundled data. What grew is
printed, after the load and again after `entente db compact`, divided by the events.

    python -m bench.sizes --events 500000
    python -m bench.sizes --plain           # documents as they are, not packed
    python -m bench.sizes --no-compact      # no load rewrites indexes, however large it is
    python -m bench.sizes --no-search       # no words are indexed
"""

import argparse
import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg

from app.bundled.load_bundled import load_bundled_data
from app.db.compaction import compact_database
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from bench.loading import ROOT, measure_load, server_seconds, write_events
from bench.packed import SETTING

sys.path.insert(0, str(ROOT / "tests"))
RELATIONS = """
SELECT coalesce(t.relname, c.relname), c.relname,
    pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_class t ON t.oid = i.indrelid
WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace
"""
Sizes = dict[tuple[str, str], int]
"""Bytes by table and relation: the table itself, or one of its indexes."""


def read_relation_sizes(url: str) -> Sizes:
    """Return the bytes of each table and of each index, after VACUUM."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
        return {(table, name): size for table, name, size in db.execute(RELATIONS)}


def print_growth(before: Sizes, after: Sizes, compact: Sizes, count: int) -> None:
    """Print what grew, a line for each table and index that takes a byte an event."""
    rows = [
        (
            table,
            name,
            *((sizes[table, name] - before[table, name]) / count for sizes in (after, compact)),
        )
        for table, name in before
    ]
    print("| table | index | loaded | compact |\n|---|---|--:|--:|")
    print(f"| all | | {sum(r[2] for r in rows):,.0f} | {sum(r[3] for r in rows):,.0f} |")
    for table, name, loaded, compacted in sorted(rows, key=lambda row: -row[2]):
        if loaded >= 1:
            index = "" if name == table else name
            print(f"| {table} | {index} | {loaded:,.0f} | {compacted:,.0f} |")


def main() -> None:
    """Load, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--plain", action="store_true", help="documents as they are")
    parser.add_argument("--no-compact", action="store_true", help="leave the gaps of the load")
    parser.add_argument("--no-search", action="store_true", help="index no words")
    asked = parser.parse_args()
    flags = {"--no-compact": asked.no_compact, "--no-search": asked.no_search}
    more = [flag for flag, is_set in flags.items() if is_set]
    from postgres import run_postgresql  # noqa: PLC0415

    os.environ[SETTING] = str(not asked.plain).lower()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, run_postgresql() as server:
        write_events(path := Path(folder) / "events.ndjson", asked.events)
        url = server.create_database("sizes")
        with closing(Database(url)) as database:
            upgrade_schema(database)
            load_bundled_data(database)
            before = read_relation_sizes(url)
            cost, _ = measure_load(url, path, "--dataset", "bench", *more)
            after, spent = read_relation_sizes(url), server_seconds(url)
            for _ in compact_database(database):
                pass
        print(f"load: {cost.client:.1f} + {cost.server:.1f} s of CPU", end="; ")
        print(f"compaction: {server_seconds(url) - spent:.1f} s")
        print_growth(before, after, read_relation_sizes(url), asked.events)


if __name__ == "__main__":
    main()
