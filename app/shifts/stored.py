"""Reads the materialized shifts of every dyad.

Where the stored rows do not answer a question, shifts are detected on request, with the same
numbers.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection, Select, bindparam, or_, select

from app.db import dialect
from app.db.dialect.statements import prepared
from app.db.tables import dyads, families, shifts
from app.shifts import breaks, detect, judge, measure, queries
from app.shifts.case import Case
from app.shifts.detect import Detected, Fitted, Pair, found_in_each, horizon, of_pair
from app.shifts.judge import Finding
from app.shifts.key import Scope
from app.shifts.measure import Sides

PART = 1000
"""Dyads in one query, and by default in one transaction of a rebuild."""
MOST = 2_000
"""Most stale dyads that are detected on request; with more, the answer says how many are stale."""
STALE = dyads.c.changed != dyads.c.segmented
# Ordered as the index of stale dyads is: PostgreSQL assumes that nearly all are stale, and would
# search the whole table for the first of them.
_ANY_STALE = (
    select(dyads.c.since)
    .where(dyads.c.dataset == bindparam("wanted"), STALE)
    .order_by(dyads.c.since)
    .limit(1)
)
_ANY_STALE_AT_ALL = (
    select(dyads.c.since).where(STALE).order_by(dyads.c.dataset, dyads.c.since).limit(1)
)
_TESTS = select(families.c.tests).where(families.c.dataset == bindparam("wanted"))
_MOST_CERTAIN = (
    select(shifts.c.one, shifts.c.other, shifts.c.q, shifts.c.robust, shifts.c.finding)
    .where(shifts.c.dataset == bindparam("wanted"), shifts.c.q <= bindparam("max_q"))
    .order_by(shifts.c.at_least.desc(), shifts.c.one, shifts.c.other, shifts.c.number)
    .limit(bindparam("most"))
)
"""The most certain shifts of all dyads."""


class Held(NamedTuple):
    """A stored row of a shift."""

    one: str
    other: str
    q: float
    robust: bool | None
    finding: str


def answers(asked: Case) -> bool:
    """Whether the stored rows answer a question."""
    plain = asked.narrowed is None and asked.as_of is None
    return plain and asked.acts == "both" and len(asked.datasets) == 1


def question(dataset: str) -> Case:
    """Return the question of all dyads of a dataset, which the stored rows answer."""
    return Case("", (), (), "both", (dataset,), {}, None)


def stale(db: Connection, dataset: str, actor: str = "") -> list[Pair]:
    """Read the dyads that changed since their last rebuild; of an actor, if one is named."""
    d = dyads.c
    rows = select(d.one, d.other).where(d.dataset == dataset, STALE)
    if actor:
        rows = rows.where(or_(d.one == actor, d.other == actor))
    return [(row.one, row.other) for row in db.execute(rows)]


def any_stale(db: Connection, dataset: str | None = None) -> bool:
    """Whether a dyad changed since its last rebuild; of a dataset, if one is named."""
    run = prepared(db.dialect.name, _ANY_STALE if dataset else _ANY_STALE_AT_ALL)
    return bool(run.rows(db, {"wanted": dataset}))


def sides_of_pairs(db: Connection, dataset: str, pairs: Iterable[Pair]) -> dict[Pair, Sides]:
    """Read the day sums of some dyads; a dyad without any is left out."""
    kind = db.dialect.name
    found: dict[Pair, Sides] = {}
    run, ordered = queries.sums_of_pairs(kind), sorted(pairs)
    for at in range(0, len(ordered), PART):
        part = ordered[at : at + PART]
        values = dialect.handing(kind, [(str(n), *pair) for n, pair in enumerate(part)])
        rows: Any = run.run(db, values | {"wanted": dataset}).cursor.fetchall()
        if not rows:
            continue
        number, own, day, *sums = zip(*rows, strict=True)
        dyad, of_one, *numbers = (np.array(column, np.int64) for column in (number, own, *sums))
        days = np.array(day, "datetime64[D]")
        sides = measure.sides(len(part), dyad, of_one, days, np.stack(numbers, axis=1))
        found |= {pair: some for pair, some in zip(part, sides, strict=True) if len(some.both)}
    return found


def finding_of(document: str, last: str) -> Finding:
    """Decode a stored finding; whether it is provisional depends on the last known day."""
    found = msgspec.json.decode(document, type=Finding)
    assert found.span is not None
    return replace(found, provisional=judge.provisional(found.span[1], last))


def rows_of(dataset: str, actor: str = "") -> Select[Any]:
    """Select the stored shifts of a dataset, or those of an actor."""
    s = shifts.c
    rows = select(s.one, s.other, s.q, s.robust, s.finding).where(s.dataset == dataset)
    if actor:
        rows = rows.where(or_(s.one == actor, s.other == actor))
    return rows.order_by(s.one, s.other, s.number)


def _detected(row: Held, asked: Case, last: str, family: int) -> Detected:
    """Turn a stored row into a detected shift, from the side of the named actor, if any."""
    one, other = row.one, row.other
    if asked.actor == other:
        one, other = other, one
    finding = finding_of(row.finding, last)
    robust = None if row.robust is None else bool(row.robust)
    verdict = judge.verdict(finding, row.q, robust, watched=False)
    return Detected(of_pair(asked, one, other), finding, row.q, family, verdict, robust)


def family(db: Connection, asked: Case, known: Fitted) -> tuple[list[Detected], int]:
    """Read every shift of every dyad from the stored rows, and how many dyads are stale.

    The result is that of `detect.detect_family`, which runs where the stored rows do not answer.
    """
    if not answers(asked):
        return detect.family(db, asked, known), 0
    dataset, last = asked.datasets[0], horizon(db, asked, None)
    changed = stale(db, dataset, asked.actor)
    left = len(changed) if len(changed) > MOST else 0
    waiting = set() if left else set(changed)
    detected = [
        _detected(row, asked, last, 0)
        for row in map(Held._make, db.execute(rows_of(dataset, asked.actor)))
        if (row.one, row.other) not in waiting
    ]
    sides = sides_of_pairs(db, dataset, waiting)
    every = found_in_each([some.both for some in sides.values()], last, known)
    for (one, other), findings in zip(sides, every, strict=True):
        actor, partner = (other, one) if asked.actor == other else (one, other)
        for finding in findings:
            pair = of_pair(asked, actor, partner)
            detected.append(Detected(pair, finding, 1.0, 0, "no_evidence", None))
    detected.sort(key=lambda row: (row.case.actor, row.case.toward))
    rates = breaks.adjusted([row.finding.p for row in detected])
    found = zip(detected, rates, strict=True)
    return [replace(row, q=q, family=len(detected)) for row, q in found], left


def first(
    db: Connection, asked: Case, max_q: float, limit: int
) -> tuple[list[Detected], int] | None:
    """Read the most certain shifts of all dyads, and the number of tests.

    None where stored rows alone do not answer.
    """
    if not answers(asked) or asked.actor or any_stale(db, asked.datasets[0]):
        return None
    dataset, last = asked.datasets[0], horizon(db, asked, None)
    kind, values = db.dialect.name, {"wanted": dataset, "max_q": max_q, "most": limit}
    size = sum(row[0] for row in prepared(kind, _TESTS).rows(db, values))
    rows = prepared(kind, _MOST_CERTAIN).rows(db, values)
    return [_detected(Held._make(row), asked, last, size) for row in rows], size


def tests(db: Connection, asked: Case, scope: Scope, known: Fitted) -> list[float]:
    """Read the p of every test among which a shift was found."""
    if scope == "named":
        return [row.finding.p for row in detect.named(db, asked, known)]
    actor = asked.actor if scope == "actor" else ""
    whole = replace(asked, actor=actor, toward=(), spells={})
    return [row.finding.p for row in family(db, whole, known)[0]]
