"""A question passes each stage once: its dates are parsed once, its names are resolved once."""

import inspect
from collections import Counter
from typing import Any, get_type_hints

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from app import edtf, query_models
from app.events import counts, queries, read
from app.events.filter import EventFilter
from app.events.resolved_filter import ResolvedFilter
from app.feeds import event_stream, export
from app.history import read as of_history
from app.shifts import question

WAYS = [
    "/v1/events?count=exact",
    "/v1/events?format=csv&limit=5",
    "/v1/events?format=xlsx",
    "/v1/events?format=vis",
    "/v1/timeline?granularity=month",
    "/v1/facets?by=type",
    "/ogc/collections/events/items?limit=5",
    "/v1/changes?limit=5",
    "/v1/diff?from=1",
]


def count_calls(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, position: int = 0
) -> Counter[str]:
    """Count the calls of a function of a module, by one of its arguments."""
    calls: Counter[str] = Counter()
    real = getattr(module, name)

    def count_and_call(*arguments: Any) -> Any:
        calls[arguments[position]] += 1
        return real(*arguments)

    monkeypatch.setattr(module, name, count_and_call)
    return calls


@pytest.mark.parametrize(
    "way", [*WAYS, "/v1/alignment?actor=ARM&toward=RUS", "/v1/shifts?actor=ARM&toward=RUS"]
)
def test_dates_are_parsed_once(api: TestClient, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    query_models._find_days.cache_clear()  # another test may have asked for the same days
    calls = count_calls(monkeypatch, edtf, "_parse_date")  # which every month reaches
    dates = {"since": "2019-04~", "until": "2024-03~", "known_by": "2024-01~"}  # of no event
    asked = "&".join(f"{name}={text}" for name, text in dates.items())
    answer = api.get(f"{way}&{asked}")
    assert answer.status_code == 200, answer.text
    assert [calls[text] for text in dates.values()] == [1, 1, 1]


@pytest.mark.parametrize("since", ["2023", "2090-01-01"])
@pytest.mark.parametrize("way", WAYS)
def test_names_are_resolved_once(
    api: TestClient, way: str, since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch, queries, "resolve_query_actor", 2)
    answer = api.get(f"{way}&actor=Armenia&since={since}&until=2090")
    assert answer.status_code == 200, answer.text
    assert calls == {"Armenia": 1}


RESOLVERS = {
    queries.resolve_filter,
    question.resolve_question,
    question.resolve_open_question,
}
READERS = [counts, export, event_stream, of_history, queries, question, read]


def test_what_reads_events_takes_a_resolved_filter() -> None:
    for module in READERS:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or function in RESOLVERS:
                continue
            kinds = list(get_type_hints(function).values())
            asked = any(inspect.isclass(kind) and issubclass(kind, EventFilter) for kind in kinds)
            if asked and Connection in kinds:
                assert ResolvedFilter in kinds, name
