"""The days on which an actor has a role are kept, whatever is written, and none is missing."""

import make
import numpy as np
import pytest
from soak import choose_size
from sqlalchemy import Connection, select, text

from app.db.dialect import get_sqlite_connection, is_sqlite
from app.db.engine import Database
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.tables import participations, role_days
from app.events import role_days as days_of_roles
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.events.role_days import add_role_days, read_role_days
from app.events.verify import find_event_faults

EVER = ("", "9999-12-31")
ROLES = ("initiator", "target", "mediator")


def write_acts(database: Database, acts: list[EventRecord]) -> None:
    with database.write() as db:
        write_events(db, acts, make.dataset(db), make.BY)


def make_act(key: str, day: str, status: str = "reported", **roles: str) -> EventRecord:
    who = [{"actor": actor, "role": role} for actor, role in roles.items()]
    act = {"key": key, "title": key, "date": day, "status": status, "participants": who}
    return convert_record(act)


def read_days(database: Database, actor: str, *roles: str) -> list[str]:
    with database.connect() as db:
        return read_role_days(db, actor, roles, *EVER)[0]


@pytest.mark.on_both
def test_days_are_read_by_actor_and_role_newest_first(database: Database) -> None:
    acts = [
        make_act("one", "2020-01-31", USA="initiator", RUS="target"),
        make_act("two", "2020-01-01/2020-02-03", RUS="target", USA="mediator"),
        make_act("three", "2019-12-31", RUS="initiator", USA="target"),
        make_act("gone", "2020-03-01", "retracted", USA="initiator"),
    ]
    write_acts(database, acts[:2])
    write_acts(database, acts[2:])
    assert read_days(database, "USA", "initiator") == ["2020-01-31"]
    assert read_days(database, "USA", "target") == ["2019-12-31"]
    assert read_days(database, "RUS", "target") == ["2020-01-31", "2020-01-01"]
    both = ["2020-01-31", "2020-01-01", "2019-12-31"]
    assert read_days(database, "RUS", "target", "initiator") == both
    with database.connect() as db:
        window = "2020-01-01", "2020-01-30"
        assert read_role_days(db, "RUS", ["target"], *window) == (["2020-01-01"], window[0])


def test_days_say_from_when_on_they_are_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_acts(database, [make_act(m, f"2020-{m}-05", USA="target") for m in ("01", "02", "03")])
    monkeypatch.setattr(days_of_roles, "MOST_MONTHS", 2)
    with database.connect() as db:
        found = read_role_days(db, "USA", ["target"], *EVER)
    assert found == (["2020-03-05", "2020-02-05"], "2020-02-01")


@pytest.mark.on_both
def test_an_event_that_moves_or_is_retracted_leaves_no_day_out(database: Database) -> None:
    write_acts(database, [make_act("one", "2020-01-05", USA="initiator")])
    write_acts(database, [make_act("one", "2020-01-06", USA="target")])
    assert read_days(database, "USA", "target") == ["2020-01-06"]
    write_acts(database, [make_act("one", "2020-01-07", "retracted", USA="target")])
    write_acts(database, [make_act("one", "2020-01-08", USA="target")])
    assert read_days(database, "USA", "target") == ["2020-01-08", "2020-01-06"]
    with database.connect() as db:
        assert list(find_event_faults(db)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(choose_size(1, 20)))
def test_every_day_of_a_participation_is_kept(database: Database, seed: int) -> None:
    dice = np.random.default_rng(seed)

    def make_some(keys: range) -> list[EventRecord]:
        return [
            make_act(
                str(key),
                f"{2018 + dice.integers(3)}-0{1 + dice.integers(3)}-{1 + dice.integers(28):02}",
                "retracted" if dice.random() < 0.2 else "reported",
                **{code: ROLES[dice.integers(3)] for code in ("USA", "RUS", "ARM")},
            )
            for key in keys
        ]

    for keys in (range(40), range(20, 60), range(10)):
        write_acts(database, make_some(keys))
    p = participations.c
    with database.connect() as db:
        assert list(find_event_faults(db)) == []
        for actor in ("USA", "RUS"):
            for role in days_of_roles.COMMON_ROLES:
                mine = select(p.start).where(p.actor == actor, p.role == role)
                needed = set(db.scalars(mine.where(p.status != "retracted")))
                assert needed <= set(read_role_days(db, actor, [role], *EVER)[0])


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM role_days WHERE actor = 'USA'",
        "UPDATE role_days SET target = target - 1 WHERE actor = 'USA'",
        "UPDATE role_days SET month = '2020-02' WHERE actor = 'USA'",
    ],
)
@pytest.mark.by_turns
def test_verify_detects_a_day_that_is_missing(database: Database, change: str) -> None:
    write_acts(database, [make_act("one", "2020-01-01", USA="target")])
    with database.write() as db:
        db.exec_driver_sql(change)
    with database.connect() as db:
        assert [one for one in find_event_faults(db) if "role_days: USA" in one]


def find_last_write(db: Connection) -> object:
    """Return what each write of the only row changes."""
    if is_sqlite(db):
        return get_sqlite_connection(db).total_changes
    return db.scalar(text("SELECT CAST(ctid AS text) FROM role_days WHERE actor = 'XXX'"))


@pytest.mark.on_both
def test_a_row_that_has_all_days_is_not_written_again(database: Database) -> None:
    with database.write() as db:
        add_role_days(db, [("XXX", "2020-01", 5, 0)])
        written = find_last_write(db)
        add_role_days(db, [("XXX", "2020-01", 4, 0)])
        assert find_last_write(db) == written
        add_role_days(db, [("XXX", "2020-01", 2, 1)])
        assert find_last_write(db) != written
        row = db.execute(select(role_days).where(role_days.c.actor == "XXX")).one()
        assert tuple(row) == ("XXX", "2020-01", 7, 1)


@pytest.mark.on_both
def test_the_migration_makes_the_days_of_what_is_there(database: Database) -> None:
    acts = [
        make_act(f"{n}", f"2020-0{1 + n % 3}-{1 + 3 * n:02}", USA=ROLES[n % 3], RUS=ROLES[n % 2])
        for n in range(9)
    ]
    write_acts(database, [*acts, make_act("gone", "2020-05-01", "retracted", USA="target")])
    with database.connect() as db:
        before = db.execute(select(role_days).order_by("actor", "month")).all()
    assert before
    downgrade_schema(database, "20261204_carriers")
    upgrade_schema(database)
    with database.connect() as db:
        assert db.execute(select(role_days).order_by("actor", "month")).all() == before
