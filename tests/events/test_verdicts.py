"""The schema for HTTP and the record of an event accept and refuse the same values."""

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from soak import choose_size

from app.editing.schemas import EventBody
from app.events.record import RejectedError, decode_event_record

pytestmark = pytest.mark.slow

COMPLETE: dict[str, Any] = {
    "key": "k", "title": "t", "summary": "s", "date": "2020-01-01", "type": "AGREE", "mode": "m",
    "cameo": "057", "native": "n", "intensity": 1.5, "quad": 1, "quad_scheme": "gdelt",
    "status": "reported", "part_of": "act", "tags": ["a"],
    "participants": [{"actor": "ARM", "role": "absent", "native": "n", "excused": True}],
    "signals": [
        {"from": "ARM", "toward": "RUS", "score": 1, "confidence": 1, "weight": 1, "reason": "r"}
    ],
    "location": {
        "name": "n", "country": "c", "admin1": "a", "admin2": "b", "lat": 1, "lon": 2,
        "precision": "p",
    },
    "reports": [
        {
            "source": {
                "publisher": "p", "title": "t", "url": "https://x.example/a", "published": "2020",
                "kind": "news", "id": "i", "accessed": "2020", "language": "en",
                "reliability": "A", "licence": "l",
            },
            "quote": "q", "locator": "l", "stance": "reports", "claims": {"deaths": 1},
            "reliability": "B", "credibility": 2,
        }
    ],
}  # fmt: skip
VALUES: list[Any] = [
    None, "", " ", " a", "a ", "a b", "a/b", "%", "a\nb", "\u200b", "..", "a:b", ":b", "a:",
    "x" * 200, "x" * 201, "x" * 500, "x" * 501, "x" * 2000, "x" * 2001, "x" * 20_001,
    "é" * 200, "🙂" * 101,
    "2020", "2020-13", "2020-01/..", "AGREE", "057", "5", "gdelt", "A", "confirms", "https://a b",
    "https://x.example/é", "ftp://x", "a\x00b", 0, 1, 2, 1.0, 1.5, -1, 4, 5, 6, 7, 10, 10.5,
    90.5, 181, 1000, 1001, 1e30, True, False, [], {}, [""], ["a"] * 101, {"a": None}, [[]],
    {"a": {"b": [1e300]}},
]  # fmt: skip


def list_paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all fields of a value, at any depth, except those within claims."""
    if path and path[-1] == "claims":
        return []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    paths = []
    for name, part in items:
        paths.append((*path, name))
        if isinstance(part, dict | list):
            paths += list_paths(part, (*path, name))
    return paths


PATHS = [path for path in list_paths(COMPLETE) if path[-1:] != ("claims",)]


def is_accepted_by_schema(event: dict[str, Any]) -> bool:
    try:
        EventBody.model_validate(event)
    except ValidationError:
        return False
    return True


def is_accepted_by_record(event: dict[str, Any]) -> bool:
    try:
        decode_event_record(json.dumps(event).encode())
    except RejectedError:
        return False
    return True


@pytest.mark.soak
@settings(max_examples=choose_size(700, 5000), deadline=None)
@given(
    path=st.sampled_from(PATHS),
    value=st.sampled_from(VALUES),
    drop=st.sets(st.sampled_from(PATHS)),
)
def test_schema_and_record_give_the_same_verdict(
    path: tuple[Any, ...], value: Any, drop: set[tuple[Any, ...]]
) -> None:
    # Over HTTP a key may be left out: it is made from date and title.
    assume(path != ("key",) or value is not None)
    event = copy.deepcopy(COMPLETE)
    place: Any = event
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = copy.deepcopy(value)
    for gone in drop - {path}:
        optional: Any = event
        for step in gone[:-1]:
            optional = optional.get(step) if isinstance(optional, dict) else None
        if isinstance(optional, dict) and gone[-1] not in ("key", "native", "actor"):
            optional.pop(gone[-1], None)
    assert is_accepted_by_schema(event) == is_accepted_by_record(event)


def test_complete_event_is_accepted() -> None:
    assert is_accepted_by_schema(COMPLETE)
    assert is_accepted_by_record(COMPLETE)
