"""A stored event is turned back into an `EventInput`, to be edited and rendered again. Pure.

A quad class or an intensity that equals the derived one counts as derived: it is left out, so that
it is derived again when the code or the type changes.
"""

from collections.abc import Mapping

from app.events.durations import resolve_signal_span
from app.events.render import derive_intensity, derive_quad
from app.events.schemas import Event, EventInput, ParticipantInput, ReportInput, SignalInput
from app.events.vocabulary import Reliability

SHARED_FIELDS = {
    "title", "summary", "date", "type", "mode", "cameo", "native", "status", "location", "tags",
    "part_of",
}  # fmt: skip


def input_from_document(event: Event, grades: Mapping[str, Reliability | None]) -> EventInput:
    """Build the input that renders to this document.

    `grades` maps the id of each source to its own reliability; a report with the same one has none
    of its own.
    """
    made = EventInput(
        key=event.id.partition(":")[2],
        **event.model_dump(include=SHARED_FIELDS),
        intensity=event.intensity,
        quad=event.quad,
        quad_scheme=None if event.quad_scheme == "gdelt" else event.quad_scheme,
        participants=[
            ParticipantInput(actor=p.actor, role=p.role, native=p.native, excused=p.excused)
            for p in event.participants
            if p.via is None
        ],
        signals=[
            SignalInput(
                from_=s.from_,
                toward=s.toward,
                score=s.score,
                confidence=s.confidence,
                # The weight that follows from the date is left out, so that it follows a new one.
                weight=1 if s.weight == resolve_signal_span(event.date).weight else s.weight,
                reason=s.reason,
            )
            for s in event.signals
            if s.origin == "stated"
        ],
        reports=[
            ReportInput(
                **r.model_dump(exclude={"title", "publisher", "url", "published", "reliability"}),
                reliability=None if r.reliability == grades.get(r.source) else r.reliability,
            )
            for r in event.reports
        ],
    )
    changed: dict[str, None] = {}
    if made.quad == derive_quad(made):
        changed["quad"] = None
    if made.intensity == derive_intensity(made):
        changed["intensity"] = None
    return made.model_copy(update=changed)
