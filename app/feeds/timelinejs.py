"""Write JSON for TimelineJS 3: a slide for each event, or for each cluster of many events."""

from collections.abc import Iterator
from html import escape

from app.events.event_document import EventDocument
from app.feeds.feed import Cluster, Feed
from app.feeds.plain_text import decode_documents, render_event_text
from app.json_encoding import encode_json
from app.sources.citation import dataset_credit, format_citation


def write_timelinejs(feed: Feed) -> Iterator[bytes]:
    """Write the slides; titles and texts are escaped, because TimelineJS reads them as HTML."""
    if feed.clusters is not None:
        slides = [_build_cluster_slide(cluster) for cluster in feed.clusters]
    else:
        slides = [build_slide(event) for part in feed.chunks for event in decode_documents(part)]
    whose = "<br>".join(escape(format_citation(d)) for d in feed.datasets)
    title = {"headline": "Events", "text": f"<p>{whose}</p>"}
    yield encode_json(
        {
            "title": {"text": title},
            "events": slides,
            "scale": "human",
            "meta": {
                "version": feed.version,
                "clustered": feed.clusters is not None,
                "datasets": [dataset_credit(d) for d in feed.datasets],
            },
        }
    )


def build_slide(event: EventDocument) -> dict[str, object]:
    """Build the slide of an event, with its date as precise as it is known."""
    text = "".join(
        f"<p>{escape(line)}</p>" for line in render_event_text(event).split("\n") if line
    )
    found: dict[str, object] = {
        "unique_id": event["id"],
        "start_date": _build_date(event["start"], event["precision"]),
        "display_date": event["date"],
        "text": {"headline": escape(event["title"]), "text": text},
        "group": event["type"] or "other",
        "autolink": False,
    }
    if event["end"] is not None and event["end"] != event["start"]:
        found["end_date"] = _build_date(event["end"], event["precision"])
    return found


def _build_cluster_slide(cluster: Cluster) -> dict[str, object]:
    titles = "".join(f"<li>{escape(title)}</li>" for title in cluster.titles)
    return {
        "unique_id": f"cluster:{cluster.start}",
        "start_date": _build_date(cluster.start, "day"),
        "end_date": _build_date(cluster.end, "day"),
        "text": {"headline": f"{cluster.count} events", "text": f"<ul>{titles}</ul>"},
        "group": "cluster",
        "autolink": False,
    }


def _build_date(day: str, precision: str) -> dict[str, int]:
    year, month, number = (int(part) for part in day.split("-"))
    if precision == "year":
        return {"year": year}
    if precision == "month":
        return {"year": year, "month": month}
    return {"year": year, "month": month, "day": number}
