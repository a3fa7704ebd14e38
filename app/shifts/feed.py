"""Shifts as a feed, in Atom and JSON Feed: one entry for each change that can be dated.

An entry is named by the sides, the direction and the month of the onset, and not by the id of the
shift, which has the version: readers then show a shift once, and again only when its date changes.
Its `updated` is the last day of the data that it rests on.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode

from app.json_encoding import encode_json
from app.page_models import Links
from app.shifts.schemas import Shift
from app.text import replace_unprintable

FeedForm = Literal["atom", "jsonfeed"]
FEED_MEDIA_TYPES: dict[FeedForm, tuple[str, ...]] = {
    "atom": ("application/atom+xml",),
    "jsonfeed": ("application/feed+json",),
}
FEED_NAMESPACE = "http://www.w3.org/2005/Atom"
JSON_FEED_VERSION = "https://jsonfeed.org/version/1.1"
NO_ENTRY_UPDATED = "1970-01-01T00:00:00Z"
"""The `updated` of a feed without entries; the standard requires the element."""
TITLE = "Entente: shifts of alignment"
NOT_IN_PAGE = frozenset({"format", "cursor", "limit", "sort", "as_of", "lineage"})
"""Parameters of an address that the page of the explorer does not take."""


@dataclass(frozen=True, slots=True)
class ShiftFeed:
    """The shifts of a page, with the addresses of the feed."""

    shifts: Sequence[Shift]
    links: Links
    root: str
    rights: Sequence[str]
    remark: str | None = None
    """What the shifts leave out."""

    @property
    def page(self) -> str:
        """The page of the explorer with the same question."""
        asked = parse_qsl(self.links.self.partition("?")[2], keep_blank_values=True)
        kept = [(name, value) for name, value in asked if name not in NOT_IN_PAGE]
        return f"{self.root}/?{urlencode([('view', 'shift'), *kept])}"

    @property
    def dated(self) -> list[Shift]:
        """The shifts that have a date."""
        return [shift for shift in self.shifts if shift.onset and shift.direction]


def render_shift_feed(form: FeedForm, feed: ShiftFeed) -> bytes:
    """Render a feed; `self` is the living address, and its permalink is `via`."""
    return _render_atom(feed) if form == "atom" else _render_json(feed)


def name_shift(shift: Shift) -> str:
    """Name a shift for feed readers, alike in all versions."""
    sides = [shift.actor, "+".join(shift.toward), "+".join(shift.against)]
    parts = [*sides, shift.direction or "", (shift.onset or "")[:7]]
    return f"urn:entente:shift:{':'.join(quote(part, safe='+') for part in parts)}"


def find_update(shift: Shift) -> str:
    """Return the instant of the last day of the data that a shift rests on."""
    day = shift.after.end if shift.after and shift.after.end else shift.onset or "1970-01-01"
    return f"{day if len(day) == 10 else f'{day}-01'}T00:00:00Z"


def link_shift_page(shift: Shift, root: str) -> str:
    """Return the address of the page of the explorer on the sides of a shift."""
    asked = {"view": "shift", "actor": shift.actor, "toward": ",".join(shift.toward)}
    if shift.against:
        asked["against"] = ",".join(shift.against)
    return f"{root}/?{urlencode(asked)}"


def _render_atom(feed: ShiftFeed) -> bytes:
    root = ET.Element("feed", xmlns=FEED_NAMESPACE)
    kind = FEED_MEDIA_TYPES["atom"][0]
    living = feed.links.self
    _append_text(root, "id", f"urn:entente:{quote(living.partition('&cursor=')[0])}")
    _append_text(root, "title", TITLE)
    if feed.remark:
        _append_text(root, "subtitle", replace_unprintable(feed.remark))
    _append_text(root, "updated", max(map(find_update, feed.dated), default=NO_ENTRY_UPDATED))
    _append_link(root, "self", feed.root + living, kind)
    _append_link(root, "alternate", feed.page, "text/html")
    if feed.links.permalink:
        _append_link(root, "via", feed.root + feed.links.permalink, kind)
    if feed.links.next:
        _append_link(root, "next", feed.root + feed.links.next, kind)
    _append_text(ET.SubElement(root, "author"), "name", "Entente")
    _append_text(root, "rights", replace_unprintable("\n".join(feed.rights)))
    for shift in feed.dated:
        entry = ET.SubElement(root, "entry")
        _append_text(entry, "id", name_shift(shift))
        _append_text(entry, "title", replace_unprintable(shift.title))
        _append_text(entry, "updated", find_update(shift))
        _append_link(entry, "alternate", link_shift_page(shift, feed.root), "text/html")
        evidence = f"{feed.root}/v1/shifts/{quote(shift.id)}"
        _append_link(entry, "via", evidence, "application/json")
        for term in (shift.verdict, str(shift.direction)):
            ET.SubElement(entry, "category", term=term)
        _append_text(entry, "summary", replace_unprintable(shift.sentence))
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _render_json(feed: ShiftFeed) -> bytes:
    items = [
        {
            "id": name_shift(shift),
            "url": link_shift_page(shift, feed.root),
            "title": shift.title,
            "content_text": shift.sentence,
            "date_modified": find_update(shift),
            "tags": [shift.verdict, shift.direction],
            "_entente": {
                "shift": f"{feed.root}/v1/shifts/{quote(shift.id)}",
                "onset": shift.onset,
                "at_least": shift.at_least,
                "q": shift.q,
            },
        }
        for shift in feed.dated
    ]
    made: dict[str, object] = {
        "version": JSON_FEED_VERSION,
        "title": TITLE,
        "home_page_url": feed.page,
        "feed_url": feed.root + feed.links.self,
        "user_comment": "\n".join(feed.rights),
        "authors": [{"name": "Entente"}],
        "language": "en",
        "items": items,
    }
    if feed.remark:
        made["description"] = feed.remark
    if feed.links.permalink:
        made["_entente"] = {"permalink": feed.root + feed.links.permalink}
    if feed.links.next:
        made["next_url"] = feed.root + feed.links.next
    return encode_json(made)


def _append_text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _append_link(parent: ET.Element, relation: str, address: str, kind: str) -> None:
    ET.SubElement(parent, "link", rel=relation, href=address, type=kind)
