"""The feeds of a watch: what it said last, as Atom and as JSON Feed."""

import json
import xml.etree.ElementTree as ET
from typing import Any

from sqlalchemy import Row

from app.feeds.atom import NAMESPACE, NEVER
from app.feeds.json_feed import VERSION, build_feed_item
from app.feeds.plain_text import link_event_page
from app.json_encoding import encode_json
from app.lineages import Ancestry
from app.text import replace_unprintable
from app.watches.payloads import make_message_id

MEDIA_TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}
MAX_ITEMS = 100
"""Messages that a feed shows, the newest first."""
CHANGE_WORDS = {
    "added": "New", "changed": "Changed", "entered": "Now matches", "left": "No longer matches",
    "retracted": "Retracted", "reached": "Reached", "fallen": "No longer reached",
}  # fmt: skip


def build_watch_items(rows: list[Row[Any]], ancestry: Ancestry, root: str) -> list[dict[str, Any]]:
    """Build an item of JSON Feed for each message."""
    return [_build_item(row, ancestry, root) for row in rows]


def _build_item(row: Row[Any], ancestry: Ancestry, root: str) -> dict[str, Any]:
    ident = f"urn:entente:{make_message_id(row.watch, row.seq, ancestry)}"
    word = CHANGE_WORDS[row.change]
    if row.document is not None:
        message = json.loads(row.document)
        shift = message["data"]["shift"]
        return {
            "id": ident,
            "url": root + message["data"]["address"],
            "title": f"{word}: {shift['sentence']}",
            "content_text": "\n".join(e["title"] for e in message["data"]["evidence"])
            or shift["sentence"],
            "date_modified": row.at,
            "_entente": {"change": row.change, "seq": row.seq},
        }
    event = json.loads(row.event)
    item = build_feed_item(event, root)
    more = {"id": ident, "title": f"{word}: {event['title']}", "date_modified": row.written_at}
    of_change = {"change": row.change, "seq": row.seq, "event": event["id"]}
    return item | more | {"_entente": of_change, "url": link_event_page(root, event["id"])}


def write_watch_json_feed(name: str, items: list[dict[str, Any]], here: str, home: str) -> bytes:
    """Write the messages of a watch as JSON Feed 1.1."""
    return encode_json(
        {
            "version": VERSION,
            "title": f"Entente: {name}",
            "home_page_url": home,
            "feed_url": here,
            "authors": [{"name": "Entente"}],
            "language": "en",
            "items": items,
        }
    )


def write_watch_atom(
    ident: str, name: str, items: list[dict[str, Any]], here: str, home: str
) -> bytes:
    """Write the messages of a watch as Atom (RFC 4287)."""
    root = ET.Element(f"{{{NAMESPACE}}}feed")
    _add_child(root, "id", f"urn:entente:watch:{ident}")
    _add_child(root, "title", f"Entente: {name}")
    _add_child(root, "updated", max((item["date_modified"] for item in items), default=NEVER))
    _add_child(root, "link", rel="self", type=MEDIA_TYPES["atom"], href=here)
    _add_child(root, "link", rel="alternate", type="text/html", href=home)
    _add_child(_add_child(root, "author"), "name", "Entente")
    for item in items:
        entry = _add_child(root, "entry")
        _add_child(entry, "id", item["id"])
        _add_child(entry, "title", item["title"])
        _add_child(entry, "updated", item["date_modified"])
        _add_child(entry, "link", rel="alternate", href=item["url"])
        _add_child(entry, "category", term=item["_entente"]["change"])
        for tag in item.get("tags", ()):
            _add_child(entry, "category", term=tag)
        _add_child(entry, "content", item["content_text"], type="text")
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add_child(
    parent: ET.Element, name: str, text: str | None = None, **attributes: str
) -> ET.Element:
    shown = {key: replace_unprintable(value) for key, value in attributes.items()}
    child = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", shown)
    child.text = None if text is None else replace_unprintable(text)
    return child
