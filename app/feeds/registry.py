"""Register the formats: the writer of each, and how much of a result it contains."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from app.events.output_formats import EVENT_MEDIA_TYPES, OutputFormat
from app.extras import load_extra
from app.feeds import atom, geojson, ics, json_feed, jsonld, ndjson, table, timelinejs, vis, xlsx
from app.feeds.feed import Feed, FormatWriter


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """How a format is written."""

    write: FormatWriter
    suffix: str
    streams: bool = False
    """Without `limit`, contains the whole result and is sent as it is read; otherwise a page."""
    clusters: bool = False
    """Without `limit`, contains the whole result, as clusters where there is too much to draw."""
    carries_licence: bool = True
    """The file itself names the datasets and their licences."""


def _write_parquet(feed: Feed) -> Iterator[bytes]:
    written: Iterator[bytes] = _load_arrow_table().write_parquet(feed)
    return written


def _write_arrow(feed: Feed) -> Iterator[bytes]:
    written: Iterator[bytes] = _load_arrow_table().write_arrow(feed)
    return written


def _load_arrow_table() -> ModuleType:
    """Load the writers of Arrow; raises `MissingExtraError` where the extra is not installed."""
    load_extra("parquet")
    return importlib.import_module("app.feeds.arrow_table")


FEED_FORMATS: dict[OutputFormat, FeedFormat] = {
    "ndjson": FeedFormat(ndjson.write_ndjson, "ndjson", streams=True, carries_licence=False),
    "csv": FeedFormat(table.write_csv, "csv", streams=True, carries_licence=False),
    "parquet": FeedFormat(_write_parquet, "parquet", streams=True),
    "arrow": FeedFormat(_write_arrow, "arrows", streams=True),
    "xlsx": FeedFormat(xlsx.write_xlsx, "xlsx", streams=True),
    "geojson": FeedFormat(geojson.write_geojson, "geojson"),
    "timelinejs": FeedFormat(timelinejs.write_timelinejs, "json", clusters=True),
    "vis": FeedFormat(vis.write_vis, "json", clusters=True),
    "ics": FeedFormat(ics.write_ics, "ics"),
    "atom": FeedFormat(atom.write_atom, "atom"),
    "jsonfeed": FeedFormat(json_feed.write_json_feed, "json"),
    "jsonld": FeedFormat(jsonld.write_jsonld, "jsonld"),
}
DOWNLOADED_FORMATS = frozenset({"ndjson", "csv", "parquet", "arrow", "xlsx", "ics"})
"""Formats that a browser saves as a file instead of showing them."""


def get_feed_media_type(form: OutputFormat) -> str:
    """Return the `Content-Type` of a response in a format."""
    kind = EVENT_MEDIA_TYPES[form][0]
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
