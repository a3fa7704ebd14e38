"""The formats that a list of events is answered in: their names and media types."""

from typing import Any, Literal, get_args

from app.http.problems import PROBLEM_RESPONSE, PROBLEM_TITLES

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
    "jsonld",
]
OUTPUT_FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
EVENT_MEDIA_TYPES: dict[OutputFormat, tuple[str, ...]] = {
    "json": ("application/json",),
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
    "jsonld": ("application/ld+json",),
}
"""The first is the `Content-Type` of an answer; `Accept` may ask for any of them."""
FIELD_FORMATS: frozenset[OutputFormat] = frozenset({"json", "ndjson", "csv", "parquet", "arrow"})
"""Formats that show the fields of an event one by one, so that `fields` can select some."""


def document_output_formats(
    responses: dict[int | str, dict[str, Any]],
) -> dict[int | str, dict[str, Any]]:
    """Document every output format in the OpenAPI `responses` of a route that documents JSON."""
    others = {
        kinds[0]: {"schema": {"type": "string", "format": "binary", "title": name}}
        for name, kinds in EVENT_MEDIA_TYPES.items()
        if name != "json"
    }
    content = responses[200]["content"] | others
    return responses | {
        200: {"content": content},
        406: {**PROBLEM_RESPONSE, "description": PROBLEM_TITLES[406]},
    }
