"""Rendering of events: an `EventInput` becomes the document that is stored and answered. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.edtf import DateSpan, parse_edtf
from app.events.durations import resolve_signal_span
from app.events.event_id import complete_event_id
from app.events.schemas import Event, EventInput, Participant, Report, Signal
from app.events.signals import (
    DEFAULT_SCALE,
    Act,
    ActorInRole,
    SignalScale,
    derive_signals,
    signal_quad,
)
from app.events.vocabulary import load_cameo_codes, quad_of_cameo, quad_of_type
from app.sources.schemas import Source

GROUP_KINDS = frozenset({"alliance", "organization"})
ACTING_KINDS = frozenset({"person", "body"})
"""Kinds of actors whose acts count for the state that they belong to on the day."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The parts of the record that rendering needs: actors, their states, and sources."""

    names: Mapping[str, str]
    kinds: Mapping[str, str]
    affiliations: Mapping[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """(state, since, until) of each membership period of a person or body, by its code."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    scales: Mapping[str, str] = field(default_factory=dict)
    """How the signals of a dataset are derived, by its code, where that is not by the rules."""

    def find_scale(self, dataset: str) -> SignalScale:
        """Find how the signals of a dataset are derived."""
        return "goldstein" if self.scales.get(dataset) == "goldstein" else DEFAULT_SCALE

    def find_state(self, actor: str, day: str) -> str | None:
        """Find the state that a person or body counts for on a day."""
        periods = self.affiliations.get(actor, [])
        return next((state for state, since, until in periods if since <= day < until), None)


def render_event_document(
    made: EventInput, dataset: str, context: RenderContext, at: str, revision: int
) -> Event:
    """Render the document of an event whose actors are codes; `at` is the time of recording."""
    span = parse_edtf(made.date)
    day = span.start.isoformat()
    participants = list(_render_participants(made, context, day))
    quad = made.quad or derive_quad(made)
    intensity = derive_intensity(made) if made.intensity is None else made.intensity
    return Event(
        id=f"{dataset}:{made.key}",
        dataset=dataset,
        title=made.title,
        summary=made.summary,
        date=made.date,
        start=day,
        end=_end_day(span),
        precision=span.precision,
        type=made.type,
        mode=made.mode,
        cameo=made.cameo,
        native=made.native,
        intensity=intensity,
        quad=quad,
        quad_scheme=made.quad_scheme or "gdelt",
        status=made.status,
        part_of=None if made.part_of is None else complete_event_id(made.part_of, dataset),
        participants=participants,
        signals=list(_render_signals(made, participants, context, dataset, intensity, quad, day)),
        location=made.location,
        tags=sorted(set(made.tags)),
        reports=[_render_report(r, context) for r in made.reports],
        independent_sources=count_report_publishers(
            [_render_report(r, context) for r in made.reports]
        ),
        recorded_at=at,
        revision=revision,
    )


def count_report_publishers(reports: list[Report]) -> int:
    """Count the publishers of reports that do not dispute the event, each once."""
    return len({r.publisher.casefold() for r in reports if r.stance != "disputes"})


def _end_day(span: DateSpan) -> str | None:
    return None if span.end is None else span.end.isoformat()


def derive_intensity(event: EventInput) -> float | None:
    """Derive the intensity of an event: the Goldstein score of its CAMEO code."""
    code = None if event.cameo is None else load_cameo_codes().get(event.cameo)
    return None if code is None else code.goldstein


def derive_quad(event: EventInput) -> int | None:
    """Derive the quad class of an event from its CAMEO code, else from its type."""
    if event.cameo is not None:
        return quad_of_cameo(event.cameo, event.quad_scheme or "gdelt")
    return None if event.type is None else quad_of_type(event.type)


def _render_participants(event: EventInput, context: RenderContext, day: str) -> list[Participant]:
    stated = [
        Participant(
            actor=p.actor,
            name=context.names.get(p.actor) if p.actor else None,
            role=p.role,
            native=p.native,
            excused=p.excused,
        )
        for p in event.participants
        if p.via is None
    ]
    rolled: dict[tuple[str, str, str], Participant] = {}
    for p in stated:
        state = context.find_state(p.actor, day) if p.actor else None
        if p.actor and state:
            rolled.setdefault(
                (state, p.role, p.actor),
                Participant(
                    actor=state,
                    name=context.names[state],
                    role=p.role,
                    via=p.actor,
                    excused=p.excused,
                ),
            )
    return [*stated, *rolled.values()]


def _render_signals(
    event: EventInput,
    participants: list[Participant],
    context: RenderContext,
    dataset: str,
    intensity: float | None,
    quad: int | None,
    day: str,
) -> list[Signal]:
    stated = {(s.from_, s.toward): s for s in event.signals}
    span = resolve_signal_span(event.date)
    act = Act(
        intensity, event.type, event.mode, event.cameo, quad, span.lasts, event.part_of is not None
    )
    acting = [
        ActorInRole(
            context.find_state(p.actor, day) or p.actor,
            p.role,
            context.kinds.get(p.actor) in GROUP_KINDS,
            p.excused,
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
            quad=signal_quad(s.score, quad, True),
            origin="stated",
            rule="stated",
            weight=span.weight if s.weight == 1 else s.weight,
            reason=s.reason,
        )
        for s in stated.values()
    ]
    found += [
        Signal(
            from_=s.from_,
            toward=s.toward,
            score=round(s.score, 4),
            quad=signal_quad(s.score, quad, False),
            origin="derived",
            rule=s.rule,
            weight=span.weight,
        )
        for s in derive_signals(acting, act, context.find_scale(dataset))
        if (s.from_, s.toward) not in stated
    ]
    return sorted(found, key=lambda s: (s.from_, s.toward))


def _render_report(report: object, context: RenderContext) -> Report:
    values = dict(vars(report))
    source = context.sources[values["source"]]
    values["reliability"] = values["reliability"] or source.reliability
    return Report(
        title=source.title,
        publisher=source.publisher,
        url=source.url,
        published=source.published,
        **values,
    )
