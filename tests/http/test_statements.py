"""An answer costs a fixed number of statements, however much it shows."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from recorded_statements import record_statements

from app.actors import parameters
from app.events import coverage, queries
from app.http.answer_memory import AnswerMemory

MOST = {
    "/v1/events?limit=100": 2,
    "/v1/events?actor=ARM&since=2023": 3,
    "/v1/events?actor=ARM&since=2023&limit=1000": 4,
    "/v1/events?between=ARM,RUS&count=exact": 7,
    "/v1/events?member_of=CSTO": 6,
    "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute": 1,
    "/v1/timeline?actor=ARM&since=2020&granularity=month": 10,
    "/v1/timeline?between=ARM,RUS&since=2020&granularity=month": 15,
    "/v1/facets?by=type,actor,country": 6,
    "/v1/actors?limit=500": 3,
    "/v1/actors/ARM": 4,
    "/v1/actors/ARM/relations": 6,
    "/v1/alliances?on=2023-10-13": 3,
    "/v1/alliances/CSTO?on=2023-10-13": 4,
    "/v1/alliances/CSTO/members?on=2023-10-13": 4,
    "/v1/ties?actor=ARM&on=2023-10-13": 6,
    "/v1/events?actor=ARM&since=2023&as_of=2700": 4,
    "/v1/actors/ARM?as_of=999": 4,
    "/v1/sources?limit=500": 2,
    "/v1/alignment?actor=ARM&toward=RUS": 10,
    "/v1/alignment?actor=ARM&toward=EU,USA&against=RUS,CSTO&known_by=2023-10-13": 18,
    "/v1/shifts?actor=TUR&toward=USA": 11,
    "/v1/similarity?actors=ARM,RUS&since=2000&until=2023": 9,
    "/v1/ideal-points?actors=ARM,RUS": 6,
    "/v1/coverage": 4,
}

BY_BUCKET = "/v1/timeline?actor=ARM&since=2020&granularity=month"
"""What seeks each of its buckets by the same statement on SQLite, which is counted once."""

MOST_ON_SQLITE = {"/v1/timeline?actor=ARM&since=2020&granularity=month": 77}
"""There each bucket has a statement of its own for the events that it names."""


@pytest.fixture
def forgetful(api: TestClient) -> Iterator[TestClient]:
    """The service without its memories: another test may have asked the same."""
    api.get("/v1/events?limit=1")  # a process reads its lineages once
    memories = (
        parameters._KNOWN,
        coverage._SCOPES,
        coverage._GROUPS,
        queries._THERE,
        queries._PERIODS,
    )
    for memory in memories:
        memory._known.clear()
    state = api.app.state  # type: ignore[attr-defined]
    memory, state.answers = state.answers, AnswerMemory(0)
    yield api
    state.answers = memory


@pytest.mark.on_both  # each is counted where it is run
@pytest.mark.parametrize("address", MOST)
def test_the_number_of_statements(forgetful: TestClient, address: str) -> None:
    with record_statements(forgetful) as executed:
        assert forgetful.get(address).status_code == 200
    if address == BY_BUCKET:
        executed = list(dict.fromkeys(executed))
    assert len(executed) == MOST[address], "\n\n".join(executed)


def test_not_modified_answer_runs_one_statement(api: TestClient) -> None:
    tag = api.get("/v1/events?actor=ARM").headers["etag"]
    with record_statements(api) as executed:
        answer = api.get("/v1/events?actor=ARM", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, len(executed)) == (304, b"", 1)


def test_another_day_is_another_answer_where_today_is_meant(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = set()
    for day in ("2023-10-13", "2023-10-14"):
        monkeypatch.setattr("app.query_models.today", lambda day=day: day)
        tags.add(api.get("/v1/alliances").headers["etag"])
    assert len(tags) == 2
