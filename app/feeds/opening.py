"""Open an export: check the query and read the first chunk before any byte is sent."""

from collections.abc import Callable
from itertools import chain

from app.db.engine import Database
from app.events import counts, queries, read
from app.events.filter import EventQuery
from app.events.forms import ROWS, Form
from app.feeds import xlsx
from app.feeds.feed import Cluster, Feed
from app.feeds.reading import Reading
from app.feeds.registry import WRITINGS
from app.feeds.telling import DRAWABLE, decoded
from app.http.page import Links, Reason
from app.http.problems import InvalidError
from app.sources.citation import cited


class Opened:
    """An export whose first chunk is read, so errors and empty results are known before it is sent.

    Raises `InvalidParameterError` where a parameter does not go with the format.
    """

    def __init__(
        self,
        form: Form,
        asked: EventQuery,
        database: Database,
        secret: bytes,
        address: Callable[[str | None, int], Links],
    ) -> None:
        _require_fitting(form, asked)
        self._address = address
        how = WRITINGS[form]
        whole = (how.streams or how.drawn) and "limit" not in asked.model_fields_set
        everything = None if how.streams else DRAWABLE
        most = everything if whole else asked.limit
        plain = asked if form == "ndjson" else asked.model_copy(update={"fields": []})
        self.reading = Reading(database, plain, secret, most)
        if form == "xlsx" and whole:
            _require_a_sheet(self.reading)
        chunks = self.reading.chunks()
        first = next(chunks)
        clusters: list[Cluster] | None = None
        with database.connect() as db:
            self.reason: Reason | None = None if first else read.why_empty(db, asked)
            if how.drawn and whole and self.reading.cursor:
                clusters = _clusters(database, asked)
                self.reading.cursor = None
            codes = asked.dataset or ([] if how.streams else _datasets(first))
            datasets = cited(db, codes)
        self.feed = Feed(
            chunks=chain([first], chunks),
            cited=datasets,
            version=self.reading.version,
            here=(here := address(None, self.reading.version)).permalink or here.self,
            fields=tuple(asked.fields),
            onward=lambda: self.links.next,
            clusters=clusters,
            bom=asked.bom,
        )

    @property
    def links(self) -> Links:
        """The links of this page and of the next, which is known once the chunks are read."""
        return self._address(self.reading.cursor, self.reading.version)


def _require_fitting(form: Form, asked: EventQuery) -> None:
    if asked.fields and form not in ROWS:
        message = f"does not go with format={form}, which consists of whole events"
        raise InvalidError("fields", message, f"Goes with {', '.join(sorted(ROWS))}.")
    if asked.count != "none":
        hint = "Leave count out, or ask for format=json."
        raise InvalidError("count", f"does not go with format={form}", hint)
    if asked.bom and form != "csv":
        raise InvalidError("bom", f"does not go with format={form}", "Goes with csv.")


def _require_a_sheet(reading: Reading) -> None:
    with reading.database.connect() as db:
        found = queries.asking(
            db, reading.settled, reading.asked.sort, reading.after, xlsx.MOST + 1
        )
        count = int(db.scalar(queries.counted(found.reading), found.values) or 0)
    if count > xlsx.MOST:
        message = f"takes at most {xlsx.MOST:,} rows, and more events match"
        raise InvalidError("format", f"xlsx {message}", "Ask for format=csv, or narrow the filter.")


def _datasets(documents: list[str]) -> list[str]:
    return sorted({event["dataset"] for event in decoded(documents)})


def _clusters(database: Database, asked: EventQuery) -> list[Cluster]:
    with database.connect() as db:
        buckets = counts.timeline(db, asked, "auto", 3)
    return [
        Cluster(b["start"], b["end"], b["count"], tuple(t["title"] for t in b["top"]))
        for b in buckets
        if b["count"]
    ]
