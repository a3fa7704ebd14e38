"""The format of POLECAT: columns by name; the header may be missing or repeated."""

from app.events.record import convert_record
from app.events.vocabulary import EVENT_TYPES, MODES
from app.ingest.formats.days import parse_day_text
from app.ingest.formats.file_format import (
    Cells,
    FileFormat,
    Warn,
    clip_with_ellipsis,
    join_country_names,
    parse_integer_cell,
    parse_number_cell,
    require_cell,
    split_list_cell,
)
from app.ingest.formats.records import LoadRecord
from app.sources.schemas import Dataset

POLECAT_DATASET = Dataset(
    code="polecat",
    name="POLECAT",
    version="unstated",
    licence="see its release on Harvard Dataverse",
    citation="Halterman et al. (2023), POLECAT: Political Event Classification, Attributes and"
    " Types",
    quad_scheme="schrodt",
)
_PARTY_COLUMNS = ("Name", "Country", "COW", "Primary Sector", "Sectors", "Title", "Name Raw")
POLECAT_COLUMNS = tuple(
    name.lower().replace(" ", "_")
    for name in (
        "Event ID", "Event Date", "Event Type", "Event Mode", "Intensity", "Quad Code", "Contexts",
        *(f"Actor {part}" for part in _PARTY_COLUMNS), "Wikipedia Actor ID",
        *(f"Recipient {part}" for part in _PARTY_COLUMNS), "Wikipedia Recipient ID",
        "Placename", "City", "District", "Province", "Country", "Latitude", "Longitude",
        "GeoNames ID", "Raw Placename", "Feature Type", "Source", "Publication Date",
        "Story People", "Story Organizations", "Story Locations", "Language", "Version",
    )
)  # fmt: skip
_QUAD_CLASSES = {
    "VERBAL COOPERATION": 1, "MATERIAL COOPERATION": 2, "VERBAL CONFLICT": 3,
    "MATERIAL CONFLICT": 4, "1": 1, "2": 2, "3": 3, "4": 4,
}  # fmt: skip


def _read_cell(cells: Cells, name: str) -> str:
    return cells.get(name, "").strip()


def _parse_party(cells: Cells, side: str, role: str) -> dict[str, object] | None:
    name, country = _read_cell(cells, f"{side}_name"), _read_cell(cells, f"{side}_country")
    if not name and not country:
        return None
    made: dict[str, object] = {"role": role, "native": clip_with_ellipsis(name or country, 200)}
    cow = parse_integer_cell(cells, f"{side}_cow")
    if cow:
        made["actor"] = f"cow:{cow}"
    elif country:
        made["actor"] = (
            f"{'iso3' if len(country) == 3 else 'name'}:{clip_with_ellipsis(country, 190)}"
        )
    else:
        made |= {
            "actor": f"name:{clip_with_ellipsis(name, 190)}",
            "name": clip_with_ellipsis(name, 200),
        }
        made["kind"] = "organization"
    return made


def parse_polecat_event(cells: Cells, warn: Warn) -> LoadRecord:
    """Parse an event with types and modes of PLOVER."""
    day = parse_day_text(cells.get("event_date", ""), "event_date").isoformat()
    kind = require_cell(cells, "event_type").upper()
    mode = _read_cell(cells, "event_mode").lower() or None
    type_ = next((t for t in EVENT_TYPES if t == kind), None)
    if type_ is None:
        warn("event_type", f"is not an event type of PLOVER 0.8: {kind[:40]!r}")
    elif mode is not None and mode not in MODES[type_]:
        warn("event_mode", f"is not a mode of {type_} in PLOVER 0.8: {mode[:40]!r}")
    quad = _QUAD_CLASSES.get(_read_cell(cells, "quad_code").upper())
    if quad is None and _read_cell(cells, "quad_code"):
        warn("quad_code", f"is not a quad class: {_read_cell(cells, 'quad_code')[:40]!r}")
    who = [_read_cell(cells, f"{side}_name") for side in ("actor", "recipient")]
    published = _read_cell(cells, "publication_date")
    if published:
        published = parse_day_text(published, "publication_date").isoformat()
    values: dict[str, object] = {
        "key": require_cell(cells, "event_id"),
        "title": clip_with_ellipsis(
            f"{' → '.join(w for w in who if w) or 'Unnamed'}: {kind.lower()}", 200
        ),
        "date": day,
        "type": type_,
        "mode": mode,
        "native": clip_with_ellipsis(kind, 200),
        "intensity": parse_number_cell(cells, "intensity"),
        "quad": quad,
        "quad_scheme": "schrodt",
        "participants": [
            p
            for side, role in (("actor", "initiator"), ("recipient", "target"))
            if (p := _parse_party(cells, side, role))
        ],
        "location": _parse_place(cells),
        "tags": [
            clip_with_ellipsis(tag, 200) for tag in split_list_cell(_read_cell(cells, "contexts"))
        ][:100],
        "reports": _parse_reports(cells, published or None),
    }
    return convert_record(values)  # type: ignore[no-any-return]


def _parse_reports(cells: Cells, published: str | None) -> list[dict[str, object]]:
    publisher = _read_cell(cells, "source")
    if not publisher:
        return []
    key = _read_cell(cells, "event_id")
    said = {
        "publisher": clip_with_ellipsis(publisher, 200),
        "title": f"Story of event {key}",
        "published": published,
        "language": clip_with_ellipsis(_read_cell(cells, "language"), 200) or None,
    }
    return [{"source": said}]


def _parse_place(cells: Cells) -> dict[str, object] | None:
    name, country = (
        _read_cell(cells, "placename") or _read_cell(cells, "city"),
        _read_cell(cells, "country"),
    )
    lat = parse_number_cell(cells, "latitude")
    if not name and not country and lat is None:
        return None
    return {
        "name": clip_with_ellipsis(name, 200) or None,
        "country": join_country_names(
            f"iso3:{country}" if len(country) == 3 else None, "name", country
        ),
        "admin1": clip_with_ellipsis(_read_cell(cells, "province"), 200) or None,
        "admin2": clip_with_ellipsis(_read_cell(cells, "district"), 200) or None,
        "lat": lat,
        "lon": parse_number_cell(cells, "longitude"),
        "precision": clip_with_ellipsis(_read_cell(cells, "feature_type"), 200) or None,
    }


POLECAT_FORMAT = FileFormat(
    "polecat", POLECAT_DATASET, parse_polecat_event, lambda c: c.get("event_id", "").strip(),
    gap_days=3,
    header=(
        frozenset({"event_id", "event_type", "event_mode"}),
        frozenset({"event_id", "event_type", "quad_code"}),
    ),
    columns=(POLECAT_COLUMNS,), dated_columns=("event_date", "publication_date"),
    matches_first_row=lambda c: len(c) == len(POLECAT_COLUMNS) and c[2].upper() in EVENT_TYPES,
)  # fmt: skip
