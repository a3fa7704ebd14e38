"""The change feed as NDJSON, CSV and Atom."""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any, Literal
from urllib.parse import quote

from app.db.engine import Database
from app.events.flat import armoured
from app.history import read
from app.history.schemas import Change
from app.http.answer import encode
from app.http.problems import PROBLEM, TITLES
from app.text import clean

Form = Literal["json", "ndjson", "csv", "atom"]
MEDIA: dict[Form, tuple[str, ...]] = {
    "json": ("application/json",),
    "ndjson": ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    "csv": ("text/csv",),
    "atom": ("application/atom+xml",),
}
STREAMS: frozenset[Form] = frozenset({"ndjson", "csv"})
"""Formats that send every change unless `limit` is set; the others send a page."""
COLUMNS = ("seq", "at", "action", "kind", "id", "revision", "by", "reason", "derived")
PART = 1_000
"""Changes read at once; the connection is released before they are sent."""
NAMESPACE = "http://www.w3.org/2005/Atom"
NEVER = "1970-01-01T00:00:00Z"
"""The `updated` of an Atom feed without entries."""


def offered(responses: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Document every format of the change feed in the OpenAPI `responses`, which have JSON."""
    others = {
        kinds[0]: {"schema": {"type": "string", "format": "binary", "title": name}}
        for name, kinds in MEDIA.items()
        if name != "json"
    }
    content = responses[200]["content"] | others
    return responses | {200: {"content": content}, 406: {**PROBLEM, "description": TITLES[406]}}


def parts(
    database: Database, wanted: read.Wanted, after: int, upto: int, most: int | None
) -> Iterator[list[Change]]:
    """Read the changes after one `seq` and up to another, in batches, at most `most` in all."""
    left = most
    while True:
        with database.connect() as db:
            size = PART if left is None else min(PART, left)
            part = read.changes(db, wanted, after, size)
        found = [change for change in part.found if change.seq <= upto]
        yield found
        left = None if left is None else left - len(found)
        after = part.upto
        if part.done or after >= upto or left == 0:
            return


def lines(of: Iterable[list[Change]]) -> Iterator[bytes]:
    """Render changes as NDJSON, one JSON change a line."""
    for changes in of:
        yield b"".join(encode(change) + b"\n" for change in changes)


def table(of: Iterable[list[Change]], documents: bool) -> Iterator[bytes]:
    """Render changes as CSV with a header; formulas are escaped, documents are JSON text."""
    buffer = io.StringIO(newline="")
    rows = csv.writer(buffer)
    rows.writerow([*COLUMNS, "document"] if documents else COLUMNS)
    for changes in of:
        for change in changes:
            cells = [_cell(getattr(change, name)) for name in COLUMNS]
            document = change.document
            shown = [encode(document).decode() if document is not None else ""]
            rows.writerow(cells + shown if documents else cells)
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return armoured(value) if isinstance(value, str) else value


def feed(changes: list[Change], here: str, onward: str | None, rights: list[str]) -> bytes:
    """Render changes as an Atom feed (RFC 4287); `rel="next"` leads to later ones."""
    root = ET.Element("feed", xmlns=NAMESPACE)
    _add(root, "id", f"urn:entente:{quote(here)}")
    _add(root, "title", "Entente: changes")
    _add(root, "updated", max((change.at for change in changes), default=NEVER))
    _add(root, "link", rel="self", href=here)
    if onward:
        _add(root, "link", rel="next", href=onward)
    _add(root, "rights", clean("\n".join(rights)))
    for change in changes:
        _entry(root, change)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(root: ET.Element, change: Change) -> None:
    entry = _add(root, "entry")
    _add(entry, "id", f"urn:entente:change:{change.seq}")
    _add(entry, "title", clean(f"{change.action} {change.kind} {change.id}"))
    _add(entry, "updated", change.at)
    _add(_add(entry, "author"), "name", clean(change.by) or "unknown")
    if change.kind != "calibration":
        where = f"/v1/{_PATHS[change.kind]}/{quote(change.id, safe=':')}/history"
        _add(entry, "link", rel="alternate", type="application/json", href=where)
    _add(entry, "category", term=change.action)
    _add(entry, "category", term=change.kind)
    why = f": {change.reason}" if change.reason else ""
    _add(entry, "summary", clean(f"Revision {change.revision}{why}"))
    if change.document is not None:
        _add(entry, "content", clean(encode(change.document).decode()), type="text")


_PATHS = {
    "event": "events",
    "actor": "actors",
    "source": "sources",
    "membership": "memberships",
    "dataset": "datasets",
}


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, name, attributes)
    child.text = text
    return child
