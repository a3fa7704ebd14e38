"""What the service says of itself, worked out once for all tests of a process."""

from typing import Any

from app.main import create_app
from app.settings import Settings

DOCUMENT: dict[str, Any] = create_app(
    Settings(database_url="sqlite://", cursor_key="test")
).openapi()
PATHS: dict[str, Any] = DOCUMENT["paths"]
