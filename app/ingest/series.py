"""Batches of yearly series: alliance obligations, and ideal points from votes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, and_, exists, insert, select

from app.db.dialect import upsert
from app.db.journal import Writer
from app.db.tables import alliance_years, ideal_points
from app.ingest.given import AllianceYear, GivenActor, IdealPoint, RejectedError
from app.ingest.row import Row, item
from app.ingest.standing import Standing
from app.ingest.tally import Tally

PART = 200
"""Keys that one query looks up."""
TABLES: Mapping[type, tuple[Table, int]] = {
    AllianceYear: (alliance_years, 4),
    IdealPoint: (ideal_points, 3),
}
"""The table of each kind of record, and the number of columns of its key."""


@dataclass(slots=True)
class PreparedSeries:
    """A batch of rows of a series, compared with the database."""

    table: Table
    keys: int
    tally: Tally = field(default_factory=Tally)
    rows: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    rejects: list[tuple[Row, RejectedError]] = field(default_factory=list)
    unknown: dict[str, GivenActor] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write."""
        return not self.rows

    def write(self, db: Connection, _by: Writer, _standing: Standing) -> None:
        """Insert the rows, or replace those with the same keys."""
        names = [column.name for column in self.table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows.values()]
        db.execute(upsert(db, self.table), rows)


def prepare(
    db: Connection, rows: Sequence[Row], dataset: str, standing: Standing
) -> PreparedSeries:
    """Compare a batch of rows with the database; states become actor codes where they are known."""
    kind: type = AllianceYear if rows[0].format.name != "unga-ideal-points" else IdealPoint
    done = PreparedSeries(*TABLES[kind])
    told: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        try:
            given = item(row, lambda field, odd: done.tally.warnings.update((f"{field} {odd}",)))
        except RejectedError as wrong:
            done.rejects.append((row, wrong.with_traceback(None)))
            continue
        made = (dataset, *_values(given, standing, done.tally))
        if made[: done.keys] in told:
            done.tally.duplicates += 1
        told[made[: done.keys]] = made
    held = _held(db, done.table, done.keys, list(told))
    done.rows = {key: made for key, made in told.items() if held.get(key) != made}
    done.tally.unchanged += len(told) - len(done.rows)
    done.tally.changed += sum(key in held for key in done.rows)
    done.tally.new += sum(key not in held for key in done.rows)
    done.tally.reject(wrong for _, wrong in done.rejects)
    return done


def _values(given: Any, standing: Standing, tally: Tally) -> tuple[Any, ...]:
    def state(asked: str) -> str:
        day = f"{given.year:04}-07-01"
        code = standing.world.held_by(asked, day)
        if code is None and isinstance(given, IdealPoint):
            code = standing.world.find(asked, day)  # some voted before they were independent
        if code is None:
            tally.unknown[asked] += 1
        return code or asked

    if isinstance(given, IdealPoint):
        return (state(given.actor), given.session, given.year, given.value, given.low, given.high)
    return (
        state(given.actor), state(given.partner), given.year, given.defense, given.offense,
        given.neutrality, given.nonaggression, given.consultation,
    )  # fmt: skip


def _held(
    db: Connection, table: Table, length: int, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Read the stored rows with the first three columns of some keys.

    They include all rows of these keys, and perhaps others.
    """
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    dataset, actor, second = list(table.columns)[:3]
    for (first, who), alike in groupby(sorted(keys), lambda key: key[:2]):
        others = sorted({key[2] for key in alike})
        for at in range(0, len(others), PART):
            asked = select(table).where(dataset == first, actor == who)
            asked = asked.where(second.in_(others[at : at + PART]))
            found |= {tuple(row[:length]): tuple(row) for row in db.execute(asked)}
    return found


def both_ways(db: Connection, dataset: str) -> None:
    """Insert the missing reverse of each alliance year, since obligations are mutual."""
    there = alliance_years.alias()
    a, t = alliance_years.c, there.c
    turned = and_(
        t.dataset == a.dataset, t.actor == a.partner, t.partner == a.actor, t.year == a.year
    )
    names = [c.name for c in alliance_years.columns]
    swapped = {"actor": a.partner, "partner": a.actor}
    missing = select(*(swapped.get(n, a[n]).label(n) for n in names)).where(
        a.dataset == dataset, ~exists(select(t.dataset).where(turned))
    )
    db.execute(insert(alliance_years).from_select(names, missing))
