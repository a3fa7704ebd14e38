"""An event as one row: the one table of columns of CSV, Parquet, Arrow and spreadsheets. Pure.

Columns have the names of the load format, so that a row can be loaded again. Nested values are JSON
text in a cell, so that nothing is lost; one column for each role repeats the participants for
readers of spreadsheets. Exports write these columns, and loads read the copied ones back.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec

from app.events.record import PlaceRecord
from app.events.render import EventDocumentRecord
from app.events.vocabulary import ROLES

NESTED_FIELDS = ("participants", "signals", "reports")
"""Fields whose values stay JSON."""
NO_LOCATION = PlaceRecord()


class StoredParticipant(msgspec.Struct):
    """The fields of a stored participant that columns show."""

    actor: str | None
    role: str
    via: str | None = None
    native: str | None = None
    excused: bool = False


class StoredReport(msgspec.Struct):
    """The field of a stored report that columns show."""

    publisher: str


StoredEvent = msgspec.defstruct(
    "StoredEvent",
    [
        (f.name, msgspec.Raw if f.name in NESTED_FIELDS else f.type, f.default)
        if f.default is not msgspec.NODEFAULT
        else (f.name, msgspec.Raw if f.name in NESTED_FIELDS else f.type)
        for f in msgspec.structs.fields(EventDocumentRecord)
    ],
    kw_only=True,
)
"""A stored document whose nested parts stay undecoded bytes."""
_decode_event = msgspec.json.Decoder(StoredEvent).decode
_decode_participants = msgspec.json.Decoder(list[StoredParticipant]).decode
_decode_reports = msgspec.json.Decoder(list[StoredReport]).decode


class FlatEvent:
    """A stored event with what its columns take from the nested parts."""

    __slots__ = ("event", "excused", "key", "names_by_role", "place", "publishers", "tags")

    def __init__(self, document: str) -> None:
        self.event = cast(Any, _decode_event(document))
        self.key = self.event.id.partition(":")[2]
        self.place: PlaceRecord = self.event.location or NO_LOCATION
        self.names_by_role: dict[str, list[str]] = {role: [] for role in ROLES}
        excused: list[str] = []
        for part in _decode_participants(self.event.participants):
            if not part.via and (name := part.actor or part.native):
                self.names_by_role[part.role].append(name)
                if part.excused:
                    excused.append(name)
        self.excused = join_unique(excused)
        self.tags = join_unique(self.event.tags)
        reports = _decode_reports(self.event.reports)
        self.publishers = join_unique([report.publisher for report in reports])


class EventColumn(NamedTuple):
    """A column: the type of its values, and how a value is taken from an event."""

    type: str
    get: Callable[[FlatEvent], Any]
    field: str
    """The field of an event that it shows: a request for that field gets the column."""
    note: str = "as in Event"
    is_copied: bool = False
    """Whether a load takes the value as it is, under the same name."""


def _show_field(name: str, type_: str = "text", *, copied: bool = False) -> EventColumn:
    return EventColumn(type_, attrgetter(f"event.{name}"), name, is_copied=copied)


def _show_nested(name: str) -> EventColumn:
    read: Callable[[FlatEvent], Any] = attrgetter(f"event.{name}")
    return EventColumn("json", lambda flat: str(read(flat), "utf-8"), name)


def _show_role(role: str) -> EventColumn:
    note = f"codes of those that took part as {role}, separated by `; `"
    if role == "absent":
        note = "codes of those that were expected and did not come, separated by `; `"
    return EventColumn(
        "text", lambda flat: join_unique(flat.names_by_role[role]), "participants", note
    )


def _show_place(part: str) -> EventColumn:
    type_ = "number" if part in ("lat", "lon") else "text"
    return EventColumn(type_, attrgetter(f"place.{part}"), "location", f"as `location.{part}`")


COLUMNS: dict[str, EventColumn] = {
    "id": _show_field("id"),
    "dataset": _show_field("dataset"),
    "key": EventColumn("text", attrgetter("key"), "id", "the id without its dataset"),
    "title": _show_field("title", copied=True),
    "date": _show_field("date", copied=True),
    "start": _show_field("start", "day"),
    "end": _show_field("end", "day"),
    "precision": _show_field("precision"),
    "summary": _show_field("summary", copied=True),
    "type": _show_field("type", copied=True),
    "mode": _show_field("mode", copied=True),
    "cameo": _show_field("cameo", copied=True),
    "native": _show_field("native", copied=True),
    "status": _show_field("status", copied=True),
    "part_of": _show_field("part_of", copied=True),
    "intensity": _show_field("intensity", "number", copied=True),
    "quad": _show_field("quad", "integer", copied=True),
    "quad_scheme": _show_field("quad_scheme", copied=True),
    **{role: _show_role(role) for role in ROLES},
    "excused": EventColumn(
        "text", attrgetter("excused"), "participants",
        "codes of those absent ones that had no choice, separated by `; `",
    ),
    **{f"location_{part}": _show_place(part) for part in PlaceRecord.__struct_fields__},
    "tags": EventColumn("text", attrgetter("tags"), "tags", "separated by `; `"),
    "publishers": EventColumn(
        "text", attrgetter("publishers"), "reports",
        "publishers of the reports, each once, separated by `; `",
    ),
    "independent_sources": _show_field("independent_sources", "integer"),
    **{name: _show_nested(name) for name in NESTED_FIELDS},
    "recorded_at": _show_field("recorded_at"),
    "revision": _show_field("revision", "integer"),
}  # fmt: skip
"""The columns in order. A new field of an event that is a single value gets a line here."""
EVENT_COLUMNS: dict[str, str] = {name: column.type for name, column in COLUMNS.items()}
"""Each column and the type of its values."""
LOCATION_COLUMNS = tuple(name for name in COLUMNS if name.startswith("location_"))
COPIED_COLUMNS = tuple(name for name, column in COLUMNS.items() if column.is_copied)
"""The columns that a load takes as they are."""
_GETTERS = tuple(column.get for column in COLUMNS.values())


def flatten_event(document: str) -> tuple[Any, ...]:
    """Flatten a document into cells in the order of `COLUMNS`.

    Days are ISO text, nested values JSON text.
    """
    flat = FlatEvent(document)
    return tuple([get(flat) for get in _GETTERS])


def join_unique(words: list[str]) -> str | None:
    """Join words with `; `, each once and in order; None where there are none."""
    return "; ".join(dict.fromkeys(words)) or None
