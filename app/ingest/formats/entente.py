"""The load format `entente` as a table: one event per row, lists within a cell split by `;`."""

from typing import Any
from urllib.parse import urlsplit

from app.events.again import from_row
from app.events.vocabulary import ROLES
from app.ingest.format import Cells, Format, Warn, needed, number, several, whole
from app.ingest.given import Item, RejectedError, from_values
from app.sources.schemas import Dataset

LOCAL = Dataset(
    code="local",
    name="Events loaded here",
    version="unstated",
    licence="unstated",
    citation="unstated",
)
_PLAIN = ("key", "title", "date", "summary", "type", "mode", "cameo", "native", "status")
_PLACE = ("name", "country", "admin1", "admin2", "lat", "lon", "precision")
_REPORT = (
    "source", "publisher", "source_title", "url", "published", "quote", "locator", "stance",
    "reliability", "credibility",
)  # fmt: skip
MOST_REPORTS = 20
"""Maximum reports of a row."""
TEMPLATE = (
    *_PLAIN, "intensity", "quad", "quad_scheme", *ROLES,
    *(f"location_{part}" for part in _PLACE), "tags", *_REPORT,
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


def _filled(cells: Cells, names: dict[str, str]) -> dict[str, Any]:
    return {field: text for field, c in names.items() if (text := cells.get(c, "").strip())}


def _report(cells: Cells, suffix: str) -> dict[str, Any] | None:
    names = {name: f"{name}{suffix}" for name in _REPORT}
    said = _filled(cells, names)
    if not said:
        return None
    if "credibility" in said:
        said["credibility"] = whole(cells, names["credibility"])
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
        needed({names["publisher"]: inline.get("publisher", "")}, names["publisher"])
        said["source"] = inline
    return said


def _exported(cells: Cells) -> Item:
    try:
        values = from_row(cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
        raise RejectedError("participants", "is not in the exported form") from wrong
    return from_values(values)  # type: ignore[no-any-return]


def event(cells: Cells, _: Warn) -> Item:
    """Parse an event from a row of a table, which may be one that was exported."""
    if cells.get("revision") and cells.get("participants"):
        return _exported(cells)
    values = _filled(cells, {name: name for name in (*_PLAIN, "quad_scheme")})
    for name in ("key", "title", "date"):
        needed(cells, name)
    values |= {"intensity": number(cells, "intensity"), "quad": whole(cells, "quad")}
    values["participants"] = [
        {"actor": name, "role": role} for role in ROLES for name in several(cells.get(role, ""))
    ]
    place: dict[str, Any] = _filled(cells, {part: f"location_{part}" for part in _PLACE})
    for part in ("lat", "lon"):
        if part in place:
            place[part] = number(cells, f"location_{part}")
    values["location"] = place or None
    values["tags"] = several(cells.get("tags", ""))
    suffixes = ["", *(f"_{n}" for n in range(2, MOST_REPORTS + 1))]
    values["reports"] = [r for suffix in suffixes if (r := _report(cells, suffix))]
    return from_values(values)  # type: ignore[no-any-return]


TABLE = Format(
    "entente", LOCAL, event, lambda c: c.get("key", "").strip(),
    header=(frozenset({"key", "title", "date"}),),
)  # fmt: skip
