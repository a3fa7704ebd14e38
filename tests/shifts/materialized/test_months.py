"""Months of busy dyads: what they say is what the days say, whenever they were written."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import make
import msgspec
import numpy as np
import pytest
from msgspec import structs
from other_processor import other_processor
from sqlalchemy import Connection, delete, select, update

from app.db.engine import Database
from app.db.tables import dyad_months, dyads
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.shifts import inputs, series
from app.shifts.materialized import months, verify
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.question import AlignmentQuestion
from app.shifts.side_periods import ALWAYS
from app.shifts.statistics.sums import ONE_DAY

pytestmark = pytest.mark.slow

SOURCES = ("meduza-2023-10-03-rome-statute",)


def make_acts(count: int, seed: int, years: int = 4) -> list[EventRecord]:
    """What two states did to each other, several acts on some days, some of them with a report."""
    dice = np.random.default_rng(seed)
    found = []
    for key in range(count):
        pair = ("ARM", "RUS") if dice.random() < 0.6 else ("RUS", "ARM")
        day = str(np.datetime64("2016-01-11") + int(dice.integers(0, 365 * years)) * ONE_DAY)
        signal = {"from": pair[0], "toward": pair[1], "score": float(dice.choice([-9, -4, 3, 8]))}
        reports = [{"source": SOURCES[0]}] if dice.random() < 0.5 else []
        found.append(
            convert_record(
                {"key": f"e{key:03d}", "title": f"{key}", "date": day, "participants": []}
                | {"signals": [signal], "reports": reports}
            )
        )
    return found


def write_batches(database: Database, *parts: list[EventRecord], code: str = "made") -> str:
    """A dataset of these events, load after load, its shifts and months kept after each."""
    with database.write() as db:
        dataset = make.dataset(db, code)
    for part in parts:
        with database.write() as db:
            write_events(db, part, dataset, make.BY)
        rebuild_stale_dyads(database)
    return dataset


def make_question(dataset: str, actor: str = "ARM", partner: str = "RUS") -> AlignmentQuestion:
    return AlignmentQuestion(actor, (partner,), (), "both", (dataset,), {partner: ALWAYS}, None)


@contextmanager
def connect_stale(database: Database) -> Iterator[Connection]:
    """A connection to which every dyad is stale."""
    with database.engine.connect() as db:
        db.execute(update(dyads).values(changed=dyads.c.changed + 1))
        yield db
        db.rollback()


def months_of(db: Connection, dataset: str) -> list[tuple[Any, ...]]:
    m = dyad_months.c
    names = (m.one, m.other, m.first, m.last, m.dispersion, m.months)
    rows = db.execute(select(*names).where(m.dataset == dataset).order_by(m.one, m.other))
    return [
        (*row[:5], *line) for row in rows for line in months.unpack_months(row.months).T.tolist()
    ]


WINDOWS = ((None, None), ("2016-01-01", "2019-12-31"), ("2017-05-01", None), ("2010-01-01", None),
           (None, "2018-03-31"), ("2015-02-01", "2030-07-31"))  # fmt: skip


@pytest.mark.parametrize("actor", ["ARM", "RUS"])
@pytest.mark.parametrize("size", ["month", "quarter", "year", "auto"])
def test_months_give_the_numbers_of_the_days(database: Database, actor: str, size: Any) -> None:
    dataset = write_batches(database, make_acts(300, 1))
    asked = make_question(dataset, actor, "RUS" if actor == "ARM" else "ARM")
    for window in WINDOWS:
        with database.connect() as db:
            assert isinstance(inputs.read_inputs(db, asked, size, *window), inputs.MonthlyInputs)
            one = series.build_alignment_series(db, asked, *window, size, 0.5)
        with connect_stale(database) as db:
            assert isinstance(inputs.read_inputs(db, asked, size, *window), inputs.DailyInputs)
            other = series.build_alignment_series(db, asked, *window, size, 0.5)
        assert one == other
        assert sum(point.n for point in one[0]) > 0
        assert any(point.sources for point in one[0])


@pytest.mark.parametrize(
    ("size", "since", "until"),
    [("day", "2016-01-01", "2016-12-31"), ("week", None, None), ("month", "2017-05-17", None),
     ("month", None, "2018-03-30")],
)  # fmt: skip
def test_points_that_cut_a_month_come_from_days(
    database: Database, size: str, since: str | None, until: str | None
) -> None:
    dataset = write_batches(database, make_acts(300, 2))
    with database.connect() as db:
        read = inputs.read_inputs(db, make_question(dataset), size, since, until)
    assert isinstance(read, inputs.DailyInputs)


def test_loads_in_any_order_keep_the_same_months(database: Database) -> None:
    whole = make_acts(260, 3)
    later = [e for e in whole if e.date >= "2018"]
    early = [e for e in whole if e.date < "2018"]
    one = write_batches(database, whole, code="one")
    other = write_batches(database, later[40:], early, later[:40], code="other")
    gone = [structs.replace(e, status="retracted") for e in whole[:50]]
    third = write_batches(database, whole, gone, whole[:50], code="third")
    with database.connect() as db:
        assert len(months_of(db, one)) > 40
        assert months_of(db, one) == months_of(db, other) == months_of(db, third)
        assert not list(verify.verify_stored_shifts(db))


def test_a_quiet_dyad_keeps_none_and_one_that_falls_quiet_loses_them(database: Database) -> None:
    whole = make_acts(months.MIN_EVENT_DAYS + 20, 4)
    quiet = write_batches(database, whole[:20], code="quiet")
    busy = write_batches(database, whole, code="busy")
    with database.connect() as db:
        assert not months_of(db, quiet)
        assert months_of(db, busy)
    with database.write() as db:
        gone = [structs.replace(e, status="retracted") for e in whole[:60]]
        write_events(db, gone, busy, make.BY)
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert not months_of(db, busy)
        assert not list(verify.verify_stored_shifts(db))


def test_another_publisher_is_counted(database: Database) -> None:
    whole = [structs.replace(e, reports=[]) for e in make_acts(150, 5)]
    events = [convert_record(msgspec.to_builtins(e)
            | {"reports": [{"source": SOURCES[0]}]}) for e in whole[:30]]  # fmt: skip
    dataset = write_batches(database, whole)
    with database.connect() as db:
        assert not any(sum(row[-3:]) for row in months_of(db, dataset))
    with database.write() as db:
        write_events(db, events, dataset, make.BY)
    rebuild_stale_dyads(database)
    with database.connect() as db:
        counted = {str(np.datetime64(row[5], "M")): row[-3:] for row in months_of(db, dataset)}
        assert {month for month, n in counted.items() if n[0]} == {e.date[:7] for e in events}
        assert {month[:4] for month, n in counted.items() if n[2]} == {e.date[:4] for e in events}
        assert not list(verify.verify_stored_shifts(db))


def _shift_index(index: months.Floats, by: float) -> bytes:
    return (index + by).tobytes()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_verify_finds_nothing_on_another_processor(database: Database, elsewhere: bool) -> None:
    with other_processor() if elsewhere else nullcontext():
        write_batches(database, make_acts(200, 6))
    with nullcontext() if elsewhere else other_processor(), database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []


def test_another_processor_computes_other_last_bits() -> None:
    values = np.arange(2.0, 50.0)
    here = np.log(values)
    with other_processor():
        there = np.log(values)
    assert (here != there).any()
    assert np.allclose(here, there, rtol=1e-15)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.by_turns
def test_verify_detects_wrong_months(database: Database) -> None:
    dataset = write_batches(database, make_acts(200, 6))
    ours = dyad_months.c.dataset == dataset
    with database.connect() as db:
        unpacked = months.unpack_months(db.scalars(select(dyad_months.c.months).where(ours)).one())
    harms: list[Any] = [
        update(dyad_months).where(ours).values(months=months.pack_months(unpacked[:, 1:])),
        update(dyad_months).where(ours).values(dispersion=dyad_months.c.dispersion + 1e-4),
        update(dyad_months).where(ours).values(first="1999-01-01"),
        update(dyad_months).where(ours).values(index=np.zeros(4).tobytes()),
        delete(dyad_months).where(ours),
    ]
    for row in (0, len(months.MONTH_COLUMNS) // 2, len(months.MONTH_COLUMNS) - 1):
        off = unpacked.copy()
        off[row, 3] += 1
        harms.append(update(dyad_months).where(ours).values(months=months.pack_months(off)))
    for harm in harms:
        with database.engine.connect() as db:
            db.execute(harm)
            found = list(verify.verify_stored_shifts(db))
            db.rollback()
        assert found == [f"months of ARM and RUS in {dataset}: differ from a rebuild"]


def test_points_have_the_volumes_of_their_version(database: Database) -> None:
    dataset = write_batches(database, make_acts(100, 7))
    others = [
        convert_record(
            {"key": f"o{n}", "title": "o", "date": "2017-02-03", "participants": []}
            | {"signals": [{"from": "USA", "toward": "CHN", "score": 1.0}]}
        )
        for n in range(9)
    ]
    with database.connect() as db:
        version = db.exec_driver_sql("SELECT max(seq) FROM revisions").scalar()
        before, _, _ = series.build_alignment_series(
            db, make_question(dataset), None, None, "month", 0.5
        )
    with database.write() as db:
        write_events(db, others, dataset, make.BY)
        gone = [structs.replace(e, status="retracted") for e in make_acts(100, 7)[:30]]
        write_events(db, gone, dataset, make.BY)
    with database.connect() as db:
        now, _, _ = series.build_alignment_series(
            db, make_question(dataset), "2016-01-01", "2020-12-31", "year", 0.5
        )
        assert sum(p.volume for p in now) == 100 + 9 - 30
        asked = AlignmentQuestion(
            "ARM", ("RUS",), (), "both", (dataset,), {"RUS": ALWAYS}, None, version
        )
        for size in ("month", "week"):
            then, _, _ = series.build_alignment_series(db, asked, None, None, size, 0.5)
            assert sum(p.volume for p in then) == 100
        months_then, _, _ = series.build_alignment_series(db, asked, None, None, "month", 0.5)
    assert [p.volume for p in months_then] == [p.n for p in before] == [p.volume for p in before]
