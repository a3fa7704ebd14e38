"""A stored event is turned back into an `EventRecord`, to be edited and rendered again. Pure.

A quad class or an intensity that equals the derived one counts as derived: it is left out, so that
it is derived again when the code or the type changes.
"""

from collections.abc import Mapping

from msgspec import UNSET

from app.events.durations import resolve_signal_span
from app.events.record import EventRecord, ParticipantRecord, ReportRecord, SignalRecord
from app.events.render import EventDocumentBody, derive_intensity, derive_quad
from app.events.vocabulary import Reliability

SHARED_FIELDS = tuple(
    name
    for name in EventRecord.__struct_fields__
    if name in EventDocumentBody.__struct_fields__
    and name not in ("participants", "signals", "reports")
)
"""The fields that a record and its document have in common."""


def input_from_document(
    event: EventDocumentBody, grades: Mapping[str, Reliability | None]
) -> EventRecord:
    """Build the record that renders to this document.

    `grades` maps the id of each source to its own reliability; a report with the same one has none
    of its own.
    """
    made = EventRecord(
        key=event.id.partition(":")[2],
        participants=[
            ParticipantRecord(p.role, p.actor, p.native, excused=p.excused or UNSET)
            for p in event.participants
            if p.via is None
        ],
        signals=[
            SignalRecord(
                s.from_,
                s.toward,
                s.score,
                s.confidence,
                # A weight that follows from the date is left out, so that it follows a new one, and
                # so is that which friendly acts had by version 2 of the rules.
                1 if s.weight == resolve_signal_span(event.date).weight else s.weight,
                s.reason,
            )
            for s in event.signals
            if s.origin == "stated"
        ],
        reports=[
            ReportRecord(
                r.source,
                r.quote,
                r.locator,
                r.stance,
                r.claims,
                None if r.reliability == grades.get(r.source) else r.reliability,
                r.credibility,
            )
            for r in event.reports
        ],
        **{name: getattr(event, name) for name in SHARED_FIELDS},
    )
    if made.quad_scheme == "gdelt":
        made.quad_scheme = None
    if made.quad == derive_quad(made):
        made.quad = None
    if made.intensity == derive_intensity(made):
        made.intensity = None
    return made
