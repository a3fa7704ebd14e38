"""Register the formats: the writer of each, and how much of a result it contains."""

from dataclasses import dataclass

from app.events.forms import MEDIA, Form
from app.feeds import atom, geojson, ics, jsonld, ndjson, table, timelinejs, vis, xlsx
from app.feeds.feed import Write


@dataclass(frozen=True, slots=True)
class Writing:
    """How a format is written."""

    write: Write
    suffix: str
    streams: bool = False
    """Without `limit`, contains the whole result and is sent as it is read; otherwise a page."""
    drawn: bool = False
    """Without `limit`, contains the whole result, as clusters where there is too much to draw."""
    says_licence: bool = True
    """The file itself names the datasets and their licences."""
    media: str | None = None
    """The media type of the response, where it differs from the one that clients ask for."""


WRITINGS: dict[Form, Writing] = {
    "ndjson": Writing(ndjson.write, "ndjson", streams=True, says_licence=False),
    "csv": Writing(table.write_csv, "csv", streams=True, says_licence=False),
    "parquet": Writing(table.write_parquet, "parquet", streams=True),
    "arrow": Writing(table.write_arrow, "arrows", streams=True),
    "xlsx": Writing(xlsx.write, "xlsx", streams=True),
    "geojson": Writing(geojson.write, "geojson"),
    "timelinejs": Writing(timelinejs.write, "json", drawn=True, media="application/json"),
    "vis": Writing(vis.write, "json", drawn=True, media="application/json"),
    "ics": Writing(ics.write, "ics"),
    "atom": Writing(atom.write, "atom"),
    "jsonld": Writing(jsonld.write, "jsonld"),
}
SAVED = frozenset({"ndjson", "csv", "parquet", "arrow", "xlsx", "ics"})
"""Formats that a browser saves as a file instead of showing them."""


def media_type(form: Form) -> str:
    """Return the `Content-Type` of a response in a format."""
    kind = WRITINGS[form].media or MEDIA[form][0]
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
