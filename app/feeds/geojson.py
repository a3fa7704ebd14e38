"""Write GeoJSON (RFC 7946): one feature for each event, its geometry null without coordinates."""

import json
from collections.abc import Iterator

from app.events.event_document import EventDocument
from app.feeds.feed import Feed
from app.json_encoding import encode_json
from app.sources.citation import dataset_credit


def write_geojson(feed: Feed) -> Iterator[bytes]:
    """Write a FeatureCollection that names the datasets and the next page, if there is one."""
    yield b'{"type":"FeatureCollection","features":['
    separator = b""
    for documents in feed.chunks:
        if documents:
            features = [encode_json(build_feature(json.loads(document))) for document in documents]
            yield separator + b",".join(features)
            separator = b","
    onward = feed.next_address()
    tail = {
        "links": [{"rel": "self", "href": feed.address}]
        + ([{"rel": "next", "href": onward}] if onward else []),
        "meta": {"version": feed.version, "datasets": [dataset_credit(d) for d in feed.datasets]},
    }
    yield b"]," + encode_json(tail)[1:]


def build_feature(event: EventDocument) -> dict[str, object]:
    """Build a feature whose properties are the fields of an event."""
    place = event["location"]
    lat, lon = (place.get("lat"), place.get("lon")) if place else (None, None)
    here = lat is not None and lon is not None
    return {
        "type": "Feature",
        "id": event["id"],
        "geometry": {"type": "Point", "coordinates": [lon, lat]} if here else None,
        "properties": {name: value for name, value in event.items() if name != "id"},
    }
