"""Finds the shifts of dyads anew where their day sums changed, and keeps them.

What is stored is what a run over everything would find, to the last bit: each dyad depends on its
own day sums alone, and q is worked out over all of them at the end of a run.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from app.db.engine import Database
from app.db.tables import dyads, shifts
from app.db.types import NEVER
from app.shifts import breaks, calibration, case, detect, judge, months, nulls
from app.shifts.calibration import fitted
from app.shifts.detect import Fitted, Pair, found_in_each, of_pair, sturdy
from app.shifts.measure import Days
from app.shifts.nulls import LEAST_EVENTS, Nulls, ThinCorpusError
from app.shifts.stored import PART, STALE, question, sides_of_pairs

DYADS = 10
"""Dyads with many events that a calibration needs at least."""
SEED = 20_231_013


def refresh(database: Database, at_once: int = PART) -> int:
    """Find the shifts of all stale dyads anew; returns how many dyads that were.

    `at_once` of them in one transaction, for which other writers wait.
    """
    done = 0
    while True:
        with database.write() as db:
            rows = db.execute(select(dyads).where(STALE).limit(at_once)).all()
            by_dataset: dict[str, list[Row[Any]]] = defaultdict(list)
            for row in rows:
                by_dataset[row.dataset].append(row)
            for dataset, some in by_dataset.items():
                _find_anew(db, dataset, some)
            done += len(rows)
            if len(rows) < at_once:  # also for what a process began that did not live to its end
                for dataset in db.scalars(select(shifts.c.dataset).distinct()).all():
                    _rate(db, dataset)
                return done


def _find_anew(db: Connection, dataset: str, rows: Sequence[Row[Any]]) -> None:
    s, known = shifts.c, fitted(db)
    pairs = [(r.one, r.other) for r in rows]
    key = (s.dataset == dataset, s.one == bindparam("a"), s.other == bindparam("b"))
    db.execute(delete(shifts).where(*key), [{"a": one, "b": other} for one, other in pairs])
    held = sides_of_pairs(db, dataset, pairs)
    days = {pair: some.both for pair, some in held.items()}
    if made := list(found(db, dataset, days, known)):
        db.execute(insert(shifts), made)
    months.keep(db, dataset, rows, held)
    d = dyads.c
    same = (d.one == bindparam("a"), d.other == bindparam("b"), d.dataset == dataset)
    values = {"segmented": bindparam("n"), "since": NEVER}
    noted = [{"a": r.one, "b": r.other, "n": r.changed} for r in rows]
    db.execute(update(dyads).where(*same).values(values), noted)


def found(
    db: Connection, dataset: str, every: Mapping[Pair, Days], known: Fitted
) -> Iterator[dict[str, Any]]:
    """The rows of some dyads, each with its days."""
    asked = question(dataset)
    held = found_in_each(list(every.values()), NEVER, known)
    for ((one, other), days), some in zip(every.items(), held, strict=True):
        for number, finding in enumerate(some):
            robust = None
            if judge.worth_testing(finding, finding.p):
                robust = sturdy(db, of_pair(asked, one, other), finding, days, known.null)
            yield {
                "dataset": dataset,
                "one": one,
                "other": other,
                "number": number,
                "p": finding.p,
                "q": 1.0,
                "at_least": abs(finding.certain),
                "magnitude": abs(finding.change),
                "robust": robust,
                "finding": msgspec.json.encode(finding).decode(),
            }


def _rate(db: Connection, dataset: str) -> None:
    """Bring q up to date over all that was found by a dataset."""
    s = shifts.c
    rows = db.execute(select(s.one, s.other, s.number, s.p, s.q).where(s.dataset == dataset)).all()
    rates = breaks.adjusted([r.p for r in rows])
    changed = [
        {"a": r.one, "b": r.other, "c": r.number, "rate": q}
        for r, q in zip(rows, rates, strict=True)
        if r.q != q
    ]
    if changed:
        key = (s.one == bindparam("a"), s.other == bindparam("b"), s.number == bindparam("c"))
        db.execute(
            update(shifts).where(s.dataset == dataset, *key).values(q=bindparam("rate")), changed
        )


def calibrate(database: Database, datasets: Sequence[str], draws: int) -> Iterator[str]:
    """Fit p and the prior share to the loaded dyads and store them; tells how it went."""
    asked = case.Case("", (), (), "both", tuple(datasets), {}, None)
    with database.connect() as db:
        held = list(detect.dyads(db, asked).values())
    days = [case.days_of_pair(flows) for flows in held]
    busy = [one for one in days if one.n.sum() >= LEAST_EVENTS]
    if len(busy) < DYADS:
        raise ThinCorpusError(
            f"{len(busy)} dyads of {', '.join(datasets)} have {LEAST_EVENTS} events or more;"
            f" a calibration needs {DYADS}. The published values stay."
        )
    null = nulls.fit(Nulls(busy, SEED), draws)
    good, bad = np.sum([one.mass.sum(0) for one in days], axis=0).tolist()
    found = Fitted(null, good / (good + bad))
    yield f"{len(busy)} dyads; share of cooperative mass {found.share:.3f}; {null}"
    fresh = Nulls(busy, SEED + 1)
    for rate in nulls.RATES:
        p = nulls.size(fresh, null, draws, rate, 120)[:, 0]
        yield f"{rate:>3} events a month, 120 months: p <= 0.05 in {(p <= 0.05).mean():.3f}"
    with database.write() as db:
        calibration.store(db, found, list(datasets), len(busy), draws)
        db.execute(update(dyads).values(segmented=-1))
