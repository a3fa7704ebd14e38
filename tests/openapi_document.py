"""What the service says of itself, worked out once for all tests of a process."""

from typing import Any

from app.main import create_app
from app.settings import Settings

DOCUMENT: dict[str, Any] = create_app(
    Settings(database_url="sqlite://", cursor_key="test")
).openapi()


def resolve_parts(part: Any) -> Any:
    """Return an operation with its shared parameters and responses in place of the references."""
    if isinstance(part, dict):
        kind, _, name = str(part.get("$ref", "")).removeprefix("#/components/").partition("/")
        if kind in ("parameters", "responses"):
            return DOCUMENT["components"][kind][name]
        return {name: resolve_parts(one) for name, one in part.items()}
    if isinstance(part, list):
        return [resolve_parts(one) for one in part]
    return part


def resolve_schema(schema: Any) -> Any:
    """Return a schema with what it refers to."""
    name = str(schema.get("$ref", "")).removeprefix("#/components/schemas/")
    return DOCUMENT["components"]["schemas"][name] | schema if name else schema


PATHS: dict[str, Any] = resolve_parts(DOCUMENT["paths"])
