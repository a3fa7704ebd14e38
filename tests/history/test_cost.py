"""A page as of a version costs about what a page of the present does, however large the tables.

Counted, not timed: the steps of SQLite's machine, and the blocks that PostgreSQL looks at.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import copy_database
from sqlalchemy import text

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.queries import bind_query, compile_page_statement, resolve_filter
from bench.as_of import revise_tenth
from bench.timeline import build_cases

MOST = 3


@pytest.fixture(scope="module")
def revised(
    kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """Many events, of which a tenth were revised."""
    folder = tmp_path_factory.mktemp("cost")
    database = Database(copy_database(kind, "revised", folder, request, "generated"))
    revise_tenth(database)
    with database.write() as db:  # what was replaced ran on for long: much to walk through
        for table in ("past_events", "past_participations"):
            db.execute(text(f"UPDATE {table} SET \"end\" = '2099-12-31'"))
    yield database
    database.close()


def measure_cost(database: Database, asked: EventQuery) -> int:
    """Of a page: steps, or blocks."""
    with database.connect() as db:
        as_of = None if asked.as_of is None else int(asked.as_of)
        found = bind_query(db, resolve_filter(db, asked, as_of), asked.sort, None, asked.limit + 1)
        statement = compile_page_statement(found.statement_key)
        if db.dialect.name == "postgresql":
            explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement.text
            explained: Any = db.exec_driver_sql(
                explain, {**statement.fixed_values, **found.values}
            ).scalar()
            plan = explained[0]["Plan"]
            return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        raw: Any = db.connection.driver_connection
        raw.set_progress_handler(count, 10)
        rows = statement.execute(db, found.values).all()
        raw.set_progress_handler(None, 0)
        assert rows
        return steps


@pytest.mark.slow
def test_page_as_of_a_version_costs_a_bounded_multiple(revised: Database) -> None:
    with revised.connect() as db:
        last = int(db.scalar(text("SELECT max(seq) FROM revisions")) or 0)
        first = int(db.scalar(text("SELECT min(gone) FROM past_events")) or 0)
    for name, several in build_cases(revised):
        if several[0].cursor is not None:
            continue
        asked = several[0]
        now = measure_cost(revised, asked)
        for version in (first - 1, (first + last) // 2):
            then = measure_cost(revised, asked.model_copy(update={"as_of": str(version)}))
            assert then <= MOST * now, (name, now, then)
