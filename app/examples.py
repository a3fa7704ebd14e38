"""Answers that the documentation shows: real ones, of the bundled data, shortened."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel


@cache
def examples() -> dict[str, dict[str, Any]]:
    """By operation: the address that was asked, and the answer, its lists cut to few rows."""
    held: dict[str, dict[str, Any]] = json.loads(
        (Path(__file__).parent / "bundled" / "examples.json").read_text(encoding="utf-8")
    )
    return held


def shown(operation: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose good answer shows its example."""
    answer = examples()[operation]["answer"]
    return {status: {"content": {"application/json": {"example": answer}}}}


def sent(
    operation: str,
    model: type[BaseModel],
    *,
    several: bool = False,
    patch: bool = False,
    required: bool = True,
) -> dict[str, Any]:
    """The `requestBody` of a route that reads its body itself, with its example."""
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{named(model)}"}
    if several:
        many = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1000}
        schema = {"oneOf": [schema, many]}
    if patch:
        schema = {"type": "object", "description": f"A merge patch of {model.__name__}."}
    kind = "application/merge-patch+json" if patch else "application/json"
    body = {"content": {kind: {"schema": schema, "example": examples()[operation]["body"]}}}
    return {"requestBody": {**body, "required": required}}


MODELS: dict[str, type[BaseModel]] = {}
"""What bodies are documented by; their schemas are added to the document when it is made."""


def named(model: type[BaseModel]) -> str:
    """The name of a model in the document."""
    MODELS[model.__name__] = model
    return model.__name__
