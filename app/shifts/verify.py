"""Whether shifts and months as they are kept are those of a run over everything, bit for bit."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from app.db.tables import dyad_months, dyads, shifts
from app.shifts import breaks, months
from app.shifts.calibration import fitted
from app.shifts.measure import Sides
from app.shifts.refresh import found
from app.shifts.stored import PART, sides_of_pairs, stale


def findings(db: Connection) -> Iterator[str]:
    """What is wrong, in words; dyads that wait to be found anew are not."""
    d, known = dyads.c, fitted(db)
    for dataset in db.scalars(select(d.dataset).distinct().order_by(d.dataset)).all():
        waiting = set(stale(db, dataset))
        pairs = [
            (r.one, r.other)
            for r in db.execute(select(d.one, d.other).where(d.dataset == dataset))
            if (r.one, r.other) not in waiting
        ]
        s = shifts.c
        columns = [s.one, s.other, s.number, s.p, s.at_least, s.magnitude, s.robust, s.finding]
        rows = db.execute(select(*columns, s.q).where(s.dataset == dataset)).all()
        held = {tuple(r[:8]) for r in rows if (r.one, r.other) not in waiting}
        anew = set()
        for at in range(0, len(pairs), PART):
            sides = sides_of_pairs(db, dataset, sorted(pairs)[at : at + PART])
            days = {pair: some.both for pair, some in sides.items()}
            for row in found(db, dataset, days, known):
                anew.add(tuple(row[column.name] for column in columns))
            yield from _months(db, dataset, sides)
        for one, other, *_ in sorted({(r[0], r[1]) for r in held ^ anew}):
            yield f"shifts of {one} and {other} in {dataset}: not what their day sums say"
        if not waiting and [r.q for r in rows] != breaks.adjusted([r.p for r in rows]):
            yield f"shifts of {dataset}: q is not what all their p say"


def _months(db: Connection, dataset: str, sides: Mapping[months.Pair, Sides]) -> Iterator[str]:
    m = dyad_months.c
    said = months.publishers(db, dataset, {p: "" for p in sides if months.is_busy(sides[p].both)})
    anew = {(r["one"], r["other"]): r for r in months.rows(dataset, sides, said)}
    for pair in sorted(sides):
        of_pair = (m.one == pair[0], m.other == pair[1], m.dataset == dataset)
        kept = db.execute(select(dyad_months).where(*of_pair)).mappings().one_or_none()
        if (None if kept is None else dict(kept)) != anew.get(pair):
            yield f"months of {pair[0]} and {pair[1]} in {dataset}: not what their days say"
