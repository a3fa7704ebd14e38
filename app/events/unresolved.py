"""Names in loaded events that no actor has: stored by event, listed, and resolved later."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, delete, func, literal, or_, select, tuple_

from app.actors.name_forms import split_agreeing_names
from app.actors.name_index import split_scheme
from app.actors.name_table import NAME_SCHEME, is_name_list
from app.actors.queries import UnknownActorError, read_actor_candidates, resolve_actor_code
from app.actors.schemas import ActorCandidate
from app.db.dialect import in_list, in_list_params
from app.db.dialect.bulk_copy import bulk_insert
from app.db.reader import get_hidden
from app.db.tables import events, unresolved
from app.events.record import EventRecord
from app.events.resolve import ResolvedRecord, keep_country
from app.events.schemas import NameKind, UnresolvedName

COUNTRY_PART = -1
"""The number of the part that is the country of the place; participants count from 0."""
MAX_NEAREST = 3
"""Actors that are suggested for a name."""
MAX_SUGGESTED = 100
"""Names of a report that get suggestions: each is compared with all names of all actors."""
MAX_CODE_LENGTH = 6
"""Characters of a code up to which it is taken for an abbreviation or a number, not for a name."""


class UnresolvedPart(NamedTuple):
    """A part of an event without an actor: a row of the table `unresolved`."""

    event: str
    part: int
    name: str
    shown: str | None
    native: str | None
    label: str | None


class NamedParty(NamedTuple):
    """An unresolved name as reports show it; `label` is what the source calls it besides."""

    kind: NameKind
    name: str
    label: str | None


def is_scheme_code(name: str) -> bool:
    """Return whether a text is a code of a scheme, such as `cow:300` or `cameo:XYZ`."""
    scheme, value = split_scheme(name)
    is_scheme = bool(value) and scheme.isascii() and scheme.isalnum()
    return is_scheme and not _is_in_list(scheme, value)


def show_name(name: str) -> str:
    """Return a name as reports show it: without the list of names that it is from."""
    if (parts := split_agreeing_names(name)) is not None:
        return f"{show_name(parts[1])} ({', '.join(parts[0])})"
    scheme, value = split_scheme(name)
    return value.strip() if value and _is_in_list(scheme, value) else name


def _is_in_list(scheme: str, value: str) -> bool:
    # UCDP's numbers of groups are codes of the scheme that also names its list of states.
    listed = scheme == NAME_SCHEME or is_name_list(scheme)
    return listed and any(c.isalpha() for c in value)


def describe_name(part: int, name: str, native: str | None, label: str | None) -> NamedParty:
    """Describe an unresolved name, as reports show it, by its kind and what the source calls it."""
    kind: NameKind = "code" if is_scheme_code(name) else "actor"
    if part == COUNTRY_PART:
        kind = "country"
    label = label or native
    return NamedParty(kind, name, label if label != name else None)


def describe_part(part: UnresolvedPart) -> NamedParty:
    """Describe an unresolved part of an event."""
    return describe_name(part.part, part.shown or part.name, part.native, part.label)


def list_unresolved_parts(event: str, resolved: ResolvedRecord) -> list[UnresolvedPart]:
    """List the parts of a record that were not resolved."""
    found = []
    for n, name, p, _ in resolved.unknown:
        label = p.name if isinstance(p.name, str) and p.name not in ("", p.native, name) else None
        found.append(_build_part(event, n, name, show_name(name), p.native, label))
    if resolved.asked_country is not None and resolved.unknown_country is not None:
        name, shown = resolved.asked_country, resolved.unknown_country
        found.append(_build_part(event, COUNTRY_PART, name, shown))
    return found


def _build_part(
    event: str,
    part: int,
    name: str,
    shown: str,
    native: str | None = None,
    label: str | None = None,
) -> UnresolvedPart:
    return UnresolvedPart(event, part, name, None if shown == name else shown, native, label)


def store_unresolved_parts(
    db: Connection, parts: Sequence[UnresolvedPart], replaced: Sequence[str]
) -> None:
    """Store the unresolved parts of written events, in place of those of the `replaced` ones."""
    if replaced:
        ours = in_list(db, unresolved.c.event)
        db.execute(delete(unresolved).where(ours), in_list_params(db, replaced))
    bulk_insert(db, unresolved.name, UnresolvedPart._fields, parts)


def read_unresolved_parts(db: Connection, ids: Sequence[str]) -> list[UnresolvedPart]:
    """Read the unresolved parts of some events."""
    rows = db.execute(
        select(unresolved).where(in_list(db, unresolved.c.event)), in_list_params(db, ids)
    )
    return [UnresolvedPart(*row) for row in rows]


def is_unresolved_part(record: EventRecord, part: UnresolvedPart) -> bool:
    """Return whether a record still has an unresolved part as its load left it."""
    if part.part == COUNTRY_PART:
        place = record.location
        return place is not None and place.country == keep_country(part.name)[0]
    if part.part >= len(record.participants):
        return False
    p = record.participants[part.part]
    return p.actor is None and p.native == (part.native or part.name)


def forget_unresolved_parts(db: Connection, parts: Collection[UnresolvedPart]) -> None:
    """Forget parts that were resolved, or that an edit has replaced."""
    u = unresolved.c
    statement = delete(unresolved).where(u.event == bindparam("ident"), u.part == bindparam("n"))
    if parts:
        db.execute(statement, [{"ident": one.event, "n": one.part} for one in parts])


def forget_replaced_parts(db: Connection, written: Mapping[str, EventRecord]) -> None:
    """Forget the unresolved parts that an edit of some events, by id, has replaced."""
    parts = read_unresolved_parts(db, list(written))
    forget_unresolved_parts(db, [p for p in parts if not is_unresolved_part(written[p.event], p)])


class NameTotal(NamedTuple):
    """An unresolved name with the number of its occurrences and its first and last day."""

    kind: NameKind
    name: str
    label: str | None
    times: int
    first: str
    last: str


class NamePosition(NamedTuple):
    """Where a list of unresolved names goes on: after a name and the number of its occurrences."""

    times: int
    name: str
    kind: NameKind


def read_unresolved_names(
    db: Connection,
    datasets: Sequence[str] = (),
    after: NamePosition | None = None,
    limit: int | None = None,
) -> Iterator[NameTotal]:
    """Read the unresolved names of stored events, the most frequent first."""
    u, e = unresolved.c, events.c
    shown = func.coalesce(u.shown, u.name)
    is_country, times = case((u.part == COUNTRY_PART, 1), else_=0), func.count()
    asked = (
        select(
            shown, is_country, func.min(u.native), func.min(u.label),
            times, func.min(e.start), func.max(e.start),
        )
        .join(events, e.id == u.event)
        .group_by(shown, is_country)
        .order_by(times.desc(), shown, is_country)
        .limit(limit)
    )  # fmt: skip
    if datasets:
        asked = asked.where(e.dataset.in_(datasets))
    if closed := get_hidden(db).rows:
        asked = asked.where(e.dataset.not_in(closed))
    if after is not None:
        rest = tuple_(shown, is_country) > tuple_(literal(after.name), int(after.kind == "country"))
        asked = asked.having(or_(times < after.times, and_(times == after.times, rest)))
    for name, country, native, label, *total in db.execute(asked.execution_options(yield_per=1000)):
        part = COUNTRY_PART if country else 0
        yield NameTotal(*describe_name(part, name, native, label), *total)


def suggest_actors(db: Connection, total: NameTotal) -> list[ActorCandidate]:
    """Suggest the actors with the nearest names, best first, or all that have the name.

    A code says nothing about its bearer, so that only what the source calls it is compared.
    """
    asked = total.name
    if is_scheme_code(total.name):
        value = total.name.partition(":")[2]
        asked = total.label or (value if len(value) > MAX_CODE_LENGTH else "")
    if not asked.strip():
        return []
    try:
        code = resolve_actor_code(db, asked[:200], near=MAX_NEAREST)
    except UnknownActorError as unknown:
        return list(unknown.near)[:MAX_NEAREST]
    return read_actor_candidates(db, [code], asked)


def report_names(
    db: Connection, totals: Iterable[NameTotal], suggest: int = MAX_SUGGESTED
) -> Iterator[UnresolvedName]:
    """Report unresolved names in their order, the first of them with suggestions."""
    for n, total in enumerate(totals):
        yield describe_total(total, suggest_actors(db, total) if n < suggest else [])


def describe_total(total: NameTotal, nearest: Sequence[ActorCandidate] = ()) -> UnresolvedName:
    """Describe an unresolved name as JSON shows it."""
    kind, name, label, times, first, last = total
    return UnresolvedName(
        kind=kind, name=name, label=label, count=times, first=first, last=last, nearest=[*nearest]
    )
