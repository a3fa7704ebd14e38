"""Reads of actors and memberships; statements are built here, and run by who asks."""

from collections.abc import Sequence
from typing import Any

from rapidfuzz import fuzz, process
from sqlalchemy import Connection, Row, Select, bindparam, select, tuple_

from app.actors.schemas import Candidate
from app.db.tables import actor_names, actors, memberships, revisions
from app.db.types import NEVER
from app.text import fold

ORDER = ("code", "iso2", "name")
"""In which order a bare word is tried; a FIPS code never is, since FIPS and ISO collide."""


_EXACT = select(actors.c.code).where(actors.c.code == bindparam("asked"))


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


def named(asked: str) -> Select[tuple[str, str, str, str, str]]:
    """Every actor for which the word is a code, `scheme:code`, name or alias."""
    tries = [("code", asked.strip().lower()), ("name", fold(asked))]
    if len(asked.strip()) == 2:
        tries.append(("iso2", asked.strip().lower()))
    scheme, _, value = asked.partition(":")
    if value:
        tries.append((scheme.strip().lower(), value.strip().lower()))
    n = actor_names.c
    key = tuple_(n.scheme, n.value)
    return select(n.scheme, n.value, n.actor, n.since, n.until).where(key.in_(tries))


def find(db: Connection, asked: str, on: str | None = None) -> str:
    """The code of the actor that a name means, on a day where that matters.

    Raises `UnknownActorError` with the nearest names, `AmbiguousActorError` with the candidates.
    """
    exact = db.scalar(_EXACT, {"asked": asked})
    if exact is not None:
        return str(exact)
    rows = db.execute(named(asked)).all()
    found: dict[str, str] = {}
    for scheme in (*ORDER, asked.partition(":")[0].strip().lower()):
        held = _valid([r for r in rows if r.scheme == scheme], on)
        for r in held:
            found.setdefault(r.actor, f"{scheme}:{r.value}")
        if held and scheme == "iso2":
            break  # a two-letter word is an ISO code before it is a name
    if len(found) > 1:
        raise AmbiguousActorError(asked, candidates(db, sorted(found), asked))
    if found:
        return next(iter(found))
    raise UnknownActorError(asked, resembling(db, asked, 3))


def _valid(rows: Sequence[Row[Any]], on: str | None) -> list[Row[Any]]:
    """The names that held on a day; without a day those of today, else the last ones."""
    day = NEVER if on is None else on
    held = [r for r in rows if r.since <= day and (day < r.until or r.until == day == NEVER)]
    if held or not rows:
        return held
    latest = max(r.until for r in rows)
    return [r for r in rows if r.until == latest]


def candidates(db: Connection, codes: Sequence[str], match: str) -> list[Candidate]:
    """Actors as candidates that match fully."""
    rows = db.execute(select(actors).where(actors.c.code.in_(codes)).order_by(actors.c.code))
    return [Candidate(code=r.code, name=r.name, kind=r.kind, score=100, match=match) for r in rows]


def _likeness(asked: str, name: str, **_: Any) -> float:
    """0 to 100: by letters, or by words in any order, which say a little less."""
    return max(fuzz.ratio(asked, name), 0.9 * fuzz.token_set_ratio(asked, name))


def resembling(db: Connection, asked: str, limit: int) -> list[Candidate]:
    """The actors with the most similar names, best first."""
    n = actor_names.c
    rows = db.execute(
        select(n.scheme, n.value, n.actor, actors.c.name, actors.c.kind)
        .join(actors, actors.c.code == n.actor)
        .where(n.scheme.in_(("code", "name")))
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


def spells(
    *, actors: Sequence[str] | None = None, groups: Sequence[str] | None = None
) -> Select[tuple[str, str]]:
    """Memberships (id, document) of some actors, in some groups."""
    m = memberships.c
    asked = [c.in_(codes) for c, codes in ((m.actor, actors), (m.group, groups)) if codes]
    return (
        select(m.id, revisions.c.document)
        .join(revisions, revisions.c.seq == m.seq)
        .where(*asked)
        .order_by(m.group, m.actor, m.role, m.since)
    )
