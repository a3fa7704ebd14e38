"""A page of an actor is read off the key of the participations, on both databases."""

import re
from dataclasses import replace
from typing import Any

import pytest

from app.db.dialect.fast_statements import SWITCH
from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.queries import bind_query, compile_page_statement, resolve_filter

pytestmark = pytest.mark.on_both  # each database has plans of its own

PLANS = {
    "an actor": (
        {"actor": ["ARM"], "since": "2020", "until": "2023"},
        ("USING PRIMARY KEY (actor=? AND start>?", "pk_participations"),
    ),
    "what still runs": (
        {"actor": ["ARM"], "since": "2020", "until": "2023"},
        ("ix_participations_running (actor=? AND end>?", "ix_participations_running"),
    ),
    "the members of a group": (
        {"member_of": ["CSTO"], "since": "2020", "until": "2023"},
        ("USING PRIMARY KEY (actor=? AND start>?", "pk_participations"),
    ),
    "the members of a group, of a version": (
        {"member_of": ["CSTO"], "since": "2020", "until": "2023", "as_of": "9000000"},
        (
            "past_participations USING INDEX ix_past_participations_running (actor=? AND end>?",
            "ix_past_participations_running",
        ),
    ),
    "everyone": (
        {"until": "2023"},
        ("ix_events_start_id (start<?", "ix_events_start_id"),
    ),
    "of two the second": (
        {"between": ["ARM", "RUS"]},
        (
            "ix_participations_event (event=? AND actor=? AND start=?",
            "ix_participations_event|pk_participations",
        ),
    ),
    "a rare word": (
        {"actor": ["ARM"], "q": "zeppelin"},
        (
            "participations USING INDEX ix_participations_event (event=? AND actor=?",
            "ix_participations_event|pk_participations",
        ),
    ),
    "by record": (
        {"sort": "-recorded"},
        ("ix_events_recorded_at_id", "ix_events_recorded_at_id"),
    ),
}
"""What is asked, and what its plan must say on SQLite and on PostgreSQL."""


def explain_page(kind: str, database: Database, parameters: dict[str, Any]) -> str:
    asked = EventQuery.model_validate(parameters)
    with database.connect() as db:
        db.execution_options(**{SWITCH: True})  # the text is run, not the statement
        as_of = None if asked.as_of is None else int(asked.as_of)
        found = bind_query(db, resolve_filter(db, asked, as_of), asked.sort, limit=51)
        key = found.statement_key
        keys = (
            [replace(key, part=part) for part in ("begun", "running")] if key.has_parts else [key]
        )
        explain = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
        if kind == "postgresql":  # the tables are small: it would read them whole
            db.exec_driver_sql("SET enable_seqscan = off")
        statements = [compile_page_statement(key) for key in keys]
        return "\n".join(
            str(row[-1])
            for one in statements
            for row in replace(one, text=f"{explain} {one.text}", document_places=()).execute(
                db, found.values
            )
        )


@pytest.mark.parametrize("name", PLANS)
def test_a_page_is_read_off_its_index(kind: str, database: Database, name: str) -> None:
    parameters, (sqlite, postgresql) = PLANS[name]
    steps = explain_page(kind, database, parameters)
    wanted = [sqlite] if kind == "sqlite" else postgresql.split("|")
    assert any(part in steps for part in wanted), steps


def test_the_plan_shows_when_an_index_is_gone(kind: str, database: Database) -> None:
    parameters, wanted = PLANS["what still runs"]
    with database.write() as db:
        db.exec_driver_sql("DROP INDEX ix_participations_running")
    assert wanted[kind == "postgresql"] not in explain_page(kind, database, parameters)


@pytest.mark.parametrize(
    "narrowing",
    [{"cameo": ["04"]}, {"type": ["CONSULT"]}, {"quad": [1]}, {"dataset": ["curated"]},
     {"role": ["host"]}, {"min_intensity": 1.0}],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_a_narrowed_page_of_an_actor_looks_up_no_event(
    kind: str, database: Database, narrowing: dict[str, Any]
) -> None:
    asked = {"actor": ["ARM"], "since": "2020", "until": "2023", **narrowing}
    steps = explain_page(kind, database, asked)
    assert ("PRIMARY KEY" if kind == "sqlite" else "pk_participations") in steps
    assert not re.search(r"\b(past_)?events\b|ix_events|pk_events", steps), steps
