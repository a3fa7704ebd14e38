"""NDJSON: one event a line, as it is answered in JSON."""

from collections.abc import Iterator

from app.feeds.feed import Feed


def write(feed: Feed) -> Iterator[bytes]:
    """Stored documents, a line each; the licence stands in the `Link` header."""
    for documents in feed.chunks:
        if documents:
            yield ("\n".join(documents) + "\n").encode()
