"""What the service says of itself, worked out once for all tests of a run."""

import json
import os
from pathlib import Path
from typing import Any

from postgres import lock_file

from app.main import create_app
from app.settings import Settings

RUN_FOLDER = "FOLDER_OF_TEST_RUN"
"""The variable that names the folder that the processes of a run share, if they are several."""


def build_document() -> dict[str, Any]:
    """Build the document of an application; takes more than a second of CPU."""
    return create_app(Settings(database_url="sqlite://", cursor_key="test")).openapi()


def read_document() -> dict[str, Any]:
    """Read what another process of the run has built, or build it."""
    if RUN_FOLDER not in os.environ:
        return build_document()
    file = Path(os.environ[RUN_FOLDER]) / "openapi.json"
    with lock_file(file.with_suffix(".lock")):
        if not file.exists():
            file.write_text(json.dumps(build_document()), "utf-8")
        found: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return found


DOCUMENT = read_document()


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
