"""Back from what was exported to what is loaded: NDJSON lines, and rows of CSV or Parquet. Pure.

What derives is left out, so that it derives again: roll-ups, derived signals, bounds of the date,
counts, the titles of sources. Both give the load format `entente`, as JSON would.
"""

import json
from collections.abc import Mapping
from typing import Any

from app.events.flat import COLUMNS, PLACES, bare

PLAIN = (
    "title", "summary", "date", "type", "mode", "cameo", "native", "intensity", "quad",
    "quad_scheme", "status",
)  # fmt: skip
OF_REPORT = ("source", "quote", "locator", "stance", "claims", "reliability", "credibility")


def exported(values: Mapping[str, Any]) -> bool:
    """Whether this is an event as it is answered, or a row of one, and not as it is given."""
    return "revision" in values and "id" in values


def from_document(event: Mapping[str, Any]) -> dict[str, Any]:
    """What to load, from an event as it is answered."""
    return {
        "key": event["id"].partition(":")[2],
        **{name: event[name] for name in PLAIN},
        "participants": [
            {name: part[name] for name in ("actor", "role", "native")}
            for part in event["participants"]
            if not part["via"]
        ],
        "signals": [
            {name: signal[name] for name in ("from", "toward", "score", "confidence")}
            for signal in event["signals"]
            if signal["origin"] == "stated"
        ],
        "location": event["location"],
        "tags": event["tags"],
        "reports": [{name: r[name] for name in OF_REPORT} for r in event["reports"]],
    }


def from_row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """What to load, from a row with the columns of `app.events.flat`."""
    row = {name: _read(name, cells.get(name)) for name in COLUMNS}
    place = {name.removeprefix("location_"): row[name] for name in PLACES}
    tags = row["tags"].split("; ") if row["tags"] else []
    located = place if any(value is not None for value in place.values()) else None
    return from_document({**row, "location": located, "tags": tags})


def _read(name: str, cell: Any) -> Any:
    """A cell as it was before it was written; Parquet keeps types, CSV has text."""
    if cell is None or cell == "":
        return [] if COLUMNS[name] == "json" else None
    if not isinstance(cell, str):
        return cell
    if COLUMNS[name] == "json":
        return json.loads(cell)
    if COLUMNS[name] in ("number", "integer"):
        return float(cell) if COLUMNS[name] == "number" else int(cell)
    return bare(cell)
