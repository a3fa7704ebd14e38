"""The one encoder of JSON answers."""

import json
from typing import Any

from pydantic import BaseModel


def encode(value: BaseModel | dict[str, Any] | list[Any]) -> bytes:
    """Compact UTF-8 JSON; NaN and infinity are faults, not text."""
    if isinstance(value, BaseModel):
        return value.model_dump_json(by_alias=True).encode()
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
