"""Coverage as it is answered: the days of each dataset, its gaps, and its missing slots."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.dataset_access import DatasetAccess
from app.sources.covered import SLOTS_A_DAY, SlotDay, list_covered_spans
from app.sources.day_spans import find_gaps
from app.sources.following import Following
from app.sources.schemas import CoveredDays, Dataset

MAX_PARTIAL_DAYS = 100
"""Days with missing slots that are listed, the latest ones."""


class PartialDay(BaseModel):
    """A day of which some slots are loaded and others are not."""

    day: str
    covered: bool = Field(
        description="Whether enough of its slots are loaded, nine in ten, for the day to count."
    )
    loaded: int = Field(description="Slots of fifteen minutes that are loaded, of 96.")
    missing: list[str] = Field(description="Beginnings of the slots that are not, in UTC.")


class Coverage(BaseModel):
    """The days that a dataset covers, and the events of it that are loaded."""

    dataset: str
    name: str
    signals: Literal["entente", "goldstein"] = Field(
        description="How its signals are derived: by the rules, or with plain Goldstein scores."
    )
    access: DatasetAccess = Field(description="What readers without a key for it get of it.")
    first: str | None
    last: str | None
    intervals: list[CoveredDays] = Field(description="The days that are covered, in order.")
    gaps: list[CoveredDays] = Field(
        description="Days between `first` and `last` that are not covered: nothing is known of"
        " them, so that no events there does not mean that nothing happened."
    )
    partial_days: list[PartialDay] = Field(
        description="Days of which slots are missing, the latest 100; empty with `as_of`."
    )
    missing_slots: int = Field(description="Slots that are missing in all such days together.")
    followed: Following | None = Field(
        description="How current it is, where it is pulled from its source; null with `as_of`."
    )
    events: int | None = Field(description="Null where they are closed to this reader.")
    first_event: str | None
    last_event: str | None


def make_coverage(
    row: Mapping[str, Any], slots: Sequence[SlotDay], followed: Following | None
) -> Coverage:
    """Make the coverage of a dataset from its row, its days of slots and how current it is."""
    spans = list_covered_spans(Dataset.model_validate_json(row["document"]))
    listed = [
        PartialDay(
            day=one.day,
            covered=any(first <= one.day <= last for first, last in spans),
            loaded=one.covered,
            missing=one.list_missing(),
        )
        for one in slots[-MAX_PARTIAL_DAYS:]
    ]
    return Coverage(
        **{name: value for name, value in row.items() if name != "document"},
        intervals=[CoveredDays(first=first, last=last) for first, last in spans],
        gaps=[CoveredDays(first=first, last=last) for first, last in find_gaps(spans)],
        partial_days=listed,
        followed=followed,
        missing_slots=sum(SLOTS_A_DAY - one.covered for one in slots),
    )


def name_state(slots: Mapping[str, Sequence[SlotDay]], followed: Mapping[str, Following]) -> str:
    """Name the state of all slots and sources, for ETags: they can change within a version."""
    if not slots and not followed:
        return ""
    known = repr((sorted(slots.items()), sorted(followed.items())))
    return hashlib.blake2b(known.encode(), digest_size=8).hexdigest()
