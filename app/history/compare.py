"""Comparison of two revisions of a document, field by field. Pure."""

import json

from app.history.schemas import FieldChange

IGNORED_FIELDS = ("recorded_at", "revision")
"""Fields that differ in every revision."""


def list_changed_fields(before: str | None, after: str) -> list[FieldChange]:
    """List the fields that differ, with both values; empty for a first revision."""
    if before is None:
        return []
    old, new = json.loads(before), json.loads(after)
    return [
        FieldChange(field=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys([*old, *new])
        if name not in IGNORED_FIELDS and old.get(name) != new.get(name)
    ]
