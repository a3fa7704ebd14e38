"""The format of POLECAT: columns by name; the header may be missing or repeated."""

from typing import Any

from app.events.vocabulary import EVENT_TYPES, MODES
from app.ingest.format import Cells, Format, Warn, clipped, needed, number, several, whole
from app.ingest.given import Item, from_values
from app.sources.schemas import Dataset

DATASET = Dataset(
    code="polecat",
    name="POLECAT",
    version="unstated",
    licence="see its release on Harvard Dataverse",
    citation="Halterman et al. (2023), POLECAT: Political Event Classification, Attributes and"
    " Types",
    quad_scheme="schrodt",
)
_PARTY = ("Name", "Country", "COW", "Primary Sector", "Sectors", "Title", "Name Raw")
COLUMNS = tuple(
    name.lower().replace(" ", "_")
    for name in (
        "Event ID", "Event Date", "Event Type", "Event Mode", "Intensity", "Quad Code", "Contexts",
        *(f"Actor {part}" for part in _PARTY), "Wikipedia Actor ID",
        *(f"Recipient {part}" for part in _PARTY), "Wikipedia Recipient ID",
        "Placename", "City", "District", "Province", "Country", "Latitude", "Longitude",
        "GeoNames ID", "Raw Placename", "Feature Type", "Source", "Publication Date",
        "Story People", "Story Organizations", "Story Locations", "Language", "Version",
    )
)  # fmt: skip
_QUADS = {
    "VERBAL COOPERATION": 1, "MATERIAL COOPERATION": 2, "VERBAL CONFLICT": 3,
    "MATERIAL CONFLICT": 4, "1": 1, "2": 2, "3": 3, "4": 4,
}  # fmt: skip


def _cell(cells: Cells, name: str) -> str:
    text = cells.get(name, "").strip()
    return "" if text in ("NA", "NULL", "None", "nan") else text


def _party(cells: Cells, side: str, role: str) -> dict[str, Any] | None:
    name, country = _cell(cells, f"{side}_name"), _cell(cells, f"{side}_country")
    if not name and not country:
        return None
    made: dict[str, Any] = {"role": role, "native": clipped(name or country, 200)}
    cow = whole({"cow": _cell(cells, f"{side}_cow")}, "cow")
    if cow:
        made["actor"] = f"cow:{cow}"
    elif country:
        made["actor"] = f"{'iso3' if len(country) == 3 else 'name'}:{clipped(country, 190)}"
    else:
        made |= {"actor": f"name:{clipped(name, 190)}", "name": clipped(name, 200)}
        made["kind"] = "organization"
    return made


def event(cells: Cells, warn: Warn) -> Item:
    """Parse an event with types and modes of PLOVER."""
    day, kind = needed(cells, "event_date")[:10], needed(cells, "event_type").upper()
    mode = _cell(cells, "event_mode").lower() or None
    type_ = next((t for t in EVENT_TYPES if t == kind), None)
    if type_ is None:
        warn("event_type", f"is not an event type of PLOVER 0.8: {kind[:40]!r}")
    elif mode is not None and mode not in MODES[type_]:
        warn("event_mode", f"is not a mode of {type_} in PLOVER 0.8: {mode[:40]!r}")
    quad = _QUADS.get(_cell(cells, "quad_code").upper())
    if quad is None and _cell(cells, "quad_code"):
        warn("quad_code", f"is not a quad class: {_cell(cells, 'quad_code')[:40]!r}")
    who = [_cell(cells, f"{side}_name") for side in ("actor", "recipient")]
    published = _cell(cells, "publication_date")[:10] or None
    values: dict[str, Any] = {
        "key": needed(cells, "event_id"),
        "title": clipped(f"{' → '.join(w for w in who if w) or 'Unnamed'}: {kind.lower()}", 200),
        "date": day,
        "type": type_,
        "mode": mode,
        "native": clipped(kind, 200),
        "intensity": number({"intensity": _cell(cells, "intensity")}, "intensity"),
        "quad": quad,
        "quad_scheme": "schrodt",
        "participants": [
            p
            for side, role in (("actor", "initiator"), ("recipient", "target"))
            if (p := _party(cells, side, role))
        ],
        "location": _place(cells),
        "tags": [clipped(tag, 200) for tag in several(_cell(cells, "contexts"))][:100],
        "reports": _reports(cells, published),
    }
    return from_values(values)  # type: ignore[no-any-return]


def _reports(cells: Cells, published: str | None) -> list[dict[str, Any]]:
    publisher = _cell(cells, "source")
    if not publisher:
        return []
    key = _cell(cells, "event_id")
    said = {
        "publisher": clipped(publisher, 200),
        "title": f"Story of event {key}",
        "published": published,
        "language": clipped(_cell(cells, "language"), 200) or None,
    }
    return [{"source": said}]


def _place(cells: Cells) -> dict[str, Any] | None:
    name, country = _cell(cells, "placename") or _cell(cells, "city"), _cell(cells, "country")
    lat = number({"latitude": _cell(cells, "latitude")}, "latitude")
    if not name and not country and lat is None:
        return None
    scheme = "iso3" if len(country) == 3 else "name"
    return {
        "name": clipped(name, 200) or None,
        "country": f"{scheme}:{clipped(country, 190)}" if country else None,
        "admin1": clipped(_cell(cells, "province"), 200) or None,
        "admin2": clipped(_cell(cells, "district"), 200) or None,
        "lat": lat,
        "lon": number({"longitude": _cell(cells, "longitude")}, "longitude"),
        "precision": clipped(_cell(cells, "feature_type"), 200) or None,
    }


EVENTS = Format(
    "polecat", DATASET, event, lambda c: c.get("event_id", "").strip(),
    header=(
        frozenset({"event_id", "event_type", "event_mode"}),
        frozenset({"event_id", "event_type", "quad_code"}),
    ),
    columns=(COLUMNS,),
    looks=lambda c: len(c) == len(COLUMNS) and c[2].upper() in EVENT_TYPES,
)  # fmt: skip
