"""Back from a document to what was given, so that it can be changed and rendered again. Pure.

What equals that which would be derived counts as derived: it follows when what it derives from is
changed.
"""

from collections.abc import Mapping

from app.events.render import derived_intensity, derived_quad
from app.events.schemas import Event, GivenEvent, GivenParticipant, GivenReport, GivenSignal
from app.events.vocabulary import Reliability

SHARED = {
    "title", "summary", "date", "type", "mode", "cameo", "native", "status", "location", "tags",
}  # fmt: skip


def given_of(event: Event, grades: Mapping[str, Reliability | None]) -> GivenEvent:
    """An event as it would be given to get this document; `grades` are those of its sources."""
    given = GivenEvent(
        key=event.id.partition(":")[2],
        **event.model_dump(include=SHARED),
        intensity=event.intensity,
        quad=event.quad,
        quad_scheme=None if event.quad_scheme == "gdelt" else event.quad_scheme,
        participants=[
            GivenParticipant(actor=p.actor, role=p.role, native=p.native)
            for p in event.participants
            if p.via is None
        ],
        signals=[
            GivenSignal(from_=s.from_, toward=s.toward, score=s.score, confidence=s.confidence)
            for s in event.signals
            if s.origin == "stated"
        ],
        reports=[
            GivenReport(
                **r.model_dump(exclude={"title", "publisher", "url", "published", "reliability"}),
                reliability=None if r.reliability == grades.get(r.source) else r.reliability,
            )
            for r in event.reports
        ],
    )
    changed: dict[str, None] = {}
    if given.quad == derived_quad(given):
        changed["quad"] = None
    if given.intensity == derived_intensity(given):
        changed["intensity"] = None
    return given.model_copy(update=changed)
