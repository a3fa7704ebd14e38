"""Timelines: days gathered into buckets without holes. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

Size = Literal["day", "week", "month", "quarter", "year"]
LIMIT = 20_000
"""Buckets in one answer; more is a picture that nobody can draw."""


class TooManyBucketsError(ValueError):
    """The window has more buckets of that size than one answer holds."""


def start_of(day: date, size: Size) -> date:
    """First day of the bucket that a day falls in; weeks begin on Monday."""
    if size == "week":
        return day - timedelta(days=day.weekday())
    if size == "month":
        return day.replace(day=1)
    if size == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if size == "year":
        return day.replace(month=1, day=1)
    return day


def after(day: date, size: Size) -> date:
    """First day of the bucket after the one that begins on a day."""
    if size in ("day", "week"):
        return day + timedelta(days=7 if size == "week" else 1)
    months = {"month": 1, "quarter": 3, "year": 12}[size]
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)


def fitting(first: str, last: str) -> Size:
    """The finest size that keeps a window to about a hundred buckets."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    sizes: tuple[tuple[Size, int], ...] = (
        ("day", 92), ("week", 730), ("month", 3650), ("quarter", 9125)
    )  # fmt: skip
    return next((size for size, most in sizes if days <= most), "year")


class Day(NamedTuple):
    """What happened on a day, summed."""

    day: str
    events: int
    cooperation: int
    conflict: int
    known: int
    """Events that have an intensity."""
    total: float
    """Sum of these."""
    weight: float
    """The greatest of them, whatever its sign; 0 where none has any."""


@lru_cache(maxsize=8192)
def start_of_text(day: str, size: Size) -> str:
    """As `start_of`, of days as text."""
    return start_of(date.fromisoformat(day), size).isoformat()


def spread(
    days: Sequence[Day], since: str | None, until: str | None, size: Size
) -> list[dict[str, Any]]:
    """Days, oldest first, as buckets from `since` to `until`.

    Ends that are not asked for are those of the days. Raises `TooManyBucketsError`.
    """
    if not days and (since is None or until is None):
        return []
    first = date.fromisoformat(since or days[0].day)
    last = date.fromisoformat(until or days[-1].day)
    if (last - first).days / {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[
        size
    ] > LIMIT:
        raise TooManyBucketsError(f"more than {LIMIT} buckets")
    held = _gathered(days, size)
    found, day = [], start_of(first, size)
    while day <= last:
        try:
            onward: date | None = after(day, size)
        except (OverflowError, ValueError):  # the calendar ends
            onward = None
        closes = date.max if onward is None else onward - timedelta(days=1)
        within = held.get(day.isoformat(), [])
        found.append(_bucket(max(day, first), min(closes, last), within))
        if onward is None:
            break
        day = onward
    return found


def _gathered(days: Sequence[Day], size: Size) -> dict[str, list[Day]]:
    held: dict[str, list[Day]] = {}
    for one in days:
        held.setdefault(start_of_text(one.day, size), []).append(one)
    return held


def _bucket(start: date, end: date, days: list[Day]) -> dict[str, Any]:
    known = sum(d.known for d in days)
    # Rounded twice, so that the order in which a database added up makes no difference.
    mean = round(round(sum(d.total for d in days) / known, 9), 4) if known else None
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "count": sum(d.events for d in days),
        "cooperation": sum(d.cooperation for d in days),
        "conflict": sum(d.conflict for d in days),
        "mean_intensity": mean,
        "covered": False,
        "top": [],
    }


def bar_of(days: Sequence[Day], size: Size, top: int) -> tuple[float, list[str]]:
    """A weight that the `top` weightiest events of every bucket reach, so that few need be looked
    at: and the days of small buckets that do not, of whose events none is lighter than another.

    Of `top` days in a bucket each has an event as heavy as the lightest of their greatest.
    """
    buckets = []
    for held in _gathered(days, size).values():
        weights = sorted((d.weight for d in held), reverse=True)
        bar = weights[top - 1] if len(weights) >= top else -1.0
        buckets.append((bar, sum(d.events for d in held), [d.day for d in held]))
    room = sum(d.events for d in days) / 50
    whole: list[str] = []
    for bar, count, among in sorted(buckets):
        room -= count
        if room < 0:
            return bar, whole
        whole += among
    return NONE_REACHES, whole


NONE_REACHES = 1e9
