"""Headers as the server sends them: pairs of bytes, with names in lower case.

The framework's `MutableHeaders` encodes each name and value again at each look; for the headers of
a page that took as long as its documents take to join.
"""

from collections.abc import Iterable

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]


def find_header(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes | None:
    """Find the first value of a header."""
    for name, value in headers:
        if name == wanted:
            return value
    return None


def read_request_header(scope: Scope, wanted: bytes) -> str | None:
    """Read the first value of a header of a request."""
    found = find_header(scope["headers"], wanted)
    return None if found is None else found.decode("latin-1")


def replace_header(headers: RawHeaders, wanted: bytes, value: bytes) -> None:
    """Set a header at the place of its first value, or at the end; other values of it go."""
    for at, (name, _) in enumerate(headers):
        if name == wanted:
            others = [pair for pair in headers[at + 1 :] if pair[0] != wanted]
            headers[at:] = [(wanted, value), *others]
            return
    headers.append((wanted, value))
