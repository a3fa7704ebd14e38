"""What features can be filtered by, as OGC API – Features, part 3, describes it."""

from app.events.filter import EventFilter

QUERYABLES = (
    "actor", "initiator", "target", "role", "member_of", "type", "mode", "cameo", "quad", "native",
    "country", "tag", "dataset", "source", "publisher", "status",
)  # fmt: skip
"""Parameters whose values a feature has; others bound it, such as `since` and `min_intensity`."""
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def build_queryables(address: str) -> dict[str, object]:
    """Build the schema of what can be asked, each a parameter of the items of the same name."""
    properties = EventFilter.model_json_schema()["properties"]
    described: dict[str, object] = {
        name: {
            "title": name,
            "description": properties[name]["description"],
            **_describe_values(properties[name]),
        }
        for name in QUERYABLES
    }
    described["geometry"] = {
        "description": "Where it happened; asked for by `bbox`.",
        "format": "geometry-point",
        "x-ogc-role": "primary-geometry",
    }
    return {
        "$schema": JSON_SCHEMA,
        "$id": address,
        "title": "Events",
        "type": "object",
        "properties": described,
        "additionalProperties": False,
    }


def _describe_values(parameter: dict[str, object]) -> dict[str, object]:
    """Describe one value of a parameter, which may be repeated."""
    items = parameter.get("items", parameter)
    assert isinstance(items, dict)
    return {
        k: v for k, v in items.items() if k in ("type", "enum", "pattern", "minimum", "maximum")
    }
