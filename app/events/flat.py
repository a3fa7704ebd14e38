"""An event as one row: the columns of CSV, Parquet, Arrow and spreadsheets. Pure.

What nests is JSON text in a cell, so that nothing is lost on the way out and in again. The columns
from `actors` to `publishers` repeat what lies in the nested ones, for people who filter by eye.
"""

import re
from typing import Any

import msgspec

PLACES = ("location", "country", "admin1", "admin2", "lat", "lon", "location_precision")
"""Columns that come of the location."""
WHO = ("actors", "initiators", "targets", "absent")
"""Columns that come of the participants."""
COLUMNS: dict[str, str] = {
    "id": "text",
    "dataset": "text",
    "title": "text",
    "summary": "text",
    "date": "text",
    "start": "day",
    "end": "day",
    "precision": "text",
    "type": "text",
    "mode": "text",
    "cameo": "text",
    "native": "text",
    "intensity": "number",
    "quad": "integer",
    "quad_scheme": "text",
    "status": "text",
    "actors": "text",
    "initiators": "text",
    "targets": "text",
    "absent": "text",
    "location": "text",
    "country": "text",
    "admin1": "text",
    "admin2": "text",
    "lat": "number",
    "lon": "number",
    "location_precision": "text",
    "publishers": "text",
    "independent_sources": "integer",
    "participants": "json",
    "signals": "json",
    "tags": "json",
    "reports": "json",
    "recorded_at": "text",
    "revision": "integer",
}
"""Each column and what it holds."""
MEANING = {
    "actors": "codes of all that took part, those that were absent left out; separated by `; `",
    "initiators": "codes of those that initiated it",
    "targets": "codes of its targets",
    "absent": "codes of those that were expected and not there",
    "publishers": "who says so, each once",
    "location": "name of the place",
}


class Place(msgspec.Struct):
    """Where it happened."""

    name: str | None = None
    country: str | None = None
    admin1: str | None = None
    admin2: str | None = None
    lat: float | None = None
    lon: float | None = None
    precision: str | None = None


NOWHERE = Place()


class Part(msgspec.Struct):
    """Who took part."""

    actor: str | None
    role: str
    native: str | None = None


class Saying(msgspec.Struct):
    """Who says so."""

    publisher: str


class Document(msgspec.Struct):
    """A stored document, its nested parts left as the bytes they are."""

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
    participants: msgspec.Raw
    signals: msgspec.Raw
    location: Place | None
    tags: msgspec.Raw
    reports: msgspec.Raw
    independent_sources: int
    recorded_at: str
    revision: int


read = msgspec.json.Decoder(Document).decode
parts_of = msgspec.json.Decoder(list[Part]).decode
sayings_of = msgspec.json.Decoder(list[Saying]).decode


def flat(document: str) -> tuple[Any, ...]:
    """The cells of a document in the order of `COLUMNS`; days are ISO text, nested ones JSON."""
    event = read(document)
    place = event.location or NOWHERE
    who: dict[str, dict[str, None]] = {"": {}, "initiator": {}, "target": {}, "absent": {}}
    for part in parts_of(event.participants):
        code = part.actor or part.native
        if code:
            if part.role in who:
                who[part.role][code] = None
            if part.role != "absent":
                who[""][code] = None
    publishers = dict.fromkeys([said.publisher for said in sayings_of(event.reports)])
    return (
        event.id,
        event.dataset,
        event.title,
        event.summary,
        event.date,
        event.start,
        event.end,
        event.precision,
        event.type,
        event.mode,
        event.cameo,
        event.native,
        event.intensity,
        event.quad,
        event.quad_scheme,
        event.status,
        *("; ".join(codes) or None for codes in who.values()),
        place.name,
        place.country,
        place.admin1,
        place.admin2,
        place.lat,
        place.lon,
        place.precision,
        "; ".join(publishers) or None,
        event.independent_sources,
        str(event.participants, "utf-8"),
        str(event.signals, "utf-8"),
        str(event.tags, "utf-8"),
        str(event.reports, "utf-8"),
        event.recorded_at,
        event.revision,
    )


_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


_SUSPECT = frozenset("'=+-@\t\r\n＝＋－＠")


def armoured(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe makes it text."""
    return "'" + cell if cell[:1] in _SUSPECT and _FORMULA.match(cell) else cell


def bare(cell: str) -> str:
    """What `armoured` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
