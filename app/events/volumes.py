"""Volumes: the number of signals of each dataset by day and by month, written with day sums."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, Select, except_, func, literal, select, union_all

from app.db.dialect.bulk_copy import bulk_add_sums, bulk_delete_empty_sums
from app.db.tables import act_counts, signals, volumes


def add_volumes(db: Connection, changed: Sequence[tuple[str, str, int]]) -> None:
    """Add (dataset, day, n) to the volumes; rows that become 0 are deleted."""
    rows = build_volume_rows(changed)
    bulk_add_sums(db, volumes, rows)
    bulk_delete_empty_sums(db, volumes, [row[:3] for row in rows if row[3] < 0], ("n",))


def build_volume_rows(changed: Iterable[tuple[str, str, int]]) -> list[tuple[str, str, str, int]]:
    """Build rows of `volumes`, by day and by month, from (dataset, day, n)."""
    total: dict[tuple[str, str, str], int] = {}
    for dataset, day, n in changed:
        if not n:  # a day into which an act is spread counts none
            continue
        for key in ((dataset, "day", day), (dataset, "month", day[:7])):
            total[key] = total.get(key, 0) + n
    return [(*key, n) for key, n in sorted(total.items()) if n]


def select_wrong_volumes() -> Iterator[Select[object]]:
    """Select (dataset, size, start) where volumes differ from signals and counts of acts."""
    every = union_all(*(
        select(t.dataset, literal(size).label("size"), start.label("start"), n.label("n"))
        for t, n in ((signals.c, literal(1)), (act_counts.c, act_counts.c.n))
        for size, start in (("day", t.start), ("month", func.substr(t.start, 1, 7)))
    )).subquery()  # fmt: skip
    keys = list(every.c)[:3]
    total = func.sum(every.c.n)
    expected = select(*keys, total).group_by(*keys).having(total > 0).subquery()
    for ours, theirs in ((volumes, expected), (expected, volumes)):
        rows = except_(select(*ours.c), select(*theirs.c)).subquery()
        yield select(*list(rows.c)[:3])
