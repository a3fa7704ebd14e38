"""The index over time: points without gaps, and what each side did."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from sqlalchemy import Connection

from app.events.buckets import MAX_BUCKETS, TooManyBucketsError
from app.events.coverage import read_covered_spans
from app.events.resolved_filter import ResolvedFilter
from app.reader_words import write_signed
from app.shifts import queries
from app.shifts.alignment_schemas import AlignmentPoint, DirectedMover, IndexParameters
from app.shifts.evidence_schemas import CurveEnd
from app.shifts.filter import Granularity
from app.shifts.inputs import DailyInputs, DirectedChange, MonthlyInputs, read_inputs
from app.shifts.question import AlignmentQuestion, read_counted_signals, read_flows
from app.shifts.statistics import index
from app.shifts.statistics.levels import IndexLevel
from app.shifts.statistics.sums import ONE_DAY, ONE_MONTH, Ints, month_number, take_day_before

EVENTS_PER_QUERY = 500
DAYS_OF_SIZE = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}
MAX_CURVE_GAP, MAX_SILENT_DAYS = 0.05, 365
"""Largest difference of curve and level, and longest silence, that need no explanation."""
MONTHS_OF_SIZE = {"month": 1, "quarter": 3, "year": 12}
Dates = NDArray[np.datetime64]
_POINTS = TypeAdapter(list[AlignmentPoint])


_write_iso_day = lru_cache(maxsize=8192)(date.isoformat)
"""Write a day; NumPy takes ten times as long, and the days of buckets come again and again."""


def choose_point_size(first: date, last: date) -> Granularity:
    """Choose the size of points where the question leaves it open."""
    return "month" if (last - first).days / DAYS_OF_SIZE["month"] <= MAX_BUCKETS else "year"


def bucket_edges(first: date, last: date, size: Granularity) -> tuple[Dates, Dates]:
    """Return the first and last days of the buckets of a window, both inclusive.

    Weeks begin on Monday. Raises `TooManyBucketsError`.
    """
    if (last - first).days / DAYS_OF_SIZE[size] > MAX_BUCKETS:
        raise TooManyBucketsError(f"more than {MAX_BUCKETS} points")
    ends = np.array([first, last], "datetime64[D]")
    if size in ("day", "week"):
        step, shift = DAYS_OF_SIZE[size], 3 if size == "week" else 0  # 1970-01-01 was a Thursday
        at = (ends.astype(np.int64) + shift) // step
        edges = (np.arange(at[0], at[1] + 2) * step - shift).astype("datetime64[D]")
    else:
        at = month_number(ends) // MONTHS_OF_SIZE[size]
        months = (np.arange(at[0], at[1] + 2) * MONTHS_OF_SIZE[size]).astype("datetime64[M]")
        edges = months.astype("datetime64[D]")
    starts, closes = edges[:-1].copy(), take_day_before(edges[1:])
    starts[0], closes[-1] = ends[0], ends[1]
    return starts, closes


def resolve_window(
    known: tuple[str, str] | None, since: str | None, until: str | None
) -> tuple[str, str] | None:
    """Return the days asked for; an open end is that of the events. None without any day."""
    if known is None and (since is None or until is None):
        return None
    first, last = since or (known or ("", ""))[0], until or (known or ("", ""))[1]
    return (first, last) if first <= last else None


def describe_parameters(dispersion: float, share: float) -> IndexParameters:
    """Describe the parameters of an index."""
    return IndexParameters(
        half_life=index.HALF_LIFE,
        prior=index.PRIOR,
        prior_share=share,
        dispersion=dispersion,
        saturation=index.SATURATION,
    )


def build_alignment_points(
    inputs: DailyInputs | MonthlyInputs,
    buckets: tuple[Dates, Dates],
    known: IndexParameters,
    sources: Sequence[int],
    spans: Sequence[tuple[str, str]],
    volume: Ints,
) -> list[AlignmentPoint]:
    """Build a point for each bucket; `spans` are the days covered."""
    at_ends = inputs.index_at_ends(buckets[1], known.prior_share)
    inside, before = inputs.sums_inside(*buckets)
    columns = (at_ends.value, at_ends.low, at_ends.high, at_ends.effective)
    values = np.round(np.stack(columns), 6) + 0.0  # no negative zero
    starts, ends = ([_write_iso_day(day) for day in edge.tolist()] for edge in buckets)
    covered = np.zeros(len(starts), bool)
    opens, closes = np.array(starts), np.array(ends)
    for first, last in spans:
        covered |= (opens <= last) & (closes >= first)
    rows = zip(
        starts, ends, values.T.tolist(), inside.tolist(),
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


def count_bucket_publishers(
    db: Connection,
    case: AlignmentQuestion,
    inputs: DailyInputs | MonthlyInputs,
    buckets: tuple[Dates, Dates],
    size: str,
) -> list[int]:
    """Count the publishers of each bucket."""
    starts, ends = buckets
    if isinstance(inputs, MonthlyInputs):
        return _count_monthly_publishers(db, case, inputs, buckets, MONTHS_OF_SIZE[size])
    reported = read_publisher_days(db, case, str(starts[0]), str(ends[-1]))
    places = np.searchsorted(ends, np.array([day for day, _ in reported], "datetime64[D]")).tolist()
    sources: dict[int, set[str]] = defaultdict(set)
    for place, (_, publisher) in zip(places, reported, strict=True):
        sources[place].add(publisher)
    return [len(sources.get(n, ())) for n in range(len(starts))]


def _count_monthly_publishers(
    db: Connection,
    case: AlignmentQuestion,
    inputs: MonthlyInputs,
    buckets: tuple[Dates, Dates],
    size: int,
) -> list[int]:
    """Count publishers from stored months, and from reports in buckets that the window cuts."""
    starts, ends = buckets
    found = inputs.count_publishers_by_span(starts, size)
    opened = (month_number(starts[[0, -1]]) // size * size).astype("datetime64[M]")
    closed = (opened + size * ONE_MONTH).astype("datetime64[D]") - ONE_DAY
    whole = opened.astype("datetime64[D]"), closed
    first, last = (np.datetime64(day) for day in inputs.ends)
    for at, opens, closes in zip((0, -1), *whole, strict=True):
        if max(opens, first) < starts[at] or min(closes, last) > ends[at]:
            reported = read_publisher_days(db, case, str(starts[at]), str(ends[at]))
            found[at] = len({publisher for _, publisher in reported})
    return found


def read_publisher_days(
    db: Connection, case: AlignmentQuestion, first: str, last: str
) -> list[tuple[str, str]]:
    """Read (day, publisher) of the reports on the events of a window, each once."""
    if case.event_filter is None and case.as_of is None:
        return _read_current_publisher_days(db, case, first, last)
    days = {
        s.event: s.day
        for s in read_counted_signals(db, case)
        if s.n and first <= s.day <= last and _is_counted(case, s.from_, s.toward, s.day)
    }
    ids, found = list(days), set()
    for at in range(0, len(ids), EVENTS_PER_QUERY):
        rows = queries.select_publishers_of_events(
            ids[at : at + EVENTS_PER_QUERY], case.known_by, case.as_of
        )
        found |= {(days[r.event], r.publisher) for r in db.execute(rows)}
    return sorted(found)


def _is_counted(case: AlignmentQuestion, from_: str, toward: str, day: str) -> bool:
    own = from_ == case.actor
    side = case.side_on(toward if own else from_, day)
    return side != 0 and (case.acts == "both" or (case.acts == "own") == own)


def _read_current_publisher_days(
    db: Connection, case: AlignmentQuestion, first: str, last: str
) -> list[tuple[str, str]]:
    partners, wanted = list(case.periods), case.datasets
    if not partners:
        return []
    run = queries.compile_publisher_days(db.dialect.name, len(partners), len(wanted))
    values = {"actor": case.actor, "first": first, "last": last}
    values |= {f"partner_{n}": code for n, code in enumerate(partners)} | _bind_datasets(case)
    rows = run.fetch_rows(db, values)
    return [
        (day, publisher) for from_, to, day, publisher in rows if _is_counted(case, from_, to, day)
    ]


def read_bucket_volumes(
    db: Connection, case: AlignmentQuestion, buckets: tuple[Dates, Dates], size: Granularity
) -> Ints:
    """Read the number of signals of the datasets in each bucket, between any actors."""
    first, last = buckets[0][0], buckets[1][-1]
    opens = closes = first
    if size not in ("day", "week"):
        opens, closes = _whole_months(first, last)
    asked = queries.compile_volumes(db.dialect.name, len(case.datasets))
    pieces = {"first": first, "opens": opens, "closes": closes, "last": last}
    rows = asked.fetch_rows(
        db, _bind_datasets(case) | {name: str(day) for name, day in pieces.items()}
    )
    if case.as_of is not None:
        since = queries.select_volume_changes(case.datasets, case.as_of)
        rows += [(day, -n) for day, n in db.execute(since)]
    return _sum_in_buckets(rows, buckets)


def _bind_datasets(case: AlignmentQuestion) -> dict[str, str]:
    return {f"dataset_{n}": code for n, code in enumerate(case.datasets)}


def _read_covered_spans(db: Connection, case: AlignmentQuestion) -> list[tuple[str, str]]:
    """Read the days that the datasets cover for the actors of a question."""
    sides = ResolvedFilter(
        actor=(*filter(None, [case.actor]), *case.toward, *case.against),
        dataset=case.datasets,
        as_of=case.as_of,
    )
    return read_covered_spans(db, sides, chose_datasets=case.chose_datasets)


def _whole_months(first: np.datetime64, last: np.datetime64) -> tuple[np.datetime64, np.datetime64]:
    """Return the first whole month of a window, and the first month after the whole ones."""
    opens = (first - ONE_DAY).astype("datetime64[M]") + ONE_MONTH
    closes = (last + ONE_DAY).astype("datetime64[M]")
    if opens > closes:
        return first, first
    return opens, closes


def _sum_in_buckets(rows: Sequence[tuple[str, int]], buckets: tuple[Dates, Dates]) -> Ints:
    """Add up rows of (day or month, n) by bucket."""
    day = np.array([d for d, _ in rows], "datetime64[D]")
    n = np.array([n for _, n in rows], np.int64)
    inside = (day >= buckets[0][0]) & (day <= buckets[1][-1])
    found = np.zeros(len(buckets[0]), np.int64)
    np.add.at(found, np.searchsorted(buckets[1], day[inside]), n[inside])
    return found


def build_movers(parts: Sequence[DirectedChange]) -> list[DirectedMover]:
    """Build a row for each direction: its own index at the first and at the last day."""
    found = []
    for part in parts:
        first, last = part.first, part.last
        found.append(
            DirectedMover(
                actor=part.actor,
                toward=part.toward,
                n=part.n,
                first=first,
                last=last,
                change=last - first,
            )
        )
    return sorted(found, key=lambda m: (-abs(m.change), m.actor, m.toward))


def build_alignment_series(
    db: Connection,
    case: AlignmentQuestion,
    since: str | None,
    until: str | None,
    size: Granularity,
    share: float,
) -> tuple[list[AlignmentPoint], list[DirectedMover], IndexParameters]:
    """Build the whole answer of an alignment: points, movers and parameters.

    There are no points where there is no day to show. Raises `TooManyBucketsError`.
    """
    inputs = read_inputs(db, case, size, since, until)
    known = describe_parameters(inputs.dispersion, share)
    bounds = resolve_window(inputs.ends, since, until)
    if bounds is None:
        return [], [], known
    first, last = bounds
    ends = date.fromisoformat(first), date.fromisoformat(last)
    size = choose_point_size(*ends) if size == "auto" else size
    buckets = bucket_edges(*ends, size)
    publishers = count_bucket_publishers(db, case, inputs, buckets, size)
    data = build_alignment_points(
        inputs,
        buckets,
        known,
        publishers,
        _read_covered_spans(db, case),
        read_bucket_volumes(db, case, buckets, size),
    )
    return data, build_movers(inputs.directed_changes(first, last, share)), known


def describe_curve_end(
    db: Connection, case: AlignmentQuestion, last: str, level: IndexLevel | None, share: float
) -> CurveEnd | None:
    """Describe where the smoothed index ends, and why it differs from a level, if it does."""
    inputs = DailyInputs(read_flows(db, case), case)
    if inputs.ends is None or level is None:
        return None
    end = max(last, inputs.ends[1])
    found = inputs.index_at_ends(np.array([end], "datetime64[D]"), share)
    value = float(found.value[0])
    why = None
    if abs(value - level.index) > MAX_CURVE_GAP:
        silent = (date.fromisoformat(end) - date.fromisoformat(inputs.ends[1])).days
        left = float(found.effective[0])
        recent = 2 * float(found.good[0]) / left - 1 if left else 0.0
        why = f"the curve halves the weight of an act every {index.HALF_LIFE:.0f} months"
        if silent > MAX_SILENT_DAYS:
            why += f", nothing passed between the sides for {silent} days"
        if abs(recent - level.index) > 2 * MAX_CURVE_GAP:
            why += ", so that recent acts count most; the level counts all its days alike"
        else:
            why += (
                f": it rests on {left:.1f} effective observations, the level on {level.mass:.1f},"
                f" so that the prior ({write_signed(2 * share - 1)}) draws it further"
            )
    return CurveEnd(
        day=end,
        index=value,
        low=float(found.low[0]),
        high=float(found.high[0]),
        effective=float(found.effective[0]),
        last_act=inputs.ends[1],
        differs_because=why,
    )
