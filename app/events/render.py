"""Rendering of events: a resolved record becomes the document that is stored and answered. Pure.

It is the only renderer: loads, the write API, the bundled data and `entente db rerender` use it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct
from pydantic_core import to_json

from app.events.durations import resolve_signal_span
from app.events.event_id import complete_event_id
from app.events.record import (
    EventRecord,
    ParticipantRecord,
    PlaceRecord,
    ReportRecord,
    parse_date_cached,
)
from app.events.signals import (
    DEFAULT_SCALE,
    Act,
    ActorInRole,
    DerivationMode,
    derive_signals,
    is_plain_act,
    signal_quad,
    weigh_act,
)
from app.events.vocabulary import (
    EventType,
    Reliability,
    Role,
    Stance,
    Status,
    load_cameo_codes,
    quad_of_cameo,
    quad_of_type,
)
from app.rounding import round_number
from app.sources.record import CitedSource

GROUP_KINDS = frozenset({"alliance", "organization"})
ACTING_KINDS = frozenset({"person", "body"})
"""Kinds of actors whose acts count for the state that they belong to on the day."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What rendering needs to know of actors: their names, kinds, and states."""

    names: Mapping[str, str]
    kinds: Mapping[str, str]
    affiliations: Mapping[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """(state, since, until) of each membership period of a person or body, by its code."""
    modes: Mapping[str, DerivationMode] = field(default_factory=dict)
    """How the signals of a dataset are derived, by its code; others simply by the rules."""
    unsearched: frozenset[str] = frozenset()
    """Datasets whose words are not indexed."""

    def find_state(self, actor: str, day: str) -> str | None:
        """Find the state that a person or body counts for on a day."""
        periods = self.affiliations.get(actor, [])
        return next((state for state, since, until in periods if since <= day < until), None)


class _ParticipantBody(Struct, gc=False):
    actor: str | None
    name: str | None
    role: Role
    via: str | None
    native: str | None
    excused: bool = False


class _SignalBody(Struct, gc=False, rename={"from_": "from"}):
    from_: str
    toward: str
    score: float
    confidence: float
    quad: int
    origin: str
    rule: str
    weight: float = 1.0
    reason: str | None = None


class _ReportBody(Struct, gc=False):
    source: str
    title: str
    publisher: str
    url: str | None
    published: str | None
    quote: str | None
    locator: str | None
    stance: Stance
    claims: Any
    reliability: Reliability | None
    credibility: int | None


class EventDocumentBody(Struct, gc=False):
    """An event document without `recorded_at` and `revision`, which are set when it is stored."""

    id: str
    dataset: str
    title: str
    summary: str | None
    date: str
    start: str
    end: str | None
    precision: str
    type: EventType | None
    mode: str | None
    cameo: str | None
    native: str | None
    intensity: float | None
    quad: int | None
    quad_scheme: str
    status: Status
    # Documents that were stored before the field existed lack it; the fields after it have defaults
    # only because msgspec asks for them.
    part_of: str | None = None
    participants: list[_ParticipantBody] = []
    signals: list[_SignalBody] = []
    location: PlaceRecord | None = None
    tags: list[str] = []
    reports: list[_ReportBody] = []
    independent_sources: int = 0


class EventDocumentRecord(EventDocumentBody, gc=False):
    """An event document as it is stored."""

    recorded_at: str = ""
    revision: int = 0


def complete_event_document(text: bytes, at: str, revision: int) -> bytes:
    """Complete the JSON of an event with the moment and the number of its revision."""
    return b'%b,"recorded_at":"%b","revision":%d}' % (text, at.encode(), revision)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventDocumentBody).decode


@lru_cache(8192)
def resolve_date_span(date: str) -> tuple[str, str | None, str]:
    """Resolve an EDTF date to its first day, its last day (None if open) and its precision."""
    span = parse_date_cached(date)
    end = None if span.end is None else span.end.isoformat()
    return span.start.isoformat(), end, span.precision


def encode_event_body(body: EventDocumentBody) -> bytes:
    """Encode an event document as JSON up to `recorded_at`, without the closing brace."""
    return _encode(body)[:-1]


def build_event_body(
    record: EventRecord,
    dataset: str,
    known: RenderContext,
    cited: Mapping[str, CitedSource],
    late: Sequence[ReportRecord] = (),
) -> EventDocumentBody:
    """Build the document of a resolved record.

    `cited` has every source that the record cites; `late` are reports from stored mentions.
    """
    day, end, precision = resolve_date_span(record.date)
    quad = record.quad or derive_quad(record)
    intensity = record.intensity
    if intensity is None:
        intensity = derive_intensity(record)
    if intensity == 0:
        intensity = 0.0  # without a sign
    who, acting = _build_participants(record.participants, known, day)
    reports = [build_event_report(r, cited) for r in record.reports]
    if late:
        reports += [build_event_report(r, cited) for r in late]
    return EventDocumentBody(
        f"{dataset}:{record.key}", dataset, record.title, record.summary, record.date, day, end,
        precision, record.type, record.mode, record.cameo, record.native, intensity, quad,
        record.quad_scheme or "gdelt", record.status,
        complete_event_id(record.part_of, dataset) if record.part_of else None, who,
        _build_signals(record, acting, intensity, quad, known.modes.get(dataset, DEFAULT_SCALE)),
        record.location,
        sorted(set(record.tags)) if record.tags else [], reports, _count_publishers(reports),
    )  # fmt: skip


def _count_publishers(reports: Sequence[_ReportBody]) -> int:
    if len(reports) == 1:
        return int(reports[0].stance != "disputes")
    return len({r.publisher.casefold() for r in reports if r.stance != "disputes"})


decode_event_document = msgspec.json.Decoder(EventDocumentRecord).decode


def decode_normalized_event(document: str | bytes) -> EventDocumentBody:
    """Decode an event so that encoding it again gives the bytes that are stored."""
    body = _decode(document)
    for report in body.reports:
        report.claims = normalize_claims(report.claims)
    return body


def encode_event_document(event: EventDocumentRecord) -> str:
    """Encode a stored event as JSON."""
    for report in event.reports:
        report.claims = normalize_claims(report.claims)
    return _encode(event).decode()


def matches_document(text: bytes, document: str) -> bool:
    """Return whether a rendered event equals a stored document, apart from its revision.

    A document that was stored before a field existed is read with the default of that field.
    """
    if strip_revision(document) == text:
        return True
    return encode_event_body(decode_normalized_event(document)) == text


def strip_revision(document: str) -> bytes:
    """Return a document up to `recorded_at`, for comparison."""
    return document.rpartition(',"recorded_at":')[0].encode()


def replace_event_reports(body: EventDocumentBody, reports: list[_ReportBody]) -> EventDocumentBody:
    """Replace the reports of an event, and the count of independent sources with them."""
    body.reports, body.independent_sources = reports, _count_publishers(reports)
    return body


@lru_cache(1024)
def _get_goldstein(code: str) -> float | None:
    known = load_cameo_codes().get(code)
    return None if known is None else known.goldstein


def derive_intensity(event: EventRecord) -> float | None:
    """Derive the intensity of an event: the Goldstein score of its CAMEO code."""
    return None if event.cameo is None else _get_goldstein(event.cameo)


def derive_quad(event: EventRecord) -> int | None:
    """Derive the quad class of an event from its CAMEO code, else from its type."""
    if event.cameo is not None:
        return quad_of_cameo(event.cameo, event.quad_scheme or "gdelt")  # type: ignore[arg-type]
    return None if event.type is None else quad_of_type(event.type)


def _build_participants(
    records: Sequence[ParticipantRecord], known: RenderContext, day: str
) -> tuple[list[_ParticipantBody], list[ActorInRole]]:
    """Build the participants, and the list of actors for deriving signals.

    A person or body is followed by a participant for the state it acts for on that day.
    """
    stated, acting = [], []
    rolled: dict[tuple[str, str, str], _ParticipantBody] = {}
    names, kinds, belongs = known.names, known.kinds, known.affiliations
    for p in records:
        if p.via is not None:
            continue
        code = p.actor
        stated.append(
            _ParticipantBody(
                code, names.get(code) if code else None, p.role, None, p.native, p.excused is True
            )
        )
        if not code:
            continue
        state = known.find_state(code, day) if code in belongs else None
        acting.append(
            ActorInRole(state or code, p.role, kinds.get(code) in GROUP_KINDS, p.excused is True)
        )
        if state:
            rolled.setdefault(
                (state, p.role, code),
                _ParticipantBody(state, names[state], p.role, code, None, p.excused is True),
            )
    return [*stated, *rolled.values()] if rolled else stated, acting


def _build_signals(
    record: EventRecord,
    acting: list[ActorInRole],
    intensity: float | None,
    quad: int | None,
    mode: DerivationMode,
) -> list[_SignalBody]:
    if not record.signals and len(acting) < 2:
        return []
    span = resolve_signal_span(record.date)
    weight, lasts = weigh_act(quad, span), span.lasts
    is_stage = bool(record.part_of)
    if not record.signals and len(acting) == 2:
        # A short cut for most bulk rows: one initiator, one target.
        (one, role, _, _), (other, its, _, _) = acting
        if (
            role == "initiator"
            and its == "target"
            and is_plain_act(record.type, record.mode, record.cameo, quad, lasts, is_stage, mode)
        ):
            if one == other or not intensity:
                return []
            score, kind = _weigh_signal(intensity, quad)
            rule = "initiator-target"
            return [_SignalBody(one, other, score, 1.0, kind, "derived", rule, weight)]
    act = Act(intensity, record.type, record.mode, record.cameo, quad, lasts, is_stage)
    stated = {(s.from_, s.toward): s for s in record.signals}
    found = [
        _SignalBody(
            s.from_, s.toward, s.score or 0.0, s.confidence, signal_quad(s.score, quad, True),
            "stated", "stated", weight if s.weight in (UNSET, 1) else s.weight, s.reason or None,
        )
        for s in stated.values()
    ]  # fmt: skip
    for d in derive_signals(acting, act, mode):
        if (d.from_, d.toward) not in stated:
            score, kind = _weigh_signal(d.score, quad)
            found.append(
                _SignalBody(d.from_, d.toward, score, 1.0, kind, "derived", d.rule, weight)
            )
    return sorted(found, key=lambda s: (s.from_, s.toward)) if len(found) > 1 else found


@lru_cache(4096, typed=True)
def _weigh_signal(score: float, quad: int | None) -> tuple[float, int]:
    return round_number(score, 4), signal_quad(score, quad, False)


def build_event_report(record: ReportRecord, cited: Mapping[str, CitedSource]) -> _ReportBody:
    """Build the report of an event document; `cited` has its source."""
    assert isinstance(record.source, str)
    s, claims = cited[record.source], record.claims
    return _ReportBody(
        record.source,
        s.title,
        s.publisher,
        s.url,
        s.published,
        record.quote,
        record.locator,
        record.stance,
        normalize_claims(claims) if claims else claims,
        record.reliability or s.reliability,
        record.credibility,
    )


def normalize_claims(claims: dict[str, Any] | None) -> Any:
    """Return claims in the form in which they are stored."""
    # pydantic writes 1e+16 where msgspec writes 1e16, and documents must be equal byte by byte.
    for value in claims.values() if claims else ():
        if type(value) is not float or not -1e16 < value < 1e16:
            return Raw(to_json(claims, inf_nan_mode="null")) if _has_large_float(claims) else claims
    return claims


def _has_large_float(value: object) -> bool:
    if isinstance(value, float):
        return abs(value) >= 1e16
    if isinstance(value, dict):
        return any(map(_has_large_float, value.values()))
    return isinstance(value, list) and any(map(_has_large_float, value))
