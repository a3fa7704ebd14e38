"""Example answers for the API documentation: real answers from the bundled data, shortened."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]
"""What OpenAPI says of the answers of an operation, by status."""


@cache
def load_examples() -> dict[str, dict[str, Any]]:
    """Load the examples by operation id: requested address, answer, and body of a write."""
    loaded: dict[str, dict[str, Any]] = json.loads(
        (Path(__file__).parent / "bundled" / "examples.json").read_text(encoding="utf-8")
    )
    return loaded


def example_responses(
    operation: str, status: int = 200, model: type[BaseModel] | None = None
) -> Responses:
    """Return the OpenAPI `responses` of a route, with the example of its successful answer.

    A model is of an answer in GeoJSON, which the framework would document as plain JSON.
    """
    answer = load_examples()[operation]["answer"]
    if model is None:
        return {status: {"content": {"application/json": {"example": answer}}}}
    schema = {"$ref": f"#/components/schemas/{register_body_model(model)}"}
    return {status: {"content": {"application/geo+json": {"schema": schema, "example": answer}}}}


def document_variant(responses: Responses, kind: str, model: type[BaseModel]) -> Responses:
    """Document a media type that an answer has in some cases, with a model of its own."""
    schema = {"$ref": f"#/components/schemas/{register_body_model(model)}"}
    return {200: {"content": responses[200]["content"] | {kind: {"schema": schema}}}}


def example_request_body(
    operation: str,
    model: type[BaseModel],
    *,
    several: bool = False,
    patch: bool = False,
    required: bool = True,
) -> dict[str, Any]:
    """Return the OpenAPI `requestBody`, with example, of a route that parses its body itself."""
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{register_body_model(model)}"}
    if several:
        many = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1000}
        schema = {"oneOf": [schema, many]}
    if patch:
        schema = {"type": "object", "description": f"A merge patch of {model.__name__}."}
    kind = "application/merge-patch+json" if patch else "application/json"
    body = {"content": {kind: {"schema": schema, "example": load_examples()[operation]["body"]}}}
    return {"requestBody": {**body, "required": required}}


BODY_MODELS: dict[str, type[BaseModel]] = {}
"""Models whose schemas `complete_api_document` adds to the OpenAPI document."""


def register_body_model(model: type[BaseModel]) -> str:
    """Register a model of request bodies, and return its name in the OpenAPI document."""
    BODY_MODELS[model.__name__] = model
    return model.__name__
