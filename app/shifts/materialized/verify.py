"""Compares stored shifts and months with those computed again from all day sums.

Integers and texts must be equal. Floats may differ by `TOLERANCE`: processors differ in the last
bit of a logarithm or an exponential, and a file moves from one to another.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from app.db.tables import dyad_months, dyads, families, shifts, undated_dyads, wave_states
from app.shifts.families import UNDATED_TEST
from app.shifts.materialized import months, votes
from app.shifts.materialized.calibration import read_calibration
from app.shifts.materialized.family_names import is_joint_family, split_family
from app.shifts.materialized.months import MonthRow
from app.shifts.materialized.read import (
    PAIRS_PER_BATCH,
    dataset_question,
    list_dependents,
    read_datasets_of_pairs,
    read_sides_of_pairs,
    read_stale_pairs,
)
from app.shifts.materialized.shift_rows import build_joint_rows, build_shift_rows
from app.shifts.side_periods import read_member_periods
from app.shifts.statistics import changepoints, waves
from app.shifts.statistics.sums import DaySeries, DyadSides

TOLERANCE = 1e-6
"""Largest difference between two floats that count as equal: relative, and absolute near zero."""


def verify_stored_shifts(db: Connection) -> Iterator[str]:
    """Yield each difference in words; stale dyads are left out."""
    d, known, members = dyads.c, read_calibration(db), read_member_periods(db)
    for dataset in db.scalars(select(d.dataset).distinct().order_by(d.dataset)).all():
        of_datasets = (dataset, *split_family(dataset))
        waiting = {pair for name in set(of_datasets) for pair in read_stale_pairs(db, name)}
        kept = {
            (r.one, r.other) for r in db.execute(select(d.one, d.other).where(d.dataset == dataset))
        }
        waiting |= list_dependents(waiting, kept, members)
        pairs = sorted(kept - waiting)
        s = shifts.c
        columns = [
            s.one,
            s.other,
            s.number,
            s.p,
            s.at_least,
            s.magnitude,
            s.robust,
            s.onset_last,
            s.first_after,
            s.toward,
            s.checks,
            s.finding,
        ]
        rows = db.execute(select(*columns, s.weight, s.q).where(s.dataset == dataset)).all()
        stored = {
            tuple(r[:3]): tuple(r[3 : len(columns)])
            for r in rows
            if (r.one, r.other) not in waiting
        }
        u = undated_dyads.c
        undated = {
            (one, other)
            for one, other in db.execute(select(u.one, u.other).where(u.dataset == dataset))
        }
        computed = {}
        left_undated = set()
        for at in range(0, len(pairs), PAIRS_PER_BATCH):
            some = pairs[at : at + PAIRS_PER_BATCH]
            if is_joint_family(dataset):
                made = build_joint_rows(db, dataset, some, known)
            else:
                sides = read_sides_of_pairs(db, dataset, some)
                days = {pair: of_pair.both for pair, of_pair in sides.items()}
                made = build_shift_rows(db, dataset, days, known)
                yield from _verify_months(db, dataset, sides)
                yield from _verify_votes(db, dataset, days)
            left_undated |= {(row.one, row.other) for row in made.undated}
            for row in made.shifts:
                values = tuple(getattr(row, column.name) for column in columns)
                computed[values[:3]] = values[3:]
        if is_joint_family(dataset):
            yield from _verify_joint_dyads(db, dataset, kept)
        differing = {
            key[:2]
            for key in stored.keys() | computed.keys()
            if not _rows_agree(stored.get(key), computed.get(key))
        }
        differing |= (undated - waiting) ^ left_undated
        for one, other in sorted(differing):
            yield f"shifts of {one} and {other} in {dataset}: differ from a rebuild"
        tests = [(r.p, r.weight) for r in rows] + [UNDATED_TEST] * len(undated)
        rates = changepoints.rate_weighed_tests(tests)[: len(rows)]
        f = families.c
        counted = db.scalar(select(f.tests).where(f.dataset == dataset)) or 0
        if not waiting and not (counted == len(tests) and values_agree([r.q for r in rows], rates)):
            yield f"shifts of {dataset}: q differs from the p of all tests"


def _verify_joint_dyads(db: Connection, family: str, kept: Set[months.Pair]) -> Iterator[str]:
    """Yield the dyads of the datasets of a joint family that it does not have."""
    for one, other in sorted(read_datasets_of_pairs(db, dataset_question(family)).keys() - kept):
        yield f"shifts of {one} and {other} in {family}: not kept"


def _verify_votes(
    db: Connection, dataset: str, days: Mapping[months.Pair, DaySeries]
) -> Iterator[str]:
    """Yield the dyads whose stored votes differ from those of their days."""
    w = wave_states.c
    if not db.scalar(select(w.used).where(w.dataset == dataset)):
        return
    members = read_member_periods(db)
    stored = votes.read_vote_rows(db, dataset, list(days))
    for one, other in sorted(days):
        if one in members or other in members:
            continue
        cast, kept = waves.cast_votes(days[one, other]), stored.get((one, other))
        same = (
            cast is None
            if kept is None
            else (
                cast is not None and (cast.first, cast.flags.tobytes()) == (kept.first, kept.flags)
            )
        )
        if not same:
            yield f"votes of {one} and {other} in {dataset}: differ from a rebuild"


def _rows_agree(stored: Sequence[Any] | None, computed: Sequence[Any] | None) -> bool:
    """Compare what follows the key of a stored row and of a computed one: the last two are JSON."""
    if stored is None or computed is None:
        return stored is computed
    *values, checks, finding = stored
    *expected, checks_wanted, finding_wanted = computed
    documents = ((checks, checks_wanted), (finding, finding_wanted))
    return values_agree(values, expected) and all(
        values_agree(json.loads(one or "null"), json.loads(other or "null"))
        for one, other in documents
    )


def values_agree(one: object, other: object) -> bool:
    """Compare two JSON values: floats within `TOLERANCE`, all else exactly."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(values_agree(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(values_agree, one, other))
    return type(one) is type(other) and bool(one == other)


def _verify_months(
    db: Connection, dataset: str, sides: Mapping[months.Pair, DyadSides]
) -> Iterator[str]:
    """Yield the dyads whose stored months differ from a rebuild."""
    m = dyad_months.c
    since = {pair: "" for pair in sides if months.is_busy(sides[pair].both)}
    publisher_counts = months.read_publisher_counts(db, dataset, since)
    rebuilt = {
        (r.one, r.other): r for r in months.build_month_rows(dataset, sides, publisher_counts)
    }
    for pair in sorted(sides):
        of_pair = (m.one == pair[0], m.other == pair[1], m.dataset == dataset)
        kept = db.execute(select(dyad_months).where(*of_pair)).mappings().one_or_none()
        if not _months_agree(None if kept is None else MonthRow(**kept), rebuilt.get(pair)):
            yield f"months of {pair[0]} and {pair[1]} in {dataset}: differ from a rebuild"


def _months_agree(stored: MonthRow | None, computed: MonthRow | None) -> bool:
    """Compare two rows of `dyad_months`: the monthly index within `TOLERANCE`, sums exactly."""
    if stored is None or computed is None:
        return stored is computed
    if len(stored.index) != len(computed.index):
        return False
    index, wanted = months.unpack_index(stored.index), months.unpack_index(computed.index)
    return np.allclose(
        index, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
    ) and values_agree(asdict(stored) | {"index": None}, asdict(computed) | {"index": None})
