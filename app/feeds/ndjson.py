"""Write NDJSON: one event on each line, with the same fields as in JSON."""

from collections.abc import Iterator

from app.feeds.feed import Feed


def write_ndjson(feed: Feed) -> Iterator[bytes]:
    """Write one stored document on each line; the `Link` header names the licences."""
    for documents in feed.chunks:
        if documents:
            yield ("\n".join(documents) + "\n").encode()
