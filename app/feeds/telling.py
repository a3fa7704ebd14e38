"""An event in words and days, as calendars, feeds and drawn timelines want it. Pure."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

DRAWABLE = 500
"""Marks that a drawn timeline bears; more are gathered into clusters."""


def decoded(documents: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The events of stored documents."""
    yield from map(json.loads, documents)


def after(day: str) -> str | None:
    """The day after; None where the calendar ends."""
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except OverflowError:
        return None


def body(event: dict[str, Any]) -> str:
    """Summary, who took part, and who says so: a line each."""
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
