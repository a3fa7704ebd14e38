"""Spans of covered days: joined, compared, and the gaps between them. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple


class DaySpan(NamedTuple):
    """Days from the first to the last one, both included, in ISO form."""

    first: str
    last: str


def join_spans(spans: Iterable[DaySpan], apart: int = 0) -> list[DaySpan]:
    """Join spans that overlap, touch, or are at most `apart` days from each other; sorted."""
    joined: list[DaySpan] = []
    for span in sorted(spans):
        before = joined[-1] if joined else None
        if before is not None and span.first <= shift_day(before.last, apart + 1):
            joined[-1] = DaySpan(before.first, max(before.last, span.last))
        else:
            joined.append(span)
    return joined


def find_gaps(spans: Sequence[DaySpan]) -> list[DaySpan]:
    """Return the days between joined spans."""
    return [
        DaySpan(shift_day(before.last, 1), shift_day(after.first, -1))
        for before, after in pairwise(spans)
    ]


def covers_any(spans: Iterable[tuple[str, str]], since: str | None, until: str | None) -> bool:
    """Return whether a span has a day of a period, whose ends may be open."""
    return any(
        (until is None or first <= until) and (since is None or since <= last)
        for first, last in spans
    )


def shift_day(day: str, days: int) -> str:
    """Return the day so many days later; the first and the last of all days stay."""
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError:
        return day
