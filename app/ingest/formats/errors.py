"""The error that a whole file is rejected with."""


class UnreadableFileError(Exception):
    """A file cannot be read, or not to its end; the message completes "the file …"."""
