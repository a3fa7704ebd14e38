"""The index over time: points without holes, and who moved."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
from sqlalchemy import Connection

from app.events.buckets import LIMIT, TooManyBucketsError, after, start_of
from app.shifts import measure, queries
from app.shifts.case import Case, Flow, days_of, flows, told
from app.shifts.filter import Granularity
from app.shifts.measure import Days, Months
from app.shifts.schemas import Mover, Parameters, Point

PART = 500
DAYS = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}


def stretches(first: date, last: date, size: Granularity) -> list[tuple[date, date]]:
    """Buckets from a day through another, both inclusive, cut at the ends."""
    if size == "auto":
        size = "month" if (last - first).days / DAYS["month"] <= LIMIT else "year"
    if (last - first).days / DAYS[size] > LIMIT:
        raise TooManyBucketsError(f"more than {LIMIT} points")
    found, day = [], start_of(first, size)
    while day <= last:
        try:
            onward = after(day, size)
        except (OverflowError, ValueError):  # the calendar ends
            found.append((max(day, first), last))
            break
        found.append((max(day, first), min(onward - timedelta(days=1), last)))
        day = onward
    return found


def window(days: Days, since: str | None, until: str | None) -> tuple[date, date] | None:
    """The days asked for; ends that are not are those of the events."""
    if not len(days) and (since is None or until is None):
        return None
    first = date.fromisoformat(since or str(days.day[0]))
    last = date.fromisoformat(until or str(days.day[-1]))
    return (first, last) if first <= last else None


def parameters(months: Months, share: float) -> Parameters:
    """With what the index of some months is made."""
    phi = measure.dispersion(months.mass, measure.MASS_DISPERSION)
    return Parameters(
        half_life=measure.HALF_LIFE,
        prior=measure.PRIOR,
        prior_share=share,
        dispersion=phi,
        saturation=measure.SATURATION,
    )


def points(
    days: Days,
    buckets: Sequence[tuple[date, date]],
    known: Parameters,
    witnesses: Sequence[tuple[str, str]],
    spans: Sequence[tuple[str, str]],
) -> list[Point]:
    """A point for each bucket; `witnesses` are (day, publisher), `spans` the days covered."""
    edges = [np.array([b[n] for b in buckets], "datetime64[D]") for n in (0, 1)]
    index = measure.index_at(days, edges[1], known.prior_share, known.dispersion)
    at = [np.searchsorted(days.day, edges[0]), np.searchsorted(days.day, edges[1], side="right")]
    held = np.concatenate([days.n[:, None], days.mass], axis=1)
    total = np.concatenate([np.zeros((1, 3), np.int64), held.cumsum(0)])
    inside = (total[at[1]] - total[at[0]]).tolist()
    sources: dict[int, set[str]] = defaultdict(set)
    places = np.searchsorted(edges[1], np.array([d for d, _ in witnesses], "datetime64[D]"))
    for place, (_, publisher) in zip(places.tolist(), witnesses, strict=True):
        sources[place].add(publisher)
    values = np.stack([index.value, index.low, index.high, index.effective]).T.tolist()
    found = []
    for n, ((first, last), sums, told_of) in enumerate(zip(buckets, inside, values, strict=True)):
        seen = at[1][n] > 0
        start, end = first.isoformat(), last.isoformat()
        found.append(
            Point(
                start=start,
                end=end,
                index=round(told_of[0], 6) if seen else None,
                low=round(told_of[1], 6) if seen else None,
                high=round(told_of[2], 6) if seen else None,
                n=sums[0],
                positive=sums[1] / 1000,
                negative=sums[2] / 1000,
                effective=round(told_of[3], 6),
                sources=len(sources[n]),
                covered=any(a <= end and start <= b for a, b in spans),
            )
        )
    return found


def witnesses(db: Connection, case: Case, first: str, last: str) -> list[tuple[str, str]]:
    """(day, publisher) of what was said of the events of a window, each once."""
    days = {
        s.event: s.day
        for s in told(db, case)
        if first <= s.day <= last
        and case.side(s.toward if s.from_ == case.actor else s.from_, s.day)
        and (case.acts == "both" or (case.acts == "own") == (s.from_ == case.actor))
    }
    ids, found = list(days), set()
    for at in range(0, len(ids), PART):
        rows = queries.reports_of(ids[at : at + PART], case.known_by, case.as_of)
        found |= {(days[r.event], r.publisher) for r in db.execute(rows)}
    return sorted(found)


def moved(rows: Sequence[Flow], case: Case, first: date, last: date, share: float) -> list[Mover]:
    """What each did to the other: its own index at the first day and at the last."""
    apart: dict[tuple[str, int], list[Flow]] = defaultdict(list)
    for flow in rows:
        if case.side(flow.partner, flow.day):
            apart[flow.partner, flow.own].append(flow)
    ends = np.array([first, last], "datetime64[D]")
    found = []
    for (partner, own), held in sorted(apart.items()):
        days = measure.gathered([(f.day, *f.sums) for f in held])
        index = measure.index_at(days, ends, share, measure.MASS_DISPERSION).value.tolist()
        inside = (days.day >= ends[0]) & (days.day <= ends[1])
        found.append(
            Mover(
                actor=case.actor if own else partner,
                toward=partner if own else case.actor,
                n=int(days.n[inside].sum()),
                first=round(index[0], 6),
                last=round(index[1], 6),
                change=round(index[1] - index[0], 6),
            )
        )
    return sorted(found, key=lambda m: (-abs(m.change), m.actor, m.toward))


def series(
    db: Connection, case: Case, since: str | None, until: str | None, size: Granularity,
    share: float,
) -> tuple[list[Point], list[Mover], Parameters]:  # fmt: skip
    """The whole answer of an alignment; no points where there is nothing to draw."""
    rows = flows(db, case)
    days = days_of(rows, case)
    known = parameters(measure.by_month(days), share)
    bounds = window(days, since, until)
    if bounds is None:
        return [], [], known
    buckets = stretches(*bounds, size)
    said = witnesses(db, case, bounds[0].isoformat(), bounds[1].isoformat())
    spans = [(r.first, r.last) for r in db.execute(queries.covered(case.datasets, case.as_of))]
    data = points(days, buckets, known, said, spans)
    return data, moved(rows, case, *bounds, share), known
