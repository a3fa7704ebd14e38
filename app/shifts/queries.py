"""Reads for alignment; statements are built here, and run by who asks."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, literal, or_, select, union_all

from app.db import dialect
from app.db.tables import actors, datasets, day_sums, memberships, reports, signals
from app.db.worlds import across
from app.events.queries import Asked
from app.events.statement import matching
from app.shifts.filter import Acts

SUMS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")


def kinds(codes: Sequence[str], as_of: int | None) -> Select[Any]:
    """(code, kind) of some actors."""
    return across(as_of, actors, lambda a: select(a.code, a.kind).where(a.code.in_(codes)))


def members(groups: Sequence[str], as_of: int | None) -> Select[Any]:
    """(group, actor, since, until) of each spell in some groups."""

    def build(m: Any) -> Select[Any]:
        of_groups = (m.group.in_(groups), m.role == "member", m.since.is_not(None))
        return select(m.group, m.actor, m.since, m.until).where(*of_groups)

    return across(as_of, memberships, build)


@lru_cache(maxsize=1024)
def sums_between(kind: str, partners: int, wanted: int, acts: Acts) -> dialect.Compiled:
    """(partner, own, day, n, positive, negative, q1 … q4) of an actor and some partners.

    Parameters: `actor`, `partner_0` …, `dataset_0` …; `own` is 1 where the actor acted.
    """
    d = day_sums.c
    others: list[Any] = [bindparam(f"partner_{n}") for n in range(partners)]
    held = d.dataset.in_([bindparam(f"dataset_{n}") for n in range(wanted)])
    sums = [d[name] for name in SUMS]
    own = select(d.toward, literal(1).label("own"), d.day, *sums)
    own = own.where(d["from"] == bindparam("actor"), d.toward.in_(others), held)
    theirs = select(d["from"], literal(0).label("own"), d.day, *sums)
    theirs = theirs.where(d["from"].in_(others), d.toward == bindparam("actor"), held)
    chosen = {"own": [own], "theirs": [theirs], "both": [own, theirs]}[acts]
    whole: Any = chosen[0] if len(chosen) == 1 else union_all(*chosen)
    return dialect.compiled(kind, whole)


def all_sums(wanted: Sequence[str], actor: str | None = None) -> Select[Any]:
    """(from, toward, day, n, positive, negative, q1 … q4) of some datasets, perhaps of an actor."""
    d = day_sums.c
    rows = select(d["from"], d.toward, d.day, *(d[name] for name in SUMS))
    rows = rows.where(d.dataset.in_(wanted), d["from"] != d.toward)
    return rows if actor is None else rows.where(or_(d["from"] == actor, d.toward == actor))


def signals_of(
    wanted: Sequence[str],
    asked: Asked | None,
    as_of: int | None,
    actor: str | None = None,
    partners: Sequence[str] | None = None,
) -> Select[Any]:
    """(from, toward, day, score, confidence, quad, event, seq) of the events that count.

    Where `asked` is None only datasets narrow the events; else its values go with the statement.
    """
    hit = None
    if asked is not None:
        hit = matching(asked.reading).order_by(None).subquery()

    def build(s: Any) -> Select[Any]:
        day = s.start.label("day")
        rows = select(s["from"], s.toward, day, s.score, s.confidence, s.quad, s.event, s.seq)
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

    return across(as_of, signals, build)


def reports_of(ids: Sequence[str], known_by: str | None, as_of: int | None) -> Select[Any]:
    """(event, source, publisher) of the reports of some events, perhaps only of those out by a day.

    Publishers come folded to one case, as they are counted.
    """

    def build(r: Any) -> Select[Any]:
        rows = select(r.event, r.source, func.lower(r.publisher).label("publisher"))
        rows = rows.where(r.event.in_(ids), r.stance != "disputes")
        return rows.where(r.published <= known_by) if known_by else rows

    return across(as_of, reports, build)


def covered(wanted: Sequence[str], as_of: int | None) -> Select[Any]:
    """(first, last) day of some datasets."""

    def build(d: Any) -> Select[Any]:
        known = (d.first.is_not(None), d.last.is_not(None))
        return select(d.first, d.last).where(d.code.in_(wanted), *known)

    return across(as_of, datasets, build)
