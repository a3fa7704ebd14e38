"""Describe events in plain text and days for calendars, feeds and timelines. Pure."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from urllib.parse import parse_qsl, quote, urlencode

from app.events.event_document import EventDocument

OF_ONE_PAGE = frozenset(
    {"format", "limit", "cursor", "offset", "count", "fields", "bom", "f", "datetime"}
)
"""Parameters that say how a list is answered, not what is in it."""
DRAWABLE = 500
"""The most events that a timeline draws one by one; more are drawn as clusters."""


def decode_documents(documents: Iterable[str]) -> Iterator[EventDocument]:
    """Parse stored documents into events."""
    yield from map(json.loads, documents)


def day_after(day: str) -> str | None:
    """Return the next day, or None after the last day that a date can be."""
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except OverflowError:
        return None


def link_event_page(root: str, ident: str) -> str:
    """Return the address of the page of an event in the explorer."""
    return f"{root}/?view=event&id={quote(ident, safe=':')}"


def link_list_page(root: str, address: str) -> str:
    """Return the address of the explorer's list for an address of `/v1/events`."""
    asked = parse_qsl(address.partition("?")[2], keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name not in OF_ONE_PAGE]
    return f"{root}/?{urlencode([('view', 'events'), *kept])}"


def render_event_text(event: EventDocument) -> str:
    """Render an event as text: its summary, participants and sources, one on each line."""
    lines = [event["summary"]] if event["summary"] else []
    roles: dict[str, list[str]] = {}
    for part in event["participants"]:
        if not part["via"]:
            roles.setdefault(part["role"], []).append(part["name"] or part["native"] or "?")
    lines += [f"{role.capitalize()}: {', '.join(names)}" for role, names in roles.items()]
    said = dict.fromkeys(f"{r['publisher']}: {r['title']}" for r in event["reports"])
    lines += [f"Source: {one}" for one in said]
    if event["end"] is None:
        lines.append(f"Since {event['start']}, still running.")
    return "\n".join(lines)
