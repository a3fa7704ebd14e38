"""Merge patches (RFC 7396). Pure."""

from typing import Any


def patched(target: Any, patch: Any) -> Any:
    """The target with the patch applied: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = patched(found.get(name), value)
    return found
