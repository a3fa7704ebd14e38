"""The header of answers that says which datasets are closed to the reader."""

from app.db.reader import Reader

CLOSED_HEADER = b"entente-closed"


def list_reader_headers(reader: Reader) -> list[tuple[bytes, bytes]]:
    """List the headers that an answer gets because of who reads it."""
    hidden = reader.hidden
    if hidden is None or not hidden.rows:
        return []
    return [(CLOSED_HEADER, ", ".join(hidden.rows).encode())]
