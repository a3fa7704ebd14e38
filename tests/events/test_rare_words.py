"""Events with rare words are looked up one by one, and are those that walking through all finds."""

from dataclasses import replace
from functools import partial
from typing import Any

import make
import pytest
from sqlalchemy import bindparam, select

from app.db.dialect.full_text import (
    TextSample,
    build_word_query,
    list_plain_words,
    looks_into_texts,
    matches_each_text,
    matches_words,
)
from app.db.engine import Database
from app.db.tables import events
from app.events import queries
from app.events.filter import EventQuery
from app.events.resolved_filter import ResolvedFilter
from app.events.word_walk import WordWalk, plan_word_walk

pytestmark = pytest.mark.slow
DAYS = ("2020-01-01", "2020-01-02", "2020-01-02/2020-01-04", "2019-12/2020-01-03", "2020-02")
QUESTIONS: tuple[dict[str, object], ...] = (
    {},
    {"sort": "date"},
    {"actor": ["USA"]},
    {"actor": ["USA"], "since": "2020-01-02", "until": "2020-01-20"},
    {"actor": ["USA", "ARM"], "since": "2020-01-02"},
    {"between": ["USA,RUS"], "sort": "date", "since": "2020-01-02"},
    {"member_of": ["CSTO"], "since": "2020-01-02"},
    {"actor": ["USA"], "role": ["target"], "match": "certain", "since": "2020-01"},
)


def walk_words(database: Database, asked: dict[str, object], *, few: bool) -> list[list[str]]:
    """Read a page with words after each event of it, whether or not the words are rare."""
    query, found = EventQuery.model_validate({"q": "Zeppelin over", **asked}), list[list[str]]()
    with database.connect() as db:
        resolved, after = queries.resolve_filter(db, query, None), None
        while True:
            bound = queries.bind_query(db, resolved, query.sort, after, 5)
            assert bound.statement_key.from_words == few
            rows = queries.fetch_page_rows(db, bound)
            found.append([row[1] for row in rows])
            if len(rows) < 5:
                return found
            after = queries.PageKey(*rows[0][:2])


def plan_given_walk(walk: WordWalk | None, _: TextSample, *asked: Any) -> WordWalk | None:
    """Return a walk for the questions that would have one."""
    return walk and plan_word_walk(TextSample(201, 1, 201, 10_000), *asked) and walk


def test_common_words_are_walked_and_others_are_not() -> None:
    asked = ResolvedFilter(actor=("USA",), q="agree")

    def plan(first: int, **more: Any) -> WordWalk | None:
        sample = TextSample(201, first, 200_000, 200_000)
        return plan_word_walk(sample, replace(asked, **more), "-date", 51)

    common, rare = plan(198_200), plan(150_000)
    assert common == WordWalk(1_824, may_end=True)
    assert rare == WordWalk(133, may_end=False)
    assert plan(198_200, actor=("USA", "RUS")) is None
    assert plan(198_200, as_of=9) is None


ODD_TEXTS = (
    "agree", "disagree", "agreement", "not agree", "agree\u0301", "\u00e4gree", "agree\U0001e900",
    "Agree, it's", "agree_ment", "agree\u0940", "\uff41gree", "\u0436agree agree", "x" * 300,
)  # fmt: skip
"""Among them a letter that FTS5 does not know."""


@pytest.mark.on_both
def test_each_text_is_matched_as_the_index_matches(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
        for number, title in enumerate(ODD_TEXTS):
            make.event(db, "USA", "RUS", title=f"{title} {number}")
    kind = database.engine.dialect.name
    if not looks_into_texts(kind):
        return  # PostgreSQL chooses by itself
    for asked in ("agree", "agree 1", "x" * 300, "ment", "s", "usa agree", "ägree", "it s 7"):
        words = list_plain_words(asked)
        assert words
        names = [f"word_{n}" for n in range(len(words))]
        each = matches_each_text(events.c.seq, [bindparam(name) for name in names])
        values = {"q": build_word_query(kind, asked), **dict(zip(names, words, strict=True))}
        with database.connect() as db:
            found = db.scalars(select(events.c.seq).where(each), values).all()
            known = db.scalars(
                select(events.c.seq).where(matches_words(kind, events.c.seq)), values
            )
            assert sorted(found) == sorted(known), asked
    assert not list_plain_words("agree жук")


@pytest.mark.on_both
def test_rare_words_find_what_walking_through_all_events_finds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.write() as db:
        make.dataset(db)
        for number in range(30):
            actors = ("USA", "RUS") if number % 2 else ("ARM", "USA")
            title = "A zeppelin over the sea" if number % 3 else "A ship"
            roles, day = {actors[1]: "target"}, DAYS[number % len(DAYS)]
            make.event(db, *actors, title=title, date=day, roles=roles)
    for asked in QUESTIONS:
        rare = walk_words(database, asked, few=True)
        with monkeypatch.context() as patched:
            patched.setattr("app.db.dialect.full_text.FEW_TEXTS", 2)
            patched.setattr("app.db.dialect.full_text.SOME_TEXTS", 2)
            for events, may_end in ((0, False), (3, True), (9, True), (3, False), (99, False)):
                walk = WordWalk(events, may_end) if events else None
                patched.setattr(queries, "plan_word_walk", partial(plan_given_walk, walk))
                assert rare == walk_words(database, asked, few=False), (asked, walk)
        assert rare[0], asked


@pytest.mark.on_both
def test_texts_are_counted_up_to_a_bound(
    database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL up to another one, where a part of them says that there may be no more."""
    monkeypatch.setattr("app.db.dialect.full_text.FEW_TEXTS", 2)
    monkeypatch.setattr("app.db.dialect.full_text.SOME_TEXTS", 3)
    with database.write() as db:
        make.dataset(db)
        for title in ("A zeppelin over it", "A zeppelin over it", "A ship"):
            make.event(db, "USA", title=title)
    walk_words(database, {}, few=True)
    with database.write() as db:
        make.event(db, "USA", title="A third zeppelin over it")
    of_postgresql = kind == "postgresql"
    monkeypatch.setattr("app.db.dialect.full_text.SOME_TEXTS", 10_000 if of_postgresql else 3)
    walk_words(database, {}, few=of_postgresql)
    monkeypatch.setattr("app.db.dialect.full_text.SOME_TEXTS", 2)
    walk_words(database, {}, few=False)
