"""From an event as given, its actors known, to the rows that are stored.

`app.events.render` makes the same document through the models that document it; this way costs a
tenth. A test holds the two to the same bytes. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct
from pydantic_core import to_json

from app.db.tables import events, participations, reports, revisions, signals, tags
from app.db.types import NEVER
from app.edtf import Span, last_day
from app.events.places import unit_vector
from app.events.render import GROUPS, Known
from app.events.signals import Acting, Derived, derive, mass, quad_of
from app.events.vocabulary import cameo, quad_of_cameo, quad_of_type
from app.ingest.given import Given, GivenActor, GivenPlace, GivenReport, parsed
from app.text import words

COLUMNS: Mapping[str, tuple[str, ...]] = {
    revisions.name: (
        "seq", "kind", "id", "revision", "action", "at", "by", "reason", "document", "derived",
    ),
    events.name: (
        "id", "dataset", "start", "end", "type", "mode", "cameo", "native", "intensity", "quad",
        "status", "country", "lat", "lon", "x", "y", "z", "independent_sources", "recorded_at",
        "seq",
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
        "dataset", "seq",
    ),
}  # fmt: skip
"""The order in which rows are made; `seq` comes last, since it is known last."""


class Cited(Struct, gc=False, frozen=True):
    """A source as its reports show it."""

    title: str
    publisher: str
    url: str | None
    published: str | None
    reliability: str | None


class _Participant(Struct, gc=False):
    actor: str | None
    name: str | None
    role: str
    via: str | None
    native: str | None


class _Signal(Struct, gc=False, rename={"from_": "from"}):
    from_: str
    toward: str
    score: float
    confidence: float
    quad: int
    origin: str
    rule: str


class _Report(Struct, gc=False):
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


class _Body(Struct, gc=False):
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
    participants: list[_Participant]
    signals: list[_Signal]
    location: GivenPlace | None
    tags: list[str]
    reports: list[_Report]
    independent_sources: int


@dataclass(slots=True)
class Finished:
    """An event ready to be stored: all but its `seq`, the moment and the number of its revision."""

    id: str
    body: str
    """The document up to `recorded_at`."""
    event: tuple[Any, ...]
    """Without `recorded_at` and `seq`."""
    rows: dict[str, list[tuple[Any, ...]]]
    """By table, without `seq`."""
    words: list[str]
    start: str

    def document(self, at: str, revision: int) -> str:
        """The whole document."""
        return f'{self.body},"recorded_at":"{at}","revision":{revision}}}'


_encode = msgspec.json.Encoder().encode
_last_day = lru_cache(4096)(last_day)


def finish(
    given: Given, dataset: str, known: Known, cited: Mapping[str, Cited], late: Sequence[Any] = ()
) -> Finished:
    """The rows of an event. Its actors are codes, its sources are ids that `cited` knows."""
    span = parsed(given.date)
    day = span.start.isoformat()
    quad = given.quad or _quad(given)
    intensity = given.intensity
    if intensity is None and given.cameo is not None and given.cameo in cameo():
        intensity = cameo()[given.cameo].goldstein
    who, acting = _participants(given.participants, known, day)
    told = [_report(r, cited) for r in (*given.reports, *late)]
    body = _Body(
        f"{dataset}:{given.key}", dataset, given.title, given.summary, given.date, day,
        _end(span), span.precision, given.type, given.mode, given.cameo, given.native, intensity,
        quad, given.quad_scheme or "gdelt", given.status, who,
        _signals(given, acting, intensity, quad), given.location,
        sorted(set(given.tags)), told,
        len({r.publisher.casefold() for r in told if r.stance != "disputes"}),
    )  # fmt: skip
    return Finished(
        body.id, _encode(body)[:-1].decode(), _event(body), _rows(body), _words(body), day
    )


def _end(span: Span) -> str | None:
    return None if span.end is None else span.end.isoformat()


def _quad(given: Given) -> int | None:
    if given.cameo is not None:
        return quad_of_cameo(given.cameo, given.quad_scheme or "gdelt")  # type: ignore[arg-type]
    return None if given.type is None else quad_of_type(given.type)


def _participants(
    given: Sequence[GivenActor], known: Known, day: str
) -> tuple[list[_Participant], list[Acting]]:
    """Who took part, with the states that persons and bodies count for; and who gives signals."""
    stated, acting = [], []
    rolled: dict[tuple[str, str, str], _Participant] = {}
    for p in given:
        if p.via is not None:
            continue
        code = p.actor
        name = known.names.get(code) if code else None
        stated.append(_Participant(code, name, p.role, None, p.native))
        if not code:
            continue
        state = known.state_of(code, day) if code in known.belongs else None
        acting.append(Acting(state or code, p.role, known.kinds.get(code) in GROUPS))
        if state:
            rolled.setdefault(
                (state, p.role, code), _Participant(state, known.names[state], p.role, code, None)
            )
    return [*stated, *rolled.values()], acting


def _signals(
    given: Given, acting: list[Acting], intensity: float | None, quad: int | None
) -> list[_Signal]:
    stated = {(s.from_, s.toward): s for s in given.signals}
    found = [
        _Signal(
            s.from_, s.toward, s.score, s.confidence, quad_of(s.score, quad, True), "stated",
            "stated",
        )
        for s in stated.values()
    ]  # fmt: skip
    if intensity and acting:
        for s in _derived(acting, intensity):
            if (s.from_, s.toward) not in stated:
                score = round(s.score, 4)
                kind = quad_of(s.score, quad, False)
                found.append(_Signal(s.from_, s.toward, score, 1.0, kind, "derived", s.rule))
    return sorted(found, key=lambda s: (s.from_, s.toward)) if len(found) > 1 else found


def _derived(acting: Sequence[Acting], intensity: float) -> Sequence[Derived]:
    """The signals of the roles; nearly all bulk rows have one initiator and one target."""
    if len(acting) == 2 and (acting[0].role, acting[1].role) == ("initiator", "target"):
        one, other = acting[0].actor, acting[1].actor
        return [] if one == other else [Derived(one, other, intensity, "initiator-target")]
    return derive(acting, intensity)


def _report(given: GivenReport, cited: Mapping[str, Cited]) -> _Report:
    assert isinstance(given.source, str)
    s = cited[given.source]
    return _Report(
        given.source, s.title, s.publisher, s.url, s.published, given.quote, given.locator,
        given.stance, exact(given.claims), given.reliability or s.reliability, given.credibility,
    )  # fmt: skip


def exact(claims: dict[str, Any] | None) -> Any:
    """Claims as they are stored: pydantic writes 1e+16 where msgspec writes 1e16."""
    if claims and _large(claims):
        return Raw(to_json(claims, inf_nan_mode="null"))
    return claims


def _large(value: Any) -> bool:
    if isinstance(value, float):
        return abs(value) >= 1e16
    if isinstance(value, dict):
        return any(map(_large, value.values()))
    return isinstance(value, list) and any(map(_large, value))


def _event(b: _Body) -> tuple[Any, ...]:
    place = b.location
    where: tuple[Any, ...] = (None, None, None, None, None, None)
    if place is not None:
        point: tuple[float | None, ...] = (None, None, None)
        if place.lat is not None and place.lon is not None:
            point = unit_vector(place.lat, place.lon)
        where = (place.country, place.lat, place.lon, *point)
    return (
        b.id, b.dataset, b.start, b.end or NEVER, b.type, b.mode, b.cameo, b.native, b.intensity,
        b.quad, b.status, *where, b.independent_sources,
    )  # fmt: skip


def _rows(b: _Body) -> dict[str, list[tuple[Any, ...]]]:
    end = b.end or NEVER
    shared = (end, b.dataset, b.type, b.intensity, b.quad, b.status)
    seen = {(p.actor, p.role, p.via or "") for p in b.participants if p.actor}
    rows: dict[str, list[tuple[Any, ...]]] = {
        participations.name: [(a, b.start, b.id, role, via, *shared) for a, role, via in seen],
        reports.name: [
            (
                b.id, n, r.source, r.publisher, _last_day(r.published) if r.published else None,
                r.reliability, r.credibility, r.stance,
            )
            for n, r in enumerate(b.reports, 1)
        ],
    }  # fmt: skip
    if b.tags:
        rows[tags.name] = [(tag, b.id) for tag in b.tags]
    if b.status != "retracted" and b.signals:
        rows[signals.name] = [
            (
                s.from_, s.toward, b.start, b.id, s.origin, s.rule, s.score, s.confidence, s.quad,
                b.dataset,
            )
            for s in b.signals
        ]  # fmt: skip
    return rows


def _words(b: _Body) -> list[str]:
    parts = [b.title, b.summary or ""]
    parts += [p.name or p.native or "" for p in b.participants]
    parts += [r.quote or "" for r in b.reports]
    return list(dict.fromkeys(words("\n".join(parts))))


def sums(finished: Sequence[Finished]) -> list[tuple[Any, ...]]:
    """What events add to the day sums: rows as the table has them, in the order of its key."""
    total: dict[tuple[str, ...], list[int]] = {}
    for event in finished:
        for from_, toward, start, _, _, _, score, confidence, quad, dataset in event.rows.get(
            signals.name, ()
        ):
            held = total.get((from_, toward, dataset, start))
            if held is None:
                held = total[from_, toward, dataset, start] = [0] * 7
            held[0] += 1
            held[1 if score > 0 else 2] += mass(score, confidence)
            if quad:
                held[2 + quad] += 1
    return [(*key, *values) for key, values in sorted(total.items())]
