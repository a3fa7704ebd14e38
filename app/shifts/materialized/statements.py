"""Statements that read stored months and the day sums of many dyads; callers execute them."""

from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    Integer,
    bindparam,
    cast,
    func,
    literal,
    select,
    union,
    union_all,
)

from app.db import dialect
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import day_sums, dyad_months, dyads, reports, signals
from app.shifts.queries import SUM_COLUMNS, between_first_and_last

PAIR = ("one", "other")
DATED_PAIR = (*PAIR, "since")
NUMBERED_PAIR = ("number", *PAIR)
"""Columns of lists of dyads that statements are given."""


@lru_cache(maxsize=2)
def compile_months_between(kind: str) -> CompiledStatement:
    """Compile (first, last, dispersion, months, index) of one dyad; no row if it is stale.

    Parameters: `one`, `other`, and the dataset `wanted`.
    """
    m, d = dyad_months.c, dyads.c
    params: list[BindParameter[str]] = [bindparam(name) for name in ("one", "other", "wanted")]
    key = list(zip(("one", "other", "dataset"), params, strict=True))
    # A subquery: PostgreSQL plans it in less time than a join.
    fresh = select(d.changed == d.segmented).where(*(d[name] == value for name, value in key))
    rows = select(m.first, m.last, m.dispersion, m.months, m.index)
    rows = rows.where(*(m[name] == value for name, value in key), fresh.scalar_subquery())
    return compile_statement(kind, rows, steady=True)


@lru_cache(maxsize=2)
def compile_months_of_pairs(kind: str) -> CompiledStatement:
    """Compile (one, other, months) of a list of pairs by the dataset `wanted`."""
    pairs, m = dialect.values_table(kind, PAIR), dyad_months.c
    same = (m.one == pairs.c.one) & (m.other == pairs.c.other) & (m.dataset == bindparam("wanted"))
    rows = select(m.one, m.other, m.months).select_from(pairs).join(dyad_months, same)
    return compile_statement(kind, rows, steady=True)


@lru_cache(maxsize=2)
def compile_marks_of_pairs(kind: str) -> CompiledStatement:
    """Compile (one, other, changed, segmented, since) of a list of pairs by the dataset `wanted`.

    Callers recognize stale dyads by comparing `changed` with `segmented`.
    """
    # The pairs come first and the join is an outer one, so that each is one lookup by key: SQLite
    # would walk the index of stale dyads for every pair, if it was analysed while all were stale.
    pairs, d = dialect.values_table(kind, PAIR), dyads.c
    same = (d.one == pairs.c.one) & (d.other == pairs.c.other) & (d.dataset == bindparam("wanted"))
    rows = select(pairs.c.one, pairs.c.other, d.changed, d.segmented, d.since)
    return compile_statement(kind, rows.select_from(pairs).outerjoin(dyads, same), steady=True)


@lru_cache(maxsize=2)
def compile_open_month_sums(kind: str) -> CompiledStatement:
    """Compile (own, positive, negative) of the days of a dyad.

    Parameters: `one`, `other`, the dataset `wanted`, and the days `first` to `last`, both
    inclusive.
    """
    d, arms = day_sums.c, []
    for own, from_, toward in ((1, "one", "other"), (0, "other", "one")):
        rows = select(literal(own), d.positive, d.negative)
        rows = rows.where(d["from"] == bindparam(from_), d.toward == bindparam(toward))
        rows = rows.where(d.dataset == bindparam("wanted"))
        arms.append(rows.where(*between_first_and_last(d.day)))
    return compile_statement(kind, union_all(*arms), steady=True)


@lru_cache(maxsize=2)
def compile_publisher_months(kind: str) -> CompiledStatement:
    """Compile (one, other, month, publisher) of the reports of a list of pairs, each once.

    Pairs come with a first day; the dataset is `wanted`. Publishers as in `compile_publisher_days`.
    """
    pairs = dialect.values_table(kind, DATED_PAIR)
    s, r, arms = signals.c, reports.c, []
    publisher, month = func.lower(r.publisher).label("publisher"), func.substr(s.start, 1, 7)
    for from_, toward in (("one", "other"), ("other", "one")):
        same = (s["from"] == pairs.c[from_]) & (s.toward == pairs.c[toward])
        same &= (s.dataset == bindparam("wanted")) & (s.start >= pairs.c.since)
        rows = select(pairs.c.one, pairs.c.other, month.label("month"), publisher)
        rows = rows.select_from(pairs)
        rows = rows.join(signals, same)
        arms.append(rows.join(reports, (r.event == s.event) & (r.stance != "disputes")))
    return compile_statement(kind, union(*arms))


@lru_cache(maxsize=2)
def compile_sums_of_pairs(kind: str) -> CompiledStatement:
    """Compile (number, own, day, n, positive, negative, q1 … q4) of a list of numbered pairs.

    The dataset is `wanted`; `own` is 1 where the `one` acted.
    """
    pairs = dialect.values_table(kind, NUMBERED_PAIR)
    number = cast(pairs.c.number, Integer)
    d, arms = day_sums.c, []
    for own, from_, toward in ((1, pairs.c.one, pairs.c.other), (0, pairs.c.other, pairs.c.one)):
        rows = select(number, literal(own), d.day, *(d[name] for name in SUM_COLUMNS))
        same = (d["from"] == from_) & (d.toward == toward) & (d.dataset == bindparam("wanted"))
        arms.append(rows.select_from(pairs).join(day_sums, same))
    return compile_statement(kind, union_all(*arms))
