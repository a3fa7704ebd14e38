"""Apply merge patches (RFC 7396). Pure."""


def apply_merge_patch(target: object, patch: object) -> object:
    """Return the target with the patch applied: null removes, objects merge, others replace."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = apply_merge_patch(found.get(name), value)
    return found
