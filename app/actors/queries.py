"""Reads of actors and memberships; statements are built here, and run by who asks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process
from sqlalchemy import Connection, Row, Select, bindparam, func, select, tuple_

from app.actors.schemas import Candidate
from app.db.dialect.statements import prepared
from app.db.tables import actor_names, actors, memberships, participations, revisions
from app.db.types import NEVER
from app.db.worlds import across, as_it_stood
from app.text import fold

ORDER = ("code", "iso2", "name")
"""In which order a bare word is tried; a FIPS code never is, since FIPS and ISO collide."""


def _exact(a: Any) -> Select[Any]:
    return select(a.code, a.kind, a.merged_into).where(a.code == bindparam("asked"))


_EXACT = _exact(actors.c)
_EXACT_THEN = as_it_stood(actors, _exact)


class UnknownActorError(Exception):
    """No actor goes by that name; knows the nearest."""

    def __init__(self, asked: str, near: Sequence[Candidate]) -> None:
        super().__init__(f"no actor is called {asked[:100]!r}")
        self.near = near

    @property
    def hint(self) -> str:
        """The way out."""
        if not self.near:
            return "See /v1/actors/resolve?q= for names and codes."
        return "Did you mean " + ", ".join(f"{c.code} ({c.name})" for c in self.near) + "?"


class AmbiguousActorError(UnknownActorError):
    """Several actors go by that name."""


def tries(asked: str) -> list[tuple[str, str]]:
    """Under which schemes a word is looked for, and in which form."""
    plain = asked.strip().lower()
    made = [("code", plain), ("name", fold(asked))]
    if len(plain) == 2:
        made.append(("iso2", plain))
    scheme, _, value = asked.partition(":")
    if value:
        own = scheme.strip().lower()
        made.append((own, fold(value) if own == "name" else value.strip().lower()))
    return list(dict.fromkeys(made))


def named(asked: str, as_of: int | None = None) -> Select[Any]:
    """Every actor for which the word is a code, `scheme:code`, name or alias."""

    def build(n: Any) -> Select[Any]:
        found = select(n.scheme, n.value, n.actor, n.since, n.until)
        return found.where(tuple_(n.scheme, n.value).in_(tries(asked)))

    return across(as_of, actor_names, build)


def find(
    db: Connection, asked: str, on: str | None = None, as_of: int | None = None, near: int = 3
) -> str:
    """The code of the actor that a name means, on a day where that matters, merged ones followed.

    Raises `UnknownActorError` with the nearest names, `AmbiguousActorError` with the candidates.
    """
    row = exact(db, asked, as_of) or exact(db, _by_name(db, asked, on, as_of, near), as_of)
    while row is not None and row.merged_into is not None:
        row = exact(db, row.merged_into, as_of)
    assert row is not None
    return str(row.code)


class Exact(NamedTuple):
    """An actor as a code finds it."""

    code: str
    kind: str
    merged_into: str | None


def called(db: Connection, asked: str, as_of: int | None = None) -> Exact | None:
    """The actor that a name means, a merged one too.

    Raises as `find`.
    """
    return exact(db, asked, as_of) or exact(db, _by_name(db, asked, None, as_of), as_of)


def exact(db: Connection, code: str, as_of: int | None = None) -> Exact | None:
    """The actor with a code."""
    statement = _EXACT if as_of is None else _EXACT_THEN
    given = {"asked": code} | ({} if as_of is None else {"as_of": as_of})
    rows = prepared(db.dialect.name, statement).rows(db, given)
    return Exact(*rows[0]) if rows else None


def _by_name(db: Connection, asked: str, on: str | None, as_of: int | None, near: int = 3) -> str:
    rows = db.execute(named(asked, as_of)).all()
    found: dict[str, str] = {}
    for scheme in (*ORDER, asked.partition(":")[0].strip().lower()):
        held = _valid([r for r in rows if r.scheme == scheme], on)
        for r in held:
            found.setdefault(r.actor, f"{scheme}:{r.value}")
        if held and scheme == "iso2":
            break  # a two-letter word is an ISO code before it is a name
    if len(found) > 1:
        raise AmbiguousActorError(asked, candidates(db, sorted(found), asked, as_of))
    if found:
        return next(iter(found))
    raise UnknownActorError(asked, resembling(db, asked, near, as_of) if near else [])


def _valid(rows: Sequence[Row[Any]], on: str | None) -> list[Row[Any]]:
    """The names that held on a day; without a day those of today, else the last ones."""
    day = NEVER if on is None else on
    held = [r for r in rows if r.since <= day and (day < r.until or r.until == day == NEVER)]
    if held or not rows:
        return held
    latest = max(r.until for r in rows)
    return [r for r in rows if r.until == latest]


def candidates(
    db: Connection, codes: Sequence[str], match: str, as_of: int | None = None
) -> list[Candidate]:
    """Actors as candidates that match fully."""

    def build(a: Any) -> Select[Any]:
        return select(a.code, a.name, a.kind).where(a.code.in_(codes))

    rows = db.execute(across(as_of, actors, build).order_by("code"))
    return [Candidate(code=r.code, name=r.name, kind=r.kind, score=100, match=match) for r in rows]


def _likeness(asked: str, name: str, **_: Any) -> float:
    """0 to 100: by letters, or by words in any order, which say a little less."""
    return max(fuzz.ratio(asked, name), 0.9 * fuzz.token_set_ratio(asked, name))


def resembling(db: Connection, asked: str, limit: int, as_of: int | None = None) -> list[Candidate]:
    """The actors with the most similar names, best first."""

    def build(n: Any) -> Select[Any]:
        return select(n.scheme, n.value, n.actor).where(n.scheme.in_(("code", "name")))

    names = across(as_of, actor_names, build).subquery()
    called_so = across(as_of, actors, lambda a: select(a.code, a.name, a.kind)).subquery()
    n, a = names.c, called_so.c
    rows = db.execute(
        select(n.scheme, n.value, n.actor, a.name, a.kind)
        .join(called_so, a.code == n.actor)
        .order_by(n.actor, n.scheme, n.value)
    ).all()
    texts = [r.value for r in rows]
    found: dict[str, Candidate] = {}
    for _, score, at in process.extract(
        fold(asked)[:200], texts, scorer=_likeness, limit=limit * 4, score_cutoff=60
    ):
        r = rows[at]
        found.setdefault(
            r.actor,
            Candidate(
                code=r.actor,
                name=r.name,
                kind=r.kind,
                score=round(score, 1),
                match=f"{r.scheme}:{r.value}",
            ),
        )
    return list(found.values())[:limit]


def one(code: str, as_of: int | None = None) -> Select[Any]:
    """(seq, document) of an actor."""
    held = across(as_of, actors, lambda a: select(a.seq).where(a.code == code)).subquery()
    return select(held.c.seq, revisions.c.document).join(revisions, revisions.c.seq == held.c.seq)


def listed(kinds: Sequence[str], after: str | None, as_of: int | None, limit: int) -> Select[Any]:
    """(code, document) of actors by code, one more than a page."""

    def build(a: Any) -> Select[Any]:
        asked = [a.merged_into.is_(None)]
        asked += [a.kind.in_(kinds)] if kinds else []
        asked += [a.code > after] if after is not None else []
        return select(a.code, a.seq).where(*asked)

    held = across(as_of, actors, build).subquery().c
    found = select(held.code, revisions.c.document).join(revisions, revisions.c.seq == held.seq)
    return found.order_by(held.code).limit(limit + 1)


def counts(db: Connection, codes: Sequence[str], as_of: int | None) -> dict[str, dict[str, Any]]:
    """`events`, `first_event` and `last_event` of each of some actors that have any."""

    def build(p: Any) -> Select[Any]:
        return select(p.actor, p.event, p.start).where(p.actor.in_(codes), p.status != "retracted")

    p = across(as_of, participations, build).subquery().c
    n = func.count(func.distinct(p.event))
    found = select(p.actor, n.label("events"), func.min(p.start), func.max(p.start))
    rows = db.execute(found.group_by(p.actor))
    names = ("events", "first_event", "last_event")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def spells(
    *,
    actors: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    as_of: int | None = None,
) -> Select[Any]:
    """Memberships (id, seq, document) of some actors, in some groups."""

    def build(m: Any) -> Select[Any]:
        asked = [c.in_(codes) for c, codes in ((m.actor, actors), (m.group, groups)) if codes]
        return select(m.id, m.group, m.actor, m.role, m.since, m.seq).where(*asked)

    held = across(as_of, memberships, build).subquery()
    return (
        select(held.c.id, held.c.seq, revisions.c.document)
        .join(revisions, revisions.c.seq == held.c.seq)
        .order_by(held.c.group, held.c.actor, held.c.role, held.c.since)
    )
