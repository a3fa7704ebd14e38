"""Write iCalendar (RFC 5545) with events as whole days, to subscribe to or to import."""

from collections.abc import Iterator
from datetime import date, datetime

from icalendar import Calendar
from icalendar import Event as Entry

from app.events.event_document import EventDocument
from app.feeds.feed import Feed
from app.feeds.plain_text import day_after, decode_documents, link_event_page, render_event_text
from app.sources.citation import format_citation
from app.text import replace_unprintable

STATUS = {"disputed": "TENTATIVE", "retracted": "CANCELLED"}


def write_ics(feed: Feed) -> Iterator[bytes]:
    """Write a calendar; its description cites the datasets."""
    calendar = Calendar()
    calendar.add("prodid", "-//Entente//Events//EN")
    calendar.add("version", "2.0")
    calendar.add("name", "Entente")
    calendar.add("x-wr-calname", "Entente")
    calendar.add(
        "description", "\n".join(replace_unprintable(format_citation(d)) for d in feed.datasets)
    )
    for documents in feed.chunks:
        for event in decode_documents(documents):
            calendar.add_component(build_calendar_entry(event, feed.root))
    yield calendar.to_ical()


def build_calendar_entry(event: EventDocument, root: str) -> Entry:
    """Build the entry of an event; one without an end is on its first day, and its text says so."""
    made = Entry()
    made.add("uid", f"{event['id']}@entente")
    made.add("dtstamp", datetime.fromisoformat(event["recorded_at"]))
    made.add("last-modified", datetime.fromisoformat(event["recorded_at"]))
    made.add("dtstart", date.fromisoformat(event["start"]))
    if end := day_after(event["end"] or event["start"]):
        made.add("dtend", date.fromisoformat(end))
    made.add("summary", replace_unprintable(event["title"]))
    said = [
        render_event_text(event),
        *dict.fromkeys(r["url"] for r in event["reports"] if r["url"]),
    ]
    made.add("description", replace_unprintable("\n".join(said)))
    made.add("status", STATUS.get(event["status"], "CONFIRMED"))
    made.add("sequence", event["revision"] - 1)
    made.add("transp", "TRANSPARENT")
    words = [word for word in (event["type"], *event["tags"]) if word]
    if words:
        made.add("categories", [replace_unprintable(word) for word in words])
    if place := event["location"]:
        if place["name"]:
            made.add("location", replace_unprintable(place["name"]))
        if place["lat"] is not None and place["lon"] is not None:
            made.add("geo", (place["lat"], place["lon"]))
    if root:  # an address in a calendar is a whole one
        made.add("url", link_event_page(root, event["id"]))
    return made
