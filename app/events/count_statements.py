"""The statements that count matching events: by day, by weight, and by the values of a field.

Each is compiled once for all questions of a shape.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)

from app.actors.pair_scores import Ends, join_pair_scores
from app.db.dialect import match_any
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.versioning import Columns
from app.events import queries
from app.events.statement import CARRIED_COLUMNS, StatementKey, select_matching


@dataclass(frozen=True, slots=True)
class CountKey:
    """Everything that the text of a statement that counts by time depends on."""

    matching: StatementKey
    of_pair: bool
    """Whether the signals between `pair_0` and `pair_1` count; else the events themselves."""
    bounded: bool
    """Whether events that began before the parameter `first` count for that day."""

    @property
    def dialect_name(self) -> str:
        """The database that the statement is for."""
        return self.matching.dialect_name


@dataclass(frozen=True, slots=True)
class _CountedEvents:
    """The matching events, with what each counts as."""

    rows: FromClause
    hit: Columns
    day: ColumnElement[str]
    """The day that an event counts for: the first of the window where it began before."""
    good: ColumnElement[bool]
    bad: ColumnElement[bool]
    scored: ColumnElement[int]
    """The number of intensities or scores of an event."""
    score: ColumnElement[float]
    """Their sum."""
    weight: ColumnElement[float]

    @property
    def sign(self) -> ColumnElement[int]:
        """1 for cooperation, -1 for conflict, 0 for neither, as in the counts of a bucket."""
        return case((self.good, 1), (self.bad, -1), else_=0)


def _select_counted_events(key: CountKey) -> _CountedEvents:
    found = select_matching(key.matching, "intensity", "quad", "end").order_by(None)
    rows = found.subquery()
    hit = rows.c
    day: ColumnElement[str] = hit.value
    if key.bounded:
        day = case((hit.value < bindparam("first"), bindparam("first")), else_=hit.value)
    if not key.of_pair:
        weight = func.abs(func.coalesce(hit.intensity, 0.0))
        scored = case((hit.intensity.is_not(None), 1), else_=0)
        whole = func.coalesce(hit.intensity, 0.0)
        # Named: a parameter without a name would be `quad_1`, as is the second quad asked for.
        good, bad = hit.quad <= bindparam("last_good", 2), hit.quad >= bindparam("first_bad", 3)
        return _CountedEvents(rows, hit, day, good, bad, scored, whole, weight)
    same = {"start": hit.value, "event": hit.id, "seq": hit.seq}
    ends: Ends = (bindparam("pair_0"), bindparam("pair_1"))
    scores = join_pair_scores(rows, same, ends, key.matching.shape.has_field("as_of"))
    score = scores.total
    return _CountedEvents(
        scores.rows, hit, day, score > 0, score < 0, scores.count, score, scores.weight
    )


@lru_cache(maxsize=512)
def compile_day_totals(key: CountKey) -> CompiledStatement:
    """Compile the fields of `DayTotals`, by day."""
    of, n = _select_counted_events(key), func.count()
    rows = select(
        of.day.label("day"),
        n,
        n.filter(of.good),
        n.filter(of.bad),
        cast(func.sum(of.scored), Integer),  # PostgreSQL sums whole numbers to a numeric
        func.sum(of.score),
        func.max(of.weight),
        n.filter(of.hit.end != of.hit.value),
    )
    rows = rows.select_from(of.rows).group_by("day").order_by("day")
    return compile_statement(key.dialect_name, rows, steady=key.matching.part != "whole")


@lru_cache(maxsize=512)
def compile_lasting_events(key: CountKey) -> CompiledStatement:
    """Compile the fields of `LastingEvents`: events of more than a day."""
    of, n = _select_counted_events(key), func.count()
    hit = of.hit
    rows = select(of.day, hit.value, hit.end, n, n.filter(of.good), n.filter(of.bad))
    rows = rows.select_from(of.rows).where(hit.end != hit.value).group_by(hit.value, hit.end)
    return compile_statement(key.dialect_name, rows)


@lru_cache(maxsize=512)
def compile_under_way(key: CountKey) -> CompiledStatement:
    """Compile (seq, day, start, end, sign) of events of more than a day, the weightiest first."""
    of = _select_counted_events(key)
    hit = of.hit
    rows = select(hit.seq, of.day.label("day"), hit.value, hit.end, of.sign).select_from(of.rows)
    rows = rows.where(hit.end != hit.value).order_by(of.weight.desc(), hit.value, hit.id)
    return compile_statement(key.dialect_name, rows)


@lru_cache(maxsize=512)
def compile_weightiest_events(key: CountKey) -> CompiledStatement:
    """Compile (day, seq, sign) of events of at least weight `bar`, or of the days in `values`."""
    of = _select_counted_events(key)
    rows = select(of.day.label("day"), of.hit.seq, of.sign).select_from(of.rows)
    rows = rows.where(or_(of.weight >= bindparam("bar"), match_any(key.dialect_name, of.day)))
    rows = rows.order_by(of.weight.desc(), "day", of.hit.id)
    return compile_statement(key.dialect_name, rows)


@lru_cache(maxsize=512)
def compile_signs(key: CountKey) -> CompiledStatement:
    """Compile (sign, number of events): of the signals between a pair, or of the quad class."""
    of = _select_counted_events(key)
    rows = select(of.sign.label("sign"), func.count()).select_from(of.rows).group_by("sign")
    return compile_statement(key.dialect_name, rows)


@lru_cache(maxsize=1024)
def compile_facet(key: StatementKey, face: str) -> CompiledStatement:
    """Compile (value, number of events) of a field, the highest count first."""
    carried = [face] if face in CARRIED_COLUMNS else []
    found = select_matching(key, *carried).order_by(None)
    hit = found.subquery()
    as_of, n = key.shape.has_field("as_of"), func.count()
    value: Any
    if face in queries.FACET_TABLES:
        parts = queries.select_part_values(hit, key.shape, face).c
        value, n = parts.value, func.count(func.distinct(parts.event))
        rows = select(value, n)
    elif carried:
        value = hit.c[face]
        rows = select(value, n)
    else:
        rows_of, column = queries.join_event_rows(hit, as_of)
        value = column(face)
        rows = select(value, n).select_from(rows_of)
    rows = rows.group_by(value).order_by(n.desc(), value.is_(None), value.asc())
    return compile_statement(key.dialect_name, rows, steady=key.part != "whole")
