"""Write JSON for vis-timeline: items and groups, or clusters where there are too many events."""

from collections.abc import Iterator
from html import escape
from typing import Any

from app.feeds.feed import Cluster, Feed
from app.feeds.telling import after, body, decoded
from app.http.answer import encode
from app.sources.citation import credit


def write(feed: Feed) -> Iterator[bytes]:
    """Write the items; contents and titles are escaped, because vis-timeline reads them as HTML."""
    if feed.clusters is not None:
        items = [_gathered(cluster) for cluster in feed.clusters]
    else:
        items = [item(event) for part in feed.chunks for event in decoded(part)]
    groups = dict.fromkeys(i["group"] for i in items)
    yield encode(
        {
            "items": items,
            "groups": [{"id": group, "content": group} for group in sorted(groups)],
            "meta": {
                "version": feed.version,
                "clustered": feed.clusters is not None,
                "datasets": [credit(d) for d in feed.cited],
            },
        }
    )


def item(event: dict[str, Any]) -> dict[str, Any]:
    """Build the item of an event; one of several days is a range that ends on the day after."""
    found = {
        "id": event["id"],
        "content": escape(event["title"]),
        "title": escape(body(event)).replace("\n", "<br>"),
        "start": event["start"],
        "group": event["type"] or "other",
        "className": f"quad-{event['quad'] or 0}",
        "type": "point",
    }
    last = event["end"]
    if last is None:
        found["className"] += " running"
    elif last != event["start"] and (end := after(last)):
        found |= {"type": "range", "end": end}
    return found


def _gathered(cluster: Cluster) -> dict[str, Any]:
    return {
        "id": f"cluster:{cluster.start}",
        "content": f"{cluster.count} events",
        "title": "<br>".join(escape(title) for title in cluster.titles),
        "start": cluster.start,
        "end": after(cluster.end) or cluster.end,
        "group": "cluster",
        "className": "cluster",
        "type": "range",
    }
