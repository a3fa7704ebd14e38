"""An answer costs a fixed number of statements, however much it shows."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event

from app.db.dialect.fast_statements import CompiledStatement, uses_fast_statements

MOST = {
    "/v1/events?limit=100": 2,
    "/v1/events?actor=ARM&since=2023": 3,
    "/v1/events?between=ARM,RUS&count=exact": 5,
    "/v1/events?member_of=CSTO": 5,
    "/v1/events/curated:2023-10-03-armenia-ratifies-rome-statute": 1,
    "/v1/timeline?actor=ARM&since=2020&granularity=month": 8,
    "/v1/timeline?between=ARM,RUS&since=2020&granularity=month": 13,
    "/v1/facets?by=type,actor,country": 5,
    "/v1/actors?limit=500": 3,
    "/v1/actors/ARM": 4,
    "/v1/actors/ARM/relations": 6,
    "/v1/alliances?on=2023-10-13": 3,
    "/v1/alliances/CSTO?on=2023-10-13": 4,
    "/v1/alliances/CSTO/members?on=2023-10-13": 4,
    "/v1/ties?actor=ARM&on=2023-10-13": 5,
    "/v1/events?actor=ARM&since=2023&as_of=2700": 3,
    "/v1/actors/ARM?as_of=999": 4,
    "/v1/sources?limit=500": 2,
    "/v1/alignment?actor=ARM&toward=RUS": 9,
    "/v1/alignment?actor=ARM&toward=EU,USA&against=RUS,CSTO&known_by=2023-10-13": 14,
    "/v1/shifts?actor=TUR&toward=USA": 15,
    "/v1/similarity?actors=ARM,RUS&since=2000&until=2023": 9,
    "/v1/ideal-points?actors=ARM,RUS": 6,
    "/v1/coverage": 2,
}


@contextmanager
def record_statements(api: TestClient) -> Iterator[list[str]]:
    """The statements that run in the block for a request, transactions left out."""
    executed: list[str] = []

    def note(_: Any, __: Any, text: str, *___: Any) -> None:
        by_itself = threading.current_thread().name.startswith(("imports", "shifts"))
        if not (text.startswith("BEGIN") or by_itself):
            executed.append(text)

    straight = CompiledStatement.fetch_rows  # what goes to the driver without the engine

    def noted(self: CompiledStatement, db: Connection, values: Mapping[str, Any]) -> Any:
        if uses_fast_statements(db):  # otherwise the engine sees it too
            note(None, None, self.text)
        return straight(self, db, values)

    engine = api.app.state.database.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(CompiledStatement, "fetch_rows", noted)
            yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("address", MOST)
def test_the_number_of_statements(api: TestClient, address: str) -> None:
    with record_statements(api) as executed:
        assert api.get(address).status_code == 200
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
