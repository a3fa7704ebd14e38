"""This module builds event documents and table rows from resolved records. Pure.

`app.events.render` builds the same document through the pydantic models, at ten times the cost. A
test checks that both produce the same bytes.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct
from pydantic_core import to_json

from app.db.tables import events, participations, reports, revisions, signals, tags
from app.db.types import NO_END_DAY
from app.edtf import parse_last_day
from app.events.durations import CLASS_UNIT, resolve_signal_span, spread_signal
from app.events.event_id import complete_event_id
from app.events.places import unit_vector
from app.events.render import GROUP_KINDS, RenderContext
from app.events.signals import (
    Act,
    ActorInRole,
    SignalScale,
    derive_signals,
    is_plain_act,
    signal_quad,
    signal_weight,
)
from app.events.vocabulary import load_cameo_codes, quad_of_cameo, quad_of_type
from app.ingest.formats.records import (
    EventRecord,
    ParticipantRecord,
    PlaceRecord,
    ReportRecord,
    parse_date_cached,
)
from app.text import split_words

COLUMNS_BY_TABLE: Mapping[str, tuple[str, ...]] = {
    revisions.name: (
        "seq", "kind", "id", "revision", "action", "at", "by", "reason", "document", "derived",
    ),
    events.name: (
        "id", "dataset", "start", "end", "type", "mode", "cameo", "native", "intensity", "quad",
        "status", "country", "lat", "lon", "x", "y", "z", "independent_sources", "seq",
        "recorded_at",
    ),
    participations.name: (
        "actor", "start", "event", "role", "via", "end", "dataset", "type", "intensity", "quad",
        "status", "seq",
    ),
    tags.name: ("tag", "event", "seq"),
    reports.name: (
        "event", "number", "source", "publisher", "published", "reliability", "credibility",
        "stance", "seq",
    ),
    signals.name: (
        "from", "toward", "start", "event", "origin", "rule", "score", "confidence", "quad",
        "weight", "end", "dataset", "seq",
    ),
}  # fmt: skip
"""The columns of each table, in the order in which rows are built.

`recorded_at` of an event comes last, since it is known only when the event is stored.
"""


class CitedSource(Struct, gc=False, frozen=True):
    """The fields of a source that reports repeat."""

    title: str
    publisher: str
    url: str | None
    published: str | None
    reliability: str | None


class _ParticipantBody(Struct, gc=False):
    actor: str | None
    name: str | None
    role: str
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
    stance: str
    claims: Any
    reliability: str | None
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
    type: str | None
    mode: str | None
    cameo: str | None
    native: str | None
    intensity: float | None
    quad: int | None
    quad_scheme: str
    status: str
    # Documents that were stored before the field existed lack it; the fields after it have defaults
    # only because msgspec asks for them.
    part_of: str | None = None
    participants: list[_ParticipantBody] = []
    signals: list[_SignalBody] = []
    location: PlaceRecord | None = None
    tags: list[str] = []
    reports: list[_ReportBody] = []
    independent_sources: int = 0


class EventRows:
    """Rows to be stored, by table, in the order of `COLUMNS_BY_TABLE`."""

    __slots__ = ("bodies", "events", "participations", "reports", "signals", "tags", "words")

    def __init__(self) -> None:
        self.bodies: list[tuple[int, str, str, bytes]] = []
        """(`seq`, id, status, the document up to `recorded_at` as JSON)."""
        # Bytes, not text: an arrow in a title makes Python keep two bytes a character, and the
        # document would be decoded and encoded again for nothing.
        self.events: list[tuple[Any, ...]] = []
        """Rows without `recorded_at`."""
        self.participations: list[tuple[Any, ...]] = []
        self.reports: list[tuple[Any, ...]] = []
        self.signals: list[tuple[Any, ...]] = []
        self.tags: list[tuple[Any, ...]] = []
        self.words: list[tuple[int, str]] = []
        """(`seq`, the words for full-text search)."""

    def add_event(self, b: EventDocumentBody, text: bytes, seq: int) -> None:
        """Add the rows of an event; `text` is its JSON, `seq` the number of its revision."""
        ident, start, end, dataset, kind = b.id, b.start, b.end or NO_END_DAY, b.dataset, b.type
        intensity, quad, status = b.intensity, b.quad, b.status
        self.bodies.append((seq, ident, status, text))
        self.events.append(
            (
                ident, dataset, start, end, kind, b.mode, b.cameo, b.native, intensity, quad,
                status, *_build_place_columns(b.location), b.independent_sources, seq,
            )
        )  # fmt: skip
        who = [(p.actor, p.role, p.via or "") for p in b.participants if p.actor]
        self.participations += [
            (actor, start, ident, role, via, end, dataset, kind, intensity, quad, status, seq)
            for actor, role, via in (set(who) if len(who) > 1 else who)
        ]
        self.reports += [
            (
                ident,
                n,
                r.source,
                r.publisher,
                _last_day_cached(r.published) if r.published else None,
                r.reliability,
                r.credibility,
                r.stance,
                seq,
            )
            for n, r in enumerate(b.reports, 1)
        ]
        if b.tags:
            self.tags += [(tag, ident, seq) for tag in b.tags]
        if status != "retracted" and b.signals:
            until = resolve_signal_span(b.date).end
            self.signals += [
                (
                    s.from_, s.toward, start, ident, s.origin, s.rule, s.score, s.confidence,
                    s.quad, s.weight, until, dataset, seq,
                )
                for s in b.signals
            ]  # fmt: skip
        self.words.append((seq, _collect_words(b)))

    def sum_by_day(self) -> list[tuple[Any, ...]]:
        """Sum the signals by pair, dataset and day: rows of `day_sums`, in key order."""
        total: dict[tuple[str, ...], list[int]] = {}
        for (
            from_, toward, start, _, _, _, score, confidence, quad, weight, end, dataset, _,
        ) in self.signals:  # fmt: skip
            mass = signal_weight(score, confidence, weight)
            classed = round(CLASS_UNIT * weight) if quad else 0
            for day, n, part, class_part in spread_signal(start, end, mass, classed):
                key = (from_, toward, dataset, day)
                sums = total.get(key)
                if sums is None:
                    sums = total[key] = [0] * 7
                sums[0] += n
                sums[1 if score > 0 else 2] += part
                if quad:
                    sums[2 + quad] += class_part
        return [(*key, *total[key]) for key in sorted(total)]


def complete_event_document(text: bytes, at: str, revision: int) -> bytes:
    """Complete the JSON of an event with the moment and the number of its revision."""
    return b'%b,"recorded_at":"%b","revision":%d}' % (text, at.encode(), revision)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventDocumentBody).decode
_last_day_cached = lru_cache(4096)(parse_last_day)


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
    late: Sequence[Any] = (),
) -> EventDocumentBody:
    """Build the document of a resolved record.

    `cited` has every source that the record cites; `late` are reports from stored mentions.
    """
    day, end, precision = resolve_date_span(record.date)
    quad = record.quad or _choose_quad(record)
    intensity = record.intensity
    if intensity is None and record.cameo is not None:
        intensity = _get_goldstein(record.cameo)
    who, acting = _build_participants(record.participants, known, day)
    reports = [build_event_report(r, cited) for r in record.reports]
    if late:
        reports += [build_event_report(r, cited) for r in late]
    return EventDocumentBody(
        f"{dataset}:{record.key}", dataset, record.title, record.summary, record.date, day, end,
        precision, record.type, record.mode, record.cameo, record.native, intensity, quad,
        record.quad_scheme or "gdelt", record.status,
        complete_event_id(record.part_of, dataset) if record.part_of else None, who,
        _build_signals(record, acting, intensity, quad, known.find_scale(dataset)), record.location,
        sorted(set(record.tags)) if record.tags else [], reports, _count_publishers(reports),
    )  # fmt: skip


def _count_publishers(reports: Sequence[_ReportBody]) -> int:
    if len(reports) == 1:
        return int(reports[0].stance != "disputes")
    return len({r.publisher.casefold() for r in reports if r.stance != "disputes"})


def decode_event_body(document: str) -> EventDocumentBody:
    """Decode an event from its document."""
    body = _decode(document)
    for report in body.reports:
        report.claims = normalize_claims(report.claims)
    return body


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


def _choose_quad(record: EventRecord) -> int | None:
    if record.cameo is not None:
        return quad_of_cameo(record.cameo, record.quad_scheme or "gdelt")  # type: ignore[arg-type]
    return None if record.type is None else quad_of_type(record.type)


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
    scale: SignalScale,
) -> list[_SignalBody]:
    if not record.signals and len(acting) < 2:
        return []
    span = resolve_signal_span(record.date)
    act = Act(
        intensity, record.type, record.mode, record.cameo, quad, span.lasts, bool(record.part_of)
    )
    if not record.signals and len(acting) == 2 and is_plain_act(act, scale):
        # A short cut for most bulk rows: one initiator, one target.
        (one, role, _, _), (other, its, _, _) = acting
        if role == "initiator" and its == "target":
            if one == other or not intensity:
                return []
            score, kind = _weigh_signal(intensity, quad)
            rule = "initiator-target"
            return [_SignalBody(one, other, score, 1.0, kind, "derived", rule, span.weight)]
    stated = {(s.from_, s.toward): s for s in record.signals}
    found = [
        _SignalBody(
            s.from_, s.toward, s.score, s.confidence, signal_quad(s.score, quad, True), "stated",
            "stated", span.weight if s.weight in (UNSET, 1) else s.weight, s.reason or None,
        )
        for s in stated.values()
    ]  # fmt: skip
    for d in derive_signals(acting, act, scale):
        if (d.from_, d.toward) not in stated:
            score, kind = _weigh_signal(d.score, quad)
            found.append(
                _SignalBody(d.from_, d.toward, score, 1.0, kind, "derived", d.rule, span.weight)
            )
    return sorted(found, key=lambda s: (s.from_, s.toward)) if len(found) > 1 else found


@lru_cache(4096, typed=True)
def _weigh_signal(score: float, quad: int | None) -> tuple[float, int]:
    return round(score, 4), signal_quad(score, quad, False)


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


def _has_large_float(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) >= 1e16
    if isinstance(value, dict):
        return any(map(_has_large_float, value.values()))
    return isinstance(value, list) and any(map(_has_large_float, value))


NO_PLACE = (None, None, None, None, None, None)


def _build_place_columns(place: PlaceRecord | None) -> tuple[Any, ...]:
    if place is None:
        return NO_PLACE
    if place.lat is None or place.lon is None:
        return place.country, place.lat, place.lon, None, None, None
    return place.country, place.lat, place.lon, *unit_vector(place.lat, place.lon)


def _collect_words(b: EventDocumentBody) -> str:
    """Collect the distinct words of an event for full-text search."""
    found = (
        [*_split_words_cached(b.title)]
        if len(b.title) <= MAX_CACHED_TITLE_LENGTH
        else split_words(b.title)
    )
    if b.summary:
        found += split_words(b.summary)
    for p in b.participants:
        found += _split_words_cached(p.name or p.native or "")
    for r in b.reports:
        if r.quote:
            found += split_words(r.quote)
    return " ".join(dict.fromkeys(found))


MAX_CACHED_TITLE_LENGTH = 200
"""Maximum characters of a title whose words are cached: generated titles repeat."""


@lru_cache(16_384)
def _split_words_cached(name: str) -> tuple[str, ...]:
    return tuple(split_words(name))
