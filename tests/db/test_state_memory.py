"""What is remembered of a version of a database is not said of another one."""

from typing import Any

import make

from app.actors.changes import write_memberships
from app.actors.schemas import Membership
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.state_memory import StateMemory
from app.events.coverage import DatasetScope, read_dataset_scopes
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.events.read import read_event_page
from app.events.resolved_filter import ResolvedFilter
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset


def test_a_value_is_of_the_version_that_was_read(database: Database) -> None:
    memory = StateMemory[str](2)
    with database.connect() as db:
        memory.remember_value(db, "early", "no version was read yet")
        read_version(db)
        memory.remember_value(db, "key", "value")
        assert memory.find_value(db, "early") is None
        assert memory.find_value(db, "key") == "value"
    with database.write() as db:
        make.dataset(db)
    with database.connect() as db:
        assert memory.find_value(db, "key") is None
        read_version(db)
        assert memory.find_value(db, "key") is None


def test_a_full_memory_begins_again(database: Database) -> None:
    memory = StateMemory[int](2)
    with database.connect() as db:
        read_version(db)
        for number in range(3):
            memory.remember_value(db, number, number)
        assert [memory.find_value(db, number) for number in range(3)] == [None, None, 2]


def test_what_datasets_cover_is_that_of_the_version(database: Database) -> None:
    fields = {"code": "made", "name": "made", "version": "1", "licence": "none", "citation": "made"}

    def cover(**days: str) -> None:
        with database.write() as db:
            write_datasets(db, [Dataset.model_validate(fields | days)], make.BY)

    def read_scopes() -> list[DatasetScope]:
        with database.connect() as db:
            read_version(db)
            return read_dataset_scopes(db, ResolvedFilter(dataset=("made",)))

    cover(first="2020-01-01", last="2020-12-31")
    [before], [again] = read_scopes(), read_scopes()
    assert before == again
    cover(first="2020-01-01", last="2021-12-31")
    [now] = read_scopes()
    assert (before.last, now.last) == ("2020-12-31", "2021-12-31")


def test_members_of_a_group_are_those_of_the_version(database: Database) -> None:
    def join_sco(*steps: tuple[str, str]) -> None:
        member: dict[str, Any] = {"actor": "PER", "group": "SCO", "role": "member", "spell": 1}
        member |= {"steps": [{"date": day, "step": step} for day, step in steps]}
        with database.write() as db:
            write_memberships(db, [Membership.model_validate(member)], make.BY)

    def count_events() -> int:
        asked = EventQuery(member_of=["SCO"], dataset=["made"])
        with database.connect() as db:
            version = read_version(db)
            resolved = resolve_filter(db, asked, None)
            return len(read_event_page(db, asked, resolved, b"secret", version)[0])

    with database.write() as db:
        make.dataset(db)
        make.event(db, "PER", date="2012-05-05")
    join_sco(("2010-01-01", "in-force"))
    assert [count_events(), count_events()] == [1, 1]
    join_sco(("2010-01-01", "in-force"), ("2011-01-01", "withdrawn"))
    assert count_events() == 0
