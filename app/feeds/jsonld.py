"""Write JSON-LD with schema.org terms; the context is inline, so readers fetch nothing."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from app.events.event_document import (
    EventDocument,
    LocationDocument,
    ParticipantDocument,
    ReportDocument,
)
from app.feeds.feed import ActorIdentity, Feed
from app.feeds.plain_text import decode_documents
from app.json_encoding import encode_json

CONTEXT = {
    "@vocab": "https://schema.org/",
    "entente": "urn:entente:",
    "url": {"@type": "@id"},
    "sameAs": {"@type": "@id"},
}
TYPES = {
    "state": "Country",
    "territory": "AdministrativeArea",
    "alliance": "Organization",
    "organization": "Organization",
    "armed_group": "Organization",
    "body": "GovernmentOrganization",
    "person": "Person",
}
"""Types of schema.org by the kind of an actor."""


def write_jsonld(feed: Feed) -> Iterator[bytes]:
    """Write the events of a page and their datasets as one graph."""
    found = [event for part in feed.chunks for event in decode_documents(part)]
    codes = {part["actor"] for event in found for part in event["participants"] if part["actor"]}
    actors = feed.read_actors(codes)
    events = [build_jsonld_event(event, actors) for event in found]
    sets = [
        {
            "@type": "Dataset",
            "@id": f"urn:entente:dataset:{quote(d.code)}",
            "name": d.name,
            "version": d.version,
            "license": d.licence,
            "creditText": d.citation,
        }
        for d in feed.datasets
    ]
    onward = feed.next_address()
    page = {"@context": CONTEXT, "@id": feed.address, "@graph": events + sets}
    yield encode_json(page | ({"entente:next": {"@id": onward}} if onward else {}))


def build_jsonld_event(
    event: EventDocument, actors: Mapping[str, ActorIdentity]
) -> dict[str, object]:
    """Build an event; the role of each participant is in `entente:role`."""
    ident = quote(event["id"], safe=":")
    found: dict[str, object] = {
        "@type": "Event",
        "@id": f"urn:entente:event:{ident}",
        "name": event["title"],
        "description": event["summary"],
        "startDate": event["start"],
        "endDate": event["end"],
        "keywords": [word for word in (event["type"], *event["tags"]) if word],
        "about": [_build_participant(part, actors) for part in event["participants"]],
        "subjectOf": [_build_report(report) for report in event["reports"]],
        "isPartOf": {"@id": f"urn:entente:dataset:{quote(event['dataset'])}"},
        "location": _build_place(event["location"]),
        "entente:date": event["date"],
        "entente:status": event["status"],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def _build_participant(
    part: ParticipantDocument, actors: Mapping[str, ActorIdentity]
) -> dict[str, object]:
    """Build a participant: a country, organization or person, with its item in Wikidata."""
    known = actors.get(part["actor"] or "")
    said: dict[str, object] = {"@type": TYPES.get(known.kind, "Thing") if known else "Thing"}
    if part["actor"]:
        said["@id"] = f"urn:entente:actor:{quote(part['actor'])}"
        said["identifier"] = part["actor"]
    if name := part["name"] or part["native"]:
        said["name"] = name
    if known and known.wikidata:
        said["sameAs"] = f"https://www.wikidata.org/entity/{quote(known.wikidata)}"
    return {**said, "entente:role": part["role"]}


def _build_report(report: ReportDocument) -> dict[str, object]:
    found = {
        "@type": "CreativeWork",
        "name": report["title"],
        "publisher": {"@type": "Organization", "name": report["publisher"]},
        "url": report["url"],
        "datePublished": report["published"],
        "abstract": report["quote"],
        "entente:stance": report["stance"],
    }
    return {name: value for name, value in found.items() if value is not None}


def _build_place(place: LocationDocument | None) -> dict[str, object] | None:
    if place is None:
        return None
    found: dict[str, object] = {"@type": "Place"}
    if place["name"]:
        found["name"] = place["name"]
    if place["country"]:
        found["address"] = {"@type": "PostalAddress", "addressCountry": place["country"]}
    if place["lat"] is not None and place["lon"] is not None:
        point = {"latitude": place["lat"], "longitude": place["lon"]}
        found["geo"] = {"@type": "GeoCoordinates", **point}
    return found
