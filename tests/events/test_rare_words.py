"""Events with rare words are looked up one by one, and are those that walking through all finds."""

import make
import pytest

from app.db.engine import Database
from app.events import queries
from app.events.filter import EventQuery

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
            patched.setattr(queries, "has_few_texts", lambda *_: False)
            assert rare == walk_words(database, asked, few=False), asked
        assert rare[0], asked


def test_texts_are_counted_up_to_a_bound(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.dialect.full_text.FEW_TEXTS", 2)
    with database.write() as db:
        make.dataset(db)
        for title in ("A zeppelin over it", "A zeppelin over it", "A ship"):
            make.event(db, "USA", title=title)
    walk_words(database, {}, few=True)
    with database.write() as db:
        make.event(db, "USA", title="A third zeppelin over it")
    walk_words(database, {}, few=False)
