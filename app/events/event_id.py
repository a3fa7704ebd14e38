"""The id of an event, `{dataset}:{key}`, and the rules for keys. Pure.

The loader and the write API refuse the same keys. Blanks, slashes and all other visible characters
are allowed: an address contains them percent-encoded.
"""

from app.text import MAX_ID_BYTES

MAX_EVENT_ID_LENGTH = 401
"""Characters of an id: up to 200 of the dataset, a colon, up to 200 of the key."""


def complete_event_id(named: str, dataset: str) -> str:
    """Return the id of an event that is named by its id, or by its key within a dataset.

    A text with a colon is an id.
    """
    return named if ":" in named else f"{dataset}:{named}"


def require_event_key(text: str) -> str:
    """Return a key; raise ValueError if it is invisible, padded, or too long for an index."""
    # An index key of PostgreSQL has at most 2,704 bytes, and holds the id beside three codes.
    if (reason := find_key_error(text)) is not None:
        raise ValueError(reason)
    return text


def find_key_error(text: str) -> str | None:
    """Return why a text cannot be the key of an event, or None if it can."""
    if not text.isprintable():
        return "must not contain invisible characters"
    if text != text.strip():
        return "must not begin or end with a blank"
    if not text.isascii() and len(text.encode("utf-8", "replace")) > MAX_ID_BYTES:
        return f"must have at most {MAX_ID_BYTES} bytes as UTF-8"
    return None


def require_event_reference(text: str) -> str:
    """Return the id or key of an event; raise ValueError if it cannot be one."""
    dataset, colon, key = text.partition(":")
    if colon and not (dataset and key):
        raise ValueError("must be the id of an event, {dataset}:{key}, or its key alone")
    return require_event_key(text)
