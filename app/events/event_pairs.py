"""Rows of `pairs`: which two actors take part in an event, so that the events of two are found.

They follow from the participations, and are deleted and written with them (decision 038).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, Select, and_, delete, exists, func, select

from app.db.dialect import in_list_params, match_any, values_table, values_table_params
from app.db.dialect.bulk_copy import bulk_add_sums, bulk_delete_keys
from app.db.tables import HISTORY_TABLES, events, pairs, participations
from app.events.filter import Sort
from app.events.index_rows import PAIR_COLUMNS, SIDE_BITS, pair_actors, role_bits
from app.events.resolved_filter import ResolvedFilter
from app.events.vocabulary import ROLES

_KEY = PAIR_COLUMNS[:4]


class PairChoice(NamedTuple):
    """Two actors of a question, each demanded by a clause of its own, whose pair is walked."""

    one: str
    other: str
    places: tuple[int, int]
    """Which of the participant clauses they are (`list_participant_clauses`)."""
    asks_roles: bool
    """Whether it matters which roles they have."""
    bits: tuple[int, int, int]
    """Bits of `roles` of which one is needed: the first's, the second's, the first's by itself."""

    def list_values(self) -> dict[str, object]:
        """The parameters of a statement."""
        found: dict[str, object] = {"pair_one": self.one, "pair_other": self.other}
        if self.asks_roles:
            names = ("first_bits", "second_bits", "lone_bits")
            found |= zip(names, self.bits, strict=True)
        return found


def choose_pair(resolved: ResolvedFilter, sort: Sort) -> PairChoice | None:
    """Choose the two actors whose pair is walked; None where no pair is demanded or kept."""
    if resolved.as_of is not None or resolved.status or not sort.endswith("date"):
        return None
    if resolved.member_of or len(resolved.actor) > 1:
        return None  # each actor is sought apart
    clauses: list[tuple[Sequence[str], Sequence[str]]] = []
    if resolved.actor:
        clauses.append((resolved.actor, resolved.role))
    clauses += [((code,), ()) for code in resolved.between]
    asked = (resolved.initiator, ("initiator",)), (resolved.target, ("target",))
    clauses += [one for one in asked if one[0]]
    alone = [(n, codes[0], roles) for n, (codes, roles) in enumerate(clauses) if len(codes) == 1]
    for n, code, roles in alone[1:]:
        place, first, first_roles = alone[0]
        if code != first:
            of_first, of_second = (_join_bits(r, resolved.via) for r in (first_roles, roles))
            up = (SIDE_BITS, 0) if code < first else (0, SIDE_BITS)
            bits = of_first << up[0], of_second << up[1], of_first
            asks = bool(first_roles or roles or not resolved.via)
            one, other = sorted((first, code))
            return PairChoice(one, other, (place, n), asks, bits)
    return None


def _join_bits(roles: Sequence[str], via: bool) -> int:
    """Join the bits of which one is needed for any of these roles, or of all where none is named.

    Without `via`, it must be one that is not by another.
    """
    bits = 0
    for role in roles or ROLES:
        whole = role_bits(role, direct=True)
        bits |= role_bits(role, direct=False) if via else whole & ~role_bits(role, direct=False)
    return bits


def may_leave_unsorted(resolved: ResolvedFilter, sort: Sort) -> bool:
    """Whether most pages of a question on two actors cost the same, whichever comes first."""
    only_begun = sort == "-date" or resolved.since is None
    return len(resolved.between) == 2 and only_begun and choose_pair(resolved, sort) is not None


def delete_stored_pairs(db: Connection, ids: Sequence[str]) -> None:
    """Delete the pairs of some events, by the participations that are stored of them."""
    if ids:
        asked = _select_actors_of_some(db.dialect.name)
        stored = db.execute(asked, in_list_params(db, ids))
        bulk_delete_keys(db, pairs, [row[:4] for row in _iterate_pairs(stored)])


EVENTS_AT_ONCE = 5_000


_LATEST = {"roles": "new.roles", "seq": "new.seq"}


def fill_pairs(db: Connection, after: int = 0) -> int:
    """Write the pairs of the next events after a `seq`; returns the last one, 0 at the end.

    What is there already is written again, so that it may be repeated.
    """
    e, p = events.c, participations.c
    some = select(e.seq).where(e.seq > after).order_by(e.seq).limit(EVENTS_AT_ONCE).subquery()
    last: int | None = db.scalar(select(func.max(some.c.seq)))
    if last is None:
        return 0
    asked = select(p.event, p.start, p.seq, p.actor, p.role, p.via).join(events, e.id == p.event)
    stored = db.execute(asked.where(e.seq > after, e.seq <= last, e.status != "retracted"))
    bulk_add_sums(db, pairs, sorted(_iterate_pairs(stored)), _LATEST)
    return last


def delete_superseded_pairs(db: Connection, since: int) -> None:
    """Delete the pairs of events that were superseded after a `seq`, but for their new ones."""
    past = HISTORY_TABLES[events].c
    gone = list(db.scalars(select(past.seq).where(past.gone > since)))
    for at in range(0, len(gone), EVENTS_AT_ONCE):
        some = gone[at : at + EVENTS_AT_ONCE]
        wanted = match_any(db.dialect.name, pairs.c.seq)
        db.execute(delete(pairs).where(wanted), in_list_params(db, some))


def find_pair_faults(db: Connection, ids: Sequence[str]) -> Iterator[str]:
    """Describe which pairs of some events are not as their participations say."""
    asked = _select_actors_of_some(db.dialect.name)
    stored = db.execute(
        asked.where(participations.c.status != "retracted"), in_list_params(db, ids)
    )
    expected = set(_iterate_pairs(stored))
    keys = [row[:4] for row in expected]
    handed, kind = values_table(db.dialect.name, _KEY), db.dialect.name
    same = [pairs.c[name] == handed.c[name] for name in _KEY]
    found = select(*(pairs.c[name] for name in PAIR_COLUMNS)).join(handed, and_(*same))
    there = {tuple(row) for row in db.execute(found, values_table_params(kind, _KEY, keys))}
    for row in sorted(expected - there):
        yield f"pairs: {dict(zip(PAIR_COLUMNS, row, strict=True))} is missing"


def find_surplus_pairs(db: Connection) -> Iterator[str]:
    """Describe pairs of events that are not there, or in which an actor takes no part."""
    p, kept = participations.c, pairs.c
    for actor in (kept.one, kept.other):
        there = exists().where(p.actor == actor, p.start == kept.start, p.event == kept.event)
        same = there.where(p.seq == kept.seq, p.status != "retracted")
        wrong = select(pairs).where(actor != "", ~same).limit(EVENTS_AT_ONCE)
        for row in db.execute(wrong):
            yield f"pairs: {dict(row._mapping)} is not in the document"


@lru_cache
def _select_actors_of_some(kind: str) -> Select[str, str, int, str, str, str]:
    p = participations.c
    return select(p.event, p.start, p.seq, p.actor, p.role, p.via).where(match_any(kind, p.event))


StoredPart = tuple[str, str, int, str, str, str]
"""(event, start, seq, actor, role, via) of a participation."""
PairRow = tuple[str, str, str, str, int, int]


def _iterate_pairs(stored: Iterable[StoredPart]) -> Iterator[PairRow]:
    """Yield the rows of `pairs` of events, from all their participations."""
    of_events: dict[tuple[str, str, int], list[tuple[str, str, str]]] = {}
    for event, start, seq, *who in stored:
        of_events.setdefault((event, start, seq), []).append((who[0], who[1], who[2]))
    for (event, start, seq), parts in of_events.items():
        for one, other, roles in pair_actors(parts):
            yield one, other, start, event, roles, seq
