"""The index over time: points without gaps, and what each side did."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.events.buckets import LIMIT, TooManyBucketsError
from app.shifts import measure, queries
from app.shifts.case import Case, told
from app.shifts.filter import Granularity
from app.shifts.measure import Ints
from app.shifts.passed import ByDay, ByMonth, Part, passed
from app.shifts.schemas import Mover, Parameters, Point

PART = 500
DAYS = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
Dates = NDArray[np.datetime64]
_POINTS = TypeAdapter(list[Point])


def fitting(first: date, last: date) -> Granularity:
    """Choose the size of points where the question leaves it open."""
    return "month" if (last - first).days / DAYS["month"] <= LIMIT else "year"


def stretches(first: date, last: date, size: Granularity) -> tuple[Dates, Dates]:
    """Return the first and last days of the buckets of a window, both inclusive.

    Weeks begin on Monday. Raises `TooManyBucketsError`.
    """
    if (last - first).days / DAYS[size] > LIMIT:
        raise TooManyBucketsError(f"more than {LIMIT} points")
    ends = np.array([first, last], "datetime64[D]")
    if size in ("day", "week"):
        step, shift = DAYS[size], 3 if size == "week" else 0  # 1970-01-01 was a Thursday
        at = (ends.astype(np.int64) + shift) // step
        edges = (np.arange(at[0], at[1] + 2) * step - shift).astype("datetime64[D]")
    else:
        at = measure.month_of(ends) // MONTHS[size]
        months = (np.arange(at[0], at[1] + 2) * MONTHS[size]).astype("datetime64[M]")
        edges = months.astype("datetime64[D]")
    starts, closes = edges[:-1].copy(), edges[1:] - 1
    starts[0], closes[-1] = ends[0], ends[1]
    return starts, closes


def window(
    known: tuple[str, str] | None, since: str | None, until: str | None
) -> tuple[str, str] | None:
    """Return the days asked for; an open end is that of the events. None without any day."""
    if known is None and (since is None or until is None):
        return None
    first, last = since or (known or ("", ""))[0], until or (known or ("", ""))[1]
    return (first, last) if first <= last else None


def parameters(dispersion: float, share: float) -> Parameters:
    """Describe the parameters of an index."""
    return Parameters(
        half_life=measure.HALF_LIFE,
        prior=measure.PRIOR,
        prior_share=share,
        dispersion=dispersion,
        saturation=measure.SATURATION,
    )


def points(
    inputs: ByDay | ByMonth,
    buckets: tuple[Dates, Dates],
    known: Parameters,
    sources: Sequence[int],
    spans: Sequence[tuple[Any, ...]],
    volume: Ints,
) -> list[Point]:
    """Build a point for each bucket; `spans` are the days covered."""
    at_ends = inputs.index(buckets[1], known.prior_share)
    inside, before = inputs.inside(*buckets)
    columns = (at_ends.value, at_ends.low, at_ends.high, at_ends.effective)
    values = np.round(np.stack(columns), 6)
    starts, ends = (edge.astype(str) for edge in buckets)
    covered = np.zeros(len(starts), bool)
    for first, last in spans:
        covered |= (starts <= last) & (ends >= first)
    rows = zip(
        starts.tolist(), ends.tolist(), values.T.tolist(), inside.tolist(),
        before.tolist(), sources, covered.tolist(), volume.tolist(), strict=True,
    )  # fmt: skip
    made = [
        {
            "start": start,
            "end": end,
            "index": value[0] if earlier else None,
            "low": value[1] if earlier else None,
            "high": value[2] if earlier else None,
            "n": sums[0],
            "positive": sums[1] / 1000,
            "negative": sums[2] / 1000,
            "effective": value[3],
            "sources": publishers,
            "covered": is_covered,
            "volume": whole,
        }
        for start, end, value, sums, earlier, publishers, is_covered, whole in rows
    ]
    return _POINTS.validate_python(made)


def counted(
    db: Connection, case: Case, inputs: ByDay | ByMonth, buckets: tuple[Dates, Dates], size: str
) -> list[int]:
    """Count the publishers of each bucket."""
    starts, ends = buckets
    if isinstance(inputs, ByMonth):
        return _of_months(db, case, inputs, buckets, MONTHS[size])
    reported = witnesses(db, case, str(starts[0]), str(ends[-1]))
    places = np.searchsorted(ends, np.array([day for day, _ in reported], "datetime64[D]")).tolist()
    sources: dict[int, set[str]] = defaultdict(set)
    for place, (_, publisher) in zip(places, reported, strict=True):
        sources[place].add(publisher)
    return [len(sources.get(n, ())) for n in range(len(starts))]


def _of_months(
    db: Connection, case: Case, inputs: ByMonth, buckets: tuple[Dates, Dates], size: int
) -> list[int]:
    """Count publishers from stored months, and from reports in buckets that the window cuts."""
    starts, ends = buckets
    found = inputs.publishers(starts, size)
    opened = (measure.month_of(starts[[0, -1]]) // size * size).astype("datetime64[M]")
    whole = opened.astype("datetime64[D]"), (opened + size).astype("datetime64[D]") - 1
    first, last = (np.datetime64(day) for day in inputs.ends)
    for at, opens, closes in zip((0, -1), *whole, strict=True):
        if max(opens, first) < starts[at] or min(closes, last) > ends[at]:
            reported = witnesses(db, case, str(starts[at]), str(ends[at]))
            found[at] = len({publisher for _, publisher in reported})
    return found


def witnesses(db: Connection, case: Case, first: str, last: str) -> list[tuple[str, str]]:
    """Read (day, publisher) of the reports on the events of a window, each once."""
    if case.narrowed is None and case.as_of is None:
        return _standing_witnesses(db, case, first, last)
    days = {
        s.event: s.day
        for s in told(db, case)
        if first <= s.day <= last and _counts(case, s.from_, s.toward, s.day)
    }
    ids, found = list(days), set()
    for at in range(0, len(ids), PART):
        rows = queries.reports_of(ids[at : at + PART], case.known_by, case.as_of)
        found |= {(days[r.event], r.publisher) for r in db.execute(rows)}
    return sorted(found)


def _counts(case: Case, from_: str, toward: str, day: str) -> bool:
    own = from_ == case.actor
    side = case.side(toward if own else from_, day)
    return side != 0 and (case.acts == "both" or (case.acts == "own") == own)


def _standing_witnesses(db: Connection, case: Case, first: str, last: str) -> list[tuple[str, str]]:
    partners, wanted = list(case.spells), case.datasets
    if not partners:
        return []
    run = queries.witnesses(db.dialect.name, len(partners), len(wanted))
    values = {"actor": case.actor, "first": first, "last": last}
    values |= {f"partner_{n}": code for n, code in enumerate(partners)} | _named(case)
    rows = run.rows(db, values)
    return [(day, publisher) for from_, to, day, publisher in rows if _counts(case, from_, to, day)]


def volumes(db: Connection, case: Case, buckets: tuple[Dates, Dates], size: Granularity) -> Ints:
    """Read the number of signals of the datasets in each bucket, between any actors."""
    first, last = buckets[0][0], buckets[1][-1]
    opens = closes = first
    if size not in ("day", "week"):
        opens, closes = _whole_months(first, last)
    asked = queries.volume_of(db.dialect.name, len(case.datasets))
    pieces = {"first": first, "opens": opens, "closes": closes, "last": last}
    rows = asked.rows(db, _named(case) | {name: str(day) for name, day in pieces.items()})
    if case.as_of is not None:
        since = queries.volume_since(case.datasets, case.as_of)
        rows += [(day, -n) for day, n in db.execute(since)]
    return _in_buckets(rows, buckets)


def _named(case: Case) -> dict[str, str]:
    return {f"dataset_{n}": code for n, code in enumerate(case.datasets)}


def _spans(db: Connection, case: Case) -> list[tuple[Any, ...]]:
    """Read the days covered."""
    if case.as_of is None:
        return queries.covered_now(db.dialect.name, len(case.datasets)).rows(db, _named(case))
    return [(r.first, r.last) for r in db.execute(queries.covered(case.datasets, case.as_of))]


def _whole_months(first: np.datetime64, last: np.datetime64) -> tuple[Any, Any]:
    """Return the first whole month of a window, and the first month after the whole ones."""
    opens = (first - 1).astype("datetime64[M]") + 1
    closes = (last + 1).astype("datetime64[M]")
    if opens > closes:
        return first, first
    return opens, closes


def _in_buckets(rows: Sequence[tuple[str, int]], buckets: tuple[Dates, Dates]) -> Ints:
    """Add up rows of (day or month, n) by bucket."""
    day = np.array([d for d, _ in rows], "datetime64[D]")
    n = np.array([n for _, n in rows], np.int64)
    inside = (day >= buckets[0][0]) & (day <= buckets[1][-1])
    found = np.zeros(len(buckets[0]), np.int64)
    np.add.at(found, np.searchsorted(buckets[1], day[inside]), n[inside])
    return found


def moved(parts: Sequence[Part]) -> list[Mover]:
    """Build a row for each direction: its own index at the first and at the last day."""
    found = []
    for part in parts:
        first, last = part.first, part.last
        found.append(
            Mover(
                actor=part.actor,
                toward=part.toward,
                n=part.n,
                first=round(first, 6),
                last=round(last, 6),
                change=round(last - first, 6),
            )
        )
    return sorted(found, key=lambda m: (-abs(m.change), m.actor, m.toward))


def series(
    db: Connection, case: Case, since: str | None, until: str | None, size: Granularity,
    share: float,
) -> tuple[list[Point], list[Mover], Parameters]:  # fmt: skip
    """Build the whole answer of an alignment: points, movers and parameters.

    There are no points where there is no day to show. Raises `TooManyBucketsError`.
    """
    inputs = passed(db, case, size, since, until)
    known = parameters(inputs.dispersion, share)
    bounds = window(inputs.ends, since, until)
    if bounds is None:
        return [], [], known
    first, last = bounds
    ends = date.fromisoformat(first), date.fromisoformat(last)
    size = fitting(*ends) if size == "auto" else size
    buckets = stretches(*ends, size)
    publishers = counted(db, case, inputs, buckets, size)
    data = points(
        inputs, buckets, known, publishers, _spans(db, case), volumes(db, case, buckets, size)
    )
    return data, moved(inputs.parts(first, last, share)), known
