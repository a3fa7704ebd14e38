"""Timelines: daily totals are grouped into consecutive buckets of days. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from app.events.event_titles import BucketFields
from app.rounding import round_number

BucketSize = Literal["day", "week", "month", "quarter", "year"]
LAST_DAY = date.max.isoformat()
"""The last day of what has no end."""
MAX_BUCKETS = 20_000
"""The most buckets in one answer; more cannot be drawn legibly."""


class TooManyBucketsError(ValueError):
    """The window has more buckets of that size than one answer may have."""


def bucket_start(day: date, size: BucketSize) -> date:
    """The first day of the bucket that contains a day; weeks begin on Monday."""
    if size == "week":
        return day - timedelta(days=day.weekday())
    if size == "month":
        return day.replace(day=1)
    if size == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if size == "year":
        return day.replace(month=1, day=1)
    return day


def next_bucket_start(day: date, size: BucketSize) -> date:
    """The first day of the next bucket, where `day` is the first day of one.

    Raises `OverflowError` or `ValueError` beyond the year 9999.
    """
    if size in ("day", "week"):
        return day + timedelta(days=7 if size == "week" else 1)
    months = {"month": 1, "quarter": 3, "year": 12}[size]
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)


def choose_bucket_size(first: str, last: str) -> BucketSize:
    """Choose the finest bucket size that gives about a hundred buckets or fewer."""
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    sizes: tuple[tuple[BucketSize, int], ...] = (
        ("day", 92), ("week", 730), ("month", 3650), ("quarter", 9125)
    )  # fmt: skip
    return next((size for size, most in sizes if days <= most), "year")


class DayTotals(NamedTuple):
    """Totals of the events of one day."""

    day: str
    events: int
    cooperation: int
    conflict: int
    scored: int
    """Events that have an intensity; for a pair, its signals."""
    intensity_sum: float
    """The sum of their intensities or scores."""
    max_weight: float
    """The greatest absolute intensity or score; 0 where there is none."""
    lasting: int = 0
    """Events of which the first and the last day differ."""
    peaks: str = ""
    """Of a whole month, of which `day` is the first, the peaks of its types, joined by line feeds.

    `max_weight` says nothing there.
    """


class LastingEvents(NamedTuple):
    """The number of events with the same first and last days, which differ."""

    day: str
    """The day that they count for."""
    start: str
    end: str
    events: int
    cooperation: int
    conflict: int


@lru_cache(maxsize=8192)
def bucket_start_text(day: str, size: BucketSize) -> str:
    """The same as `bucket_start`, for a day as ISO text."""
    return bucket_start(date.fromisoformat(day), size).isoformat()


def fill_buckets(
    days: Sequence[DayTotals], since: str | None, until: str | None, size: BucketSize
) -> list[BucketFields]:
    """Fill every bucket from `since` to `until`, empty ones included, oldest first.

    `days` is sorted by day. A missing `since` or `until` is taken from the first or last day.
    Raises `TooManyBucketsError`.
    """
    if not days and (since is None or until is None):
        return []
    first, last = since or days[0].day, until or days[-1].day
    length = (date.fromisoformat(last) - date.fromisoformat(first)).days
    if length / {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[size] > MAX_BUCKETS:
        raise TooManyBucketsError(f"more than {MAX_BUCKETS} buckets")
    days_by_bucket = _group_by_bucket(days, size)
    buckets = []
    start: str | None = bucket_start_text(first, size)
    while start is not None and start <= last:
        end, onward = _find_bucket_ends(start, size)
        within = days_by_bucket.get(start, ())
        buckets.append(_sum_bucket(max(start, first), min(end, last), within))
        start = onward
    return buckets


@lru_cache(maxsize=8192)
def _find_bucket_ends(start: str, size: BucketSize) -> tuple[str, str | None]:
    """Find the last day of a bucket, and the first of the next; None where the calendar ends."""
    try:
        onward = next_bucket_start(date.fromisoformat(start), size)
    except (OverflowError, ValueError):
        return LAST_DAY, None
    return (onward - timedelta(days=1)).isoformat(), onward.isoformat()


def _group_by_bucket(days: Sequence[DayTotals], size: BucketSize) -> dict[str, list[DayTotals]]:
    by_bucket: dict[str, list[DayTotals]] = {}
    for day in days:
        by_bucket.setdefault(bucket_start_text(day.day, size), []).append(day)
    return by_bucket


def _sum_bucket(start: str, end: str, days: Sequence[DayTotals]) -> BucketFields:
    count = cooperation = conflict = known = 0
    total = 0.0
    for day in days:  # one pass: `sum` of each field takes four times as long
        count += day.events
        cooperation += day.cooperation
        conflict += day.conflict
        known += day.scored
        total += day.intensity_sum
    # Rounded twice: a sum of floats depends on the order in which the database adds them up.
    mean = round_number(round_number(total / known, 9), 4) if known else None
    return {
        "start": start,
        "end": end,
        "count": count,
        "cooperation": cooperation,
        "conflict": conflict,
        "neutral": count - cooperation - conflict,
        "mean_intensity": mean,
        "positive": None,
        "negative": None,
        "index": None,
        "spans": 0,
        "spans_cooperation": 0,
        "spans_conflict": 0,
        "covered": False,
        "top": [],
    }


def add_spans(
    buckets: Sequence[BucketFields], lasting: Sequence[LastingEvents], size: BucketSize
) -> None:
    """Count, in each bucket, the events that go beyond it or have no known day."""
    by_start = {bucket_start_text(bucket["start"], size): bucket for bucket in buckets}
    for row in lasting:
        bucket = by_start[bucket_start_text(row.day, size)]
        if is_span(row.start, row.end, bucket["start"], bucket["end"]):
            bucket["spans"] += row.events
            bucket["spans_cooperation"] += row.cooperation
            bucket["spans_conflict"] += row.conflict


def is_span(start: str, end: str, first: str, last: str) -> bool:
    """Whether an event goes beyond a stretch of days, or has no known day."""
    return start < first or end > last or _has_no_known_day(start, end)


@lru_cache(maxsize=8192)
def _has_no_known_day(start: str, end: str) -> bool:
    """Whether the days are those of whole months or of a season, which is how EDTF vaguely dates.

    A documented event of exactly these days counts as one too.
    """
    if end == LAST_DAY or start == end:
        return False
    if (start[5:], end[5:]) in SEASON_EDGES:
        return True
    last = date.fromisoformat(end)
    return start.endswith("-01") and (last == date.max or (last + timedelta(1)).day == 1)


SEASON_EDGES = {("03-21", "06-21"), ("06-22", "09-22"), ("09-23", "12-23"), ("12-24", "03-20")}
"""First and last days of the seasons in EDTF."""


def find_weight_threshold(
    days: Sequence[DayTotals], size: BucketSize, top: int
) -> tuple[float, list[str]]:
    """Find a weight that limits how many events have to be read to name the `top` of each bucket.

    Returns the weight and a list of days. The `top` weightiest events of every bucket either reach
    that weight or lie on one of those days, whose events are all read. The weight of an event is
    its absolute intensity.
    """
    buckets = [
        (_find_bar(bucket, top)[0], sum(d.events for d in bucket), bucket)
        for bucket in _group_by_bucket(days, size).values()
    ]
    # Reading all events of the listed days costs at most a fiftieth of the events.
    room = sum(d.events for d in days) / 50
    small_days: list[str] = []
    for bar, count, bucket in sorted(buckets):
        room -= count
        if room < 0:
            return bar, small_days
        small_days += [one.day for one in bucket]
    return UNREACHABLE_WEIGHT, small_days


class BucketBar(NamedTuple):
    """The weight that the `top` weightiest events of a bucket reach."""

    weight: float
    is_shared: bool
    """Whether no event of the bucket weighs more."""


def find_bucket_bars(days: Sequence[DayTotals], size: BucketSize, top: int) -> dict[str, BucketBar]:
    """Find the weight that limits the `top` events of each bucket, by its first day."""
    found = {}
    for start, of_bucket in _group_by_bucket(days, size).items():
        bar, most = _find_bar(of_bucket, top)
        found[start] = BucketBar(bar, bar == most)
    return found


def _find_bar(days: Sequence[DayTotals], top: int) -> tuple[float, float]:
    """Find a weight that the `top` weightiest events of some days reach; below 0 for none known.

    If `top` days each have an event of at least weight w, so have `top` events; and if `top` events
    of a month have one. Also returns the greatest weight.
    """
    if len(days) == 1 and days[0].peaks:
        found = _find_bar_of_month(days[0].peaks, top)
        if found is not None:
            return found
    weights, most = list[float](), 0.0
    for day in days:
        if not day.peaks:
            weights.append(day.max_weight)
            most = max(most, day.max_weight)
            continue
        packed = sorted(map(int, day.peaks.split("\n")), reverse=True)
        most = max(most, (packed[0] >> PEAK_BITS) / INTENSITY_UNIT)
        left = top
        for peak in packed:
            at_peak = peak & MAX_AT_PEAK
            weights += [(peak >> PEAK_BITS) / INTENSITY_UNIT] * min(left, at_peak)
            left -= at_peak
            if left <= 0:
                break
        # An event without an intensity weighs nothing.
        weights += [0.0] * min(top, day.events - day.scored)
    weights.sort(reverse=True)
    return (weights[top - 1] if len(weights) >= top else -1.0), most


def _find_bar_of_month(peaks: str, top: int) -> tuple[float, float] | None:
    """Find what `_find_bar` does for one month; None where its peaks are of fewer events.

    Most buckets are such a month, and a list of weights would take three times as long.
    """
    packed, left = sorted(map(int, peaks.split("\n")), reverse=True), top
    for peak in packed:
        left -= peak & MAX_AT_PEAK
        if left <= 0:
            return (peak >> PEAK_BITS) / INTENSITY_UNIT, (packed[0] >> PEAK_BITS) / INTENSITY_UNIT
    return None


INTENSITY_UNIT = 1_000_000
"""Intensities are summed in whole millionths, so that what is subtracted leaves exactly zero."""
PEAK_BITS = 6
MAX_AT_PEAK = (1 << PEAK_BITS) - 1
"""A peak and the number of events that have it are one number: an answer names 50 at most."""


UNREACHABLE_WEIGHT = 1e9
"""Above every weight: an intensity is at most 10."""
