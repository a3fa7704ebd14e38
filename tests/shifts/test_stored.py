"""Shifts of every dyad: kept up to date, and whatever the order of writing, the same."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import make
import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest.loading import load, sound
from sqlalchemy import Connection, insert, select, update

from app.db.dialect.statements import prepared
from app.db.engine import Database
from app.db.tables import day_sums, dyads, shifts
from app.events.changes import sums_of, write_events
from app.events.schemas import GivenEvent
from app.main import create_app
from app.settings import Settings
from app.shifts import calibration, case, detect, refresher, stored, verify
from app.shifts import refresh as refreshing
from app.shifts.breaks import Null
from app.shifts.detect import Fitted
from app.shifts.filter import ShiftQuery
from app.shifts.nulls import ThinCorpusError
from app.shifts.refresh import Share, calibrate, refresh
from app.shifts.refresher import Refresher

PEOPLE = ("USA", "RUS", "CHN", "FRA")
DATABASE_LAW = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def events(seed: int, turned: bool = False) -> list[GivenEvent]:
    """Events of four states over four years; some of them change their minds in the middle."""
    dice = np.random.default_rng(seed)
    found = []
    for n in range(160):
        one, other = (PEOPLE[i] for i in dice.choice(4, 2, replace=False))
        day = str(np.datetime64("2016-01-01") + int(dice.integers(0, 1460)))
        mood = 1 if day < "2018-01-01" or "FRA" in (one, other) else -1
        score = float(mood * dice.choice([2.0, 4.0, 7.0]) * dice.choice([1, 1, 1, -1]))
        roles = ("initiator", "target")
        people = (other, one) if turned else (one, other)
        found.append(
            GivenEvent.model_validate(
                {
                    "key": f"e{n:03d}",
                    "title": f"event {n}",
                    "date": day,
                    "intensity": score,
                    "quad": (1 if score > 0 else 3) + int(abs(score) > 6),
                    "participants": [
                        {"actor": a, "role": r} for a, r in zip(people, roles, strict=True)
                    ],
                }
            )
        )
    return found


def new_set(db: Connection) -> str:
    return make.dataset(db, f"made-{uuid4().hex[:8]}")


def kept(db: Connection, dataset: str) -> tuple[list[Any], list[Any]]:
    """Day sums and shifts of a dataset, without its name."""
    d, s = day_sums.c, shifts.c
    sums = select(d["from"], d.toward, d.day, *(d[n] for n in ("n", "positive", "negative")),
                  *(d[f"q{k}"] for k in (1, 2, 3, 4)))  # fmt: skip
    sums = sums.where(d.dataset == dataset).order_by(d["from"], d.toward, d.day)
    found = select(s.one, s.other, s.number, s.p, s.q, s.at_least, s.robust, s.finding)
    found = found.where(s.dataset == dataset).order_by(s.one, s.other, s.number)
    return ([tuple(r) for r in db.execute(q)] for q in (sums, found))  # type: ignore[return-value]


def loaded(database: Database, given: list[list[GivenEvent]]) -> str:
    """A new dataset with these events, load after load, each followed by a refresh."""
    with database.write() as db:
        dataset = new_set(db)
    for part in given:
        with database.write() as db:
            write_events(db, part, dataset, make.BY)
        refresh(database)
    return dataset


@DATABASE_LAW
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_splitting_of_loads_change_nothing(
    database: Database, dice: Any, parts: int
) -> None:
    whole = events(3)
    mixed = list(whole)
    dice.shuffle(mixed)
    one = loaded(database, [whole])
    other = loaded(database, [mixed[n::parts] for n in range(parts)])
    with database.connect() as db:
        (sums, found), (others, anew) = kept(db, one), kept(db, other)
        assert sums == others
        assert found == anew
        assert found


@DATABASE_LAW
@given(st.sets(st.integers(0, 159), min_size=1, max_size=40))
def test_what_is_retracted_and_loaded_again_was_never_gone(
    database: Database, gone: set[int]
) -> None:
    whole = events(4)
    retracted = [whole[n].model_copy(update={"status": "retracted"}) for n in sorted(gone)]
    again = [whole[n] for n in sorted(gone)]
    one = loaded(database, [whole])
    other = loaded(database, [whole, retracted, again])
    without = loaded(database, [[e for n, e in enumerate(whole) if n not in gone]])
    left = loaded(database, [whole, retracted])
    with database.connect() as db:
        assert [*map(list, kept(db, one))] == [*map(list, kept(db, other))]
        assert [*map(list, kept(db, without))] == [*map(list, kept(db, left))]


def test_turning_every_act_round_changes_no_shift(database: Database) -> None:
    one, other = loaded(database, [events(5)]), loaded(database, [events(5, turned=True)])
    with database.connect() as db:
        _, found = kept(db, one)
        _, turned = kept(db, other)
    assert found
    assert found == turned


def test_another_report_of_an_event_changes_no_number(database: Database) -> None:
    report = {"source": "news-2023-10-13-putin-loses-another-ally"}
    told = [e.model_copy(update={"reports": []}) for e in events(6)]
    twice = [
        GivenEvent.model_validate(e.model_dump(exclude_none=True) | {"reports": [report, report]})
        for e in told
    ]
    one, other = loaded(database, [told]), loaded(database, [told, twice])
    with database.connect() as db:
        (sums, found), (others, anew) = kept(db, one), kept(db, other)
        assert sums == others
        assert [r[:6] for r in found] == [r[:6] for r in anew]


def test_the_sums_are_those_of_the_signals(database: Database) -> None:
    dataset = loaded(database, [events(7), events(7)[:50], events(8)[20:90]])
    with database.connect() as db:
        asked = stored.question(dataset)
        rows = [
            {"from": s.from_, "toward": s.toward, "dataset": dataset, "start": s.day,
             "score": s.score, "confidence": s.confidence, "quad": s.quad}
            for s in case.told(db, asked, all_dyads=True)
        ]  # fmt: skip
        held = [dict(r) for r in db.execute(
            select(day_sums).where(day_sums.c.dataset == dataset)
        ).mappings()]  # fmt: skip
    key = ("from", "toward", "day")
    assert sorted(held, key=lambda r: [r[k] for k in key]) == sums_of(rows)


def test_only_what_changed_is_found_anew(database: Database) -> None:
    dataset = loaded(database, [events(9)])
    more = events(9)[0].model_copy(update={"key": "more"})
    with database.write() as db:
        write_events(db, [more], dataset, make.BY)
    with database.connect() as db:
        pair = tuple(sorted(p.actor or "" for p in more.participants))
        assert stored.stale(db, dataset) == [pair]
        assert stored.any_stale(db, dataset)
    assert refresh(database) == 1
    assert refresh(database) == 0


def test_whether_any_dyad_is_stale_is_read_off_an_index_of_stale_ones(
    database: Database, kind: str
) -> None:
    dataset = loaded(database, [events(9)])
    with database.write() as db:  # not analysed, so that half of them are held to be stale
        rows = [
            {"one": f"A{n:05d}", "other": "B", "dataset": dataset, "changed": 1, "segmented": 1,
             "since": "~"}
            for n in range(20_000)
        ]  # fmt: skip
        db.execute(insert(dyads), rows)
    run = prepared(kind, stored._ANY_STALE)
    explain = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
    with database.connect() as db:
        told = replace(run, text=f"{explain} {run.text}").rows(db, {"wanted": dataset})
    assert "ix_dyads_stale" in str(told)


def test_a_reader_of_stale_shifts_is_told_the_same(database: Database) -> None:
    dataset = loaded(database, [events(10)[:100]])
    with database.write() as db:
        write_events(db, events(10)[100:], dataset, make.BY)
    asked, known = stored.question(dataset), Fitted()
    with database.connect() as db:
        stale, left = stored.family(db, asked, known)
        anew = detect.family(db, asked, known)
        assert stored.first(db, asked, 1, 10) is None
    refresh(database)
    with database.connect() as db:
        fresh, _ = stored.family(db, asked, known)
        best = stored.first(db, asked, 1, 1000)
    assert left == 0
    told = [[(r.case.actor, r.case.toward, r.finding, r.q) for r in rows]
            for rows in (stale, anew, fresh)]  # fmt: skip
    assert told[0] == told[1] == told[2]
    assert best is not None
    assert best[1] == len(fresh)
    ranked = sorted(fresh, key=lambda r: (-abs(r.finding.certain), r.case.actor, r.case.toward))
    assert [r.finding for r in best[0]] == [r.finding for r in ranked]


def test_writes_over_http_wake_the_refresher(database: Database) -> None:
    awake = Refresher(database, delay=0.01)
    awake.start()
    try:
        dataset = loaded(database, [events(11)])
        with database.write() as db:
            write_events(db, events(11)[:1], dataset, make.BY)
        for _ in range(200):
            with database.connect() as db:
                if not stored.any_stale(db, dataset):
                    break
            awake._closed.wait(0.05)
        with database.connect() as db:
            assert not stored.any_stale(db, dataset)
    finally:
        awake.close()
    assert not awake._thread.is_alive()


def test_what_another_process_wrote_is_found_anew_once_it_rests(
    database: Database,
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    awake = Refresher(database, delay=0.01, pause=0.2)
    awake.start()
    try:
        with closing(Database(url)) as elsewhere:
            dataset = loaded(elsewhere, [events(11)])
            with elsewhere.write() as db:
                write_events(db, events(11)[:1], dataset, make.BY)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with database.connect() as db:
                if not stored.any_stale(db):
                    break
            time.sleep(0.05)
        with database.connect() as db:
            assert not stored.any_stale(db)
    finally:
        awake.close()


@pytest.mark.parametrize("processes", [1, 3])
def test_many_stale_dyads_are_found_anew_by_processes_of_their_own(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    processes: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(refresher, "EACH", 1)
    monkeypatch.setattr(refresher, "_processors", lambda: processes)
    dataset = loaded(database, [events(11)])
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(refresher, "HERE", 0)
    monkeypatch.setattr(refresher, "refresh", None)
    awake = Refresher(database, delay=0.01)
    awake.start()
    try:
        awake._due.set()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with database.connect() as db:
                if not stored.any_stale(db, dataset):
                    break
            time.sleep(0.1)
    finally:
        awake.close()
    with database.connect() as db:
        assert not stored.any_stale(db, dataset)
        assert list(verify.findings(db)) == []
    assert not caplog.records


def test_a_rate_that_a_killed_process_left_is_brought_up_to_date(database: Database) -> None:
    loaded(database, [events(11)])
    with database.write() as db:
        db.execute(update(shifts).values(q=0.123))
    assert refresh(database) == 0
    with database.connect() as db:
        assert list(verify.findings(db)) == []


def test_a_service_that_ends_takes_the_process_along(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def slow(_: str) -> subprocess.Popen[bytes]:
        wait = "import time, app.shifts.refresher as r; r.refresh = lambda *_: time.sleep(60)"
        words = [sys.executable, "-c", f"{wait}; r.main()"]
        started.append(subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0))
        return started[-1]

    loaded(database, [events(11)])
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(refresher, "HERE", 0)
    monkeypatch.setattr(refresher, "beside", slow)
    awake = Refresher(database, delay=0.01)
    awake.start()
    awake._due.set()
    until = time.monotonic() + 60
    while not started and time.monotonic() < until:
        time.sleep(0.05)
    begun = time.monotonic()
    awake.close()
    assert time.monotonic() - begun < 30
    assert [child.returncode for child in started] == [0]


def test_a_process_that_fails_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", "raise SystemExit(3)"]
        return subprocess.Popen(words, stdin=subprocess.PIPE, bufsize=0)

    monkeypatch.setattr(refresher, "beside", failing)
    with database.write() as db:
        db.execute(update(dyads).values(segmented=-1))
    monkeypatch.setattr(refresher, "HERE", 0)
    with pytest.raises(refresher.ChildError, match="ended with 3"):
        refresher.refresh_all(database, threading.Event())


def test_shares_of_dyads_are_all_of_them_and_each_once() -> None:
    pairs = [(f"A{a}", f"B{b}") for a in range(30) for b in range(30)]
    held = [[share.has(pair) for share in (Share(n, 3) for n in range(3))] for pair in pairs]
    assert all(sum(row) == 1 for row in held)
    assert all(250 < sum(column) < 350 for column in zip(*held, strict=True))
    assert all(Share(0, 1).has(pair) for pair in pairs)


def test_a_dyad_that_changes_while_it_is_looked_at_stays_stale(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = loaded(database, [events(9)])
    more = events(9)[0].model_copy(update={"key": "more"})
    with database.write() as db:
        write_events(db, [more], dataset, make.BY)
    look = refreshing._look

    def interrupted(*given: Any) -> Any:
        seen = look(*given)
        with database.write() as db:
            write_events(db, [more.model_copy(update={"key": "late"})], dataset, make.BY)
        return seen

    monkeypatch.setattr(refreshing, "_look", interrupted)
    assert refresh(database) == 0
    with database.connect() as db:
        assert stored.any_stale(db, dataset)
    monkeypatch.setattr(refreshing, "_look", look)
    assert refresh(database) == 1
    with database.connect() as db:
        assert list(verify.findings(db)) == []


@pytest.mark.parametrize("meanwhile", ["all", "the others"])
def test_two_that_find_shifts_anew_at_once_leave_no_old_rate(
    database: Database, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    dataset = loaded(database, [events(11)])
    with database.write() as db:
        db.execute(update(dyads).where(dyads.c.dataset == dataset).values(segmented=-1))
    look, seen = refreshing._look, []

    def interrupted(db: Connection, of: str, pairs: Any) -> Any:
        looked = look(db, of, pairs)
        if not seen:
            seen.append(looked)
            with database.connect() as other:
                every = stored.stale(other, of)
            theirs = [pair for pair in every if meanwhile == "all" or pair not in pairs]
            with database.connect() as other:
                found = look(other, of, theirs)
            with database.write() as other:
                refreshing._keep(other, of, found)
                refreshing._rate(other, of)
        else:
            raise KeyboardInterrupt  # as if it were killed after its first part
        return looked

    monkeypatch.setattr(refreshing, "_look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        refresh(database, 2)
    with database.connect() as db:
        assert not stored.any_stale(db, dataset)
        assert list(verify.findings(db)) == []


def test_a_calibration_while_dyads_are_looked_at_leaves_them_stale(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = loaded(database, [events(9)])
    with database.write() as db:
        db.execute(update(dyads).where(dyads.c.dataset == dataset).values(segmented=-1))
    look = refreshing._look

    def interrupted(*given: Any) -> Any:
        seen = look(*given)
        with database.write() as db:
            calibration.store(db, Fitted(Null(constant=1.5), 0.42), [dataset], 12, 400)
        return seen

    monkeypatch.setattr(refreshing, "_look", interrupted)
    assert refresh(database, 10_000) == 0
    with database.connect() as db:
        assert stored.any_stale(db, dataset)


def test_a_calibration_is_kept_with_its_versions(database: Database) -> None:
    fitted = Fitted(Null(constant=1.5), 0.42)
    with database.write() as db:
        calibration.store(db, fitted, ["curated"], 12, 400)
    with database.connect() as db:
        assert calibration.fitted(db) == fitted
        assert calibration.fitted(db, 1) == Fitted()


def test_a_thin_corpus_keeps_the_published_values(database: Database) -> None:
    with pytest.raises(ThinCorpusError, match="The published values stay"):
        list(calibrate(database, ["curated"], 100))
    with database.connect() as db:
        assert calibration.fitted(db) == Fitted()


def test_a_ranking_over_all_dyads_is_answered_from_what_is_kept(
    database: Database, kind: str
) -> None:
    dataset = loaded(database, [events(12)])
    url = database.engine.url.render_as_string(hide_password=False)
    settings_ = Settings(database_url=url, cursor_key="t", alignment_datasets=(dataset,))
    with TestClient(create_app(settings_)) as api:
        found = api.get("/v1/shifts", params={"max_q": 1}).json()
        assert found["meta"]["family_size"] >= len(found["data"]) > 0
        one = found["data"][0]
        told = api.get(f"/v1/shifts/{one['id']}").json()
        assert (told["p"], told["q"], told["verdict"]) == (one["p"], one["q"], one["verdict"])
        named = api.get("/v1/shifts", params={"actor": one["actor"], "toward": one["toward"]})
        assert one["onset"] in [row["onset"] for row in named.json()["data"]]
    assert kind in url
    assert ShiftQuery().max_q == 0.05
    assert dyads.name == "dyads"


def test_what_is_kept_is_verified(database: Database) -> None:
    dataset = loaded(database, [events(13)[:90], events(13)[90:]])
    refresh(database)
    with database.connect() as db:
        assert list(verify.findings(db)) == []
    with database.write() as db:
        db.execute(update(shifts).where(shifts.c.dataset == dataset).values(p=0.5))
    with database.connect() as db:
        told = list(verify.findings(db))
    assert told
    assert all(dataset in line for line in told)


def test_a_bulk_load_marks_its_dyads_too(database: Database, tmp_path: Path) -> None:
    whole = events(14)
    path = tmp_path / "events.ndjson"
    lines = (e.model_dump_json(exclude_none=True, by_alias=True) for e in whole)
    path.write_text("\n".join(lines), encoding="utf-8")
    one = loaded(database, [whole])
    with database.write() as db:
        dataset = new_set(db)
    load(database, path, format="entente", dataset=dataset)
    with database.connect() as db:
        assert stored.any_stale(db, dataset)
    refresh(database)
    with database.connect() as db:
        assert [*map(list, kept(db, one))] == [*map(list, kept(db, dataset))]
    assert sound(database) == []
