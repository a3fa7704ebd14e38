"""Changing an event reads and writes rows of the sums by their keys, however many there are."""

import make
import pytest
from sqlalchemy import select, text

from app.db.dialect import get_sqlite_connection
from app.db.engine import Database
from app.db.tables import day_sums, dyads, month_counts, role_days, volumes
from app.events.changes import remove_event_rows, write_events
from app.events.record import convert_record
from app.events.verify import find_event_faults

SUMS = (day_sums, month_counts, volumes)


def make_act(score: float, **more: object) -> dict[str, object]:
    signal = {"from": "ARM", "toward": "RUS", "score": score}
    participants = [{"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"}]
    act = {"key": "one", "title": "An act", "date": "2020-02-03", "intensity": score}
    return act | {"signals": [signal], "participants": participants} | more


def test_no_write_of_an_event_reads_all_sums(database: Database, kind: str) -> None:
    """Their tables have a row for each pair and day: a second and more on a large database."""
    if kind == "postgresql":
        pytest.skip("its plans depend on statistics; the statements are the same")
    ran: list[str] = []
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, [convert_record(make_act(3.0))], dataset, make.BY)
        raw = get_sqlite_connection(db)
        raw.set_trace_callback(ran.append)
        write_events(db, [convert_record(make_act(-4.0))], dataset, make.BY)
        remove_event_rows(db, [f"{dataset}:one"])
        raw.set_trace_callback(None)
        changing = [one for one in ran if one.startswith(("DELETE", "INSERT", "UPDATE", "SELECT"))]
        plans = [
            str(step[-1]) for one in changing for step in raw.execute(f"EXPLAIN QUERY PLAN {one}")
        ]
    assert any(step.startswith("SEARCH day_sums") for step in plans), plans
    names = {table.name for table in (*SUMS, role_days)}
    assert [step for step in plans if step.startswith("SCAN") and step.split()[1] in names] == []


def test_another_report_leaves_the_sums_and_marks_the_dyad(database: Database) -> None:
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, [convert_record(make_act(3.0))], dataset, make.BY)
        marked = db.scalar(select(dyads.c.changed))
    with database.write() as db:
        before = [db.execute(select(table)).all() for table in SUMS]
        write_events(db, [convert_record(make_act(3.0, summary="More"))], dataset, make.BY)
        assert [db.execute(select(table)).all() for table in SUMS] == before
    with database.connect() as db:
        assert db.scalar(select(dyads.c.changed)) == (marked or 0) + 1
        assert list(find_event_faults(db)) == []


def test_sums_that_become_nothing_are_deleted(database: Database) -> None:
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, [convert_record(make_act(3.0))], dataset, make.BY)
        write_events(db, [convert_record(make_act(-4.0, date="2021-05"))], dataset, make.BY)
        days = list(db.scalars(select(day_sums.c.day).distinct()))
        months = list(db.scalars(select(month_counts.c.month).distinct()))
        assert {day[:7] for day in days} == {"2021-05"} == set(months)
        assert db.execute(select(volumes.c.start)).scalars().first() is not None
        peaks = db.execute(select(month_counts.c.peak, month_counts.c.at_peak).distinct())
        assert [tuple(row) for row in peaks] == [(4_000_000, 1)]
        remove_event_rows(db, [f"{dataset}:one"])
        for table in SUMS:
            assert db.execute(text(f"SELECT count(*) FROM {table.name}")).scalar() == 0
