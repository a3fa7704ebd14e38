"""Events of two actors are found by their pairs, and are those that walking through all finds."""

import make
import pytest
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.tables import pairs
from app.events import event_pairs, queries
from app.events.filter import EventQuery
from app.events.index_rows import MAX_PAIRED
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow
MANY = ("USA", "RUS", "ARM", "AZE", "GEO", "TUR", "IRN", "DEU", "FRA")
DAYS = ("2020-01-01", "2020-01-02", "2020-01-02/2020-01-04", "2019-12/2020-01-03", "2020-02")
QUESTIONS: tuple[dict[str, object], ...] = (
    {"between": ["USA,RUS"]},
    {"between": ["RUS,USA"], "sort": "date"},
    {"between": ["USA,RUS"], "since": "2020-01-02", "until": "2020-01-20"},
    {"between": ["USA,RUS"], "since": "2020-01-02", "sort": "date"},
    {"between": ["USA,RUS"], "since": "2020-01-02", "match": "certain"},
    {"between": ["USA,RUS,ARM"]},
    {"between": ["USA,RUS"], "via": "false"},
    {"between": ["USA,RUS"], "type": ["AID"]},
    {"between": ["USA,RUS"], "country": ["ARM"], "since": "2020-01-02"},
    {"actor": ["USA"], "role": ["initiator", "target"], "between": ["RUS,ARM"]},
    {"initiator": ["USA"], "target": ["RUS"]},
    {"initiator": ["RUS"], "target": ["USA"], "via": "false", "since": "2020"},
    {"initiator": ["USA"], "target": ["USA"]},
    {"initiator": ["USA"], "target": ["RUS", "ARM"]},
    {"actor": ["USA"], "between": ["USA,RUS"]},
    {"member_of": ["CSTO"], "between": ["USA,RUS"]},
    {"actor": ["USA", "DEU"], "between": ["RUS,ARM"]},
    {"between": ["USA,RUS"], "status": ["retracted"]},
    {"between": ["USA,RUS"], "as_of": "9000000"},
)


def write_meetings(database: Database) -> None:
    with database.write() as db:
        make.dataset(db)
        for number in range(40):
            one, other, *rest = (MANY[(number * 5 + n) % (2 + number % 3)] for n in range(4))
            actors = MANY if number % 7 == 0 else tuple(dict.fromkeys((one, other, *rest)))
            more = {"type": "AID", "location": {"country": "ARM"}} if number % 4 == 0 else {}
            roles = {actors[0]: "initiator", actors[-1]: "target"}
            day, key = DAYS[number % len(DAYS)], f"e{number:02}"
            make.event(db, *actors, key=key, date=day, roles=roles, **more)
        for number in (3, 7, 14):
            make.event(db, "USA", "RUS", key=f"e{number:02}", status="retracted")
        for number in (4, 21, 22):  # other days, other actors, other roles
            roles = {"RUS": "initiator", "USA": "target"}
            make.event(db, "RUS", "USA", key=f"e{number:02}", date="2020-01-03", roles=roles)


def walk_through(database: Database, asked: dict[str, object], limit: int) -> list[str]:
    query, after = EventQuery.model_validate({"dataset": ["made"], **asked}), None
    found: list[str] = []
    with database.connect() as db:
        as_of = None if query.as_of is None else int(query.as_of)
        resolved = queries.resolve_filter(db, query, as_of)
        while True:
            bound = queries.bind_query(db, resolved, query.sort, after, limit)
            rows = queries.fetch_page_rows(db, bound)
            found += [row[1] for row in rows]
            if len(rows) < limit:
                return found
            after = queries.PageKey(*rows[-1][:2])


@pytest.mark.on_both
def test_pairs_find_what_walking_through_all_events_finds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(MANY) > MAX_PAIRED
    write_meetings(database)
    sizes = set()
    for asked in QUESTIONS:
        paired = [walk_through(database, asked, limit) for limit in (3, 100)]
        with monkeypatch.context() as patched:
            patched.setattr(queries, "choose_pair", lambda *_: None)
            patched.setattr(queries, "may_leave_unsorted", lambda *_: False)
            walked = walk_through(database, asked, 100)
        assert paired == [walked] * 2, asked
        sizes.add(len(walked))
    assert len(sizes) > 6
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
        assert db.scalar(select(func.count()).select_from(pairs).where(pairs.c.other == ""))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM pairs WHERE event = 'made:e02'", "is missing"),
        ("UPDATE pairs SET roles = roles + 1 WHERE event = 'made:e02'", "is missing"),
        ("UPDATE pairs SET other = 'ZZZ' WHERE event = 'made:e02'", "is not in the document"),
        ("UPDATE pairs SET seq = 1 WHERE event = 'made:e02'", "is not in the document"),
    ],
)
@pytest.mark.by_turns
def test_verify_detects_wrong_pairs(database: Database, change: str, words: str) -> None:
    with database.write() as db:
        make.dataset(db)
        make.event(db, "USA", "RUS", key="e02")
        db.exec_driver_sql(change)
    with database.connect() as db:
        assert any("pairs" in fault and words in fault for fault in find_event_faults(db))


@pytest.mark.on_both
def test_the_migration_makes_the_pairs_in_short_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was stopped on the way, and where an event is written meanwhile."""
    write_meetings(database)
    with database.connect() as db:
        before = {tuple(row) for row in db.execute(select(pairs))}
    monkeypatch.setattr(event_pairs, "EVENTS_AT_ONCE", 7)
    downgrade_schema(database, "20261202_counted")
    with database.engine.begin() as db:
        db.exec_driver_sql("CREATE TABLE pairs (one TEXT)")
    upgrade_schema(database)
    with database.connect() as db:
        assert {tuple(row) for row in db.execute(select(pairs))} == before
        assert list(find_event_faults(db)) == []
