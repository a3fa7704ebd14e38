"""Write Atom (RFC 4287): one entry for each event, with its sources as links."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from app.feeds.feed import Feed
from app.feeds.telling import body, decoded
from app.sources.citation import sentence
from app.text import clean

NAMESPACE = "http://www.w3.org/2005/Atom"
ET.register_namespace("", NAMESPACE)
NEVER = "1970-01-01T00:00:00Z"
"""The `updated` of a feed without entries; the standard requires the element."""


def write(feed: Feed) -> Iterator[bytes]:
    """Write a page of entries; `rel="next"` links to the next page."""
    root = ET.Element(f"{{{NAMESPACE}}}feed")
    found = [event for part in feed.chunks for event in decoded(part)]
    _add(root, "id", f"urn:entente:{quote(feed.here)}")
    _add(root, "title", "Entente")
    _add(root, "updated", max((e["recorded_at"] for e in found), default=NEVER))
    _add(root, "link", rel="self", href=feed.here)
    if onward := feed.onward():
        _add(root, "link", rel="next", href=onward)
    _add(_add(root, "author"), "name", "Entente")
    _add(root, "rights", clean("\n".join(sentence(d) for d in feed.cited)))
    for event in found:
        _entry(root, event)
    yield ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _entry(root: ET.Element, event: dict[str, Any]) -> None:
    entry = _add(root, "entry")
    ident = quote(event["id"], safe=":")
    _add(entry, "id", f"urn:entente:event:{ident}")
    _add(entry, "title", clean(event["title"]))
    _add(entry, "updated", event["recorded_at"])
    _add(entry, "link", rel="alternate", type="application/json", href=f"/v1/events/{ident}")
    for url in dict.fromkeys(r["url"] for r in event["reports"] if r["url"]):
        _add(entry, "link", rel="via", href=url)
    for word in (event["type"], *event["tags"]):
        if word:
            _add(entry, "category", term=clean(word))
    _add(entry, "summary", f"{event['date']}: {clean(event['summary'] or event['title'])}")
    _add(entry, "content", clean(body(event)), type="text")


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    child.text = text
    return child
