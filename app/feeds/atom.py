"""Write Atom (RFC 4287): one entry for each event, with its sources as links."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from urllib.parse import quote

from app.events.event_document import EventDocument
from app.feeds.feed import Feed
from app.feeds.plain_text import (
    decode_documents,
    link_event_page,
    link_list_page,
    render_event_text,
)
from app.sources.citation import format_citation
from app.text import replace_unprintable

NAMESPACE = "http://www.w3.org/2005/Atom"
ET.register_namespace("", NAMESPACE)
MEDIA_TYPE = "application/atom+xml"
NEVER = "1970-01-01T00:00:00Z"
"""The `updated` of a feed without entries; the standard requires the element."""


def write_atom(feed: Feed) -> Iterator[bytes]:
    """Write a page of entries.

    `self` is the living address, which readers ask again; `via` is the permalink of this version.
    """
    root = ET.Element(f"{{{NAMESPACE}}}feed")
    found = [event for part in feed.chunks for event in decode_documents(part)]
    _add_element(root, "id", f"urn:entente:{quote(_drop_cursor(feed.living))}")
    _add_element(root, "title", "Entente")
    _add_element(root, "updated", max((e["recorded_at"] for e in found), default=NEVER))
    page = link_list_page(feed.root, feed.living)
    _add_element(root, "link", rel="self", type=MEDIA_TYPE, href=feed.root + feed.living)
    _add_element(root, "link", rel="alternate", type="text/html", href=page)
    _add_element(root, "link", rel="via", type=MEDIA_TYPE, href=feed.root + feed.address)
    if onward := feed.next_address():
        _add_element(root, "link", rel="next", type=MEDIA_TYPE, href=feed.root + onward)
    _add_element(_add_element(root, "author"), "name", "Entente")
    _add_element(
        root, "rights", replace_unprintable("\n".join(format_citation(d) for d in feed.datasets))
    )
    for event in found:
        _add_entry(root, event, feed.root)
    yield ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_entry(feed: ET.Element, event: EventDocument, root: str) -> None:
    entry = _add_element(feed, "entry")
    ident = quote(event["id"], safe=":")
    _add_element(entry, "id", f"urn:entente:event:{ident}")
    _add_element(entry, "title", replace_unprintable(event["title"]))
    _add_element(entry, "updated", event["recorded_at"])
    page, document = link_event_page(root, event["id"]), f"{root}/v1/events/{ident}"
    _add_element(entry, "link", rel="alternate", type="text/html", href=page)
    _add_element(entry, "link", rel="alternate", type="application/json", href=document)
    for url in dict.fromkeys(r["url"] for r in event["reports"] if r["url"]):
        _add_element(entry, "link", rel="via", href=url)
    for word in (event["type"], *event["tags"]):
        if word:
            _add_element(entry, "category", term=replace_unprintable(word))
    _add_element(
        entry,
        "summary",
        f"{event['date']}: {replace_unprintable(event['summary'] or event['title'])}",
    )
    _add_element(entry, "content", replace_unprintable(render_event_text(event)), type="text")


def _drop_cursor(address: str) -> str:
    """Return an address without its cursor: the pages of a feed are one feed."""
    path, _, query = address.partition("?")
    return f"{path}?{'&'.join(p for p in query.split('&') if not p.startswith('cursor='))}"


def _add_element(
    parent: ET.Element, name: str, text: str | None = None, **attributes: str
) -> ET.Element:
    child = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    child.text = text
    return child
