"""The load format `entente` as a table: one event per row, lists within a cell split by `;`."""

from typing import Any
from urllib.parse import urlsplit

from app.events.flat import COPIED_COLUMNS, EVENT_COLUMNS
from app.events.record import PlaceRecord, RejectedError, convert_record
from app.events.reimport import record_from_row
from app.events.vocabulary import EVENT_TYPES, ROLES, quad_of_type
from app.ingest.formats.cameo_zeros import CodeEvidence, restore_leading_zero
from app.ingest.formats.days import parse_day_text
from app.ingest.formats.file_format import (
    Cells,
    FileFormat,
    Warn,
    parse_integer_cell,
    parse_number_cell,
    require_cell,
    split_list_cell,
)
from app.ingest.formats.missing import NAMIBIA
from app.ingest.formats.records import LoadRecord
from app.sources.schemas import Dataset

LOCAL_DATASET = Dataset(
    code="local",
    name="Events loaded here",
    version="unstated",
    licence="unstated",
    citation="unstated",
)
_PLACE_PARTS = PlaceRecord.__struct_fields__
_REPORT_COLUMNS = (
    "source", "publisher", "source_title", "url", "published", "quote", "locator", "stance",
    "reliability", "credibility",
)  # fmt: skip
MAX_REPORTS = 20
"""Maximum reports of a row."""
TEMPLATE = (
    "key", *COPIED_COLUMNS, *ROLES, "excused",
    *(f"location_{part}" for part in _PLACE_PARTS), "tags", *_REPORT_COLUMNS,
)  # fmt: skip
"""All columns; those of a report may be repeated with the suffixes `_2`, `_3` and so on."""
EXAMPLE = {
    "key": "2023-10-03-armenia-ratifies-rome-statute",
    "title": "Armenian parliament ratifies the Rome Statute",
    "date": "2023-10-03",
    "type": "AGREE",
    "cameo": "057",
    "intensity": "8",
    "initiator": "ARM",
    "target": "ICC",
    "location_name": "Yerevan",
    "location_country": "ARM",
    "tags": "treaty; court",
    "publisher": "Example News",
    "source_title": "Armenia joins the court",
    "url": "https://news.example/armenia-joins-the-court",
    "published": "2023-10-03",
    "reliability": "B",
    "credibility": "2",
}


def _collect_filled(cells: Cells, names: dict[str, str]) -> dict[str, Any]:
    return {field: text for field, c in names.items() if (text := cells.get(c, "").strip())}


def _parse_report(cells: Cells, suffix: str) -> dict[str, Any] | None:
    names = {name: f"{name}{suffix}" for name in _REPORT_COLUMNS}
    said = _collect_filled(cells, names)
    if not said:
        return None
    if "credibility" in said:
        said["credibility"] = parse_integer_cell(cells, names["credibility"])
    inline = {
        field: said.pop(name)
        for name, field in (
            ("publisher", "publisher"), ("source_title", "title"), ("url", "url"),
            ("published", "published"),
        )
        if name in said
    }  # fmt: skip
    if "source" not in said:
        if "publisher" not in inline and "url" in inline:
            inline["publisher"] = urlsplit(inline["url"]).hostname or inline["url"][:200]
        require_cell({names["publisher"]: inline.get("publisher", "")}, names["publisher"])
        said["source"] = inline
    return said


def _parse_exported(cells: Cells) -> LoadRecord:
    try:
        values = record_from_row(cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise RejectedError("participants", "is not in the exported form") from wrong
    return convert_record(values)  # type: ignore[no-any-return]


def _restore_code(values: dict[str, Any], warn: Warn) -> None:
    """Restore the zero that a spreadsheet took from the CAMEO code; raises `RejectedError`."""
    code, type_, quad = values["cameo"], values.get("type"), values.get("quad")
    if quad is None and type_ in EVENT_TYPES:
        quad = quad_of_type(type_)
    restored = restore_leading_zero(
        code, CodeEvidence(quad=quad, goldstein=values.get("intensity")), "cameo"
    )
    if restored != code:
        values["cameo"] = restored
        warn("cameo", "lost its leading zero, which was restored")


def parse_entente_event(cells: Cells, warn: Warn) -> LoadRecord:
    """Parse an event from a row of a table, which may be one that was exported."""
    if cells.get("revision") and cells.get("participants"):
        return _parse_exported(cells)
    values = _collect_filled(
        cells, {n: n for n in ("key", *COPIED_COLUMNS) if EVENT_COLUMNS[n] == "text"}
    )
    for name in ("key", "title", "date"):
        require_cell(cells, name)
    parsers = {"number": parse_number_cell, "integer": parse_integer_cell}
    for name in COPIED_COLUMNS:
        if (parse := parsers.get(EVENT_COLUMNS[name])) is not None:
            values[name] = parse(cells, name)
    if "cameo" in values:
        _restore_code(values, warn)
    if values["date"].isdigit() and len(values["date"]) == 8:
        values["date"] = parse_day_text(values["date"], "date").isoformat()
    excused = split_list_cell(cells.get("excused", ""))
    values["participants"] = [
        {"actor": name, "role": role}
        for role in ROLES
        for name in split_list_cell(cells.get(role, ""))
        if role != "absent" or name not in excused
    ] + [{"actor": name, "role": "absent", "excused": True} for name in excused]
    place: dict[str, Any] = _collect_filled(
        cells, {part: f"location_{part}" for part in _PLACE_PARTS}
    )
    for part in ("lat", "lon"):
        if part in place:
            place[part] = parse_number_cell(cells, f"location_{part}")
    values["location"] = place or None
    values["tags"] = split_list_cell(cells.get("tags", ""))
    suffixes = ["", *(f"_{n}" for n in range(2, MAX_REPORTS + 1))]
    values["reports"] = [r for suffix in suffixes if (r := _parse_report(cells, suffix))]
    return convert_record(values)  # type: ignore[no-any-return]


ENTENTE_FORMAT = FileFormat(
    "entente", LOCAL_DATASET, parse_entente_event, lambda c: c.get("key", "").strip(),
    header=(frozenset({"key", "title", "date"}),), dated_columns=("date", "published"),
    meant_markers=dict.fromkeys((*ROLES, "excused", "location_country"), frozenset({NAMIBIA})),
)  # fmt: skip
