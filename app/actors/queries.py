"""Queries on actors and memberships; names and codes are resolved to actors.

Statements are built here; the caller runs them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select, tuple_

from app.actors.schemas import ActorCandidate
from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import actor_names, actors, memberships, participations, revisions
from app.db.types import NO_END_DAY
from app.db.versioning import Columns, select_as_of, select_current_or_as_of
from app.text import fold_text

SCHEME_ORDER = ("code", "iso2", "name")
"""The schemes that a word without one is looked up in; not FIPS, whose codes collide with ISO's."""
NameRow = Row[str, str, str, str, str]
"""Scheme, value, actor, since and until of a name."""


def _select_by_code(a: Columns) -> Select[str, str, str | None]:
    return select(a.code, a.kind, a.merged_into).where(a.code == bindparam("asked"))


_BY_CODE = _select_by_code(actors.c)
_BY_CODE_AS_OF = select_as_of(actors, _select_by_code)


class UnknownActorError(Exception):
    """No actor has that name or code; `near` has the nearest."""

    def __init__(self, asked: str, near: Sequence[ActorCandidate]) -> None:
        super().__init__(f"no actor is called {asked[:100]!r}")
        self.near = near

    @property
    def hint(self) -> str:
        """A suggestion for the reader: the nearest names, or where to search."""
        if not self.near:
            return "See /v1/actors/resolve?q= for names and codes."
        return "Did you mean " + ", ".join(f"{c.code} ({c.name})" for c in self.near) + "?"


class AmbiguousActorError(UnknownActorError):
    """Several actors have that name; `near` has all of them."""


def lookup_keys(asked: str) -> list[tuple[str, str]]:
    """The (scheme, value) pairs under which a word is looked up."""
    plain = asked.strip().lower()
    made = [("code", plain), ("name", fold_text(asked))]
    if len(plain) == 2:
        made.append(("iso2", plain))
    scheme, _, value = asked.partition(":")
    if value:
        own = scheme.strip().lower()
        made.append((own, fold_text(value) if own == "name" else value.strip().lower()))
    return list(dict.fromkeys(made))


def select_matching_names(asked: str, as_of: int | None = None) -> Select[str, str, str, str, str]:
    """Select every actor that has a word as its code, `scheme:code`, name or alias."""

    def select_rows(n: Columns) -> Select[str, str, str, str, str]:
        found = select(n.scheme, n.value, n.actor, n.since, n.until)
        return found.where(tuple_(n.scheme, n.value).in_(lookup_keys(asked)))

    return select_current_or_as_of(as_of, actor_names, select_rows)


def resolve_actor_code(
    db: Connection, asked: str, on: str | None = None, as_of: int | None = None, near: int = 3
) -> str:
    """Resolve a name or code to the code of an actor; a merged actor gives its survivor.

    `on` is the day on which the name was valid, `near` the number of suggestions. Raises
    `UnknownActorError` with the nearest names, or `AmbiguousActorError` with the candidates.
    """
    row = find_actor_by_code(db, asked, as_of) or find_actor_by_code(
        db, _resolve_name(db, asked, on, as_of, near), as_of
    )
    while row is not None and row.merged_into is not None:
        row = find_actor_by_code(db, row.merged_into, as_of)
    assert row is not None
    return str(row.code)


class ActorRef(NamedTuple):
    """The code and kind of an actor, and the actor that it was merged into."""

    code: str
    kind: str
    merged_into: str | None


def find_actor(db: Connection, asked: str, as_of: int | None = None) -> ActorRef | None:
    """Find the actor that a name or code means; a merged actor is returned itself.

    Raises the errors of `resolve_actor_code`.
    """
    return find_actor_by_code(db, asked, as_of) or find_actor_by_code(
        db, _resolve_name(db, asked, None, as_of), as_of
    )


def find_actor_by_code(db: Connection, code: str, as_of: int | None = None) -> ActorRef | None:
    """Find the actor with a code; None where there is none."""
    statement = _BY_CODE if as_of is None else _BY_CODE_AS_OF
    params = {"asked": code} | ({} if as_of is None else {"as_of": as_of})
    rows = compile_prepared(db.dialect.name, statement).fetch_rows(db, params)
    return ActorRef(*rows[0]) if rows else None


def _resolve_name(
    db: Connection, asked: str, on: str | None, as_of: int | None, near: int = 3
) -> str:
    rows = db.execute(select_matching_names(asked, as_of)).all()
    found: dict[str, str] = {}
    for scheme in (*SCHEME_ORDER, asked.partition(":")[0].strip().lower()):
        valid = _valid_names([r for r in rows if r.scheme == scheme], on)
        for r in valid:
            found.setdefault(r.actor, f"{scheme}:{r.value}")
        if valid and scheme == "iso2":
            break  # a two-letter word is an ISO code before it is a name
    if len(found) > 1:
        raise AmbiguousActorError(asked, read_actor_candidates(db, sorted(found), asked, as_of))
    if found:
        return next(iter(found))
    raise UnknownActorError(asked, find_similar_actors(db, asked, near, as_of) if near else [])


def _valid_names(rows: Sequence[NameRow], on: str | None) -> list[NameRow]:
    """The names that were valid on a day; without a day the current ones, else the latest."""
    day = NO_END_DAY if on is None else on
    valid = [r for r in rows if r.since <= day and (day < r.until or r.until == day == NO_END_DAY)]
    if valid or not rows:
        return valid
    latest = max(r.until for r in rows)
    return [r for r in rows if r.until == latest]


def read_actor_candidates(
    db: Connection, codes: Sequence[str], match: str, as_of: int | None = None
) -> list[ActorCandidate]:
    """Read actors as candidates with the full score of 100."""

    def select_rows(a: Columns) -> Select[str, str, str]:
        return select(a.code, a.name, a.kind).where(a.code.in_(codes))

    rows = db.execute(select_current_or_as_of(as_of, actors, select_rows).order_by("code"))
    return [
        ActorCandidate(code=r.code, name=r.name, kind=r.kind, score=100, match=match) for r in rows
    ]


def _name_similarity(asked: str, name: str, **_: object) -> float:
    """The similarity of two names, 0 to 100: by letters, or by words in any order times 0.9."""
    return max(fuzz.ratio(asked, name), 0.9 * fuzz.token_set_ratio(asked, name))


def find_similar_actors(
    db: Connection, asked: str, limit: int, as_of: int | None = None
) -> list[ActorCandidate]:
    """Find the actors with the most similar names or codes, best first."""

    def select_rows(n: Columns) -> Select[str, str, str]:
        return select(n.scheme, n.value, n.actor).where(n.scheme.in_(("code", "name")))

    names = select_current_or_as_of(as_of, actor_names, select_rows).subquery()
    named = select_current_or_as_of(
        as_of, actors, lambda a: select(a.code, a.name, a.kind)
    ).subquery()
    n, a = names.c, named.c
    rows = db.execute(
        select(n.scheme, n.value, n.actor, a.name, a.kind)
        .join(named, a.code == n.actor)
        .order_by(n.actor, n.scheme, n.value)
    ).all()
    texts = [r.value for r in rows]
    found: dict[str, ActorCandidate] = {}
    for _, score, at in process.extract(
        fold_text(asked)[:200], texts, scorer=_name_similarity, limit=limit * 4, score_cutoff=60
    ):
        r = rows[at]
        found.setdefault(
            r.actor,
            ActorCandidate(
                code=r.actor,
                name=r.name,
                kind=r.kind,
                score=round(score, 1),
                match=f"{r.scheme}:{r.value}",
            ),
        )
    return list(found.values())[:limit]


def select_actor(code: str, as_of: int | None = None) -> Select[int, str]:
    """Select (seq, document) of an actor, current or as of a version."""
    current = select_current_or_as_of(
        as_of, actors, lambda a: select(a.seq).where(a.code == code)
    ).subquery()
    return select(current.c.seq, revisions.c.document).join(
        revisions, revisions.c.seq == current.c.seq
    )


def select_actor_page(
    kinds: Sequence[str], after: str | None, as_of: int | None, limit: int
) -> Select[str, str]:
    """Select (code, document) of actors after a code, one more than a page."""

    def select_rows(a: Columns) -> Select[str, int]:
        asked: list[ColumnElement[bool]] = [a.merged_into.is_(None)]
        asked += [a.kind.in_(kinds)] if kinds else []
        asked += [a.code > after] if after is not None else []
        return select(a.code, a.seq).where(*asked)

    current = select_current_or_as_of(as_of, actors, select_rows).subquery().c
    found = select(current.code, revisions.c.document).join(
        revisions, revisions.c.seq == current.seq
    )
    return found.order_by(current.code).limit(limit + 1)


def count_actor_events(
    db: Connection, codes: Sequence[str], as_of: int | None
) -> dict[str, dict[str, object]]:
    """Count `events`, with `first_event` and `last_event`, of those actors that have any."""

    def select_rows(p: Columns) -> Select[str, str, str]:
        return select(p.actor, p.event, p.start).where(p.actor.in_(codes), p.status != "retracted")

    p = select_current_or_as_of(as_of, participations, select_rows).subquery().c
    n = func.count(func.distinct(p.event))
    found = select(p.actor, n.label("events"), func.min(p.start), func.max(p.start))
    rows = db.execute(found.group_by(p.actor))
    names = ("events", "first_event", "last_event")
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def select_memberships(
    *,
    actors: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    as_of: int | None = None,
) -> Select[str, int, str]:
    """Select (id, seq, document) of memberships, of some actors or in some groups."""

    def select_rows(m: Columns) -> Select[str, str, str, str, str | None, int]:
        asked = [c.in_(codes) for c, codes in ((m.actor, actors), (m.group, groups)) if codes]
        return select(m.id, m.group, m.actor, m.role, m.since, m.seq).where(*asked)

    current = select_current_or_as_of(as_of, memberships, select_rows).subquery()
    return (
        select(current.c.id, current.c.seq, revisions.c.document)
        .join(revisions, revisions.c.seq == current.c.seq)
        .order_by(current.c.group, current.c.actor, current.c.role, current.c.since)
    )
