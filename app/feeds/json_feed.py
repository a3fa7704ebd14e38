"""Write JSON Feed 1.1: one item for each event, for readers that prefer JSON to Atom."""

from collections.abc import Iterator

from app.events.event_document import EventDocument
from app.feeds.feed import Feed
from app.feeds.plain_text import (
    decode_documents,
    link_event_page,
    link_list_page,
    render_event_text,
)
from app.json_encoding import encode_json
from app.sources.citation import format_citation

VERSION = "https://jsonfeed.org/version/1.1"


def write_json_feed(feed: Feed) -> Iterator[bytes]:
    """Write a page of items; `feed_url` is the living address, `next_url` the next page."""
    items = [
        build_feed_item(event, feed.root)
        for part in feed.chunks
        for event in decode_documents(part)
    ]
    made: dict[str, object] = {
        "version": VERSION,
        "title": "Entente",
        "home_page_url": link_list_page(feed.root, feed.living),
        "feed_url": feed.root + feed.living,
        "user_comment": "\n".join(format_citation(d) for d in feed.datasets),
        "authors": [{"name": "Entente"}],
        "language": "en",
        "items": items,
        "_entente": {"permalink": feed.root + feed.address, "version": feed.version},
    }
    if onward := feed.next_address():
        made["next_url"] = feed.root + onward
    yield encode_json(made)


def build_feed_item(event: EventDocument, root: str) -> dict[str, object]:
    """Build the item of an event; its external address is that of its first source."""
    found: dict[str, object] = {
        "id": f"urn:entente:event:{event['id']}",
        "url": link_event_page(root, event["id"]),
        "external_url": next((r["url"] for r in event["reports"] if r["url"]), None),
        "title": event["title"],
        "summary": event["summary"],
        "content_text": render_event_text(event),
        "date_modified": event["recorded_at"],
        "tags": [word for word in (event["type"], *event["tags"]) if word],
        "_entente": {"date": event["date"], "start": event["start"], "end": event["end"]},
    }
    return {name: value for name, value in found.items() if value not in (None, [])}
