"""An event as one row: the columns of CSV, Parquet, Arrow and spreadsheets. Pure.

What nests is JSON text in a cell, so that nothing is lost on the way out and in again. The columns
from `actors` to `publishers` repeat what lies in the nested ones, for people who filter by eye.
"""

import re
from typing import Any

import msgspec

TEXTS = (
    "id", "dataset", "title", "summary", "date", "precision", "type", "mode", "cameo", "native",
    "quad_scheme", "status", "recorded_at",
)  # fmt: skip
PLACES = {
    "location": "name",
    "country": "country",
    "admin1": "admin1",
    "admin2": "admin2",
    "lat": "lat",
    "lon": "lon",
    "location_precision": "precision",
}
NESTED = ("participants", "signals", "tags", "reports")
SUMMED = ("actors", "initiators", "targets", "absent", "publishers")
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

    name: str | None
    country: str | None
    admin1: str | None
    admin2: str | None
    lat: float | None
    lon: float | None
    precision: str | None


class Part(msgspec.Struct):
    """Who took part."""

    actor: str | None
    name: str | None
    role: str
    native: str | None = None


class Saying(msgspec.Struct):
    """Who says so."""

    publisher: str
    url: str | None = None


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


def flat(document: str) -> dict[str, Any]:
    """The row of a document; days are ISO text, nested columns JSON text."""
    event = read(document)
    row: dict[str, Any] = {name: getattr(event, name) for name in TEXTS}
    row |= {"start": event.start, "end": event.end, "intensity": event.intensity}
    row |= {"quad": event.quad, "independent_sources": event.independent_sources}
    row["revision"] = event.revision
    place = event.location
    for column, name in PLACES.items():
        row[column] = None if place is None else getattr(place, name)
    row |= {name: bytes(getattr(event, name)).decode() for name in NESTED}
    parts = parts_of(event.participants)
    row["actors"] = _together(p.actor or p.native for p in parts if p.role != "absent")
    for column, role in (("initiators", "initiator"), ("targets", "target"), ("absent", "absent")):
        row[column] = _together(p.actor or p.native for p in parts if p.role == role)
    row["publishers"] = _together(s.publisher for s in sayings_of(event.reports))
    return row


def _together(words: Any) -> str | None:
    """Each word once, in order; None where there is none."""
    return "; ".join(dict.fromkeys(word for word in words if word)) or None


_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def armoured(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe makes it text."""
    return "'" + cell if _FORMULA.match(cell) else cell


def bare(cell: str) -> str:
    """What `armoured` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
