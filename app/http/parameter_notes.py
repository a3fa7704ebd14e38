"""What the OpenAPI document adds to the parameters of operations: examples, and shared components.

A parameter that several operations have in the same words is described once.
"""

import json
from collections import defaultdict
from typing import Any

Part = dict[str, Any]
EXAMPLES: dict[str, object] = {
    "actor": "ARM",
    "actors": ["ARM", "RUS"],
    "after": 0,
    "against": ["USA"],
    "between": ["ARM,RUS"],
    "cameo": ["057"],
    "country": ["ARM"],
    "dataset": ["curated"],
    "effect": ["apart"],
    "fields": ["id,date,title"],
    "format": "csv",
    "group": ["CSTO"],
    "initiator": ["ARM"],
    "known_by": "2023-12-31",
    "limit": 50,
    "max_intensity": -2,
    "member_of": ["CSTO"],
    "min_credibility": 2,
    "min_independent_sources": 2,
    "min_intensity": 2,
    "min_reliability": "B",
    "bbox": "43,38,51,42",
    "near": "40.2,44.5,100",
    "on": "2023-10-13",
    "q": "exercise",
    "quad": [1],
    "role": ["absent"],
    "since": "2023-09",
    "status": ["confirmed"],
    "target": ["RUS"],
    "toward": ["RUS"],
    "type": ["AGREE"],
    "until": "2024-02-29",
    "datetime": "2023-09-01T00:00:00Z/..",
}
"""Values to begin with, where the parameter itself shows none; a list where it can be repeated."""


def complete_parameters(document: Part) -> None:
    """Give parameters an example, leave `null` out, and share those that are the same."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                _complete_parameter(parameter)
    _share_parameters(document)


def _complete_parameter(parameter: Part) -> None:
    schema = parameter["schema"]
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:  # an address has no null: the parameter is left out
        rest = {name: part for name, part in schema.items() if name != "anyOf"}
        schema = parameter["schema"] = {**options[0], **rest}
    shown = schema.pop("examples", None)
    example = shown[0] if shown else EXAMPLES.get(parameter["name"])
    if example is not None and "example" not in parameter and _takes(schema, example):
        several = schema.get("type") == "array"
        parameter["example"] = [example] if several and not isinstance(example, list) else example


def _takes(schema: Part, example: object) -> bool:
    """Return whether an example is of the kind that a parameter takes."""
    if schema.get("type") == "array":
        values = example if isinstance(example, list) else [example]
        return all(_takes(schema["items"], value) for value in values)
    if "enum" in schema:
        return example in schema["enum"]
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool}
    return isinstance(example, kinds.get(schema.get("type", ""), ()))


def _share_parameters(document: Part) -> None:
    """Move parameters that several operations have to components, and refer to them."""
    places: dict[str, list[tuple[list[Part], int]]] = defaultdict(list)
    for operations in document["paths"].values():
        for operation in operations.values():
            listed = operation.get("parameters", [])
            for at, parameter in enumerate(listed):
                places[json.dumps(parameter, sort_keys=True)].append((listed, at))
    shared: dict[str, Part] = {}
    for text, found in sorted(places.items(), key=lambda item: -len(item[1])):
        if len(found) < 2:
            continue
        parameter = json.loads(text)
        name = _name_component(parameter, shared)
        shared[name] = parameter
        for listed, at in found:
            listed[at] = {"$ref": f"#/components/parameters/{name}"}
    document["components"]["parameters"] = dict(sorted(shared.items()))


def _name_component(parameter: Part, taken: Part) -> str:
    """Return a name such as `MemberOf`; the second of a name says what it takes."""
    words = str(parameter["name"]).replace("-", "_").split("_")
    name = "".join(word[:1].upper() + word[1:] for word in words)
    if name not in taken:
        return name
    kind = "Repeated" if parameter["schema"].get("type") == "array" else "Single"
    name += kind if f"{name}{kind}" not in taken else "Other"
    return name if name not in taken else f"{name}{len(taken)}"
