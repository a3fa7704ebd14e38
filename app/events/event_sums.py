"""The sums of events: day sums, volumes, counts by month and days of roles, changed with them.

Rows of day sums are in the order of the columns of their table: from, toward, dataset, day, sums.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, select

from app.db.dialect import in_list_params, match_any
from app.db.dialect.bulk_copy import bulk_add_sums, bulk_delete_empty_sums, keep_lesser
from app.db.tables import day_sums, dyads, signals
from app.events.durations import CLASS_UNIT, spread_signal
from app.events.index_rows import COLUMNS_BY_TABLE, EventRows, EventSums
from app.events.month_counts import change_month_counts, count_by_month, count_stored_months
from app.events.role_days import add_role_days, collect_role_days
from app.events.signals import signal_weight
from app.events.volumes import add_volumes

SUM_COLUMNS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")
NO_SUMS = EventSums([], [], [])


def sum_event_rows(rows: EventRows) -> EventSums:
    """Sum what events add to the tables of sums. Pure."""
    return EventSums(rows.sum_by_day(), count_by_month(rows), collect_role_days(rows))


def sum_stored_events(db: Connection, ids: Sequence[str]) -> EventSums:
    """Sum what the current rows of some events have added to the tables of sums.

    Not their days by role, which are kept.
    """
    if not ids:
        return NO_SUMS
    stored = EventRows()
    asked = _select_signals(db.dialect.name)
    stored.signals = [tuple(row) for row in db.execute(asked, in_list_params(db, ids))]
    return EventSums(stored.sum_by_day(), count_stored_months(db, ids), [])


@lru_cache
def _select_signals(dialect: str) -> Select[Any]:
    columns = (signals.c[name] for name in COLUMNS_BY_TABLE[signals.name])
    return select(*columns).where(match_any(dialect, signals.c.event))


def replace_event_sums(db: Connection, removed: EventSums, added: EventSums) -> None:
    """Subtract what some events had added to the sums, and add what they add now.

    Rows that stay as they are, as those of events that only have another report, are not written.
    """
    changed = subtract_day_sums(added.days, removed.days)
    write_day_sums(db, changed, has_less=bool(removed.days))
    change_month_counts(db, removed.months, added.months)
    add_role_days(db, added.roles)
    # Also where the sums stay as they are: months of busy dyads count the publishers of reports.
    mark_dyads_stale(db, [row[:4] for row in (*removed.days, *added.days)])


def write_day_sums(db: Connection, changed: Sequence[tuple[Any, ...]], *, has_less: bool) -> None:
    """Add rows to the day sums and their `n` to the volumes; rows that become zero are deleted.

    `has_less`: whether anything was subtracted, without which no row can become zero.
    """
    bulk_add_sums(db, day_sums, changed)
    if has_less:
        # By their keys: the table has a row for every pair and day, and takes long to read.
        bulk_delete_empty_sums(db, day_sums, [row[:4] for row in changed], SUM_COLUMNS)
    add_volumes(db, [row[2:5] for row in changed])


def subtract_day_sums(
    added: Sequence[tuple[Any, ...]], removed: Sequence[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Subtract rows of day sums from others, in key order; rows of nothing are left out. Pure.

    The sums are integers, so that adding and subtracting the same signals gives exactly zero.
    """
    if not removed:
        return list(added)
    total: dict[tuple[Any, ...], tuple[int, ...]] = {row[:4]: row[4:] for row in added}
    nothing = (0,) * len(SUM_COLUMNS)
    for row in removed:
        there = total.get(row[:4], nothing)
        total[row[:4]] = tuple(a - b for a, b in zip(there, row[4:], strict=True))
    return [(*key, *total[key]) for key in sorted(total) if any(total[key])]


def sum_signals_by_day(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sum signal rows into rows of `day_sums`."""
    total: dict[tuple[str, ...], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(SUM_COLUMNS, 0)
    )
    for s in rows:
        side, quad = "positive" if s["score"] > 0 else "negative", s["quad"]
        mass = signal_weight(s["score"], s["confidence"], s["weight"])
        classed = round(CLASS_UNIT * s["weight"]) if quad else 0
        for day, n, part, class_part in spread_signal(s["start"], s["end"], mass, classed):
            sums = total[s["from"], s["toward"], s["dataset"], day]
            sums["n"] += n
            sums[side] += part
            if quad:
                sums[f"q{quad}"] += class_part
    keys = ("from", "toward", "dataset", "day")
    return [dict(zip(keys, key, strict=True)) | sums for key, sums in sorted(total.items())]


def mark_dyads_stale(db: Connection, changed: Iterable[tuple[str, str, str, str]]) -> None:
    """Mark the dyads of changed day sums as stale, so that their shifts are detected again."""
    bulk_add_sums(db, dyads, build_dyad_marks(changed), keep_lesser("since"))


def build_dyad_marks(
    changed: Iterable[tuple[str, str, str, str]],
) -> list[tuple[str, str, str, int, int, str]]:
    """Build the rows that mark dyads as stale, from (from, toward, dataset, day) of changed sums.

    Each dyad occurs once, its two actors in alphabetical order, with the earliest changed day.
    """
    first: dict[tuple[str, str, str], str] = {}
    for a, b, dataset, day in changed:
        if a != b:
            pair = (a, b, dataset) if a < b else (b, a, dataset)
            first[pair] = min(day, first.get(pair, day))
    return [(*pair, 1, 0, day) for pair, day in sorted(first.items())]
