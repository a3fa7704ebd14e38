"""What differs between two revisions of a document. Pure."""

import json

from app.history.schemas import FieldChange

APART = ("recorded_at", "revision")
"""Every revision differs in these."""


def differing(before: str | None, after: str) -> list[FieldChange]:
    """The fields that differ, with what they said; none where there was nothing before."""
    if before is None:
        return []
    old, new = json.loads(before), json.loads(after)
    return [
        FieldChange(field=name, before=old.get(name), after=new.get(name))
        for name in dict.fromkeys([*old, *new])
        if name not in APART and old.get(name) != new.get(name)
    ]
