"""The formats that a list of events is answered in: their names and media types."""

from typing import Literal, get_args

OutputFormat = Literal[
    "json",
    "ndjson",
    "csv",
    "xlsx",
    "geojson",
    "parquet",
    "arrow",
    "timelinejs",
    "vis",
    "ics",
    "atom",
    "jsonfeed",
    "jsonld",
]
OUTPUT_FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
FIELDS_MEDIA_TYPE = "application/vnd.entente.fields+json"
"""JSON of some fields alone; what is documented of whole events would not be true of it."""
EVENT_MEDIA_TYPES: dict[OutputFormat, tuple[str, ...]] = {
    "json": ("application/json", FIELDS_MEDIA_TYPE),
    "ndjson": ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    "csv": ("text/csv",),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    "geojson": ("application/geo+json",),
    "parquet": ("application/vnd.apache.parquet",),
    "arrow": ("application/vnd.apache.arrow.stream",),
    "timelinejs": ("application/vnd.timelinejs+json",),
    "vis": ("application/vnd.vis-timeline+json",),
    "ics": ("text/calendar",),
    "atom": ("application/atom+xml",),
    "jsonfeed": ("application/feed+json",),
    "jsonld": ("application/ld+json",),
}
"""The first is the `Content-Type` of an answer; `Accept` may ask for any of them."""
FIELD_FORMATS: frozenset[OutputFormat] = frozenset({"json", "ndjson", "csv", "parquet", "arrow"})
"""Formats that show the fields of an event one by one, so that `fields` can select some."""
TYPED_FORMATS: frozenset[OutputFormat] = frozenset({"parquet", "arrow"})
"""Formats of nested values with types, which `flat` makes flat."""
