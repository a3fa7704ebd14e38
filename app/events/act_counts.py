"""Acts that were counted elsewhere, as rows of day sums; they have no events and no history."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from app.db.tables import act_counts
from app.events.durations import spread_signal
from app.events.event_sums import SUM_COLUMNS, mark_dyads_stale, write_day_sums

SUM_KEYS = ("from", "toward", "dataset", "day")
"""The key of `day_sums`."""
_SPREAD_PAIRS = (("positive", "negative"), ("q1", "q2"), ("q3", "q4"))
"""Columns that are spread over the days of a row, two at a time."""


def sum_counts_by_day(rows: Iterable[Mapping[str, Any]], sign: int = 1) -> list[dict[str, Any]]:
    """Spread counts over their days, as rows of `day_sums`, with `sign` 1 or -1.

    What is counted by month or year dates nothing finer; `n` counts on the first day.
    """
    total: dict[tuple[str, ...], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(SUM_COLUMNS, 0)
    )
    for row in rows:
        pair = (row["from"], row["toward"], row["dataset"])
        total[*pair, row["start"]]["n"] += sign * row["n"]
        for one, other in _SPREAD_PAIRS:
            pieces = spread_signal(row["start"], row["end"], row[one], row[other])
            for day, _, first, second in pieces:
                sums = total[*pair, day]
                sums[one] += sign * first
                sums[other] += sign * second
    return [
        dict(zip(SUM_KEYS, key, strict=True)) | sums
        for key, sums in sorted(total.items())
        if any(sums.values())
    ]


def read_counts_by_day(
    db: Connection, datasets: Sequence[str], actor: str = ""
) -> list[dict[str, Any]]:
    """Read the counts of some datasets as rows of `day_sums`: of all actors, or of one."""
    c = act_counts.c
    asked = select(act_counts).where(c.dataset.in_(datasets))
    if actor:
        asked = asked.where(or_(c["from"] == actor, c.toward == actor))
    return sum_counts_by_day([dict(row) for row in db.execute(asked).mappings()])


def list_counted_datasets(
    db: Connection, datasets: Sequence[str], actor: str, partners: Sequence[str]
) -> list[str]:
    """List those of some datasets that have counts between an actor and its partners."""
    c = act_counts.c
    own = (c["from"] == actor) & c.toward.in_(partners)
    theirs = (c.toward == actor) & c["from"].in_(partners)
    asked = select(c.dataset).distinct().where(c.dataset.in_(datasets), own | theirs)
    return list(db.scalars(asked.order_by(c.dataset)))


def replace_counts(
    db: Connection, gone: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> None:
    """Subtract rows of counts from the sums, and add others."""
    total: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0] * len(SUM_COLUMNS))
    for row in (*sum_counts_by_day(gone, -1), *sum_counts_by_day(new)):
        sums = total[row["from"], row["toward"], row["dataset"], row["day"]]
        for number, name in enumerate(SUM_COLUMNS):
            sums[number] += row[name]
    total = {key: sums for key, sums in total.items() if any(sums)}
    changed = [(*key, *sums) for key, sums in sorted(total.items())]
    write_day_sums(db, changed, has_less=bool(gone))
    mark_dyads_stale(db, total)
