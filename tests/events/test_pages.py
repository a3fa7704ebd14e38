"""Pages concatenate to the whole, under ties, while rows come and go."""

import json
from typing import Any

import make
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soak import choose_size

from app.db.engine import Database
from app.db.keyset import PageKey
from app.db.lineage_table import read_version
from app.db.types import NO_END_DAY
from app.events import narrow_months, queries, rare_days, role_days
from app.events.filter import EventQuery
from app.events.queries import (
    bind_query,
    compile_page_statement,
    fetch_page_rows,
    resolve_filter,
)
from app.events.read import read_event_page
from app.events.resolved_filter import ResolvedFilter

pytestmark = pytest.mark.slow

DAYS = ("2020-01-01", "2020-01-02", "2020-01-02/2020-01-04", "2019-12/2020-01-03")
KEPT = [(f"kept{number:02d}", DAYS[number % len(DAYS)]) for number in range(24)]


Write = tuple[str, int]
"""A day on which an event is added, or "" and the number of an event that is retracted."""


def apply_write(database: Database, write: Write) -> None:
    day, number = write
    with database.write() as db:
        if day:
            make.event(db, "USA", date=day)
        else:
            key, event = KEPT[number % len(KEPT)]
            make.event(db, "USA", "RUS", key=key, date=event, status="retracted")


def walk_pages(database: Database, writes: list[Write], **asked: object) -> list[str]:
    """Every id, page after page; before each further page something is written."""
    found, cursor = [], None
    while True:
        query = EventQuery.model_validate({"dataset": ["made"], **asked, "cursor": cursor})
        with database.connect() as db:
            resolved = resolve_filter(db, query, None)
            documents, cursor = read_event_page(db, query, resolved, b"key", read_version(db))
        found += [json.loads(d)["id"] for d in documents]
        if cursor is None:
            return found
        if writes:
            apply_write(database, writes.pop())


@pytest.mark.soak
@pytest.mark.parametrize("sort", ["-date", "date"])
@pytest.mark.parametrize("window", [{}, {"since": "2020-01-02"}])
def test_pages_concatenate(database: Database, sort: str, window: dict[str, str]) -> None:
    with database.write() as db:
        make.dataset(db)
        for key, day in KEPT:
            make.event(db, "USA", "RUS", key=key, date=day)

    @settings(
        max_examples=choose_size(6, 100), deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        limit=st.integers(1, 7),
        writes=st.lists(st.tuples(st.sampled_from(("", *DAYS)), st.integers(0, 99)), max_size=3),
        who=st.sampled_from([{}, {"actor": ["USA"]}, {"actor": ["USA", "RUS"]}]),
    )
    def law(limit: int, writes: list[Write], who: dict[str, list[str]]) -> None:
        asked = {"sort": sort, **window, **who}
        before = walk_pages(database, [], limit=1000, **asked)
        paged = walk_pages(database, list(writes), limit=limit, **asked)
        after = walk_pages(database, [], limit=1000, **asked)
        assert len(paged) == len(set(paged))
        stayed = [key for key in before if key in set(after)]
        assert [key for key in paged if key in set(stayed)] == stayed
        assert set(paged) <= {*before, *after}
        assert [key for key in after if key in set(paged)] == [
            key for key in paged if key in set(after)
        ]

    law()


@pytest.mark.bundled
@pytest.mark.parametrize("sort", ["relevance", "recorded", "-recorded"])
def test_pages_in_other_orders(database: Database, sort: str) -> None:
    asked = {"dataset": ["curated"], "sort": sort, "q": "Armenia", "since": "2020-11-15"}
    whole = walk_pages(database, [], limit=1000, **asked)
    assert len(whole) > 20
    assert walk_pages(database, [], limit=7, **asked) == whole
    assert sorted(whole) == sorted(
        walk_pages(database, [], limit=1000, **{**asked, "sort": "date"})
    )


def test_the_most_relevant_comes_first(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
        make.event(db, "USA", title="A word about a summit among many other words", key="less")
        make.event(db, "USA", title="Summit, summit, summit", key="more")
    assert walk_pages(database, [], q="summit", sort="relevance") == ["made:more", "made:less"]
    assert walk_pages(database, [], q="?!", sort="relevance") == []


@pytest.mark.on_both
@pytest.mark.parametrize("who", [{}, {"actor": ["USA"]}, {"actor": ["USA", "RUS"]}], ids=str)
def test_two_parts_of_a_page_are_what_one_statement_finds(
    database: Database, who: dict[str, list[str]]
) -> None:
    with database.write() as db:
        make.dataset(db)
        for key, day in KEPT:
            make.event(db, "USA", "RUS", key=key, date=day)
    query = EventQuery.model_validate({"dataset": ["made"], "since": "2020-01-02", **who})
    with database.connect() as db:
        resolved, after = resolve_filter(db, query, None), None
        for most in (1, 5, 11, 12, 13, 30):
            bound = bind_query(db, resolved, "-date", after, most)
            assert bound.statement_key.has_parts
            whole = compile_page_statement(bound.statement_key).fetch_rows(db, bound.values)
            assert fetch_page_rows(db, bound) == whole
            after = PageKey(*whole[0][:2])  # from the second row on


@pytest.mark.on_both
def test_months_without_a_match_are_passed_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A narrowed page is what walking through all events finds, and reads fewer months."""
    kinds = {"2020-01": "AID", "2020-02": "AGREE", "2020-03": "AGREE", "2020-05": "AID"}
    with database.write() as db:
        make.dataset(db)
        for month, kind in kinds.items():
            rare = kind == "AID"
            more = {"type": kind, "cameo": "071" if rare else "042"}
            more |= {"location": {"country": "RUS" if rare else "USA"}}
            more |= {"roles": {"USA": "host" if rare else "initiator"}}
            for day in range(1, 9):
                make.event(db, "USA", "RUS", key=f"{month}-{day}", date=f"{month}-0{day}", **more)
        lasting = {"date": "2019-11-30/2020-03-02", "type": "AID"}
        make.event(db, "USA", key="lasts", **lasting)
    monkeypatch.setattr(narrow_months, "WALKED", 3)
    monkeypatch.setattr(narrow_months, "WALKED_PLACES", 3)
    asked = ResolvedFilter(actor=("USA",), type=("AID",))
    with database.connect() as db:
        runs = list(narrow_months.iterate_month_runs(db, asked, None))
        assert [tuple(run) for run in runs] == [
            ("2020-05", "2020-05"), ("2020-01", "2020-01"), ("2019-11", "2019-11"),
        ]  # fmt: skip
        monkeypatch.setattr(narrow_months, "FIRST_ROWS", 1)
        runs = list(narrow_months.iterate_month_runs(db, asked, "2020-04-01"))
        assert [run.first for run in runs] == ["2020-01", "2019-11"]
        days = rare_days.find_event_days(db, asked, "", "2020-01-07")
        stretches = list(narrow_months.iterate_stretches(db, asked, days, ("", "2020-01-07"), 5))
        assert [len(stretch.days) for stretch in stretches] == [5, 3]
        assert stretches[1].days == ("2020-01-02", "2020-01-01", "2019-11-30")
        monkeypatch.setattr(rare_days, "MOST_DAYS", 3)
        window = ("2019-11-20", "2020-01-07")
        days = rare_days.find_event_days(db, asked, *window)
        one, *rest = narrow_months.iterate_stretches(db, asked, days, window, 5)
        assert one.days == ("2020-01-07", "2020-01-06", "2020-01-05")
        assert [(part.first, part.days) for part in rest] == [
            ("2020-01-01", ()),
            ("2019-11-20", ()),
        ]
    for more in ({}, {"since": "2020-01-03"}, {"since": "2019-12-31", "until": "2020-05-05"}):
        for narrowing in (
            {"type": ["AID"]},
            {"quad": [2]},
            {"type": ["AID", "AGREE"]},
            {"type": ["PROTEST"]},
            {"cameo": ["07"]},
            {"dataset": [], "cameo": ["04", "0712"]},
            {"dataset": [], "cameo": ["07", "042"], "role": ["host"]},
            {"dataset": [], "role": ["host"]},
            {"dataset": [], "role": ["host", "initiator"]},
            {"dataset": [], "role": ["initiator"]},
            {"dataset": [], "role": ["target"]},
            {"role": ["initiator"], "type": ["AGREE", "AID"]},
            {"role": ["initiator"], "country": ["RUS"]},
            {"dataset": [], "actor": [], "initiator": ["USA"]},
            {"actor": [], "initiator": ["USA"], "quad": [1]},
            {"dataset": [], "actor": [], "initiator": ["USA"], "role": ["participant"]},
            {"actor": [], "target": ["RUS"]},
            {"dataset": [], "country": ["RUS"]},
            {"dataset": [], "country": ["RUS", "USA"], "quad": [2]},
        ):
            question = {"actor": ["USA"], **more, **narrowing}
            found = []
            for limit, most_days in ((2, 256), (5, 3), (1000, 256), (1000, 3)):
                monkeypatch.setattr(rare_days, "MOST_DAYS", most_days)
                monkeypatch.setattr(role_days, "MOST_MONTHS", 256 if most_days > 3 else 1)
                found.append(walk_pages(database, [], limit=limit, **question))
            with monkeypatch.context() as patched:
                patched.setattr(queries, "may_skip_days", lambda _: False)
                whole = walk_pages(database, [], limit=1000, **question)
            assert found == [whole] * 4, question


@pytest.mark.on_both
def test_days_are_found_by_what_is_known_furthest_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        make.dataset(db)
        for day in range(1, 7):
            more = {"cameo": f"07{day % 4}", "location": {"country": "RUS"}}
            who = {"roles": {"USA": "host" if day < 3 else "target"}}
            make.event(db, "USA", date=f"2020-01-0{day}", type="AID", **more, **who)
    monkeypatch.setattr(rare_days, "MOST_DAYS", 3)

    def find_days(**asked: Any) -> tuple[str, str, str | None]:
        resolved = ResolvedFilter(actor=("USA",), **asked)
        days, since, by = rare_days.find_event_days(db, resolved, "2020-01-01", "2020-01-06")
        return "".join(day[-1] for day in days), since[-1], by

    unknown = ("", NO_END_DAY[-1], None)
    with database.connect() as db:
        assert rare_days.list_codes(db, "07") == ["070", "071", "072", "073"]
        assert rare_days.list_codes(db, "073") == ["073"]
        assert find_days(type=("AID",)) == ("654", "4", "type")
        assert find_days(country=("RUS",)) == unknown  # events of most days are walked through
        assert find_days(type=("AID",), country=("RUS",)) == ("654", "4", "type")
        assert find_days(type=("AID",), cameo=("07",)) == ("654321", "1", "cameo")
        assert find_days(cameo=("072", "08")) == ("62", "1", "cameo")
        assert find_days(country=("RUS",), role=("host",)) == ("21", "1", "role")
        assert find_days(role=("host", "mediator")) == ("21", "1", "role")
        assert find_days(role=("target", "host")) == ("654321", "1", "role")
        assert find_days(role=("target",)) == ("6543", "1", "role")
        assert find_days(role=("target",), type=("AID",)) == ("6543", "1", "role")
        assert find_days(role=("target",), cameo=("07",)) == ("6543", "1", "cameo")
        assert find_days(role=("host",), cameo=("072", "070")) == ("2", "1", "cameo")
        assert find_days(quad=(2,), dataset=("made",)) == ("654", "4", "dataset")
        monkeypatch.setattr(rare_days, "MOST_CODES", 3)
        assert find_days(cameo=("07",)) == unknown
