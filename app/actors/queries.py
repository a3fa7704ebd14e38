"""Queries on actors and memberships; names and codes are resolved to actors.

Statements are built here; the caller runs them.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from rapidfuzz import fuzz, process
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, tuple_

from app.actors.name_forms import fold_name
from app.actors.name_index import ActorLife, GatheredName, NameKey, gather_name
from app.actors.name_table import NAME_SCHEME, NamePeriod, iterate_table_names
from app.actors.schemas import ActorCandidate
from app.db.dialect.fast_statements import compile_prepared
from app.db.dialect.stored_document import document_of
from app.db.reader import get_hidden
from app.db.tables import actor_names, actors, memberships, participations, revisions
from app.db.types import NO_END_DAY
from app.db.versioning import (
    Columns,
    select_as_of,
    select_current_or_as_of,
    select_with_documents,
)
from app.text import fold_text

CODES_PER_QUERY = 500
"""Codes that one statement asks for."""


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


class StoredNames:
    """The names and codes in the database, now or as of a version."""

    def __init__(self, db: Connection, as_of: int | None = None) -> None:
        self._db, self._as_of = db, as_of

    def find_names(self, keys: Sequence[NameKey]) -> list[NamePeriod]:
        """Find the names and codes that are stored under some keys."""

        def select_rows(n: Columns) -> Select[str, str, str, str, str]:
            found = select(n.scheme, n.value, n.actor, n.since, n.until)
            return found.where(tuple_(n.scheme, n.value).in_(keys))

        if not keys:
            return []
        rows = self._db.execute(select_current_or_as_of(self._as_of, actor_names, select_rows))
        return [NamePeriod(*row) for row in rows]

    def find_lives(self, codes: Collection[str]) -> dict[str, ActorLife]:
        """Find those of some actors that exist, merged ones included."""

        def select_rows(a: Columns) -> Select[str, str, str | None, str | None]:
            return select(a.code, a.kind, a.since, a.until).where(a.code.in_(codes))

        if not codes:
            return {}
        rows = self._db.execute(select_current_or_as_of(self._as_of, actors, select_rows))
        return {
            code: ActorLife(kind, since or "", until or NO_END_DAY)
            for code, kind, since, until in rows
        }


def resolve_actor_code(
    db: Connection,
    asked: str,
    on: str | None = None,
    as_of: int | None = None,
    near: int = 3,
    kinds: Collection[str] | None = None,
) -> str:
    """Resolve a name or code to the code of an actor; a merged actor gives its survivor.

    `on` is the day on which the name was valid, `near` the number of suggestions, `kinds` the kinds
    of actors that count. Raises `UnknownActorError` with the nearest names, or
    `AmbiguousActorError` with the candidates.
    """
    row = find_actor_by_code(db, asked, as_of)
    if row is not None and kinds is not None and row.kind not in kinds:
        row = None
    row = row or find_actor_by_code(db, _resolve_name(db, asked, on, as_of, near, kinds), as_of)
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
    db: Connection,
    asked: str,
    on: str | None,
    as_of: int | None,
    near: int = 3,
    kinds: Collection[str] | None = None,
) -> str:
    gathered: GatheredName = gather_name(asked, StoredNames(db, as_of), kinds)
    found = gathered.choose_codes(on)
    if len(found) > 1:
        raise AmbiguousActorError(asked, read_actor_candidates(db, sorted(found), asked, as_of))
    if found:
        return next(iter(found))
    raise UnknownActorError(asked, find_similar_actors(db, asked, near, as_of) if near else [])


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


LEAST_SIMILARITY = 75.0
"""The score, of 100, from which a name is said to be similar: a letter of four may differ.

At 60, where two of five may, Khamenei was like Armenia, and Ortega like Korea.
"""
MIN_SIMILAR_CODE = 4
"""Letters from which a code may be misspelt: a letter of three makes it another one."""


def _score_names(asked: str, names: Sequence[str]) -> dict[int, float]:
    """Score the names that are similar, 0 to 99: by letters, or by words in any order times 0.9.

    A name that begins with what was typed comes before all that are only similar.
    """
    scores: dict[int, float] = {}
    for scorer, share in ((fuzz.ratio, 1.0), (fuzz.token_set_ratio, 0.9)):
        least = LEAST_SIMILARITY / share - 1  # what is rounded is compared below
        for _, score, at in process.extract(
            asked, names, scorer=scorer, limit=None, score_cutoff=least
        ):
            scores[at] = max(scores.get(at, 0.0), min(90.0, share * score))
    scores = {at: score for at, score in scores.items() if score >= LEAST_SIMILARITY}
    for at, name in enumerate(names):
        if name.startswith(asked):
            scores[at] = 90 + 9 * len(asked) / len(name)
    return scores


def find_similar_actors(
    db: Connection,
    asked: str,
    limit: int,
    as_of: int | None = None,
    schemes: Collection[str] = ("code", NAME_SCHEME),
) -> list[ActorCandidate]:
    """Find the actors with the most similar names or codes, best first, and those of today."""

    def select_rows(n: Columns) -> Select[str, str, str]:
        return select(n.scheme, n.value, n.actor).where(n.scheme.in_(schemes))

    names = select_current_or_as_of(as_of, actor_names, select_rows).order_by("actor", "value")
    known = {
        row.code: row
        for row in db.execute(
            select_current_or_as_of(
                as_of, actors, lambda a: select(a.code, a.name, a.kind, a.until)
            )
        )
    }
    stored = [(scheme, value, actor) for scheme, value, actor in db.execute(names)]
    table = [
        (r.scheme, r.value, r.actor)
        for r in iterate_table_names()
        if r.scheme == NAME_SCHEME and r.actor in known
    ]
    best: dict[str, tuple[float, str]] = {}
    for rows, text in ((stored, fold_text(asked)), (table, fold_name(asked))):
        values = [value for _, value, _ in rows] if text else []
        scores = _score_names(text[:200], values)
        for at, score in sorted(scores.items(), key=lambda one: (-one[1], one[0]))[: limit * 10]:
            scheme, value, actor = rows[at]
            if scheme == "code" and not _may_be_code(text, value):
                continue
            if score > best.get(actor, (0.0, ""))[0]:
                best[actor] = (score, f"{scheme}:{value}")
    ordered = sorted(
        best,
        key=lambda actor: (-best[actor][0], known[actor].until is not None, known[actor].name),
    )
    return [
        ActorCandidate(
            code=actor,
            name=known[actor].name,
            kind=known[actor].kind,
            score=round(best[actor][0], 1),
            match=best[actor][1],
        )
        for actor in ordered[:limit]
    ]


def _may_be_code(text: str, code: str) -> bool:
    """Whether a text is the beginning of a code, or a code with a letter wrong."""
    near = abs(len(text) - len(code)) <= 1 and len(code) >= MIN_SIMILAR_CODE
    return near or code.startswith(text)


def select_actor(code: str, as_of: int | None = None) -> Select[int, str]:
    """Select (seq, document) of an actor, current or as of a version."""
    current = select_current_or_as_of(
        as_of, actors, lambda a: select(a.seq).where(a.code == code)
    ).subquery()
    return select(current.c.seq, document_of(revisions)).join(
        revisions, revisions.c.seq == current.c.seq
    )


def read_actors_of_codes(
    db: Connection, codes: Collection[str], as_of: int | None = None
) -> dict[str, dict[str, Any]]:
    """Read the documents of the actors with some codes, current or as of a version."""
    found: dict[str, dict[str, Any]] = {}
    ordered = sorted(codes)
    for at in range(0, len(ordered), CODES_PER_QUERY):
        part = ordered[at : at + CODES_PER_QUERY]

        def select_rows(a: Columns, part: list[str] = part) -> Select[str, int]:
            return select(a.code, a.seq).where(a.code.in_(part))

        rows = db.execute(select_with_documents(as_of, actors, select_rows))
        found |= {row.code: json.loads(row.document) for row in rows}
    return found


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
    found = select(current.code, document_of(revisions)).join(
        revisions, revisions.c.seq == current.seq
    )
    return found.order_by(current.code).limit(limit + 1)


def count_actor_events(
    db: Connection, codes: Sequence[str], as_of: int | None
) -> dict[str, dict[str, object]]:
    """Count `events`, with `first_event` and `last_event`, of those actors that have any."""

    def select_rows(p: Columns) -> Select[str, str, str]:
        counted = [p.actor.in_(codes), p.status != "retracted"]
        counted += [p.dataset.not_in(closed)] if closed else []
        return select(p.actor, p.event, p.start).where(*counted)

    closed = get_hidden(db).sums
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
        select(current.c.id, current.c.seq, document_of(revisions))
        .join(revisions, revisions.c.seq == current.c.seq)
        .order_by(current.c.group, current.c.actor, current.c.role, current.c.since)
    )
