"""An event as one row, with the columns of CSV, Parquet, Arrow and spreadsheets. Pure.

Columns have the names of the load format, so that a row can be loaded again. Nested values are JSON
text in a cell, so that nothing is lost; one column for each role repeats the participants for
readers of spreadsheets.
"""

import re
from typing import Any

import msgspec

from app.events.vocabulary import ROLES

LOCATION_COLUMNS = tuple(
    f"location_{part}"
    for part in ("name", "country", "admin1", "admin2", "lat", "lon", "precision")
)
EVENT_COLUMNS: dict[str, str] = {
    "id": "text",
    "dataset": "text",
    "key": "text",
    "title": "text",
    "date": "text",
    "start": "day",
    "end": "day",
    "precision": "text",
    "summary": "text",
    "type": "text",
    "mode": "text",
    "cameo": "text",
    "native": "text",
    "status": "text",
    "part_of": "text",
    "intensity": "number",
    "quad": "integer",
    "quad_scheme": "text",
    **dict.fromkeys(ROLES, "text"),
    "excused": "text",
    **{name: "number" if name[-4:] in ("_lat", "_lon") else "text" for name in LOCATION_COLUMNS},
    "tags": "text",
    "publishers": "text",
    "independent_sources": "integer",
    "participants": "json",
    "signals": "json",
    "reports": "json",
    "recorded_at": "text",
    "revision": "integer",
}
"""Each column and the type of its values."""
COLUMN_NOTES: dict[str, str] = {
    "key": "the id without its dataset",
    **{role: f"codes of those that took part as {role}, separated by `; `" for role in ROLES},
    "absent": "codes of those that were expected and did not come, separated by `; `",
    "excused": "codes of those absent ones that had no choice, separated by `; `",
    "tags": "separated by `; `",
    "publishers": "publishers of the reports, each once, separated by `; `",
}


class StoredLocation(msgspec.Struct):
    """The location in a stored document."""

    name: str | None = None
    country: str | None = None
    admin1: str | None = None
    admin2: str | None = None
    lat: float | None = None
    lon: float | None = None
    precision: str | None = None


NO_LOCATION = StoredLocation()


class StoredParticipant(msgspec.Struct):
    """A participant in a stored document."""

    actor: str | None
    role: str
    via: str | None = None
    native: str | None = None
    excused: bool = False


class StoredReport(msgspec.Struct):
    """A report in a stored document, with only its publisher."""

    publisher: str


class StoredEvent(msgspec.Struct, kw_only=True):
    """A stored document whose nested parts stay undecoded bytes."""

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
    part_of: str | None = None
    participants: msgspec.Raw
    signals: msgspec.Raw
    location: StoredLocation | None
    tags: list[str]
    reports: msgspec.Raw
    independent_sources: int
    recorded_at: str
    revision: int


decode_event = msgspec.json.Decoder(StoredEvent).decode
decode_participants = msgspec.json.Decoder(list[StoredParticipant]).decode
decode_reports = msgspec.json.Decoder(list[StoredReport]).decode


def flatten_event(document: str) -> tuple[Any, ...]:
    """Flatten a document into cells in the order of `EVENT_COLUMNS`.

    Days are ISO text, nested values JSON text.
    """
    event = decode_event(document)
    place = event.location or NO_LOCATION
    names_by_role: dict[str, list[str]] = {role: [] for role in ROLES}
    excused: list[str] = []
    for part in decode_participants(event.participants):
        if not part.via and (name := part.actor or part.native):
            names_by_role[part.role].append(name)
            if part.excused:
                excused.append(name)
    return (
        event.id,
        event.dataset,
        event.id.partition(":")[2],
        event.title,
        event.date,
        event.start,
        event.end,
        event.precision,
        event.summary,
        event.type,
        event.mode,
        event.cameo,
        event.native,
        event.status,
        event.part_of,
        event.intensity,
        event.quad,
        event.quad_scheme,
        *[join_unique(names) for names in names_by_role.values()],
        join_unique(excused),
        place.name,
        place.country,
        place.admin1,
        place.admin2,
        place.lat,
        place.lon,
        place.precision,
        join_unique(event.tags),
        join_unique([report.publisher for report in decode_reports(event.reports)]),
        event.independent_sources,
        str(event.participants, "utf-8"),
        str(event.signals, "utf-8"),
        str(event.reports, "utf-8"),
        event.recorded_at,
        event.revision,
    )


def join_unique(words: list[str]) -> str | None:
    """Join words with `; `, each once and in order; None where there are none."""
    return "; ".join(dict.fromkeys(words)) or None


_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


_SUSPECT = frozenset("'=+-@\t\r\n＝＋－＠")


def escape_formula(cell: str) -> str:
    """Escape a cell that a spreadsheet would take for a formula, with a leading apostrophe."""
    return "'" + cell if cell[:1] in _SUSPECT and _FORMULA.match(cell) else cell


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
