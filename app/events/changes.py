"""The one write path of events: document, indexes, signals and day sums in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, delete, insert, select

from app.actors.queries import UnknownActorError, find
from app.db.dialect import upsert
from app.db.dialect.pouring import pour_sums
from app.db.dialect.words import index_words
from app.db.journal import Entry, Writer, append, moment, numbers
from app.db.tables import (
    actors,
    day_sums,
    dyads,
    events,
    memberships,
    participations,
    reports,
    revisions,
    signals,
    sources,
    tags,
)
from app.db.types import NEVER
from app.db.worlds import bury
from app.edtf import last_day, parse
from app.events.places import unit_vector
from app.events.render import ACTING, Known, render
from app.events.schemas import Event, GivenEvent
from app.events.signals import mass
from app.events.volumes import add_volumes
from app.sources.schemas import Source

SUMS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")
IDENT: tuple[Column[str], ...] = (
    events.c.id,
    participations.c.event,
    reports.c.event,
    tags.c.event,
    signals.c.event,
)
"""Where the indexes of events name the event."""


class UnknownSourceError(Exception):
    """A report names a source that is not there."""


def write_events(
    db: Connection,
    given: Sequence[GivenEvent],
    dataset: str,
    by: Writer,
    *,
    unless_same: bool = False,
) -> None:
    """Create or replace events by key. All of them, or the exception says which not."""
    settled = [(f"{dataset}:{g.key}", _settled(db, g)) for g in given]
    put(db, settled, by, unless_same=unless_same)


def put(
    db: Connection,
    given: Sequence[tuple[str, GivenEvent]],
    by: Writer,
    *,
    derived: bool = False,
    unless_same: bool = False,
) -> list[Event]:
    """Write events whose actors are codes, each under its id, and index them.

    Derived ones, or all if asked for, are written only where the document comes out otherwise
    than it stands. Returns what was written.
    """
    known = what_is_known(db, [g for _, g in given])
    ids = [ident for ident, _ in given]
    held = numbers(db, "event", ids)
    at = moment(db).at
    made = [
        render(g, ident.partition(":")[0], known, at, held.get(ident, 0) + 1) for ident, g in given
    ]
    if derived or unless_same:
        stands = dict(documents(db, ids))
        made = [e for e in made if e.id not in stands or not same(e, stands[e.id])]
    ends = "update" if derived else "retract"
    entries = [
        Entry(e.id, e.model_dump_json(by_alias=True), ends if e.status == "retracted" else "")
        for e in made
    ]
    seqs = append(db, "event", entries, by, derived=derived, held=held)
    take_out(db, [e.id for e in made if e.id in held])
    _index(db, made, seqs)
    return made


def documents(db: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """(id, document) of the events that stand under some ids."""
    found: list[tuple[str, str]] = []
    for at in range(0, len(ids), 500):
        rows = db.execute(
            select(events.c.id, revisions.c.document)
            .join(revisions, revisions.c.seq == events.c.seq)
            .where(events.c.id.in_(ids[at : at + 500]))
        )
        found += [(key, document) for key, document in rows]
    return found


def same(made: Event, document: str) -> bool:
    """Whether a document says the same, but for when and how often it was written."""
    told = {"recorded_at", "revision"}
    held = Event.model_validate_json(document)
    return made.model_dump(exclude=told) == held.model_dump(exclude=told)


def _settled(db: Connection, given: GivenEvent) -> GivenEvent:
    """The same event with every actor by its code; one that nobody knows stays as `native`."""
    day = parse(given.date).start.isoformat()
    who = []
    for p in given.participants:
        try:
            who.append(p.model_copy(update={"actor": find(db, p.actor, day) if p.actor else None}))
        except UnknownActorError:
            who.append(p.model_copy(update={"actor": None, "native": p.native or p.actor}))
    stated = [
        s.model_copy(update={"from_": find(db, s.from_, day), "toward": find(db, s.toward, day)})
        for s in given.signals
    ]
    return given.model_copy(update={"participants": who, "signals": stated})


def what_is_known(db: Connection, given: Sequence[GivenEvent]) -> Known:
    """Names, kinds and memberships of the actors, and the sources, that these events need."""
    rows = db.execute(select(actors.c.code, actors.c.name, actors.c.kind)).all()
    kinds = {r.code: r.kind for r in rows}
    belongs: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    m = memberships.c
    acting = select(actors.c.code).where(actors.c.kind.in_(ACTING))
    spells = select(m.actor, m.group, m.since, m.until).where(m.since.is_not(None))
    for r in db.execute(spells.where(m.actor.in_(acting)).order_by(m.since, m.group)):
        belongs[r.actor].append((r.group, r.since, r.until))
    wanted = sorted({r.source for g in given for r in g.reports})
    cited: dict[str, Source] = {}
    for at in range(0, len(wanted), 500):
        found = db.execute(
            select(sources.c.id, revisions.c.document)
            .join(revisions, revisions.c.seq == sources.c.seq)
            .where(sources.c.id.in_(wanted[at : at + 500]))
        )
        cited |= {key: Source.model_validate_json(body) for key, body in found}
    if absent := [key for key in wanted if key not in cited]:
        raise UnknownSourceError(f"no source has the id {absent[0]!r}")
    return Known({r.code: r.name for r in rows}, kinds, belongs, cited)


def take_out(db: Connection, ids: Sequence[str]) -> None:
    """Move the rows of events from every index to the past, and out of every sum."""
    for at in range(0, len(ids), 500):
        ours = signals.c.event.in_(ids[at : at + 500])
        rows = db.execute(select(signals).where(ours)).mappings().all()
        _add_up(db, [dict(r) for r in rows], -1)
    for column in IDENT:
        bury(db, "event", column, ids)


def _index(db: Connection, made: Sequence[Event], seqs: Sequence[int]) -> None:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event, seq in zip(made, seqs, strict=True):
        for name, row in rows_of(event, seq):
            rows[name].append(row)
    for table in (events, participations, reports, tags, signals):
        if rows[table.name]:
            db.execute(insert(table), rows[table.name])
    index_words(db, [(seq, searchable(e)) for e, seq in zip(made, seqs, strict=True)])
    _add_up(db, rows[signals.name], 1)


def searchable(event: Event) -> str:
    """What full text finds: title, summary, actor names, quotes."""
    parts = [event.title, event.summary or ""]
    parts += [p.name or p.native or "" for p in event.participants]
    return "\n".join(parts + [r.quote or "" for r in event.reports])


def rows_of(event: Event, seq: int) -> list[tuple[str, dict[str, Any]]]:
    """(table, row) of every index row of an event."""
    end = event.end or NEVER
    shared = event.model_dump(include={"dataset", "start", "type", "intensity", "quad", "status"})
    shared |= {"end": end, "seq": seq}
    place = event.location
    more: dict[str, Any] = {
        "country": None,
        "lat": None,
        "lon": None,
        "x": None,
        "y": None,
        "z": None,
    }
    if place is not None:
        more |= {"country": place.country, "lat": place.lat, "lon": place.lon}
        if place.lat is not None and place.lon is not None:
            more |= dict(zip("xyz", unit_vector(place.lat, place.lon), strict=True))
    single = event.model_dump(
        include={"id", "mode", "cameo", "native", "independent_sources", "recorded_at"}
    )
    rows = [(events.name, {**shared, **single, **more})]
    seen = {(p.actor, p.role, p.via or "") for p in event.participants if p.actor}
    rows += [
        (participations.name, {**shared, "actor": a, "event": event.id, "role": r, "via": v})
        for a, r, v in sorted(seen)
    ]
    rows += [(tags.name, {"tag": tag, "event": event.id, "seq": seq}) for tag in event.tags]
    rows += [
        (
            reports.name,
            {
                "event": event.id,
                "number": n,
                "source": r.source,
                "publisher": r.publisher,
                "published": last_day(r.published),
                "reliability": r.reliability,
                "credibility": r.credibility,
                "stance": r.stance,
                "seq": seq,
            },
        )
        for n, r in enumerate(event.reports, 1)
    ]
    if event.status != "retracted":
        rows += [
            (
                signals.name,
                {
                    **s.model_dump(by_alias=True),
                    "start": event.start,
                    "event": event.id,
                    "dataset": event.dataset,
                    "seq": seq,
                },
            )
            for s in event.signals
        ]
    return rows


def sums_of(rows: Sequence[Mapping[str, Any]], sign: int = 1) -> list[dict[str, Any]]:
    """Day sums of signals: integers, so that adding and taking away come out even."""
    total: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for s in rows:
        sums = total[s["from"], s["toward"], s["dataset"], s["start"]]
        weight = mass(s["score"], s["confidence"])
        sums["n"] += sign
        sums["positive" if s["score"] > 0 else "negative"] += sign * weight
        if s["quad"]:
            sums[f"q{s['quad']}"] += sign
    keys = ("from", "toward", "dataset", "day")
    return [dict(zip(keys, key, strict=True)) | sums for key, sums in sorted(total.items())]


def _add_up(db: Connection, rows: Sequence[Mapping[str, Any]], sign: int) -> None:
    if changed := sums_of(rows, sign):
        db.execute(upsert(db, day_sums, {n: day_sums.c[n] for n in SUMS}), changed)
        if sign < 0:
            db.execute(delete(day_sums).where(day_sums.c.n == 0))
        add_volumes(db, [(s["dataset"], s["day"], s["n"]) for s in changed], gone=sign < 0)
        mark(db, changed)


def mark(db: Connection, changed: Sequence[Mapping[str, Any]]) -> None:
    """Note that the day sums of some dyads changed, so that their shifts are found anew."""
    rows = marks((s["from"], s["toward"], s["dataset"], s["day"]) for s in changed)
    pour_sums(db, dyads, rows, least="since")


def marks(
    changed: Iterable[tuple[str, str, str, str]],
) -> list[tuple[str, str, str, int, int, str]]:
    """What (from, toward, dataset, day) of changed day sums add to `dyads`, each dyad once."""
    first: dict[tuple[str, str, str], str] = {}
    for a, b, dataset, day in changed:
        if a != b:
            pair = (a, b, dataset) if a < b else (b, a, dataset)
            first[pair] = min(day, first.get(pair, day))
    return [(*pair, 1, 0, day) for pair, day in sorted(first.items())]
