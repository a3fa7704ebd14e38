"""Read where the events of a filter happened, for a map: as many of them as the explorer shows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from app.briefs.drawing import list_remarks_of_chart
from app.briefs.map_drawing import MapTexts, draw_map, load_land
from app.briefs.map_frame import Box, MapPlace
from app.briefs.words import write_text
from app.events import queries
from app.events.filter import EventFilter, EventQuery
from app.events.read import read_event_page, read_event_page_meta
from app.lineages import Version
from app.page_models import EmptyReason

MOST = 1000
"""Events that a map shows: the newest."""
WORLD = "-180,-90,180,90"
EMPTY_TEXTS: dict[EmptyReason, str] = {
    "no_match": "map_no_match",
    "partly_covered": "map_partly_covered",
    "outside_coverage": "map_outside_coverage",
    "not_yet_covered": "map_not_yet_covered",
    "out_of_scope": "map_out_of_scope",
    "closed": "map_closed",
    "not_searched": "map_not_searched",
}


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """The places of the newest events that have one, and how many events there are."""

    places: list[MapPlace]
    shown: int
    located: int
    whole: int
    reason: EmptyReason | None
    box: Box | None
    """The part of the world that the filter chooses: west, south, east, north."""
    remarks: Sequence[str] = ()
    """What has to be said beside the numbers."""


def read_map_places(
    db: Connection, asked: EventFilter, version: Version, as_of: int | None
) -> MapAnswer:
    """Read the places of a filter; raises `InvalidParameterError` for a name that is unknown."""
    fields = {name: getattr(asked, name) for name in asked.model_fields_set}
    has_area = asked.bbox is not None
    placed = EventQuery.model_validate(
        fields | ({} if has_area else {"bbox": WORLD}) | {"limit": MOST, "fields": ("location",)}
    )
    resolved = queries.resolve_filter(db, placed, as_of)
    everywhere = queries.resolve_filter(db, asked, as_of)
    documents, _ = read_event_page(db, placed, resolved, b"", version)
    located = read_event_page_meta(db, resolved, "exact", version, not documents)
    whole = read_event_page_meta(db, everywhere, "exact", version, not documents)
    places = _gather_places([json.loads(document)["location"] for document in documents])
    area = asked.bounding_box
    # An area across the antimeridian is framed by the places in it.
    box: Box | None = area if area is not None and area.west < area.east else None
    counts = (len(documents), located.count or 0, whole.count or 0)
    remarks = list_remarks_of_chart(db, "timeline", {"meta": whole.model_dump()})
    return MapAnswer(places, *counts, whole.reason, box, remarks)


def _gather_places(locations: Sequence[dict[str, object]]) -> list[MapPlace]:
    found: dict[tuple[object, object], MapPlace] = {}
    for location in locations:
        lat, lon = location["lat"], location["lon"]
        assert isinstance(lat, float | int)
        assert isinstance(lon, float | int)
        name = str(location.get("name") or f"{lat}, {lon}")
        place = found.setdefault((lat, lon), MapPlace(float(lat), float(lon), name, 0))
        place.count += 1
    return list(found.values())


def draw_map_of(answer: MapAnswer, title: str, credit: str, width: int) -> str:
    """Draw the map of an answer with a title, a source line and what is not on it."""
    shown = write_text("map_shown", mapped=f"{answer.located:,}", n=f"{answer.whole:,}")
    if answer.shown < answer.located:
        shown += " " + write_text("map_newest", n=f"{answer.shown:,}")
    empty = "map_unplaced" if answer.whole else EMPTY_TEXTS[answer.reason or "no_match"]
    largest = sorted(answer.places, key=lambda place: -place.count)[:3]
    named = ", ".join(f"{place.name} ({place.count})" for place in largest)
    texts = MapTexts(
        title=title,
        description=" ".join(filter(None, [f"{title}.", shown, *answer.remarks, named])),
        empty=write_text(empty),
        notes=[shown, *answer.remarks, credit, write_text("map_land", source=load_land().source)],
    )
    return draw_map(answer.places, texts, width, answer.box)
