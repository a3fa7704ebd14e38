"""Count the blocks that a narrowed page reads: `python -m bench.narrowing --events 200000`.

The database has events of one busy actor, of which few match: each question is narrowed to what is
rare in another way. Counted are the blocks read from the files by a connection, or a copy of the
database, that has read none yet; what is read repeatedly counts once.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from app.db.dialect.fast_statements import CompiledStatement
from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.joined_page import fetch_joined_page
from app.events.queries import bind_query, resolve_filter
from bench.generate import (
    HUB,
    NAMES,
    RARE_COUNTRY,
    RARE_DATASET,
    RARE_KINDS,
    RARE_WORD,
    RIVAL,
    fill_with_hub,
)
from bench.loading import ROOT

sys.path.insert(0, str(ROOT / "tests"))
LIMIT = 50
WINDOW = {"since": "2014-01-01", "until": "2023-12-31"}
QUESTIONS: Mapping[str, dict[str, Any]] = {
    "": {"actor": [HUB]},
    "type": {"actor": [HUB], "type": [RARE_KINDS["type"][0]]},
    "cameo": {"actor": [HUB], "cameo": [RARE_KINDS["cameo"][1][:2]]},
    "quad": {"actor": [HUB], "quad": [4]},
    "role": {"actor": [HUB], "role": ["mediator"]},
    "role of many others": {"actor": [HUB], "role": ["target"]},
    "target": {"target": [HUB]},
    "initiator of a type": {"initiator": [HUB], "type": [RARE_KINDS["type"][0]]},
    "target of a type": {"target": [HUB], "type": ["AGREE"]},
    "dataset": {"actor": [HUB], "dataset": [RARE_DATASET]},
    "country": {"actor": [HUB], "country": [RARE_COUNTRY]},
    "between": {"between": [f"{HUB},{RIVAL}"]},
    "initiator and target": {"initiator": [HUB], "target": [RIVAL]},
    "between of a type": {"between": [f"{HUB},{RIVAL}"], "type": ["AGREE"]},
    "word": {"actor": [HUB], "q": RARE_WORD},
    "type that never was": {"actor": [HUB], "type": ["RETREAT"]},
    "pair that never was": {"between": [f"{HUB},{NAMES[-2]}"]},
}
"""What a page asks for, by what it is narrowed to."""


class PageBlocks(NamedTuple):
    """How many rows a page has, and how many blocks it read."""

    rows: int
    blocks: int
    statements: int


Ran = list[tuple[CompiledStatement, dict[str, object]]]


@contextmanager
def record_statements(ran: Ran) -> Iterator[None]:
    """Record the statements that are run meanwhile, with their values."""
    fetch_rows = CompiledStatement.fetch_rows

    def record(self: CompiledStatement, db: Any, values: Mapping[str, object]) -> Any:
        ran.append((self, {**self.fixed_values, **values}))
        return fetch_rows(self, db, values)

    CompiledStatement.fetch_rows = record  # type: ignore[method-assign]
    try:
        yield
    finally:
        CompiledStatement.fetch_rows = fetch_rows  # type: ignore[method-assign]


def count_page_blocks(database: Database, parameters: Mapping[str, Any]) -> PageBlocks:
    """Count the blocks that a page reads which nothing was read for yet."""
    asked = EventQuery.model_validate({**parameters, "limit": LIMIT})
    ran: Ran = []
    url = database.engine.url.render_as_string(hide_password=False)
    cold = Database(url)
    try:
        with cold.connect() as db:
            resolved = resolve_filter(db, asked, None)
        with cold.connect() as db, record_statements(ran):
            raw = db.connection.driver_connection
            db.exec_driver_sql("SELECT count(*) FROM house").scalar()  # reads the schema
            if db.dialect.name == "sqlite":
                for pragma in ("mmap_size = 0", "cache_size = -65536", "shrink_memory"):
                    raw.execute(f"PRAGMA {pragma}")
            before = _read_bytes()
            query = bind_query(db, resolved, asked.sort, None, LIMIT + 1)
            page = fetch_joined_page(db, query, LIMIT)
            read = _read_bytes() - before
            rows = page.body.count(b'"recorded_at"')
            if db.dialect.name == "sqlite":
                size = raw.execute("PRAGMA page_size").fetchone()[0]
                return PageBlocks(rows, read // size, len(ran))
    finally:
        cold.close()
    return PageBlocks(rows, _explain_on_copy(database, ran), len(ran))


def _read_bytes() -> int:
    """How many bytes this thread has read, from the cache of the system or not."""
    return int(Path("/proc/thread-self/io").read_text().split()[1])


def _explain_on_copy(database: Database, ran: Ran) -> int:
    """Count the blocks that statements read in a new copy of a database, which nobody has read."""
    url, name = database.engine.url, database.engine.url.database
    copy = f"cold-{uuid4().hex[:8]}"
    database.close()  # a database that is copied has no connections

    def open_other(name: str) -> Database:
        return Database(url.set(database=name).render_as_string(hide_password=False))

    other = open_other("postgres")
    with other.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql(f'CREATE DATABASE "{copy}" TEMPLATE "{name}" STRATEGY file_copy')
        cold = open_other(copy)
        read = 0
        with cold.connect() as there:
            for statement, values in ran:
                explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement.text
                [found] = there.exec_driver_sql(explain, values).scalar() or []
                read += found["Plan"]["Shared Read Blocks"]
        cold.close()
        db.exec_driver_sql(f'DROP DATABASE "{copy}" WITH (FORCE)')
    other.close()
    return read


def settle_tables(database: Database) -> None:
    """Do what the database does in time by itself: statistics, and what index scans rely on."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("VACUUM ANALYZE" if db.dialect.name == "postgresql" else "ANALYZE")
    database.close()  # the last connection to SQLite empties the write-ahead log


def format_blocks(found: Mapping[str, tuple[PageBlocks, PageBlocks]]) -> str:
    """Format as a table in Markdown, by question: of all days, and of a window."""
    lines = ["| narrowed to | rows | blocks | in a window | statements |", "|---|--:|--:|--:|--:|"]
    for name, (ever, within) in found.items():
        cells = f"{ever.rows} | {ever.blocks} | {within.blocks} | {within.statements}"
        lines.append(f"| {name or 'nothing'} | {cells} |")
    return "\n".join(lines)


def measure_narrowing(database: Database) -> dict[str, tuple[PageBlocks, PageBlocks]]:
    """Count the blocks of every question, of all days and in a window."""
    return {
        name: (count_page_blocks(database, asked), count_page_blocks(database, asked | WINDOW))
        for name, asked in QUESTIONS.items()
    }


def main() -> None:
    """Fill a database, or take one that is filled, and print a table for it."""
    from postgres import run_postgresql  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m bench.narrowing", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.on == "sqlite":
            _print_table(f"sqlite:///{folder}/hub.db", asked.events)
        else:
            with run_postgresql() as server:
                _print_table(server.create_database("hub"), asked.events)


def _print_table(url: str, events: int) -> None:
    database = Database(url)
    fill_with_hub(database, events)
    settle_tables(database)
    print(f"{url.partition(':')[0]}, {events:,} events of one actor\n")
    print(format_blocks(measure_narrowing(database)), flush=True)
    database.close()


if __name__ == "__main__":
    main()
