"""A question is refused before it reads more events than permitted, and says what narrows it."""

from collections.abc import Iterator

import make
import pytest
from fastapi.testclient import TestClient
from recorded_statements import record_statements
from serving import open_client

from app.db.engine import Database
from app.errors import TooCostlyError
from app.events import counts
from app.events.cost import estimate_events_read
from app.events.resolved_filter import ResolvedFilter


@pytest.fixture
def filled(database: Database) -> Database:
    """Eight events: six of Armenia, of which two with Russia, and two of Georgia with the USA."""
    with database.write() as db:
        make.dataset(db)
        for month in range(1, 5):
            make.event(db, "ARM", date=f"2020-{month:02}-10", type="CONSULT", intensity=1.0)
        for month in (6, 7):
            make.event(db, "ARM", "RUS", date=f"2021-{month:02}-10", type="AGREE", intensity=5.0)
            make.event(db, "GEO", "USA", date=f"2021-{month:02}-11", type="AGREE", intensity=5.0)
    return database


@pytest.fixture
def limited(filled: Database) -> Iterator[TestClient]:
    url = filled.engine.url.render_as_string(hide_password=False)
    with open_client(url, show_faults=False, question_events=3) as api:
        yield api


def test_the_estimate_is_the_least_of_what_bounds_a_question(filled: Database) -> None:
    questions: list[tuple[dict[str, object], int]] = [
        ({}, 8),
        ({"actor": ("ARM",)}, 6),
        ({"actor": ("ARM", "GEO")}, 8),
        ({"between": ("ARM", "RUS")}, 2),
        ({"initiator": ("ARM",), "target": ("USA",)}, 2),
        ({"actor": ("ARM",), "type": ("AGREE",)}, 2),
        ({"actor": ("ARM",), "since": "2020-02-15", "until": "2020-03-31"}, 2),
        ({"dataset": ("curated",)}, 0),
        ({"member_of": ("CSTO",)}, 8),
        ({"member_of": ("NATO",), "actor": ("ARM",)}, 2),
        ({"actor": ("FRA",)}, 0),
    ]
    with filled.connect() as db:
        found = [estimate_events_read(db, ResolvedFilter(**asked)) for asked, _ in questions]  # type: ignore[arg-type]
    assert found == [n for _, n in questions]


REFUSED = (
    "/v1/timeline?granularity=day",
    "/v1/timeline?quad=1&granularity=month",
    "/v1/facets?by=actor&actor=ARM",
    "/v1/facets?by=quad,status&actor=RUS",  # two events, read twice
    "/v1/events?quad=1&count=exact",  # after its page was read
)
ANSWERED = (
    "/v1/timeline?granularity=month",  # is counted already
    "/v1/facets?by=type,dataset",
    "/v1/events?actor=ARM&count=exact",
    "/v1/timeline?between=ARM,RUS",
    "/v1/facets?by=actor&actor=RUS",
    "/v1/facets?by=actor&since=2020-01&until=2020-03",
    "/v1/events?q=nothing&count=exact",  # an index finds them, and the time limit watches
    "/v1/events?quad=1",
    "/v1/events?quad=1&count=estimate",
    "/v1/events?quad=1&format=ndjson",
    "/v1/changes?quad=1",
    "/ogc/collections/events/items?quad=1",
)


@pytest.mark.slow
def test_a_costly_question_is_refused_before_it_reads_events(limited: TestClient) -> None:
    for address in REFUSED:
        with record_statements(limited) as executed:
            refused = limited.get(address)
        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (422, "/problems/too-costly"), address
        if "count=exact" not in address:
            assert not any("FROM events" in statement for statement in executed), address
    [fault] = problem["errors"]
    assert fault["message"] == "would read some 8 events; 3 are permitted"
    assert fault["hint"].startswith("Narrow it, by actor, between, since, until")
    assert "retry-after" not in refused.headers


def test_questions_that_read_little_and_exports_are_answered(limited: TestClient) -> None:
    for address in ANSWERED:
        answer = limited.get(address)
        assert answer.status_code == 200, (address, answer.text)
    assert "numberMatched" not in answer.json()
    assert limited.get("/v1/limits").json()["answers"]["question_events"] == 3


def test_a_database_without_the_limit_refuses_nothing(filled: Database) -> None:
    url = filled.engine.url.render_as_string(hide_password=False)
    limited = Database(url, 1, question_events=3)
    everything = ResolvedFilter(quad=(1, 2))
    with limited.without_time_limit().connect() as db:
        assert counts.count_matching_events(db, everything) == 8
    with limited.write() as db:
        assert counts.count_matching_events(db, everything) == 8
    with pytest.raises(TooCostlyError), limited.connect() as db:
        counts.count_matching_events(db, everything)
    limited.close()
