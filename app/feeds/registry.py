"""The forms that there are: who writes each, and how much of a result it takes."""

from dataclasses import dataclass

from app.events.forms import MEDIA, Form
from app.feeds import atom, geojson, ics, jsonld, ndjson, table, timelinejs, vis, xlsx
from app.feeds.feed import Write


@dataclass(frozen=True, slots=True)
class Writing:
    """How a form is made."""

    write: Write
    suffix: str
    streams: bool = False
    """The whole result where no limit is given, sent as it is read; else a page."""
    drawn: bool = False
    """The whole result where no limit is given, clustered where there is too much to draw."""
    says_licence: bool = True
    """The file itself says whose rows they are."""
    media: str | None = None
    """What the answer says of itself, where that is not what readers ask for."""


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
"""Forms that a browser keeps as a file."""


def media_type(form: Form) -> str:
    """What an answer in this form says of itself."""
    kind = WRITINGS[form].media or MEDIA[form][0]
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
