"""A loader's cache of actors and sources, and how it follows changes by other writers."""

from collections.abc import Iterable, Mapping, Sequence, Set
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from app.db.dialect import in_list, in_list_params
from app.db.lineage_table import read_version
from app.db.tables import HISTORY_TABLES, events, revisions, sources
from app.events.actor_index import ActorIndex, load_actor_index
from app.sources.record import CitedSource, SourceRecord
from app.sources.source_ids import (
    DERIVED_ID_PREFIXES,
    identify_web_source,
    make_offline_source_id,
    normalize_url,
)
from app.sources.source_records import NewSource

MAX_CACHED_SOURCES = 20_000
"""Sources in the cache before it is cleared."""
MAX_REVISIONS_BEHIND = 100_000
"""Revisions by other writers after which the whole cache is read again."""


class OtherChanges(NamedTuple):
    """What was written since a batch was prepared."""

    ids: Mapping[str, Set[str]]
    """The ids of documents that others have changed, by kind."""
    added: Mapping[str, NewSource] = MappingProxyType({})
    """Sources that this load has added."""

    @property
    def are_apart(self) -> bool:
        """Whether no actor, membership or dataset, and no source found by its address, changed."""
        sources = self.ids.get("source", frozenset())
        named = all(ident.startswith(DERIVED_ID_PREFIXES) for ident in sources)
        return named and self.ids.keys() <= {"event", "source"}


class ReferenceCache:
    """All actors, recently used sources, and the database version that both are from."""

    def __init__(self, db: Connection) -> None:
        self.actor_index: ActorIndex = load_actor_index(db)
        current = read_version(db)
        self.version = int(current)
        self.lineage = current.ancestry.current
        self.cited_sources: dict[str, CitedSource] = {}
        """Sources by id; others may exist in the database."""
        self.source_ids_by_url: dict[str, str] = {}
        """Ids of web sources whose id is not derived from the URL, by normalized URL."""
        self.datasets_are_empty = False
        """Whether the datasets of the current file never had events: then none are looked up."""
        self._load_source_urls(db)

    def catch_up(self, db: Connection) -> None:
        """Update the cache with what other writers have changed since."""
        now = read_version(db)
        is_forked = now.ancestry.current != self.lineage  # a backup was restored meanwhile
        if now == self.version and not is_forked:
            return
        self.datasets_are_empty = False
        is_near = now - self.version < MAX_REVISIONS_BEHIND and not is_forked
        self._apply_changes(db, _list_changed(db, self.version, now) if is_near else None)
        self.version, self.lineage = int(now), now.ancestry.current

    def follow_load(self, db: Connection, version: int, own: Sequence[tuple[int, int]]) -> None:
        """Catch up with a version of the load that batches are prepared for.

        What the load itself has written, after and until the numbers of each pair in `own`, has
        only added events and sources.
        """
        current = read_version(db)
        if current.ancestry.current != self.lineage or version - self.version > (
            MAX_REVISIONS_BEHIND + sum(last - first for first, last in own)
        ):
            self.lineage = current.ancestry.current
            self._apply_changes(db, None)
        else:
            changed: list[Row[Any]] = []
            at = self.version
            for first, last in (*own, (version, version)):
                if at < min(first, version):
                    changed += _list_changed(db, at, min(first, version))
                at = max(at, last)
            self._apply_changes(db, changed)
        self.version = max(self.version, version)

    def _apply_changes(self, db: Connection, changed: Sequence[Row[Any]] | None) -> None:
        """Apply the changes of documents, or read everything again (None)."""
        kinds = {"actor", "source"} if changed is None else {row.kind for row in changed}
        if kinds & {"actor", "membership", "dataset"}:
            self.actor_index = load_actor_index(db)
        if "source" in kinds:
            if changed is None or any(
                not row.id.startswith(DERIVED_ID_PREFIXES) for row in changed
            ):
                self._load_source_urls(db)
                self.cited_sources.clear()
            else:
                for row in changed:
                    self.cited_sources.pop(row.id, None)

    def list_other_changes(self, db: Connection) -> OtherChanges | None:
        """List what others have changed since; None where that is too much, or another history."""
        now = read_version(db)
        if now.ancestry.current != self.lineage or now - self.version >= MAX_REVISIONS_BEHIND:
            return None
        ids: dict[str, set[str]] = {}
        r = revisions.c
        for kind, ident in db.execute(select(r.kind, r.id).where(r.seq > self.version)):
            ids.setdefault(kind, set()).add(ident)
        return OtherChanges(ids)

    def begin_file(self, db: Connection, datasets: Iterable[str]) -> None:
        """Prepare for a file that goes into some datasets."""
        # A file has each event once, so that its own rows do not count; `catch_up` clears the flag
        # as soon as another writer has changed anything.
        self.catch_up(db)
        self.datasets_are_empty = not any(_has_event_revisions(db, dataset) for dataset in datasets)

    def _load_source_urls(self, db: Connection) -> None:
        s = sources.c
        own = select(s.id, s.url).where(s.url.is_not(None))
        for prefix in DERIVED_ID_PREFIXES:
            own = own.where(~s.id.startswith(prefix))
        self.source_ids_by_url = {normalize_url(url): key for key, url in db.execute(own) if url}

    def identify_source(self, source: SourceRecord) -> str:
        """Return the id of an inline source, or of a known source with the same URL."""
        if source.id is not None:
            return source.id
        if source.url is None:
            return make_offline_source_id(source)
        where, own = identify_web_source(source.url)
        return self.source_ids_by_url.get(where) or own

    def find_sources(self, db: Connection, ids: Iterable[str]) -> dict[str, CitedSource]:
        """Find sources by id, in the cache or the database; missing ones are left out."""
        wanted = set(ids)
        found = {key: self.cited_sources[key] for key in wanted if key in self.cited_sources}
        if rest := list(wanted - found.keys()):
            s = sources.c
            asked = select(s.id, s.title, s.publisher, s.url, s.published, s.reliability)
            rows = db.execute(asked.where(in_list(db, s.id)), in_list_params(db, rest))
            found |= {key: CitedSource(*particulars) for key, *particulars in rows}
        if len(self.cited_sources) > MAX_CACHED_SOURCES:
            self.cited_sources.clear()
        self.cited_sources |= found
        return found

    def add_source(self, key: str, source: CitedSource) -> None:
        """Add a source that was just stored."""
        if len(self.cited_sources) > MAX_CACHED_SOURCES:
            self.cited_sources.clear()
        self.cited_sources[key] = source
        if source.url is not None and not key.startswith(DERIVED_ID_PREFIXES):
            self.source_ids_by_url[normalize_url(source.url)] = key


def _list_changed(db: Connection, after: int, until: int) -> list[Row[Any]]:
    """List the documents other than events that were changed, as (kind, id)."""
    r = revisions.c
    new = select(r.kind, r.id).where(r.seq > after, r.seq <= until, r.kind != "event")
    return list(db.execute(new))


def _has_event_revisions(db: Connection, dataset: str) -> bool:
    # Each revision of an event is current or superseded; `revisions` has no index by id in order.
    for table in (events, HISTORY_TABLES[events]):
        found = select(table.c.id).where(table.c.id > f"{dataset}:", table.c.id < f"{dataset};")
        if db.scalar(found.limit(1)) is not None:
            return True
    return False
