"""Reads for alignment and shifts; statements are built here and executed by their callers."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)

from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.tables import (
    HISTORY_TABLES,
    actors,
    datasets,
    day_sums,
    events,
    memberships,
    reports,
    revisions,
    signals,
    volumes,
)
from app.db.versioning import Columns, select_current_or_as_of
from app.events.queries import BoundQuery
from app.events.statement import select_matching
from app.shifts.filter import Acts

SUM_COLUMNS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")
VOLUME_SIZES = ("day", "month")


def select_groups_as_of(kinds: Collection[str], as_of: int) -> Select[str]:
    """Select (code) of the actors of some kinds at a version."""
    return select_current_or_as_of(as_of, actors, lambda a: select(a.code).where(a.kind.in_(kinds)))


def select_names_of_actors(codes: Sequence[str], as_of: int | None) -> Select[str, str, str]:
    """Select (code, name, kind) of some actors."""
    return select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name, a.kind).where(a.code.in_(codes))
    )


def select_member_periods(
    groups: Sequence[str], as_of: int | None
) -> Select[str, str, str, str, str | None]:
    """Select (group, actor, since, until, suspended) of each membership period in some groups."""

    def build_select(m: Columns) -> Select[str, str, str, str, str | None]:
        of_groups = (m.group.in_(groups), m.role == "member", m.since.is_not(None))
        return select(m.group, m.actor, m.since, m.until, m.suspended).where(*of_groups)

    return select_current_or_as_of(as_of, memberships, build_select)


def select_suspended_members(groups: Sequence[str], as_of: int | None) -> Select[str, str, str]:
    """Select (group, actor, suspended) of the members of some groups that ever were suspended."""

    def build_select(m: Columns) -> Select[str, str, str]:
        of_groups = (m.group.in_(groups), m.role == "member", m.suspended.is_not(None))
        return select(m.group, m.actor, m.suspended).where(*of_groups)

    return select_current_or_as_of(as_of, memberships, build_select)


@lru_cache(maxsize=1024)
def compile_sums_between(kind: str, partners: int, wanted: int, acts: Acts) -> CompiledStatement:
    """Compile (partner, own, day, n, positive, negative, q1 … q4) of an actor and some partners.

    Parameters: `actor`, `partner_0` …, `dataset_0` …; `own` is 1 where the actor acted.
    """
    d = day_sums.c
    others: list[BindParameter[str]] = [bindparam(f"partner_{n}") for n in range(partners)]
    chosen_sets = d.dataset.in_([bindparam(f"dataset_{n}") for n in range(wanted)])
    sums = [d[name] for name in SUM_COLUMNS]
    own = select(d.toward, literal(1).label("own"), d.day, *sums)
    own = own.where(d["from"] == bindparam("actor"), d.toward.in_(others), chosen_sets)
    theirs = select(d["from"], literal(0).label("own"), d.day, *sums)
    theirs = theirs.where(d["from"].in_(others), d.toward == bindparam("actor"), chosen_sets)
    chosen = {"own": [own], "theirs": [theirs], "both": [own, theirs]}[acts]
    return compile_statement(
        kind, chosen[0] if len(chosen) == 1 else union_all(*chosen), steady=True
    )


def between_first_and_last(
    day: ColumnElement[str],
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Restrict a day to the parameters `first` to `last`, both inclusive."""
    return day >= bindparam("first"), day <= bindparam("last")


@lru_cache(maxsize=1024)
def compile_publisher_days(kind: str, partners: int, wanted: int) -> CompiledStatement:
    """Compile (from, toward, day, publisher) of the reports between an actor and some partners.

    Each occurs once. Parameters as in `compile_sums_between`, and the days `first` and `last`.
    Publishers are folded to lower case, as they are counted.
    """
    s, r = signals.c, reports.c
    others: list[BindParameter[str]] = [bindparam(f"partner_{n}") for n in range(partners)]
    chosen_sets = s.dataset.in_([bindparam(f"dataset_{n}") for n in range(wanted)])
    one: BindParameter[str] = bindparam("actor")
    arms = []
    for of_actor, of_partner in (("from", "toward"), ("toward", "from")):
        columns = (s["from"], s.toward, s.start, func.lower(r.publisher).label("publisher"))
        rows = select(*columns).select_from(signals)
        rows = rows.join(reports, (r.event == s.event) & (r.stance != "disputes"))
        rows = rows.where(s[of_actor] == one, s[of_partner].in_(others), chosen_sets)
        arms.append(rows.where(*between_first_and_last(s.start)))
    return compile_statement(kind, union(*arms))


@lru_cache(maxsize=64)
def compile_volumes(kind: str, wanted: int) -> CompiledStatement:
    """Compile (start, n) of all signals of some datasets, by day at the ends and by month between.

    By day from `first` on, by month from `opens` on, and by day again from `closes` to `last`; only
    `last` is inclusive. `opens` and `closes` are months (or days, where there is no whole month);
    datasets are `dataset_0` …
    """
    v = volumes.c
    chosen_sets = v.dataset.in_([bindparam(f"dataset_{n}") for n in range(wanted)])
    opens, closes = v.start >= bindparam("opens"), v.start >= bindparam("closes")
    by_day, by_month = (
        select(v.start, v.n).where(chosen_sets, v.size == size) for size in VOLUME_SIZES
    )
    rows = [
        by_day.where(v.start >= bindparam("first"), ~opens),
        by_month.where(opens, ~closes),
        by_day.where(closes, v.start <= bindparam("last")),
    ]
    return compile_statement(kind, union_all(*rows), steady=True)


def select_volume_changes(wanted: Sequence[str], version: int) -> Select[str, int]:
    """Select (start, n): how many more signals some datasets have now than at a version."""
    changed = select(revisions.c.id).where(revisions.c.kind == "event", revisions.c.seq > version)
    s, p = signals.c, HISTORY_TABLES[signals].c
    arms = []
    for table, sign, then in (
        (s, 1, s.seq > version),
        (p, -1, (p.seq <= version) & (p.gone > version)),
    ):
        rows = select(table.start, literal(sign).label("n"))
        rows = rows.where(table.dataset.in_(wanted), table.event.in_(changed), then)
        arms.append(rows)
    both = union_all(*arms).subquery()
    return select(both.c.start, func.sum(both.c.n)).group_by(both.c.start)


def select_all_day_sums(
    wanted: Sequence[str], actor: str | None = None
) -> Select[str, str, str, int, int, int, int, int, int, int]:
    """Select (from, toward, day, n, positive, negative, q1 … q4) of some datasets.

    If an actor is named, only its dyads.
    """
    d = day_sums.c
    rows = select(d["from"], d.toward, d.day, *(d[name] for name in SUM_COLUMNS))
    rows = rows.where(d.dataset.in_(wanted), d["from"] != d.toward)
    return rows if actor is None else rows.where(or_(d["from"] == actor, d.toward == actor))


def select_counted_signals(
    wanted: Sequence[str],
    asked: BoundQuery | None,
    as_of: int | None,
    actor: str | None = None,
    partners: Sequence[str] | None = None,
) -> Select[str, str, str, float, float, int, str, int, float, str, str]:
    """Select the signals of the events that count.

    As (from, toward, start, score, confidence, quad, event, seq, weight, end, origin).

    Without a bound query only datasets narrow the events; otherwise its parameters go with the
    statement.
    """
    hit = None
    if asked is not None:
        hit = select_matching(asked.statement_key).order_by(None).subquery()

    def build_select(
        s: Columns,
    ) -> Select[str, str, str, float, float, int, str, int, float, str, str]:
        rows = select(
            s["from"], s.toward, s.start, s.score, s.confidence, s.quad, s.event, s.seq,
            s.weight, s.end, s.origin,
        )  # fmt: skip
        if hit is None:
            rows = rows.where(s.dataset.in_(wanted))
        else:
            rows = rows.join(hit, and_(hit.c.id == s.event, hit.c.seq == s.seq))
        if actor is not None:
            one, other = s["from"] == actor, s.toward == actor
            if partners is not None:
                one, other = one & s.toward.in_(partners), other & s["from"].in_(partners)
            rows = rows.where(or_(one, other))
        return rows.where(s["from"] != s.toward)

    return select_current_or_as_of(as_of, signals, build_select)


def select_publishers_of_events(
    ids: Sequence[str], known_by: str | None, as_of: int | None
) -> Select[str, str, str]:
    """Select (event, name, publisher) of the reports of some events.

    Only those published by `known_by`, if it is set. `publisher` is folded to lower case, as it is
    counted.
    """

    def build_select(r: Columns) -> Select[str, str, str]:
        rows = select(
            r.event, r.publisher.label("name"), func.lower(r.publisher).label("publisher")
        )
        rows = rows.where(r.event.in_(ids), r.stance != "disputes")
        return rows.where(r.published <= known_by) if known_by else rows

    return select_current_or_as_of(as_of, reports, build_select)


def select_places_of_events(ids: Sequence[str], as_of: int | None) -> Select[str, str]:
    """Select (id, country) of some events whose country is known."""

    def build_select(e: Columns) -> Select[str, str]:
        return select(e.id, e.country).where(e.id.in_(ids), e.country.is_not(None))

    return select_current_or_as_of(as_of, events, build_select)


def select_coverage(wanted: Sequence[str], as_of: int | None) -> Select[str, str]:
    """Select the (first, last) days of some datasets, now or at a version."""

    def build_select(d: Columns) -> Select[str, str]:
        known = (d.first.is_not(None), d.last.is_not(None))
        return select(d.first, d.last).where(d.code.in_(wanted), *known)

    return select_current_or_as_of(as_of, datasets, build_select)
