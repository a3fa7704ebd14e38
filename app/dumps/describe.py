"""Describe dumps for programs: as a Frictionless data package, and as datasets of schema.org."""

import re
from collections.abc import Iterable, Mapping

from app.dumps.schemas import Dump
from app.events.typed import TYPED_FIELDS, TypedField
from app.sources.schemas import Dataset

Part = dict[str, object]
PACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
TABLE_TYPES = {
    "text": "string",
    "json": "object",
    "day": "date",
    "instant": "datetime",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "list": "array",
    "record": "object",
}
"""Types of Table Schema by the kind of a field."""
JSON_TYPES = {"text": "string", "json": "string", "number": "number", "integer": "integer"}
ALWAYS_THERE = frozenset({"id", "dataset", "title", "date", "start", "recorded_at", "revision"})


def build_table_schema(notes: Mapping[str, str]) -> Part:
    """Build the Table Schema of an event; `notes` describe its fields."""
    return {"fields": [_build_field(field, notes) for field in TYPED_FIELDS], "primaryKey": ["id"]}


def _build_field(field: TypedField, notes: Mapping[str, str]) -> Part:
    made: Part = {"name": field.name, "type": TABLE_TYPES[field.kind]}
    if note := notes.get(field.name):
        made["description"] = note
    if field.kind in ("list", "record"):  # as a constraint only version 2 of the standard knows it
        made["jsonSchema"] = _build_json_schema(field)
    return made | ({"constraints": {"required": True}} if field.name in ALWAYS_THERE else {})


def _build_json_schema(field: TypedField) -> Part:
    if field.kind == "list":
        return {"type": "array", "items": _build_json_schema(field.parts[0])}
    if field.kind == "record":
        parts = {part.name: _build_json_schema(part) for part in field.parts}
        return {"type": ["object", "null"], "properties": parts}
    return {"type": [JSON_TYPES.get(field.kind, field.kind), "null"]}


def build_data_package(
    dumps: Iterable[Dump], datasets: Mapping[str, Dataset], notes: Mapping[str, str]
) -> Part:
    """Build the descriptor of dumps, whose paths are relative to the address of the descriptor."""
    schema = build_table_schema(notes)
    found = list(dumps)
    resources = [_build_resource(dump, datasets.get(dump.dataset), schema) for dump in found]
    return {
        "$schema": PACKAGE_PROFILE,
        "profile": "data-package",
        "name": "entente",
        "title": "Entente: events with their sources, by dataset",
        "created": max((dump.created_at for dump in found), default=None),
        "resources": resources,
    }


def _build_resource(dump: Dump, dataset: Dataset | None, schema: Part) -> Part:
    name = re.sub(r"[^a-z0-9._-]", "-", f"{dump.dataset}-{dump.format}".lower())
    made: Part = {
        "name": name,
        "path": dump.href.removeprefix("/v1/dumps/"),
        "title": dataset.name if dataset else dump.dataset,
        "description": dataset.scope if dataset else None,
        "version": f"{dump.version}.{dump.lineage}",
        "format": dump.format if dump.format == "parquet" else "ndjson.zst",
        "mediatype": dump.media_type,
        "bytes": dump.bytes,
        "hash": f"sha256:{dump.sha256}",
        "licenses": [{"name": slugify_licence(dump.licence), "title": dump.licence}],
        "sources": [{"title": dump.citation}],
        "schema": schema,
    }
    return {key: value for key, value in made.items() if value is not None}


def slugify_licence(licence: str) -> str:
    """Return a licence as a word, such as `CC-BY-4.0`."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", licence).strip("-")[:100] or "unstated"


def build_dataset_graph(dumps: Iterable[Dump], datasets: Mapping[str, Dataset], root: str) -> Part:
    """Build the datasets of schema.org with their downloads; addresses begin with `root`."""
    by_dataset: dict[str, list[Dump]] = {}
    for dump in dumps:
        by_dataset.setdefault(dump.dataset, []).append(dump)
    graph = [
        _build_dataset(datasets[code], found, root)
        for code, found in by_dataset.items()
        if code in datasets
    ]
    return {"@context": {"@vocab": "https://schema.org/"}, "@graph": graph}


def _build_dataset(dataset: Dataset, dumps: list[Dump], root: str) -> Part:
    days = f"{dataset.first or '..'}/{dataset.last or '..'}"
    made: Part = {
        "@type": "Dataset",
        "@id": f"urn:entente:dataset:{dataset.code}",
        "name": dataset.name,
        "description": dataset.scope or f"Events of the dataset {dataset.name}.",
        "url": f"{root}/v1/datasets/{dataset.code}",
        "version": dataset.version,
        "license": dataset.licence,
        "creditText": dataset.citation,
        "temporalCoverage": days if dataset.first or dataset.last else None,
        "includedInDataCatalog": {"@type": "DataCatalog", "name": "Entente", "url": root},
        "distribution": [_build_download(dump, root) for dump in dumps],
    }
    return {name: value for name, value in made.items() if value is not None}


def _build_download(dump: Dump, root: str) -> Part:
    return {
        "@type": "DataDownload",
        "name": dump.filename,
        "contentUrl": f"{root}{dump.href}",
        "encodingFormat": dump.media_type,
        "contentSize": str(dump.bytes),
        "sha256": dump.sha256,
        "dateModified": dump.created_at,
        "version": f"{dump.version}.{dump.lineage}",
    }
