"""How long an act lasts: what its signals weigh, and over which days they are spread. Pure.

| date | weight | spread over |
|---|---|---|
| a day | 1 | that day |
| k days of fighting or coercion (quad class 4) | 1 + log2 k | these days |
| k days of anything else | 1 | these days |
| a week from Monday to Sunday, a month, season, year, decade or century | 1 | all of it |
| from then on, or longer than a hundred years | 1 | its first day |

An interval between longer periods, such as 2022-09/2022-11, lasts for the days on which it
certainly went on, 2022-09-30 to 2022-11-01, and is spread over all of it. A whole week is how
sources such as GDELT and UCDP date what they know by week.
"""

from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from math import log2
from typing import NamedTuple

from app.edtf import parse_edtf

MAX_DAILY_DAYS, MAX_WEEKLY_DAYS, MAX_MONTHLY_DAYS, MAX_SPREAD_DAYS = 31, 184, 3660, 36_525
"""The longest spans that are spread by day, by week of a month, by month and by year.

So a span has at most 31, 33, 122 and 101 pieces. A piece never has more than the 1,500 thousandths
that a day may add: 7 days of 32 have 1,312, a month of 185 days 1,430.
"""
WEEK = 7
CLASS_UNIT = 1000
"""Thousandths of a classified signal of weight 1."""


class SignalSpan(NamedTuple):
    """The days over which the signals of an act are spread, and their weight."""

    start: str
    end: str
    """Inclusive."""
    weight: float
    """That of fighting or coercion over these days; `weigh_act` has that of any act."""
    lasts: bool
    """Whether the act certainly went on for more than a day."""


@lru_cache(8192)
def resolve_signal_span(text: str) -> SignalSpan:
    """Resolve the date of an event, in EDTF, to the span of its signals."""
    found = parse_edtf(text)
    start = found.start.isoformat()
    if found.end is None:
        return SignalSpan(start, start, 1.0, True)
    days = _count_certain_days(text) if found.precision == "interval" else 1
    if (found.end - found.start).days >= MAX_SPREAD_DAYS:
        return SignalSpan(start, start, 1.0, days > 1)
    return SignalSpan(start, found.end.isoformat(), round(1 + log2(days), 4), days > 1)


def _count_certain_days(text: str) -> int:
    """Count the days from the last that an interval can begin on to the first it can end on."""
    first, last = (parse_edtf(part) for part in text.split("/"))
    assert first.end is not None
    days = max(1, (last.start - first.end).days + 1)
    return 1 if days == WEEK and first.start.weekday() == 0 else days


@lru_cache(8192)
def list_span_pieces(start: str, end: str) -> tuple[tuple[str, int], ...]:
    """List the pieces of a span, as (first day, days until the end of the piece)."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    days = (last - first).days + 1
    edges = [first.toordinal(), *_list_later_pieces(first, last, days), last.toordinal() + 1]
    return tuple(
        (date.fromordinal(a).isoformat(), b - first.toordinal()) for a, b in pairwise(edges)
    )


def _list_later_pieces(first: date, last: date, days: int) -> list[int]:
    """List the first days of all pieces but the first one."""
    if days <= MAX_DAILY_DAYS:
        return list(range(first.toordinal() + 1, last.toordinal() + 1))
    if days <= MAX_WEEKLY_DAYS:
        later = (first + timedelta(n) for n in range(1, days))
        return [day.toordinal() for day in later if day.day % 7 == 1]
    months = range(first.year * 12 + first.month, last.year * 12 + last.month)
    return [
        date(month // 12, month % 12 + 1, 1).toordinal()
        for month in months
        if days <= MAX_MONTHLY_DAYS or month % 12 == 0
    ]


def spread_signal(start: str, end: str, mass: int, classed: int) -> list[tuple[str, int, int, int]]:
    """Spread a signal over its span, as (day, n, mass, classed) of each piece that is not all 0.

    Mass and what is classed are in thousandths, and add up exactly to what they were. n is 1 on
    the first day alone: an act counts once.
    """
    if start == end:
        return [(start, 1, mass, classed)]
    pieces = list_span_pieces(start, end)
    days = pieces[-1][1]
    found, before = [], (0, 0)
    for number, (day, until) in enumerate(pieces):
        now = (mass * until // days, classed * until // days)
        piece = (now[0] - before[0], now[1] - before[1])
        if number == 0 or any(piece):
            found.append((day, int(number == 0), *piece))
        before = now
    return found
