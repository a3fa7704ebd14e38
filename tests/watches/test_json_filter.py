"""Filters of watches are JSON: one value goes for a list of it, and no text for a number."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from app.watches.schemas import WatchedEvents, WatchPatch

SCHEMA = Draft202012Validator(WatchedEvents.model_json_schema())
TAKEN: tuple[dict[str, Any], ...] = (
    {"actor": "ARM"}, {"actor": ["ARM"]}, {"quad": 1}, {"quad": [1, 2]}, {"via": False},
    {"min_intensity": -3}, {"min_intensity": None}, {"min_credibility": 2},
)  # fmt: skip
REFUSED: tuple[dict[str, Any], ...] = (
    {"via": 0}, {"via": "false"}, {"min_intensity": "3"}, {"min_intensity": False},
    {"quad": [True]}, {"quad": "1"}, {"actor": 7}, {"min_credibility": "2"}, {"as_of": "1201"},
)  # fmt: skip


@pytest.mark.parametrize("sent", TAKEN)
def test_what_is_taken_is_documented(sent: dict[str, Any]) -> None:
    assert SCHEMA.is_valid(sent)
    WatchedEvents.model_validate(sent)


@pytest.mark.parametrize("sent", REFUSED)
def test_a_value_of_another_type_is_refused_at_its_field(sent: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid(sent)
    with pytest.raises(ValidationError) as refused:
        WatchedEvents.model_validate(sent)
    assert {fault["loc"][0] for fault in refused.value.errors()} == set(sent)


def test_hours_of_a_secret_are_a_number() -> None:
    with pytest.raises(ValidationError):
        WatchPatch.model_validate({"overlap_hours": False})
