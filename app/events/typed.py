"""An event as nested values with types: the columns of Parquet, Arrow and dumps. Pure.

The fields are those of the stored document, so a new field of an event needs no line here.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec
from msgspec import inspect

from app.events.render import EventDocumentRecord

ValueKind = Literal[
    "text", "json", "day", "instant", "number", "integer", "boolean", "list", "record"
]


class TypedField(NamedTuple):
    """A field of an event or of a part of it: how it is called, and what its values are."""

    name: str
    attribute: str
    """What the decoded record calls it: `from` is a word of Python."""
    kind: ValueKind
    parts: tuple["TypedField", ...] = ()
    """The fields of a record; of a list, the one field that its items are."""


_KINDS: dict[type[inspect.Type], ValueKind] = {
    inspect.StrType: "text",
    inspect.LiteralType: "text",
    inspect.FloatType: "number",
    inspect.IntType: "integer",
    inspect.BoolType: "boolean",
    inspect.AnyType: "json",
}
_KINDS_BY_NAME: dict[str, ValueKind] = {"start": "day", "end": "day", "recorded_at": "instant"}
"""Fields of an event whose text is a day or an instant; `date` may be any EDTF."""


def _describe_field(name: str, attribute: str, type_: inspect.Type) -> TypedField:
    if isinstance(type_, inspect.UnionType):
        type_ = next(one for one in type_.types if not isinstance(one, inspect.NoneType))
    if isinstance(type_, inspect.ListType):
        item = _describe_field("item", "item", type_.item_type)
        return TypedField(name, attribute, "list", (item,))
    if isinstance(type_, inspect.StructType):
        return TypedField(name, attribute, "record", tuple(_describe_fields(type_)))
    return TypedField(name, attribute, _KINDS[type(type_)])


def _describe_fields(of: inspect.StructType) -> Iterator[TypedField]:
    for field in of.fields:
        yield _describe_field(field.encode_name, field.name, field.type)


_TYPE = inspect.type_info(EventDocumentRecord)
assert isinstance(_TYPE, inspect.StructType)
TYPED_FIELDS = tuple(
    field._replace(kind=_KINDS_BY_NAME.get(field.name, field.kind))
    for field in _describe_fields(_TYPE)
)
"""The fields of an event in the order of the document."""
decode_typed_event = msgspec.json.Decoder(EventDocumentRecord).decode
"""Decode a stored document; what a source claims stays as it is, since its fields are any."""


def encode_free_value(value: object) -> bytes | None:
    """Encode a value whose fields are any, such as the claims of a source, as JSON text."""
    return None if value is None else msgspec.json.encode(value)


def select_typed_fields(fields: tuple[str, ...]) -> tuple[TypedField, ...]:
    """Return the fields of these names and the id, in order; all fields without names."""
    wanted = {"id", *fields}
    return tuple(field for field in TYPED_FIELDS if not fields or field.name in wanted)
