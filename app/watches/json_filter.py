"""Filters as JSON: an address has texts alone, a body has types. Pure."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from app.text import require_json_number

NOT_WATCHED = ("as_of", "lineage")
"""Parameters of a question that a watch cannot have: it is about what comes."""


def _describe_json(schema: dict[str, Any]) -> None:
    """Leave out what a watch cannot have, and say that one value goes for a list of it."""
    properties = schema["properties"]
    for name in NOT_WATCHED:
        properties.pop(name, None)
    for part in properties.values():
        if part.get("type") == "array":
            bounds = ("type", "items", "minItems", "maxItems")
            several = {key: part.pop(key) for key in bounds if key in part}
            part["anyOf"] = [several, several["items"]]


def _iterate_types(annotation: object) -> Iterator[object]:
    """Yield the types that an annotation is made of."""
    parts = get_args(annotation)
    if not parts:
        yield annotation
    for part in parts:
        yield from _iterate_types(part)


class WatchedFilter(BaseModel):
    """What filters have in common where they are written as JSON."""

    model_config = ConfigDict(json_schema_extra=_describe_json)

    @model_validator(mode="before")
    @classmethod
    def _take_single_values(cls, value: object) -> object:
        """Take `"actor": "ARM"` for `"actor": ["ARM"]`, as an address would."""
        if not isinstance(value, dict):
            return value
        found = {}
        for name, part in value.items():
            field = cls.model_fields.get(name)
            is_list = field is not None and get_origin(field.annotation) is tuple
            found[name] = [part] if is_list and isinstance(part, str | int) else part
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _require_json_type(cls, value: object, info: ValidationInfo) -> object:
        """Refuse `"1"` and `false` for 1, which in an address are all texts."""
        types = set(_iterate_types(cls.model_fields[str(info.field_name)].annotation))
        if bool in types and not isinstance(value, bool):
            raise ValueError("must be true or false")
        if types & {int, float}:
            for one in value if isinstance(value, list | tuple) else [value]:
                if one is not None:
                    require_json_number(one)
        return value

    @field_validator(*NOT_WATCHED, check_fields=False)
    @classmethod
    def _refuse_past(cls, value: object, info: ValidationInfo) -> object:
        if value is not None:
            raise ValueError(f"{info.field_name} does not go with a watch; leave it out")
        return value
