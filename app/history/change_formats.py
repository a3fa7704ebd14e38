"""The change feed as NDJSON, CSV and Atom."""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import quote

from app.db.engine import Database
from app.history import read
from app.history.schemas import Change
from app.json_encoding import encode_json
from app.lineages import Ancestry
from app.text import escape_formula, replace_unprintable

ChangeFormat = Literal["json", "ndjson", "csv", "atom"]
CHANGE_MEDIA_TYPES: dict[ChangeFormat, tuple[str, ...]] = {
    "json": ("application/json",),
    "ndjson": ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    "csv": ("text/csv",),
    "atom": ("application/atom+xml",),
}
STREAMED_FORMATS: frozenset[ChangeFormat] = frozenset({"ndjson", "csv"})
"""Formats that send every change unless `limit` is set; the others send a page."""
CHANGE_COLUMNS = ("seq", "at", "action", "kind", "id", "revision", "by", "reason", "derived")
BATCH_SIZE = 1_000
"""Changes read at once; the connection is released before they are sent."""
ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
EMPTY_FEED_UPDATED = "1970-01-01T00:00:00Z"
"""The `updated` of an Atom feed without entries."""


def read_change_batches(
    database: Database, wanted: read.ChangeSelection, after: int, upto: int, most: int | None
) -> Iterator[list[Change]]:
    """Read the changes after one `seq` and up to another, in batches, at most `most` in all."""
    left = most
    while True:
        with database.connect() as db:
            size = BATCH_SIZE if left is None else min(BATCH_SIZE, left)
            part = read.read_changes(db, wanted, after, size)
        found = [change for change in part.found if change.seq <= upto]
        yield found
        left = None if left is None else left - len(found)
        after = part.upto
        if part.done or after >= upto or left == 0:
            return


def render_change_lines(of: Iterable[list[Change]]) -> Iterator[bytes]:
    """Render changes as NDJSON, one JSON change a line."""
    for changes in of:
        yield b"".join(encode_json(change) + b"\n" for change in changes)


def render_change_table(of: Iterable[list[Change]], documents: bool) -> Iterator[bytes]:
    """Render changes as CSV with a header; formulas are escaped, documents are JSON text."""
    buffer = io.StringIO(newline="")
    rows = csv.writer(buffer)
    rows.writerow([*CHANGE_COLUMNS, "document"] if documents else CHANGE_COLUMNS)
    for changes in of:
        for change in changes:
            cells = [_format_cell(getattr(change, name)) for name in CHANGE_COLUMNS]
            document = change.document
            shown = [encode_json(document).decode() if document is not None else ""]
            rows.writerow(cells + shown if documents else cells)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def _format_cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape_formula(value) if isinstance(value, str) else value


def render_change_feed(
    changes: list[Change], here: str, onward: str | None, rights: list[str], ancestry: Ancestry
) -> bytes:
    """Render changes as an Atom feed (RFC 4287); `rel="next"` leads to later ones."""
    root = ET.Element("feed", xmlns=ATOM_NAMESPACE)
    _add_element(root, "id", f"urn:entente:{quote(here)}")
    _add_element(root, "title", "Entente: changes")
    _add_element(
        root, "updated", max((change.at for change in changes), default=EMPTY_FEED_UPDATED)
    )
    _add_element(root, "link", rel="self", href=here)
    if onward:
        _add_element(root, "link", rel="next", href=onward)
    _add_element(root, "rights", replace_unprintable("\n".join(rights)))
    for change in changes:
        _add_entry(root, change, ancestry)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add_entry(root: ET.Element, change: Change, ancestry: Ancestry) -> None:
    entry = _add_element(root, "entry")
    lineage = ancestry.find_lineage(change.seq)
    is_first = lineage == ancestry.lineages[0].lineage  # whose ids had been given out without it
    seq = f"{change.seq}" if is_first else f"{change.seq}.{lineage}"
    _add_element(entry, "id", f"urn:entente:change:{seq}")
    _add_element(entry, "title", replace_unprintable(f"{change.action} {change.kind} {change.id}"))
    _add_element(entry, "updated", change.at)
    _add_element(_add_element(entry, "author"), "name", replace_unprintable(change.by) or "unknown")
    if change.kind != "calibration":
        where = f"/v1/{_PATHS[change.kind]}/{quote(change.id, safe=':')}/history"
        _add_element(entry, "link", rel="alternate", type="application/json", href=where)
    _add_element(entry, "category", term=change.action)
    _add_element(entry, "category", term=change.kind)
    why = f": {change.reason}" if change.reason else ""
    _add_element(entry, "summary", replace_unprintable(f"Revision {change.revision}{why}"))
    if change.document is not None:
        _add_element(
            entry,
            "content",
            replace_unprintable(encode_json(change.document).decode()),
            type="text",
        )


_PATHS = {
    "event": "events",
    "actor": "actors",
    "source": "sources",
    "membership": "memberships",
    "dataset": "datasets",
}


def _add_element(
    parent: ET.Element, name: str, text: str | None = None, **attributes: str
) -> ET.Element:
    child = ET.SubElement(parent, name, attributes)
    child.text = text
    return child
