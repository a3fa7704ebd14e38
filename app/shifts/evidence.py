"""The evidence of a shift: every event with its share, what contradicts it, and known artefacts."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.alliances.read import read_group_memberships, read_ties
from app.db.dialect.stored_document import document_of
from app.db.reader import find_dataset_of, get_hidden
from app.db.tables import revisions
from app.events.act_counts import list_counted_datasets
from app.events.event_document import EventDocument
from app.events.read import last_publication_day
from app.shifts import question
from app.shifts.checks import to_signal_part
from app.shifts.detect import DetectedShift
from app.shifts.evidence_schemas import (
    EventShare,
    EvidenceSource,
    FormalStructure,
    ShareSubtotal,
    ShareSubtotals,
    SignalShare,
    StructureStep,
    StructureTie,
)
from app.shifts.question import AlignmentQuestion, CountedSignal
from app.shifts.statistics import attribution
from app.shifts.statistics.attribution import SignalPart
from app.shifts.statistics.sums import DaySeries


class Evidence(NamedTuple):
    """The events of a change, with the shares of what else belongs to it."""

    events: list[EventShare]
    prior: float
    closed: float
    """The share of events that are closed to the reader."""


REVISIONS_PER_QUERY = 500
SINGLE_SOURCE_SHARE = 0.8
"""Share of the supporting evidence from which on one publisher counts as its single source."""
THEATRE, MEDIATION, SINGLE = "theatre", "mediation", "single_source"


def read_documents_at_revisions(db: Connection, seqs: Iterable[int]) -> dict[str, EventDocument]:
    """Read the event documents of some revisions, by event."""
    wanted = sorted(set(seqs))
    found: dict[str, EventDocument] = {}
    for at in range(0, len(wanted), REVISIONS_PER_QUERY):
        r = revisions.c
        part = wanted[at : at + REVISIONS_PER_QUERY]
        rows = select(r.id, document_of(revisions)).where(r.seq.in_(part))
        found |= {row.id: json.loads(row.document) for row in db.execute(rows)}
    return found


def describe_absent_evidence(db: Connection, asked: AlignmentQuestion) -> str | None:
    """Describe which datasets of a question have no events to show; None if none does."""
    if asked.has_closed_rows:
        closed = sorted(set(asked.datasets).intersection(get_hidden(db).rows))
        return (
            f"Events of {', '.join(closed)} are closed to readers without a key that may read them;"
            " their shares are added up in closed."
        )
    if asked.event_filter is not None:
        return None
    counted = list_counted_datasets(db, asked.datasets, asked.actor, list(asked.periods))
    if not counted:
        return None
    return f"Acts of {', '.join(counted)} were counted elsewhere and have no events here."


def build_evidence(
    db: Connection, asked: AlignmentQuestion, row: DetectedShift, days: DaySeries, share: float
) -> Evidence:
    """List each event after the onset with its share, largest first.

    Events that are closed to the reader are added up, not listed.
    """
    finding = row.finding
    if finding.after is None:
        return Evidence([], 0.0, 0.0)
    since = finding.span[1] if finding.span else ""
    until = finding.span[2] if finding.span else "~"
    counted: list[tuple[CountedSignal, SignalPart]] = []
    for s in question.read_counted_signals(db, asked):
        part = to_signal_part(asked, s)
        if part is not None and since <= s.day <= until:
            counted.append((s, part))
    values, prior = attribution.attribute_change(
        finding, days, [part for _, part in counted], share
    )
    hidden = get_hidden(db).rows
    open_seqs = [s.seq for s, _ in counted if find_dataset_of(s.event) not in hidden]
    bodies = read_documents_at_revisions(db, open_seqs)
    pieces: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    signals: dict[tuple[str, str, str], CountedSignal] = {}
    for (s, _), value in zip(counted, values, strict=True):
        key = (s.event, s.from_, s.toward)
        pieces[key].append(value)
        signals.setdefault(key, s)
    of_event: dict[str, list[tuple[CountedSignal, float]]] = defaultdict(list)
    for key, of_signal in pieces.items():
        of_event[key[0]].append((signals[key], sum(of_signal)))
    change = sum(values) + prior
    found = [
        _build_event_share(bodies[event], signals, change, asked.known_by)
        for event, signals in of_event.items()
        if event in bodies
    ]
    found.sort(key=lambda e: (-abs(e.share), e.date, e.event))
    closed = [sum(part for _, part in of_event[event]) for event in of_event if event not in bodies]
    return Evidence(found, prior, sum(closed))


def _build_event_share(
    event: EventDocument,
    signals: Sequence[tuple[CountedSignal, float]],
    change: float,
    known_by: str | None,
) -> EventShare:
    out = [
        r for r in event["reports"] if known_by is None or "" < last_publication_day(r) <= known_by
    ]
    value = sum(part for _, part in signals)
    return EventShare(
        event=event["id"],
        title=event["title"],
        date=event["date"],
        share=value,
        speaks="for" if value * change >= 0 else "against",
        signals=[
            SignalShare(actor=s.from_, toward=s.toward, score=s.score, quad=s.quad, share=part)
            for s, part in sorted(signals, key=lambda pair: (-abs(pair[1]), pair[0]))
        ],
        flags=sorted({flag for s, _ in signals for flag in flag_signal(s, event)}),
        sources=[
            EvidenceSource.model_validate(
                {k: v for k, v in r.items() if k in EvidenceSource.model_fields}
            )
            for r in out
        ],
    )


def flag_signal(s: CountedSignal, event: EventDocument) -> list[str]:
    """Flag the known artefacts that the event of a signal may be.

    `theatre`: force used in a country, coded as force against it. `mediation`: an act of a
    go-between, which looks like cooperation with the go-between.
    """
    found = []
    country = event["location"]["country"] if event["location"] else None
    opponents = {p["actor"] for p in event["participants"] if p["role"] == "target" and p["actor"]}
    if s.quad == 4 and country == s.toward and opponents - {s.toward, s.from_}:
        found.append(THEATRE)
    roles: dict[str, set[str | None]] = defaultdict(set)
    for p in event["participants"]:
        roles[p["role"]].add(p["actor"])
    partners = {s.toward, s.from_}
    third = event["mode"] in ("third-party", "multilateral")
    hosted = partners & roles["host"] and len(roles["participant"] - roles["host"]) >= 2
    if partners & roles["mediator"] or (
        s.score > 0 and (third or (hosted and _is_consultation(event)))
    ):
        found.append(MEDIATION)
    return found


def _is_consultation(event: EventDocument) -> bool:
    return event["type"] in ("CONSULT", None) or (event["cameo"] or "").startswith("04")


def build_subtotals(found: Sequence[EventShare], asked: AlignmentQuestion) -> ShareSubtotals:
    """Add up the shares by partner, by mover, by quad class, by source and by month."""

    def subtotal_by(
        name: Callable[[EventShare, SignalShare], Iterable[str]],
    ) -> list[ShareSubtotal]:
        total: dict[str, float] = defaultdict(float)
        events: dict[str, set[str]] = defaultdict(set)
        for event in found:
            for one in event.signals:
                names = list(name(event, one)) or ["none"]
                for value in names:
                    total[value] += one.share / len(names)
                    events[value].add(event.event)
        rows = [ShareSubtotal(value=k, share=v, n=len(events[k])) for k, v in total.items()]
        return sorted(rows, key=lambda r: (-abs(r.share), r.value))

    return ShareSubtotals(
        partner=subtotal_by(lambda _, s: [s.toward if s.actor == asked.actor else s.actor]),
        mover=subtotal_by(lambda _, s: [s.actor]),
        quad=subtotal_by(lambda _, s: [str(s.quad)]),
        source=subtotal_by(lambda e, _: sorted({r.publisher for r in e.sources})),
        month=subtotal_by(lambda e, _: [e.date[:7]]),
    )


def flag_evidence(found: Sequence[EventShare]) -> list[str]:
    """Collect the artefacts that supporting events may be, and flag a single source."""
    pro = [one for one in found if one.speaks == "for"]
    weight = sum(abs(one.share) for one in pro)
    alone: dict[str, float] = defaultdict(float)
    for one in pro:
        names = {s.publisher for s in one.sources}
        if len(names) == 1:
            alone[names.pop()] += abs(one.share)
    found_flags = {flag for one in pro for flag in one.flags}
    if weight > 0 and max(alone.values(), default=0.0) >= SINGLE_SOURCE_SHARE * weight:
        found_flags.add(SINGLE)
    return sorted(found_flags)


def build_structure(
    db: Connection, asked: AlignmentQuestion, row: DetectedShift, today: str
) -> FormalStructure:
    """List the formal ties on the day of the onset, and the membership steps until the end.

    They are context: they change no number of the shift.
    """
    span = row.finding.span
    day, last = (span[1], span[2]) if span else (today, today)
    partners = {code for code in asked.periods if asked.side_on(code, day)}
    bound = [
        StructureTie(group=t.group, partner=p, status=t.status, obligations=list(t.obligations))
        for t in read_ties(db, asked.actor, day, asked.as_of, sorted(partners))
        for p in sorted({*t.partners, t.group} & partners)
    ]
    steps = [
        StructureStep(
            group=membership.group, actor=membership.actor, step=step.step, date=step.date
        )
        for membership in read_group_memberships(db, asked.as_of, of=[asked.actor])
        for step in membership.steps
        if day <= step.date <= last + "~"
    ]
    return FormalStructure(on=day, ties=bound, steps=sorted(steps, key=lambda s: (s.date, s.group)))
