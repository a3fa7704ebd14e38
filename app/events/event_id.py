"""The id of an event, `{dataset}:{key}`. Pure."""

MAX_EVENT_ID_LENGTH = 401
"""Characters of an id: up to 200 of the dataset, a colon, up to 200 of the key."""


def complete_event_id(named: str, dataset: str) -> str:
    """Return the id of an event that is named by its id, or by its key within a dataset.

    A text with a colon is an id.
    """
    return named if ":" in named else f"{dataset}:{named}"


def require_event_reference(text: str) -> str:
    """Return the id or key of an event; raise ValueError if it cannot be one."""
    dataset, colon, key = text.partition(":")
    if not text.isprintable() or any(c.isspace() for c in text):
        raise ValueError("must be the id or the key of an event, without blanks")
    if colon and not (dataset and key):
        raise ValueError("must be the id of an event, {dataset}:{key}, or its key alone")
    return text
