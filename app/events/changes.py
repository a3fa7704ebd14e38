"""Writes of events: the document, its index rows, signals and day sums in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, delete, insert, select

from app.actors.queries import UnknownActorError, resolve_actor_code
from app.db.dialect import build_upsert
from app.db.dialect.bulk_copy import bulk_add_sums
from app.db.dialect.full_text import index_words
from app.db.journal import (
    NewRevision,
    Writer,
    append_revisions,
    current_write_transaction,
    read_latest_revision_numbers,
)
from app.db.tables import (
    actors,
    datasets,
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
from app.db.types import NO_END_DAY
from app.db.versioning import move_to_history
from app.edtf import parse_edtf, parse_last_day
from app.events.durations import CLASS_UNIT, resolve_signal_span, spread_signal
from app.events.places import unit_vector
from app.events.render import ACTING_KINDS, RenderContext, render_event_document
from app.events.schemas import Event, EventInput
from app.events.signals import DEFAULT_SCALE, signal_weight
from app.events.volumes import add_volumes
from app.sources.schemas import Source

SUM_COLUMNS = ("n", "positive", "negative", "q1", "q2", "q3", "q4")
EVENT_ID_COLUMNS: tuple[Column[str], ...] = (
    events.c.id,
    participations.c.event,
    reports.c.event,
    tags.c.event,
    signals.c.event,
)
"""The column with the id of the event, in each index table."""


class UnknownSourceError(Exception):
    """A report names an unknown source."""


def write_events(
    db: Connection,
    inputs: Sequence[EventInput],
    dataset: str,
    by: Writer,
    *,
    unless_same: bool = False,
) -> None:
    """Create or replace events by key, after resolving their actors' names to codes.

    Raises `UnknownActorError` or `UnknownSourceError`; then nothing is written. With `unless_same`
    an event whose document would not change is skipped.
    """
    resolved = [(f"{dataset}:{event.key}", _resolve_actors(db, event)) for event in inputs]
    write_resolved_events(db, resolved, by, unless_same=unless_same)


def write_resolved_events(
    db: Connection,
    inputs: Sequence[tuple[str, EventInput]],
    by: Writer,
    *,
    derived: bool = False,
    unless_same: bool = False,
) -> list[Event]:
    """Write and index events whose actors are codes already, as (id, event).

    With `derived` or `unless_same`, an event is skipped where its document would not change.
    `derived` marks revisions that follow from another change, such as the rename of an actor.
    Returns the events that were written.
    """
    known = load_render_context(db, [event for _, event in inputs])
    ids = [ident for ident, _ in inputs]
    revision_numbers = read_latest_revision_numbers(db, "event", ids)
    at = current_write_transaction(db).instant
    made = [
        render_event_document(
            event, ident.partition(":")[0], known, at, revision_numbers.get(ident, 0) + 1
        )
        for ident, event in inputs
    ]
    if derived or unless_same:
        current = dict(read_event_documents(db, ids))
        made = [
            e for e in made if e.id not in current or not event_matches_document(e, current[e.id])
        ]
    end_action = "update" if derived else "retract"
    entries = [
        NewRevision(
            e.id, e.model_dump_json(by_alias=True), end_action if e.status == "retracted" else ""
        )
        for e in made
    ]
    seqs = append_revisions(
        db, "event", entries, by, derived=derived, latest_numbers=revision_numbers
    )
    unindex_events(db, [e.id for e in made if e.id in revision_numbers])
    _index_events(db, made, seqs)
    return made


def read_event_documents(db: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Read (id, document) of those ids that have a current event."""
    found: list[tuple[str, str]] = []
    for at in range(0, len(ids), 500):
        rows = db.execute(
            select(events.c.id, revisions.c.document)
            .join(revisions, revisions.c.seq == events.c.seq)
            .where(events.c.id.in_(ids[at : at + 500]))
        )
        found += [(key, document) for key, document in rows]
    return found


def event_matches_document(made: Event, document: str) -> bool:
    """Whether a stored document equals an event, apart from `recorded_at` and `revision`."""
    ignored = {"recorded_at", "revision"}
    stored = Event.model_validate_json(document)
    return made.model_dump(exclude=ignored) == stored.model_dump(exclude=ignored)


def _resolve_actors(db: Connection, event: EventInput) -> EventInput:
    """Replace the actors' names in an event by codes.

    An unknown participant becomes its `native` label; an unknown actor in a stated signal raises
    `UnknownActorError`.
    """
    day = parse_edtf(event.date).start.isoformat()
    participants = []
    for p in event.participants:
        try:
            participants.append(
                p.model_copy(
                    update={"actor": resolve_actor_code(db, p.actor, day) if p.actor else None}
                )
            )
        except UnknownActorError:
            participants.append(p.model_copy(update={"actor": None, "native": p.native or p.actor}))
    stated = [
        s.model_copy(
            update={
                "from_": resolve_actor_code(db, s.from_, day),
                "toward": resolve_actor_code(db, s.toward, day),
            }
        )
        for s in event.signals
    ]
    return event.model_copy(update={"participants": participants, "signals": stated})


def load_render_context(db: Connection, inputs: Sequence[EventInput]) -> RenderContext:
    """Load what rendering some events needs: actors, their memberships, and cited sources.

    Raises `UnknownSourceError`.
    """
    rows = db.execute(select(actors.c.code, actors.c.name, actors.c.kind)).all()
    kinds = {r.code: r.kind for r in rows}
    belongs: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    m = memberships.c
    acting = select(actors.c.code).where(actors.c.kind.in_(ACTING_KINDS))
    periods = select(m.actor, m.group, m.since, m.until).where(m.since.is_not(None))
    for r in db.execute(periods.where(m.actor.in_(acting)).order_by(m.since, m.group)):
        belongs[r.actor].append((r.group, r.since, r.until))
    wanted = sorted({r.source for event in inputs for r in event.reports})
    cited: dict[str, Source] = {}
    for at in range(0, len(wanted), 500):
        found = db.execute(
            select(sources.c.id, revisions.c.document)
            .join(revisions, revisions.c.seq == sources.c.seq)
            .where(sources.c.id.in_(wanted[at : at + 500]))
        )
        cited |= {key: Source.model_validate_json(body) for key, body in found}
    if absent := [key for key in wanted if key not in cited]:
        raise UnknownSourceError(f"unknown source {absent[0]!r}")
    s = datasets.c
    others = select(s.code, s.signals).where(s.signals != DEFAULT_SCALE)
    scales = {r.code: r.signals for r in db.execute(others)}
    return RenderContext({r.code: r.name for r in rows}, kinds, belongs, cited, scales)


def unindex_events(db: Connection, ids: Sequence[str]) -> None:
    """Move the index rows of some events to the history tables, and subtract them from the sums."""
    for at in range(0, len(ids), 500):
        of_events = signals.c.event.in_(ids[at : at + 500])
        rows = db.execute(select(signals).where(of_events)).mappings().all()
        _apply_day_sums(db, [dict(r) for r in rows], -1)
    for column in EVENT_ID_COLUMNS:
        move_to_history(db, "event", column, ids)


def _index_events(db: Connection, made: Sequence[Event], seqs: Sequence[int]) -> None:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event, seq in zip(made, seqs, strict=True):
        for name, row in build_index_rows(event, seq):
            rows[name].append(row)
    for table in (events, participations, reports, tags, signals):
        if rows[table.name]:
            db.execute(insert(table), rows[table.name])
    index_words(db, [(seq, searchable_text(e)) for e, seq in zip(made, seqs, strict=True)])
    _apply_day_sums(db, rows[signals.name], 1)


def searchable_text(event: Event) -> str:
    """The text that full-text search finds: title, summary, actor names and quotes."""
    parts = [event.title, event.summary or ""]
    parts += [p.name or p.native or "" for p in event.participants]
    return "\n".join(parts + [r.quote or "" for r in event.reports])


def build_index_rows(event: Event, seq: int) -> list[tuple[str, dict[str, Any]]]:
    """Build every index row of an event, as (table name, row)."""
    end = event.end or NO_END_DAY
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
    participation_keys = {(p.actor, p.role, p.via or "") for p in event.participants if p.actor}
    rows += [
        (participations.name, {**shared, "actor": a, "event": event.id, "role": r, "via": v})
        for a, r, v in sorted(participation_keys)
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
                "published": parse_last_day(r.published),
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
                    **s.model_dump(by_alias=True, exclude={"reason"}),
                    "start": event.start,
                    "end": resolve_signal_span(event.date).end,
                    "event": event.id,
                    "dataset": event.dataset,
                    "seq": seq,
                },
            )
            for s in event.signals
        ]
    return rows


def sum_signals_by_day(rows: Sequence[Mapping[str, Any]], sign: int = 1) -> list[dict[str, Any]]:
    """Sum signal rows into rows of `day_sums`, added with `sign` 1 or subtracted with -1.

    The sums are integers, so that adding and subtracting the same signals gives exactly zero.
    """
    total: dict[tuple[str, ...], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(SUM_COLUMNS, 0)
    )
    for s in rows:
        side, quad = "positive" if s["score"] > 0 else "negative", s["quad"]
        mass = signal_weight(s["score"], s["confidence"], s["weight"])
        classed = round(CLASS_UNIT * s["weight"]) if quad else 0
        for day, n, part, class_part in spread_signal(s["start"], s["end"], mass, classed):
            sums = total[s["from"], s["toward"], s["dataset"], day]
            sums["n"] += sign * n
            sums[side] += sign * part
            if quad:
                sums[f"q{quad}"] += sign * class_part
    keys = ("from", "toward", "dataset", "day")
    return [dict(zip(keys, key, strict=True)) | sums for key, sums in sorted(total.items())]


def _apply_day_sums(db: Connection, rows: Sequence[Mapping[str, Any]], sign: int) -> None:
    if changed := sum_signals_by_day(rows, sign):
        db.execute(build_upsert(db, day_sums, {n: day_sums.c[n] for n in SUM_COLUMNS}), changed)
        if sign < 0:
            # A day into which an act is spread has sums and no count.
            db.execute(delete(day_sums).where(*(day_sums.c[name] == 0 for name in SUM_COLUMNS)))
        add_volumes(db, [(s["dataset"], s["day"], s["n"]) for s in changed], gone=sign < 0)
        mark_dyads_stale(db, changed)


def mark_dyads_stale(db: Connection, changed: Sequence[Mapping[str, Any]]) -> None:
    """Mark the dyads of changed day sums as stale, so that their shifts are detected again."""
    rows = build_dyad_marks((s["from"], s["toward"], s["dataset"], s["day"]) for s in changed)
    bulk_add_sums(db, dyads, rows, least="since")


def build_dyad_marks(
    changed: Iterable[tuple[str, str, str, str]],
) -> list[tuple[str, str, str, int, int, str]]:
    """Build the rows that mark dyads as stale, from (from, toward, dataset, day) of changed sums.

    Each dyad occurs once, its two actors in alphabetical order, with the earliest changed day.
    """
    first: dict[tuple[str, str, str], str] = {}
    for a, b, dataset, day in changed:
        if a != b:
            pair = (a, b, dataset) if a < b else (b, a, dataset)
            first[pair] = min(day, first.get(pair, day))
    return [(*pair, 1, 0, day) for pair, day in sorted(first.items())]
