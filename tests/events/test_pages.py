"""Pages concatenate to the whole, under ties, while rows come and go."""

import json

import make
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db.engine import Database
from app.events.filter import EventQuery
from app.events.read import read_page

DAYS = ("2020-01-01", "2020-01-02", "2020-01-02/2020-01-04", "2019-12/2020-01-03")


def walk(database: Database, writes: list[str], **asked: object) -> list[str]:
    """Every id, page after page; before each further page one event is written."""
    found, cursor = [], None
    while True:
        query = EventQuery.model_validate({"dataset": ["made"], **asked, "cursor": cursor})
        with database.connect() as db:
            documents, cursor = read_page(db, query, b"key")
        found += [json.loads(d)["id"] for d in documents]
        if cursor is None:
            return found
        if writes:
            with database.write() as db:
                make.event(db, "USA", date=writes.pop())


@pytest.mark.parametrize("sort", ["-date", "date"])
@pytest.mark.parametrize("window", [{}, {"since": "2020-01-02"}])
def test_pages_concatenate(database: Database, sort: str, window: dict[str, str]) -> None:
    with database.write() as db:
        make.dataset(db)
        for _ in range(3):
            for day in DAYS:
                make.event(db, "USA", "RUS", date=day)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        limit=st.integers(1, 7),
        writes=st.lists(st.sampled_from(DAYS), max_size=3),
        who=st.sampled_from([{}, {"actor": ["USA"]}, {"actor": ["USA", "RUS"]}]),
    )
    def law(limit: int, writes: list[str], who: dict[str, list[str]]) -> None:
        asked = {"sort": sort, **window, **who}
        before = walk(database, [], limit=1000, **asked)
        paged = walk(database, list(writes), limit=limit, **asked)
        after = walk(database, [], limit=1000, **asked)
        assert len(paged) == len(set(paged))
        assert [key for key in paged if key in before] == before
        assert paged == [key for key in after if key in set(paged)]

    law()
