"""The pass over changes: nothing is missed or said twice, whatever stops it and when."""

import json
import random
from contextlib import nullcontext
from typing import Any

import pytest
from acts import add_dataset, make_acts
from make import BY, dataset, event
from soak import choose_size
from sqlalchemy import select

from app.access.keys import Principal
from app.db.backup import restore_backup, write_backup
from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.tables import revisions, watch_deliveries, watches
from app.events.changes import write_events
from app.events.filter import EventFilter
from app.events.queries import find_matching_revisions, resolve_filter
from app.events.record import convert_record
from app.settings import Settings
from app.watches import matching, watch_store
from app.watches.delivery_store import Attempt, record_attempts
from app.watches.follow import follow_changes
from app.watches.keep import keep_watch, resolve_watch
from app.watches.matching import WatchMatcher
from app.watches.schemas import WatchBody
from app.watches.shift_watch import check_touched_shifts

pytestmark = pytest.mark.slow

STEPS = choose_size(40, 600)
WHO = Principal("k", "keeper", "watch")
SETTINGS = Settings(watches_per_key=1000)
URL = {"url": "https://hooks.example/x"}


def keep(database: Database, **body: Any) -> str:
    with database.write() as db:
        sent = WatchBody.model_validate({"name": "w", **body})
        return keep_watch(db, sent, resolve_watch(db, sent, SETTINGS), WHO, SETTINGS)


def read_said(database: Database, watch: str) -> list[tuple[int, str]]:
    d = watch_deliveries.c
    with database.connect() as db:
        rows = db.execute(select(d.seq, d.change).where(d.watch == watch).order_by(d.seq))
        return [(row.seq, row.change) for row in rows]


def expect_said(database: Database, asked: dict[str, Any], after: int) -> list[tuple[int, str]]:
    """What a watch has to say of all changes after one, by the statement of `/v1/events`."""
    found = []
    with database.connect() as db:
        resolved = resolve_filter(db, EventFilter.model_validate(asked), None)
        r = revisions.c
        rows = db.execute(
            select(r.seq, r.id, document_of(revisions)).where(r.kind == "event").order_by(r.seq)
        ).all()
        hit = find_matching_revisions(db, resolved, [row.seq for row in rows])
    before: dict[str, int] = {}
    for row in rows:
        last = before.get(row.id)
        before[row.id] = row.seq
        if row.seq <= after or not {row.seq, last} & hit:
            continue
        if row.seq not in hit:
            is_gone = json.loads(row.document)["status"] == "retracted"
            found.append((row.seq, "retracted" if is_gone else "left"))
        else:
            change = "added" if last is None else "changed" if last in hit else "entered"
            found.append((row.seq, change))
    return found


QUESTIONS: list[dict[str, Any]] = [
    {"actor": ["ARM"]}, {"between": ["ARM", "RUS"]}, {"type": ["AGREE"]}, {"q": "two"},
    {"actor": ["AZE", "RUS"], "type": ["AGREE", "CONSULT"]}, {"status": ["retracted"]}, {},
]  # fmt: skip


def test_nothing_is_missed_whatever_stops_the_pass(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_store, "MAX_PENDING", 6)
    chance = random.Random(11)
    kept: dict[str, tuple[dict[str, Any], int]] = {}
    with database.write() as db:
        dataset(db)
    with database.connect() as db:
        first = int(read_version(db))
    matcher = WatchMatcher(database, 4)
    move = watch_store.move_position

    def crash(*_: object) -> bool:
        raise RuntimeError("killed")

    def drain(most: int) -> None:
        d = watch_deliveries.c
        with database.write() as db:
            pending = select(d.watch, d.seq).where(d.state == "pending").order_by(d.seq)
            rows = db.execute(pending.limit(most)).all()
            if rows:
                record_attempts(
                    db, [Attempt(r.watch, r.seq, "delivered", 1, 200, None) for r in rows]
                )

    for _ in range(STEPS):
        step = chance.random()
        if step < 0.08 and len(kept) < 12:
            asked = chance.choice(QUESTIONS)
            with database.connect() as db:
                newest = int(read_version(db))
            after = chance.choice([None, None, first, (first + newest) // 2])
            more = {"webhook": URL} if chance.random() < 0.6 else {}
            ident = keep(database, events=asked, after=after, **more)
            kept[ident] = (asked, newest if after is None else after)
        elif step < 0.14 and kept:
            with database.write() as db:
                ident = chance.choice(sorted(kept))
                row = watch_store.find_watch(db, ident)
                if row is not None and row.state == "active":
                    watch_store.stop_watch(db, ident, "paused", None)
                else:
                    watch_store.resume_watch(db, ident, None)
        elif step < 0.2:
            monkeypatch.setattr(watch_store, "move_position", crash)
            with pytest.raises(RuntimeError) if _is_behind(database) else nullcontext():
                matcher.match_batch()
            monkeypatch.setattr(watch_store, "move_position", move)
            matcher = WatchMatcher(database, 4)
        elif step < 0.45:
            matcher.match_batch()
        elif step < 0.55:
            drain(10)
        else:
            with database.write() as db:
                for _ in range(chance.randint(1, 4)):
                    event(
                        db, *chance.sample(["ARM", "RUS", "AZE", "USA"], 2),
                        key=f"k{chance.randint(1, 12)}", title=chance.choice(["one", "two"]),
                        type=chance.choice(["AGREE", "CONSULT", "ASSAULT"]),
                        status=chance.choice(["confirmed"] * 4 + ["retracted"]),
                    )  # fmt: skip
    with database.write() as db:
        for ident in kept:
            watch_store.resume_watch(db, ident, None)
    while matcher.match_batch():
        drain(1000)
    assert len(kept) > 1
    for ident, (asked, after) in kept.items():
        assert read_said(database, ident) == expect_said(database, asked, after), asked
    with database.connect() as db:
        assert set(db.scalars(select(watches.c.position))) == {None}


def _is_behind(database: Database) -> bool:
    with database.connect() as db:
        return watch_store.read_position(db) < read_version(db)


def test_two_processes_that_match_at_once_say_it_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        dataset(db)
    ident = keep(database, events={"actor": ["ARM"]})
    first, second = WatchMatcher(database), WatchMatcher(database)
    with database.write() as db:
        event(db, "ARM")
    compare = matching.compare_changes

    def compare_and_let_the_other_win(*values: Any) -> Any:
        found = compare(*values)
        monkeypatch.setattr(matching, "compare_changes", compare)
        second.match_batch()
        return found

    monkeypatch.setattr(matching, "compare_changes", compare_and_let_the_other_win)
    first.match_batch()
    assert len(read_said(database, ident)) == 1


def test_a_shift_speaks_up_when_it_is_reached_and_when_it_falls(database: Database) -> None:
    with database.write() as db:
        code = add_dataset(db)
        write_events(db, make_acts(3), code, BY)
    asked = {"actor": "USA", "toward": ["FRA"], "dataset": [code], "verdict": "weak"}
    ident = keep(database, shift=asked, webhook=URL)
    matcher = WatchMatcher(database)
    while matcher.match_batch():
        pass

    def check() -> list[dict[str, Any]]:
        while matcher.match_batch():
            pass
        check_touched_shifts(database, ("curated",), waits_for_rebuild=False)
        d = watch_deliveries.c
        with database.connect() as db:
            found = db.scalars(select(d.document).where(d.watch == ident).order_by(d.seq))
            return [json.loads(one or "") for one in found]

    with database.connect() as db:
        row = watch_store.find_watch(db, ident)
        assert row is not None
        begun = json.loads(row.finding)["reached"]
    sides = [{"actor": "USA", "role": "initiator"}, {"actor": "FRA", "role": "target"}]
    hostile = [
        {
            "key": f"h{n}",
            "title": f"h{n}",
            "date": f"{2018 + n % 2}-{n % 12 + 1:02d}-{n % 27 + 1:02d}",
            "intensity": -9.0,
            "quad": 4,
            "participants": sides,
        }
        for n in range(60)
    ]
    said = check()
    assert said == []
    with database.write() as db:
        write_events(db, [convert_record(one) for one in hostile], code, BY)
    said = check()
    assert begun is False
    assert [one["type"] for one in said] == ["shift.reached"]
    assert {e["event"] for e in said[0]["data"]["evidence"]} >= {f"{code}:h0"}
    assert all(e["event"].startswith(f"{code}:h") for e in said[0]["data"]["evidence"])
    assert check() == said
    with database.write() as db:
        gone = [convert_record(one | {"status": "retracted"}) for one in hostile]
        write_events(db, gone, code, BY)
    said = check()
    assert [one["type"] for one in said] == ["shift.reached", "shift.fallen"]
    assert f"{code}:h0" in said[1]["data"]["no_longer_evidence"]


def test_a_backup_has_the_watches_and_goes_on_where_it_was(
    database: Database, tmp_path: Any
) -> None:
    with database.write() as db:
        dataset(db)
    ident = keep(database, events={"actor": ["ARM"]})
    with database.write() as db:
        event(db, "ARM", key="one")
    WatchMatcher(database).match_batch()
    write_backup(database, tmp_path / "backup")
    with database.write() as db:
        event(db, "ARM", key="lost")
    WatchMatcher(database).match_batch()
    before = read_said(database, ident)
    assert len(before) == 2
    database.engine.dispose()
    restore_backup(database, tmp_path / "backup")
    assert read_said(database, ident) == before[:1]
    with database.write() as db:
        event(db, "ARM", key="two")
    WatchMatcher(database).match_batch()
    assert read_said(database, ident) == before


def test_the_terminal_follows_the_same_changes(database: Database) -> None:
    with database.write() as db:
        dataset(db)
        event(db, "ARM", key="one")
        event(db, "ARM", key="one", title="again")
        event(db, "RUS", key="two")
    asked = EventFilter.model_validate({"actor": ["ARM"]})
    said = [m["type"] for m in follow_changes(database, asked, 0, waits=False)]
    assert said == ["event.added", "event.changed"]
    assert list(follow_changes(database, asked, None, waits=False)) == []


def test_a_watch_paused_on_an_empty_database_catches_up(database: Database) -> None:
    ident = keep(database, events={}, after=0)
    with database.write() as db:
        watch_store.stop_watch(db, ident, "paused", None)
        dataset(db)
        event(db, "ARM")
    matcher = WatchMatcher(database)
    while matcher.match_batch():
        pass
    with database.write() as db:
        watch_store.resume_watch(db, ident, 0)
    while matcher.match_batch():
        pass
    assert read_said(database, ident) == expect_said(database, {}, 0)
    with database.write() as db:
        watch_store.remove_watch(db, ident)
        event(db, "ARM")
    assert matcher.match_batch() is False
    again = keep(database, events={})
    with database.write() as db:
        event(db, "ARM")
    while matcher.match_batch():
        pass
    assert len(read_said(database, again)) == 1
