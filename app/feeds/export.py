"""Open an export: check the query and read the first chunk before any byte is sent."""

from collections.abc import Callable, Collection
from functools import partial
from itertools import chain

from sqlalchemy import Connection

from app.actors.membership_queries import find_partly_recorded
from app.actors.queries import read_actors_of_codes
from app.db.as_of import resolve_version
from app.db.engine import Database
from app.errors import InvalidParameterError
from app.events import counts, queries
from app.events.coverage import find_empty_reason
from app.events.filter import EventQuery
from app.events.output_formats import FIELD_FORMATS, TYPED_FORMATS, OutputFormat
from app.events.resolved_filter import ResolvedFilter
from app.events.word_index import list_unsearched_datasets
from app.feeds import xlsx
from app.feeds.event_stream import EventStream
from app.feeds.feed import ActorIdentity, Cluster, Feed
from app.feeds.plain_text import DRAWABLE, decode_documents
from app.feeds.registry import FEED_FORMATS
from app.lineages import Version
from app.page_models import EmptyReason, Links
from app.sources.citation import read_cited_datasets


class EventExport:
    """An export whose first chunk is read, so errors and empty results are known before it is sent.

    Raises `InvalidParameterError` where a parameter does not go with the format.
    """

    def __init__(
        self,
        form: OutputFormat,
        asked: EventQuery,
        resolved: ResolvedFilter,
        version: Version,
        database: Database,
        secret: bytes,
        address: Callable[[str | None, Version], Links],
        root: str = "",
    ) -> None:
        _check_parameters(form, asked)
        self._address = address
        how = FEED_FORMATS[form]
        whole = (how.streams or how.clusters) and "limit" not in asked.model_fields_set
        everything = None if how.streams else DRAWABLE
        most = everything if whole else asked.limit
        fields = asked.fields if form == "ndjson" else ()
        self.stream = EventStream(database, asked, resolved, version, secret, most, fields)
        if form == "xlsx" and whole:
            _check_sheet_size(self.stream)
        chunks = self.stream.read_chunks()
        first = next(chunks)
        clusters: list[Cluster] | None = None
        with database.connect() as db:
            self.empty_reason: EmptyReason | None = (
                None if first else find_empty_reason(db, resolved)
            )
            self.unsearched = list_unsearched_datasets(db, resolved)
            self.partly_recorded = find_partly_recorded(db, resolved.member_of, resolved.as_of)
            if how.clusters and whole and self.stream.cursor:
                clusters = _read_clusters(db, resolved)
                self.stream.cursor = None
            codes = resolved.dataset or (() if how.streams else _list_datasets(first))
            datasets = read_cited_datasets(db, codes)
        self.feed = Feed(
            chunks=chain([first], chunks),
            datasets=datasets,
            version=self.stream.version,
            address=(here := address(None, self.stream.version)).permalink or here.self,
            fields=tuple(asked.fields),
            next_address=lambda: self.links.next,
            clusters=clusters,
            flat=asked.flat,
            bom=asked.bom,
            read_actors=partial(_read_actor_identities, database, resolved.as_of),
            root=root,
            living=here.self,
        )

    @property
    def links(self) -> Links:
        """The links of this page and of the next, which is known once the chunks are read."""
        return self._address(self.stream.cursor, self.stream.version)


def open_export(
    form: OutputFormat,
    asked: EventQuery,
    database: Database,
    secret: bytes,
    address: Callable[[str | None, Version], Links],
    root: str = "",
) -> EventExport:
    """Resolve a query and open its export; `root` is the address of the service, if known."""
    with database.connect() as db:
        version, then = resolve_version(db, asked)
        resolved = queries.resolve_filter(db, asked, then)
    return EventExport(form, asked, resolved, version, database, secret, address, root)


def _check_parameters(form: OutputFormat, asked: EventQuery) -> None:
    if asked.fields and form not in FIELD_FORMATS:
        message = f"does not go with format={form}, which consists of whole events"
        raise InvalidParameterError(
            "fields", message, f"Goes with {', '.join(sorted(FIELD_FORMATS))}."
        )
    if asked.count != "none":
        hint = "Leave count out, or ask for format=json."
        raise InvalidParameterError("count", f"does not go with format={form}", hint)
    if asked.bom and form != "csv":
        raise InvalidParameterError("bom", f"does not go with format={form}", "Goes with csv.")
    if asked.flat and form not in TYPED_FORMATS:
        hint = "Goes with parquet and arrow; csv and xlsx are always flat."
        raise InvalidParameterError("flat", f"does not go with format={form}", hint)


def _check_sheet_size(reading: EventStream) -> None:
    with reading.database.connect() as db:
        found = queries.bind_query(
            db, reading.resolved, reading.asked.sort, reading.last_key, xlsx.MOST + 1
        )
        count = int(db.scalar(queries.select_event_count(found.statement_key), found.values) or 0)
    if count > xlsx.MOST:
        message = f"takes at most {xlsx.MOST:,} rows, and more events match"
        raise InvalidParameterError(
            "format", f"xlsx {message}", "Ask for format=csv, or narrow the filter."
        )


def _read_actor_identities(
    database: Database, as_of: int | None, codes: Collection[str]
) -> dict[str, ActorIdentity]:
    """Read kind and Wikidata item of actors, by code."""
    with database.connect() as db:
        documents = read_actors_of_codes(db, codes, as_of)
    return {
        code: ActorIdentity(
            document["kind"],
            next((c["value"] for c in document["codes"] if c["scheme"] == "wikidata"), None),
        )
        for code, document in documents.items()
    }


def _list_datasets(documents: list[str]) -> list[str]:
    return sorted({event["dataset"] for event in decode_documents(documents)})


def _read_clusters(db: Connection, resolved: ResolvedFilter) -> list[Cluster]:
    buckets = counts.count_timeline(db, resolved, "auto", 3).buckets
    return [
        Cluster(b["start"], b["end"], b["count"], tuple(t.title for t in b["top"]))
        for b in buckets
        if b["count"]
    ]
