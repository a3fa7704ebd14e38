"""The evidence of a shift: every event with its share, what contradicts it, and known artefacts."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from app.alliances.read import held, ties
from app.db.tables import revisions
from app.events.read import published
from app.shifts import case, shares
from app.shifts.case import Case, Told
from app.shifts.detect import Detected, part_of
from app.shifts.measure import Days
from app.shifts.schemas import (
    FormalTie,
    Share,
    SignalShare,
    Step,
    Structure,
    Subtotal,
    Subtotals,
    Witness,
)
from app.shifts.shares import Part

PART = 500
ALONE = 0.8
"""Share of the supporting evidence from which on one publisher counts as its single source."""
THEATRE, MEDIATION, SINGLE = "theatre", "mediation", "single_source"


def documents(db: Connection, seqs: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Read the event documents of some revisions, by event."""
    wanted = sorted(set(seqs))
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(wanted), PART):
        r = revisions.c
        rows = select(r.id, r.document).where(r.seq.in_(wanted[at : at + PART]))
        found |= {row.id: json.loads(row.document) for row in db.execute(rows)}
    return found


def evidence(
    db: Connection, asked: Case, row: Detected, days: Days, share: float
) -> tuple[list[Share], float]:
    """List each event after the onset with its share, largest first, and the share of the prior."""
    finding = row.finding
    if finding.after is None:
        return [], 0.0
    since = finding.span[1] if finding.span else ""
    until = finding.span[2] if finding.span else "~"
    counted: list[tuple[Told, Part]] = []
    for s in case.told(db, asked):
        part = part_of(asked, s)
        if part is not None and since <= s.day <= until:
            counted.append((s, part))
    values, prior = shares.attributed(finding, days, [part for _, part in counted], share)
    bodies = documents(db, [s.seq for s, _ in counted])
    of_event: dict[str, list[tuple[Told, float]]] = defaultdict(list)
    for (s, _), value in zip(counted, values, strict=True):
        of_event[s.event].append((s, value))
    change = sum(values) + prior
    found = [
        _share(bodies[event], signals, change, asked.known_by)
        for event, signals in of_event.items()
    ]
    found.sort(key=lambda e: (-abs(e.share), e.date, e.event))
    return found, prior


def _share(
    event: dict[str, Any],
    signals: Sequence[tuple[Told, float]],
    change: float,
    known_by: str | None,
) -> Share:
    out = [r for r in event["reports"] if known_by is None or "" < published(r) <= known_by]
    value = sum(part for _, part in signals)
    return Share(
        event=event["id"],
        title=event["title"],
        date=event["date"],
        share=value,
        speaks="for" if value * change >= 0 else "against",
        signals=[
            SignalShare(actor=s.from_, toward=s.toward, score=s.score, quad=s.quad, share=part)
            for s, part in sorted(signals, key=lambda pair: (-abs(pair[1]), pair[0]))
        ],
        flags=sorted({flag for s, _ in signals for flag in flags(s, event)}),
        sources=[Witness.model_validate({k: r[k] for k in Witness.model_fields}) for r in out],
    )


def flags(s: Told, event: dict[str, Any]) -> list[str]:
    """Flag the known artefacts that the event of a signal may be.

    `theatre`: force used in a country, coded as force against it. `mediation`: an act of a
    go-between, which looks like cooperation with the go-between.
    """
    found = []
    place = event["location"] or {}
    opponents = {p["actor"] for p in event["participants"] if p["role"] == "target" and p["actor"]}
    if s.quad == 4 and place.get("country") == s.toward and opponents - {s.toward, s.from_}:
        found.append(THEATRE)
    roles: dict[str, set[str]] = defaultdict(set)
    for p in event["participants"]:
        roles[p["role"]].add(p["actor"])
    partners = {s.toward, s.from_}
    third = event["mode"] in ("third-party", "multilateral")
    hosted = partners & roles["host"] and len(roles["participant"] - roles["host"]) >= 2
    if partners & roles["mediator"] or (s.score > 0 and (third or (hosted and _talks(event)))):
        found.append(MEDIATION)
    return found


def _talks(event: dict[str, Any]) -> bool:
    return event["type"] in ("CONSULT", None) or (event["cameo"] or "").startswith("04")


def subtotals(found: Sequence[Share], asked: Case) -> Subtotals:
    """Add up the shares by partner, by mover, by quad class, by source and by month."""

    def by(name: Callable[[Share, SignalShare], Iterable[str]]) -> list[Subtotal]:
        total: dict[str, float] = defaultdict(float)
        events: dict[str, set[str]] = defaultdict(set)
        for event in found:
            for one in event.signals:
                names = list(name(event, one)) or ["none"]
                for value in names:
                    total[value] += one.share / len(names)
                    events[value].add(event.event)
        rows = [Subtotal(value=k, share=v, n=len(events[k])) for k, v in total.items()]
        return sorted(rows, key=lambda r: (-abs(r.share), r.value))

    return Subtotals(
        partner=by(lambda _, s: [s.toward if s.actor == asked.actor else s.actor]),
        mover=by(lambda _, s: [s.actor]),
        quad=by(lambda _, s: [str(s.quad)]),
        source=by(lambda e, _: sorted({r.publisher for r in e.sources})),
        month=by(lambda e, _: [e.date[:7]]),
    )


def flags_of(found: Sequence[Share]) -> list[str]:
    """Collect the artefacts that supporting events may be, and flag a single source."""
    pro = [one for one in found if one.speaks == "for"]
    weight = sum(abs(one.share) for one in pro)
    alone: dict[str, float] = defaultdict(float)
    for one in pro:
        names = {s.publisher for s in one.sources}
        if len(names) == 1:
            alone[names.pop()] += abs(one.share)
    found_flags = {flag for one in pro for flag in one.flags}
    if weight > 0 and max(alone.values(), default=0.0) >= ALONE * weight:
        found_flags.add(SINGLE)
    return sorted(found_flags)


def structure(db: Connection, asked: Case, row: Detected, today: str) -> Structure:
    """List the formal ties on the day of the onset, and the membership steps until the end.

    They are context: they change no number of the shift.
    """
    span = row.finding.span
    day, last = (span[1], span[2]) if span else (today, today)
    partners = {code for code in asked.spells if asked.side(code, day)}
    bound = [
        FormalTie(group=t.group, partner=p, status=t.status, obligations=list(t.obligations))
        for t in ties(db, asked.actor, day, asked.as_of)
        for p in sorted({*t.partners, t.group} & partners)
    ]
    steps = [
        Step(group=membership.group, actor=membership.actor, step=step.step, date=step.date)
        for membership in held(db, asked.as_of, of=[asked.actor])
        for step in membership.steps
        if day <= step.date <= last + "~"
    ]
    return Structure(on=day, ties=bound, steps=sorted(steps, key=lambda s: (s.date, s.group)))
