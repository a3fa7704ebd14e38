"""Exported events are turned back into records of the load format `entente`. Pure.

The input is a line of NDJSON, or a row of CSV, or of Parquet, flat or nested. Derived values are
left out, so that the loader derives them again: roll-ups, derived signals, the bounds of the date,
counts, and the titles of sources.
"""

import json
from collections.abc import Mapping
from typing import Any

from app.events.durations import resolve_signal_span
from app.events.flat import COPIED_COLUMNS, EVENT_COLUMNS, LOCATION_COLUMNS
from app.text import unescape_formula

REPORT_FIELDS = ("source", "quote", "locator", "stance", "claims", "reliability", "credibility")


def is_exported_event(values: Mapping[str, Any]) -> bool:
    """Whether these fields come from an export, and not from a file in the load format.

    Only exported events have both `id` and `revision`; the load format has `key`.
    """
    return "revision" in values and "id" in values


def record_from_document(event: Mapping[str, Any]) -> dict[str, Any]:
    """Turn an exported JSON document into a record of the load format."""
    return {
        "key": event["id"].partition(":")[2],
        **{name: event.get(name) for name in COPIED_COLUMNS},
        "part_of": _shorten_reference(event.get("part_of"), event["id"].partition(":")[0]),
        "participants": [
            {name: part[name] for name in ("actor", "role", "native")}
            | ({"excused": True} if part.get("excused") else {})
            for part in event["participants"]
            if not part["via"]
        ],
        "signals": [
            {name: signal[name] for name in ("from", "toward", "score", "confidence")}
            | {name: signal[name] for name in ("weight", "reason") if name in signal}
            | ({"weight": 1} if _has_derived_weight(signal, event["date"]) else {})
            for signal in event["signals"]
            if signal["origin"] == "stated"
        ],
        "location": event["location"],
        "tags": event["tags"],
        "reports": [{name: r[name] for name in REPORT_FIELDS} for r in event["reports"]],
    }


def _has_derived_weight(signal: Mapping[str, Any], date: Any) -> bool:
    """Whether the weight of a signal is the one that follows from the date of its event.

    Exports by version 2 of the rules have it for friendly acts as well.
    """
    try:
        return bool(signal.get("weight") == resolve_signal_span(date).weight)
    except (TypeError, ValueError):  # the loader will reject the date
        return False


def _shorten_reference(named: str | None, dataset: str) -> str | None:
    """Return an id of the same dataset as a key, so that it is valid in any dataset."""
    if named is None or not named.startswith(f"{dataset}:"):
        return named
    key = named[len(dataset) + 1 :]
    return named if ":" in key else key


def record_from_row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Turn an exported row with the columns of `app.events.flat` into a record."""
    row = {name: _parse_cell(name, cells.get(name)) for name in EVENT_COLUMNS}
    place = {name.removeprefix("location_"): row[name] for name in LOCATION_COLUMNS}
    tags = row["tags"].split("; ") if row["tags"] else []
    location = place if any(value is not None for value in place.values()) else None
    return record_from_document({**row, "location": location, "tags": tags})


def record_from_typed_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn an exported row of nested values with types into a record."""
    reports = [
        {**report, "claims": json.loads(report["claims"]) if report["claims"] else None}
        for report in values["reports"]
    ]
    return record_from_document({**values, "reports": reports})


def _parse_cell(name: str, cell: Any) -> Any:
    """Parse a cell by the type of its column: Parquet keeps types, CSV has text only."""
    if cell is None or cell == "":
        return [] if EVENT_COLUMNS[name] == "json" else None
    if not isinstance(cell, str):
        return cell
    if EVENT_COLUMNS[name] == "json":
        return json.loads(cell)
    if EVENT_COLUMNS[name] in ("number", "integer"):
        return float(cell) if EVENT_COLUMNS[name] == "number" else int(cell)
    return unescape_formula(cell)
