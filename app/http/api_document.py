"""The OpenAPI document: what the framework does not say of itself is added here, in one place."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.examples import load_examples
from app.http.operation_links import add_operation_links
from app.http.parameter_notes import complete_parameters
from app.http.problems import Problem
from app.http.response_notes import (
    MIN_VERSION,
    WRITE_HEADERS,
    complete_responses,
    make_shared_headers,
    make_shared_responses,
)
from app.http.schema_notes import complete_schemas, name_enums

Part = dict[str, Any]
CONTACT = {"name": "The Entente contributors"}
SERVERS = [{"url": "/", "description": "The service that this document is from."}]
KEYLESS_TAGS = frozenset({"service"})
KEYED_TAGS = frozenset({"writing", "imports", "watches"})


def complete_api_document(app: FastAPI, models: Mapping[str, type[BaseModel]]) -> None:
    """Let an application complete its document: models of bodies, statuses, headers, security."""
    make = app.openapi

    def build_openapi() -> Part:
        if app.openapi_schema is None:
            made = make()
            _add_models(made, {**models, "Problem": Problem})
            _complete_document(made, open_reading=app.state.settings.open_reading)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = build_openapi  # type: ignore[method-assign]


def _add_models(document: Part, models: Mapping[str, type[BaseModel]]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, model in models.items():
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for part, schema in (*own.pop("$defs", {}).items(), (name, own)):
            schemas.setdefault(part, schema)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _complete_document(document: Part, *, open_reading: bool) -> None:
    document["info"]["contact"] = CONTACT
    document["servers"] = SERVERS
    components = document["components"]
    components["headers"] = make_shared_headers()
    components["responses"] = make_shared_responses()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation.setdefault(
                "security",
                _list_ways_in(method, set(operation["tags"]), open_reading=open_reading),
            )
            if method == "get" and "service" not in operation["tags"]:
                operation.setdefault("parameters", []).append(deepcopy(MIN_VERSION))
            if "writing" in operation["tags"]:
                _add_write_headers(method, operation)
            complete_responses(path, method, operation)
            _restore_example(operation)
            add_operation_links(operation)
    complete_schemas(components["schemas"])
    complete_parameters(document)
    name_enums(document)


def _list_ways_in(method: str, tags: set[str], *, open_reading: bool) -> list[Part]:
    """Return who may call an operation: anybody, or who has a key."""
    if KEYLESS_TAGS & tags:
        return []
    is_keyed = KEYED_TAGS & tags and not (method == "get" and "imports" in tags)
    if is_keyed or not open_reading:
        return [{"key": []}]
    return [{}, {"key": []}]


def _add_write_headers(method: str, operation: Part) -> None:
    for name, (header, described) in WRITE_HEADERS.items():
        if name == "IfMatch" and method == "post":
            continue
        operation.setdefault("parameters", []).append({"name": header, "in": "header", **described})


def _restore_example(operation: Part) -> None:
    """Show an example with its nulls, which the framework leaves out."""
    example = load_examples().get(operation["operationId"])
    if example is None:
        return
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if status.startswith("2") and "example" in content:
                content["example"] = example["answer"]
