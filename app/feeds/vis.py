"""Write JSON for vis-timeline: items and groups, or clusters where there are too many events."""

from collections.abc import Iterator
from html import escape

from app.events.event_document import EventDocument
from app.feeds.feed import Cluster, Feed
from app.feeds.plain_text import day_after, decode_documents, render_event_text
from app.json_encoding import encode_json
from app.sources.citation import dataset_credit


def write_vis(feed: Feed) -> Iterator[bytes]:
    """Write the items; contents and titles are escaped, because vis-timeline reads them as HTML."""
    if feed.clusters is not None:
        items = [_build_cluster_item(cluster) for cluster in feed.clusters]
    else:
        items = [build_vis_item(event) for part in feed.chunks for event in decode_documents(part)]
    groups = dict.fromkeys(i["group"] for i in items)
    yield encode_json(
        {
            "items": items,
            "groups": [{"id": group, "content": group} for group in sorted(groups)],
            "meta": {
                "version": feed.version,
                "clustered": feed.clusters is not None,
                "datasets": [dataset_credit(d) for d in feed.datasets],
            },
        }
    )


def build_vis_item(event: EventDocument) -> dict[str, str]:
    """Build the item of an event; one of several days is a range that ends on the day after."""
    found = {
        "id": event["id"],
        "content": escape(event["title"]),
        "title": escape(render_event_text(event)).replace("\n", "<br>"),
        "start": event["start"],
        "group": event["type"] or "other",
        "className": f"quad-{event['quad'] or 0}",
        "type": "point",
    }
    last = event["end"]
    if last is None:
        found["className"] += " running"
    elif last != event["start"] and (end := day_after(last)):
        found |= {"type": "range", "end": end}
    return found


def _build_cluster_item(cluster: Cluster) -> dict[str, str]:
    return {
        "id": f"cluster:{cluster.start}",
        "content": f"{cluster.count} events",
        "title": "<br>".join(escape(title) for title in cluster.titles),
        "start": cluster.start,
        "end": day_after(cluster.end) or cluster.end,
        "group": "cluster",
        "className": "cluster",
        "type": "range",
    }
