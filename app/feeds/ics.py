"""Write iCalendar (RFC 5545) with events as whole days, to subscribe to or to import."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from icalendar import Calendar
from icalendar import Event as Entry

from app.feeds.feed import Feed
from app.feeds.telling import after, body, decoded
from app.sources.citation import sentence
from app.text import clean

STATUS = {"disputed": "TENTATIVE", "retracted": "CANCELLED"}


def write(feed: Feed) -> Iterator[bytes]:
    """Write a calendar; its description cites the datasets."""
    calendar = Calendar()
    calendar.add("prodid", "-//Entente//Events//EN")
    calendar.add("version", "2.0")
    calendar.add("name", "Entente")
    calendar.add("x-wr-calname", "Entente")
    calendar.add("description", "\n".join(clean(sentence(d)) for d in feed.cited))
    for documents in feed.chunks:
        for event in decoded(documents):
            calendar.add_component(entry(event))
    yield calendar.to_ical()


def entry(event: dict[str, Any]) -> Entry:
    """Build the entry of an event; one without an end is on its first day, and its text says so."""
    made = Entry()
    made.add("uid", f"{event['id']}@entente")
    made.add("dtstamp", datetime.fromisoformat(event["recorded_at"]))
    made.add("dtstart", date.fromisoformat(event["start"]))
    if end := after(event["end"] or event["start"]):
        made.add("dtend", date.fromisoformat(end))
    made.add("summary", clean(event["title"]))
    made.add("description", clean(body(event)))
    made.add("status", STATUS.get(event["status"], "CONFIRMED"))
    made.add("sequence", event["revision"] - 1)
    made.add("transp", "TRANSPARENT")
    words = [word for word in (event["type"], *event["tags"]) if word]
    if words:
        made.add("categories", [clean(word) for word in words])
    place = event["location"] or {}
    if place.get("name"):
        made.add("location", clean(place["name"]))
    if place.get("lat") is not None and place.get("lon") is not None:
        made.add("geo", (place["lat"], place["lon"]))
    if url := next((r["url"] for r in event["reports"] if r["url"]), None):
        made.add("url", url)
    return made
