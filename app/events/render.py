"""From an event as given to the document that is stored and answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.edtf import Span, parse
from app.events.schemas import Event, GivenEvent, Participant, Report, Signal
from app.events.signals import Acting, derive, quad_of
from app.events.vocabulary import cameo, quad_of_cameo, quad_of_type
from app.sources.schemas import Source

GROUPS = frozenset({"alliance", "organization"})
ACTING = frozenset({"person", "body"})
"""Kinds whose acts count for the state that they belong to on the day."""


@dataclass(frozen=True, slots=True)
class Known:
    """What rendering needs to know of the rest of the record."""

    names: Mapping[str, str]
    kinds: Mapping[str, str]
    belongs: Mapping[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """Person or body → (state, since, until) of each spell."""
    sources: Mapping[str, Source] = field(default_factory=dict)

    def state_of(self, actor: str, day: str) -> str | None:
        """The state that a person or body counts for on a day."""
        spells = self.belongs.get(actor, [])
        return next((state for state, since, until in spells if since <= day < until), None)


def render(given: GivenEvent, dataset: str, known: Known, at: str, revision: int) -> Event:
    """The document of an event; participants' `actor`s are codes by now."""
    span = parse(given.date)
    day = span.start.isoformat()
    participants = list(_participants(given, known, day))
    quad = given.quad or derived_quad(given)
    intensity = derived_intensity(given) if given.intensity is None else given.intensity
    return Event(
        id=f"{dataset}:{given.key}",
        dataset=dataset,
        title=given.title,
        summary=given.summary,
        date=given.date,
        start=day,
        end=_last(span),
        precision=span.precision,
        type=given.type,
        mode=given.mode,
        cameo=given.cameo,
        native=given.native,
        intensity=intensity,
        quad=quad,
        quad_scheme=given.quad_scheme or "gdelt",
        status=given.status,
        participants=participants,
        signals=list(_signals(given, participants, known, intensity, quad, day)),
        location=given.location,
        tags=sorted(set(given.tags)),
        reports=[_report(r, known) for r in given.reports],
        independent_sources=publishers([_report(r, known) for r in given.reports]),
        recorded_at=at,
        revision=revision,
    )


def publishers(reports: list[Report]) -> int:
    """Publishers behind the reports, each counted once; disputing ones are no witnesses."""
    return len({r.publisher.casefold() for r in reports if r.stance != "disputes"})


def _last(span: Span) -> str | None:
    return None if span.end is None else span.end.isoformat()


def derived_intensity(given: GivenEvent) -> float | None:
    """The Goldstein score of the CAMEO code."""
    code = None if given.cameo is None else cameo().get(given.cameo)
    return None if code is None else code.goldstein


def derived_quad(given: GivenEvent) -> int | None:
    """The quad class that follows from the CAMEO code, else from the type."""
    if given.cameo is not None:
        return quad_of_cameo(given.cameo, given.quad_scheme or "gdelt")
    return None if given.type is None else quad_of_type(given.type)


def _participants(given: GivenEvent, known: Known, day: str) -> list[Participant]:
    stated = [
        Participant(
            actor=p.actor,
            name=known.names.get(p.actor) if p.actor else None,
            role=p.role,
            native=p.native,
        )
        for p in given.participants
        if p.via is None
    ]
    rolled: dict[tuple[str, str, str], Participant] = {}
    for p in stated:
        state = known.state_of(p.actor, day) if p.actor else None
        if p.actor and state:
            rolled.setdefault(
                (state, p.role, p.actor),
                Participant(actor=state, name=known.names[state], role=p.role, via=p.actor),
            )
    return [*stated, *rolled.values()]


def _signals(
    given: GivenEvent,
    participants: list[Participant],
    known: Known,
    intensity: float | None,
    quad: int | None,
    day: str,
) -> list[Signal]:
    stated = {(s.from_, s.toward): s for s in given.signals}
    acting = [
        Acting(
            known.state_of(p.actor, day) or p.actor,
            p.role,
            known.kinds.get(p.actor) in GROUPS,
        )
        for p in participants
        if p.actor and p.via is None
    ]
    found = [
        Signal(
            from_=s.from_,
            toward=s.toward,
            score=s.score,
            confidence=s.confidence,
            quad=quad_of(s.score, quad, True),
            origin="stated",
            rule="stated",
        )
        for s in stated.values()
    ]
    found += [
        Signal(
            from_=s.from_,
            toward=s.toward,
            score=round(s.score, 4),
            quad=quad_of(s.score, quad, False),
            origin="derived",
            rule=s.rule,
        )
        for s in derive(acting, intensity)
        if (s.from_, s.toward) not in stated
    ]
    return sorted(found, key=lambda s: (s.from_, s.toward))


def _report(given: object, known: Known) -> Report:
    values = dict(vars(given))
    source = known.sources[values["source"]]
    values["reliability"] = values["reliability"] or source.reliability
    return Report(
        title=source.title,
        publisher=source.publisher,
        url=source.url,
        published=source.published,
        **values,
    )
