"""Answers that the documentation shows: real ones, of the bundled data, shortened."""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def examples() -> dict[str, dict[str, Any]]:
    """By operation: the address that was asked, and the answer, its lists cut to few rows."""
    held: dict[str, dict[str, Any]] = json.loads(
        (Path(__file__).parent / "bundled" / "examples.json").read_text(encoding="utf-8")
    )
    return held


def shown(operation: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose 200 shows its example."""
    answer = examples()[operation]["answer"]
    return {200: {"content": {"application/json": {"example": answer}}}}
