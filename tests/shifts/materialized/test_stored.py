"""Shifts of every dyad: kept up to date, and whatever the order of writing, the same."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import make
import msgspec
import pytest
from acts import add_dataset, load_batches, make_acts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest.loading import find_faults, load_file
from msgspec import structs
from serving import open_client
from soak import choose_size
from sqlalchemy import Connection, delete, insert, select, update

from app.db.dialect.fast_statements import SWITCH, compile_prepared
from app.db.engine import Database
from app.db.tables import day_sums, dyads, shifts, undated_dyads
from app.db.tables import families as families_table
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.shifts import families, question
from app.shifts.filter import ShiftQuery
from app.shifts.materialized import calibration, read, verify
from app.shifts.materialized.rebuild import fit_calibration, rebuild_stale_dyads
from app.shifts.queries import SUM_COLUMNS
from app.shifts.statistics.null_distribution import Calibration, ThinCorpusError
from app.shifts.statistics.null_model import NullModel

pytestmark = pytest.mark.slow

DATABASE_LAW = settings(
    max_examples=choose_size(3, 30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read_kept(db: Connection, dataset: str) -> tuple[list[Any], list[Any]]:
    """Day sums and shifts of a dataset, without its name."""
    d, s = day_sums.c, shifts.c
    sums = select(d["from"], d.toward, d.day, *(d[n] for n in ("n", "positive", "negative")),
                  *(d[f"q{k}"] for k in (1, 2, 3, 4)))  # fmt: skip
    sums = sums.where(d.dataset == dataset).order_by(d["from"], d.toward, d.day)
    found = select(s.one, s.other, s.number, s.p, s.q, s.at_least, s.robust, s.finding)
    found = found.where(s.dataset == dataset).order_by(s.one, s.other, s.number)
    return ([tuple(r) for r in db.execute(q)] for q in (sums, found))  # type: ignore[return-value]


@pytest.mark.soak
@DATABASE_LAW
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_splitting_of_loads_change_nothing(
    database: Database, dice: Any, parts: int
) -> None:
    whole = make_acts(3)
    mixed = list(whole)
    dice.shuffle(mixed)
    one = load_batches(database, [whole])
    other = load_batches(database, [mixed[n::parts] for n in range(parts)])
    with database.connect() as db:
        (sums, found), (others, rebuilt) = read_kept(db, one), read_kept(db, other)
        assert sums == others
        assert found == rebuilt
        assert found


@pytest.mark.soak
@DATABASE_LAW
@given(st.sets(st.integers(0, 159), min_size=1, max_size=40))
def test_retracting_and_reloading_events_restores_the_sums(
    database: Database, gone: set[int]
) -> None:
    whole = make_acts(4)
    retracted = [structs.replace(whole[n], status="retracted") for n in sorted(gone)]
    again = [whole[n] for n in sorted(gone)]
    one = load_batches(database, [whole])
    other = load_batches(database, [whole, retracted, again])
    without = load_batches(database, [[e for n, e in enumerate(whole) if n not in gone]])
    left = load_batches(database, [whole, retracted])
    with database.connect() as db:
        assert [*map(list, read_kept(db, one))] == [*map(list, read_kept(db, other))]
        assert [*map(list, read_kept(db, without))] == [*map(list, read_kept(db, left))]


def test_turning_every_act_round_changes_no_shift(database: Database) -> None:
    one, other = (
        load_batches(database, [make_acts(5)]),
        load_batches(database, [make_acts(5, turned=True)]),
    )
    with database.connect() as db:
        _, found = read_kept(db, one)
        _, turned = read_kept(db, other)
    assert found
    assert found == turned


def test_another_report_of_an_event_changes_no_number(database: Database) -> None:
    report = {"source": "meduza-2023-10-03-rome-statute"}
    unreported = [structs.replace(e, reports=[]) for e in make_acts(6)]
    twice = [
        convert_record(msgspec.to_builtins(e) | {"reports": [report, report]}) for e in unreported
    ]
    one, other = load_batches(database, [unreported]), load_batches(database, [unreported, twice])
    with database.connect() as db:
        (sums, found), (others, rebuilt) = read_kept(db, one), read_kept(db, other)
        assert sums == others
        assert [r[:6] for r in found] == [r[:6] for r in rebuilt]


def test_the_sums_are_those_of_the_signals(database: Database) -> None:
    dataset = load_batches(database, [make_acts(7), make_acts(7)[:50], make_acts(8)[20:90]])
    with database.connect() as db:
        asked = read.dataset_question(dataset)
        signals = question.read_counted_signals(db, asked, all_dyads=True)
        names = ("from", "toward", "day", *SUM_COLUMNS)
        stored = db.execute(
            select(*(day_sums.c[n] for n in names)).where(day_sums.c.dataset == dataset)
        )
        stored_sums = {tuple(row[:3]): list(row[3:]) for row in stored}
    added: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(SUM_COLUMNS))
    for signal in signals:
        question.add_signal(added[signal.from_, signal.toward, signal.day], signal)
    assert stored_sums == added


def test_rebuild_covers_only_changed_dyads(database: Database) -> None:
    dataset = load_batches(database, [make_acts(9)])
    more = structs.replace(make_acts(9)[0], key="more")
    with database.write() as db:
        write_events(db, [more], dataset, make.BY)
    with database.connect() as db:
        pair = tuple(sorted(p.actor or "" for p in more.participants))
        assert read.read_stale_pairs(db, dataset) == [pair]
        assert read.has_stale_dyads(db, dataset)
    assert rebuild_stale_dyads(database) == 1
    assert rebuild_stale_dyads(database) == 0


def test_whether_any_dyad_is_stale_is_read_off_an_index_of_stale_ones(
    database: Database, kind: str
) -> None:
    dataset = load_batches(database, [make_acts(9)])
    with database.write() as db:  # not analysed, so that PostgreSQL takes half of them to be stale
        rows = [
            {"one": f"A{n:05d}", "other": "B", "dataset": dataset, "changed": 1, "segmented": 1,
             "since": "~"}
            for n in range(20_000)
        ]  # fmt: skip
        db.execute(insert(dyads), rows)
    run = compile_prepared(kind, read._ANY_STALE)
    explain = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
    with database.connect() as db:
        db.execution_options(**{SWITCH: True})  # the text is run, not the statement
        plan = replace(run, text=f"{explain} {run.text}", prepared_statement=None).fetch_rows(
            db, {"wanted": dataset}
        )
    assert "ix_dyads_stale" in str(plan)


def test_stale_dyads_answer_as_after_a_rebuild(database: Database) -> None:
    dataset = load_batches(database, [make_acts(10)[:100]])
    with database.write() as db:
        write_events(db, make_acts(10)[100:], dataset, make.BY)
    asked, known = read.dataset_question(dataset), Calibration()
    with database.connect() as db:
        stale = read.read_family(db, asked, known)
        rebuilt = families.detect_family(db, asked, known)
        assert read.read_most_certain(db, asked, read.RankedFrom(1), 10) is None
    rebuild_stale_dyads(database)
    with database.connect() as db:
        fresh = read.read_family(db, asked, known)
        best = read.read_most_certain(db, asked, read.RankedFrom(1), 1000)
    assert stale.stale == 0
    answers = [[found.tests, *((r.question.actor, r.question.toward, r.finding, r.q)
               for r in found.rows)] for found in (stale, rebuilt, fresh)]  # fmt: skip
    assert answers[0] == answers[1] == answers[2]
    assert best is not None
    assert best[1] == fresh.tests >= len(fresh.rows)
    ranked = sorted(
        fresh.rows,
        key=lambda r: (-abs(r.finding.certain_change), r.question.actor, r.question.toward),
    )
    assert [r.finding for r in best[0]] == [r.finding for r in ranked]


def test_a_calibration_is_kept_with_its_versions(database: Database) -> None:
    fitted = Calibration(NullModel(constant=1.5), 0.42)
    with database.write() as db:
        calibration.save_calibration(db, fitted, ["curated"], 12, 400)
    with database.connect() as db:
        assert calibration.read_calibration(db) == fitted
        assert calibration.read_calibration(db, 1) == Calibration()


def test_a_thin_corpus_keeps_the_published_values(database: Database) -> None:
    with pytest.raises(ThinCorpusError, match="the calibration in use does not change"):
        list(fit_calibration(database, ["curated"], 100))
    with database.connect() as db:
        assert calibration.read_calibration(db) == Calibration()


def test_a_ranking_over_all_dyads_is_answered_from_what_is_kept(
    database: Database, kind: str
) -> None:
    dataset = load_batches(database, [make_acts(12)])
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url, in_background=True, alignment_datasets=(dataset,)) as api:
        found = api.get("/v1/shifts", params={"max_q": 1}).json()
        assert found["meta"]["family_size"] >= len(found["data"]) > 0
        one = found["data"][0]
        body = api.get(f"/v1/shifts/{one['id']}").json()
        assert (body["p"], body["q"], body["verdict"]) == (one["p"], one["q"], one["verdict"])
        named = api.get("/v1/shifts", params={"actor": one["actor"], "toward": one["toward"]})
        assert one["onset"] in [row["onset"] for row in named.json()["data"]]
    assert kind in url
    assert ShiftQuery().max_q == 0.05
    assert dyads.name == "dyads"


def test_verify_detects_wrong_materialized_shifts(database: Database) -> None:
    dataset = load_batches(database, [make_acts(13)[:90], make_acts(13)[90:]])
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []
    with database.write() as db:
        db.execute(update(shifts).where(shifts.c.dataset == dataset).values(p=0.5))
    with database.connect() as db:
        faults = list(verify.verify_stored_shifts(db))
    assert faults
    assert all(dataset in line for line in faults)


def make_lone_acts() -> list[EventRecord]:
    """Make a dyad whose best date leaves two days on a side: an act apart from the others."""
    days = [f"{2016 + n // 4}-{1 + n % 4 * 3:02d}-01" for n in range(16)]
    return [
        convert_record(
            {
                "key": f"lone{n}", "title": f"event {n}", "date": day,
                "intensity": -9.0 if n > 14 else 6.0, "quad": 4 if n > 14 else 2,
                "participants": [
                    {"actor": "BRA", "role": "initiator"}, {"actor": "IND", "role": "target"},
                ],
            }
        )
        for n, day in enumerate(days)
    ]  # fmt: skip


def test_a_dyad_whose_best_date_leaves_too_little_is_no_test(database: Database) -> None:
    without = load_batches(database, [make_acts(13)])
    dataset = load_batches(database, [make_acts(13), make_lone_acts()])
    known, u = Calibration(), undated_dyads.c
    with database.connect() as db:
        asked = [read.dataset_question(name) for name in (without, dataset)]
        fewer, more = (read.read_family(db, question, known) for question in asked)
        kept = db.execute(select(u.one, u.other).where(u.dataset == dataset)).all()
        assert ("BRA", "IND") in kept
        of_actor = replace(asked[1], actor="BRA")
        assert read.read_family(db, of_actor, known) == families.FamilyShifts([], 1)
        assert families.detect_family(db, asked[1], known).tests == more.tests
        best = read.read_most_certain(db, asked[1], read.RankedFrom(1), 1000)
    assert more.tests == fewer.tests + 1 == len(more.rows) + len(kept)
    assert best is not None
    assert best[1] == more.tests == more.rows[0].family_size
    raised = [b.q / a.q for a, b in zip(fewer.rows, more.rows, strict=True) if b.q < 0.5]
    assert raised
    assert min(raised) > 1
    for harm in (
        delete(undated_dyads).where(u.dataset == dataset),
        update(families_table).where(families_table.c.dataset == dataset).values(tests=1),
    ):
        with database.write() as db:
            db.execute(harm)
            assert any(dataset in fault for fault in verify.verify_stored_shifts(db))
            db.rollback()


def test_a_bulk_load_marks_its_dyads_too(database: Database, tmp_path: Path) -> None:
    whole = make_acts(14)
    path = tmp_path / "events.ndjson"
    lines = (msgspec.json.encode(e).decode() for e in whole)
    path.write_text("\n".join(lines), encoding="utf-8")
    one = load_batches(database, [whole])
    with database.write() as db:
        dataset = add_dataset(db)
    load_file(database, path, format="entente", dataset=dataset)
    with database.connect() as db:
        assert read.has_stale_dyads(db, dataset)
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert [*map(list, read_kept(db, one))] == [*map(list, read_kept(db, dataset))]
    assert find_faults(database) == []
