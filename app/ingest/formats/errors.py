"""Errors that a row, or a whole file, is rejected with."""


class RejectedError(Exception):
    """A row is rejected; `field` and `reason` say where and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class UnreadableFileError(Exception):
    """A file cannot be read, or not to its end; the message completes "the file …"."""
