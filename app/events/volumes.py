"""Volumes: the number of signals of each dataset by day and by month, written with day sums."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, except_, func, literal, select, union_all

from app.db.dialect.bulk_copy import bulk_add_sums
from app.db.tables import signals, volumes


def add_volumes(
    db: Connection, changed: Sequence[tuple[str, str, int]], *, gone: bool = False
) -> None:
    """Add (dataset, day, n) to the volumes; with `gone`, rows that became 0 are deleted."""
    bulk_add_sums(db, volumes, build_volume_rows(changed))
    if gone:
        db.execute(delete(volumes).where(volumes.c.n == 0))


def build_volume_rows(changed: Iterable[tuple[str, str, int]]) -> list[tuple[str, str, str, int]]:
    """Build rows of `volumes`, by day and by month, from (dataset, day, n)."""
    total: dict[tuple[str, str, str], int] = {}
    for dataset, day, n in changed:
        if not n:  # a day into which an act is spread counts none
            continue
        for key in ((dataset, "day", day), (dataset, "month", day[:7])):
            total[key] = total.get(key, 0) + n
    return [(*key, n) for key, n in sorted(total.items())]


def select_wrong_volumes() -> Iterator[Select[Any]]:
    """Select (dataset, size, start) where volumes and signals differ, in either direction."""
    s = signals.c
    sizes = {"day": s.start, "month": func.substr(s.start, 1, 7)}
    every = union_all(*(
        select(s.dataset, literal(size).label("size"), start.label("start"))
        for size, start in sizes.items()
    )).subquery()  # fmt: skip
    expected = select(*every.c, func.count()).group_by(*every.c).subquery()
    for ours, theirs in ((volumes, expected), (expected, volumes)):
        rows = except_(select(*ours.c), select(*theirs.c)).subquery()
        yield select(*list(rows.c)[:3])
