"""Write CSV, chunk by chunk, and select the columns of flat tables."""

import csv
import io
from collections.abc import Iterator

from app.events.flat import COLUMNS, EVENT_COLUMNS, flatten_event
from app.feeds.feed import Feed
from app.text import escape_formula

NAMES = tuple(EVENT_COLUMNS)


def find_column_indexes(fields: tuple[str, ...]) -> list[int]:
    """Return the indexes in a row of the columns of these fields; of all columns without fields."""
    wanted = {"id", *fields}
    return [n for n, column in enumerate(COLUMNS.values()) if not fields or column.field in wanted]


def write_csv(feed: Feed) -> Iterator[bytes]:
    """Write CSV (RFC 4180) in UTF-8 with names in the first line; no cell is a formula."""
    chosen = find_column_indexes(feed.fields)
    texts = [at for at, n in enumerate(chosen) if EVENT_COLUMNS[NAMES[n]] == "text"]
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer)
    lines.writerow([NAMES[n] for n in chosen])
    start = "\ufeff" if feed.bom else ""
    for documents in feed.chunks:
        for document in documents:
            cells = flatten_event(document)
            row = [cells[n] for n in chosen]
            for at in texts:
                if row[at]:
                    row[at] = escape_formula(row[at])
            lines.writerow(row)
        yield (start + buffer.getvalue()).encode()
        start = ""
        buffer.seek(0)
        buffer.truncate()
