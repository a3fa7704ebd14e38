"""Comparison of two revisions of a document, field by field. Pure."""

import json

from app.history.schemas import FieldChange

APART = ("recorded_at", "revision")
"""Fields that differ in every revision."""


def differing(before: str | None, after: str) -> list[FieldChange]:
    """List the fields that differ, with both values; empty for a first revision."""
    if before is None:
        return []
    old, new = json.loads(before), json.loads(after)
    return [
        FieldChange(field=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys([*old, *new])
        if name not in APART and old.get(name) != new.get(name)
    ]
