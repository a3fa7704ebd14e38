"""The JSON encoder of all answers."""

import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

_encode_value = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode  # one encoder: `json.dumps` makes one for each call


def encode_json(value: BaseModel | Mapping[str, object] | Sequence[object]) -> bytes:
    """Encode a value as compact UTF-8 JSON; NaN and infinity in plain values raise ValueError."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(by_alias=True).encode()
    return _encode_value(value).encode()
