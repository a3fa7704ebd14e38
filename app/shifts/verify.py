"""Whether the shifts that are kept are those that a run over everything finds, to the last bit."""

from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.db.tables import dyads, shifts
from app.shifts import breaks
from app.shifts.calibration import fitted
from app.shifts.refresh import found
from app.shifts.stored import stale

PART = 400


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
            for row in found(db, dataset, sorted(pairs)[at : at + PART], known):
                anew.add(tuple(row[column.name] for column in columns))
        for one, other, *_ in sorted({(r[0], r[1]) for r in held ^ anew}):
            yield f"shifts of {one} and {other} in {dataset}: not what their day sums say"
        if not waiting and [r.q for r in rows] != breaks.adjusted([r.p for r in rows]):
            yield f"shifts of {dataset}: q is not what all their p say"
