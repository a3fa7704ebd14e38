"""Write JSON for TimelineJS 3: a slide for each event, or for each cluster of many events."""

from collections.abc import Iterator
from html import escape
from typing import Any

from app.feeds.feed import Cluster, Feed
from app.feeds.telling import body, decoded
from app.http.answer import encode
from app.sources.citation import credit, sentence


def write(feed: Feed) -> Iterator[bytes]:
    """Write the slides; titles and texts are escaped, because TimelineJS reads them as HTML."""
    if feed.clusters is not None:
        slides = [_gathered(cluster) for cluster in feed.clusters]
    else:
        slides = [slide(event) for part in feed.chunks for event in decoded(part)]
    whose = "<br>".join(escape(sentence(d)) for d in feed.cited)
    title = {"headline": "Events", "text": f"<p>{whose}</p>"}
    yield encode(
        {
            "title": {"text": title},
            "events": slides,
            "scale": "human",
            "meta": {
                "version": feed.version,
                "clustered": feed.clusters is not None,
                "datasets": [credit(d) for d in feed.cited],
            },
        }
    )


def slide(event: dict[str, Any]) -> dict[str, Any]:
    """Build the slide of an event, with its date as precise as it is known."""
    text = "".join(f"<p>{escape(line)}</p>" for line in body(event).split("\n") if line)
    found: dict[str, Any] = {
        "unique_id": event["id"],
        "start_date": _date(event["start"], event["precision"]),
        "display_date": event["date"],
        "text": {"headline": escape(event["title"]), "text": text},
        "group": event["type"] or "other",
        "autolink": False,
    }
    if event["end"] not in (None, event["start"]):
        found["end_date"] = _date(event["end"], event["precision"])
    return found


def _gathered(cluster: Cluster) -> dict[str, Any]:
    titles = "".join(f"<li>{escape(title)}</li>" for title in cluster.titles)
    return {
        "unique_id": f"cluster:{cluster.start}",
        "start_date": _date(cluster.start, "day"),
        "end_date": _date(cluster.end, "day"),
        "text": {"headline": f"{cluster.count} events", "text": f"<ul>{titles}</ul>"},
        "group": "cluster",
        "autolink": False,
    }


def _date(day: str, precision: str) -> dict[str, int]:
    year, month, number = (int(part) for part in day.split("-"))
    if precision == "year":
        return {"year": year}
    if precision == "month":
        return {"year": year, "month": month}
    return {"year": year, "month": month, "day": number}
