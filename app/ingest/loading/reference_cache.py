"""A loader's cache of actors and sources, and how it follows changes by other writers."""

from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.db.dialect import in_list, in_list_params
from app.db.lineage_table import read_version
from app.db.tables import revisions, sources
from app.events.actor_index import ActorIndex, load_actor_index
from app.sources.record import CitedSource, SourceRecord
from app.sources.source_ids import (
    DERIVED_ID_PREFIXES,
    identify_web_source,
    make_offline_source_id,
    normalize_url,
)

MAX_CACHED_SOURCES = 20_000
"""Sources in the cache before it is cleared."""
MAX_REVISIONS_BEHIND = 100_000
"""Revisions by other writers after which the whole cache is read again."""


class OtherChanges(NamedTuple):
    """What was written since a batch was prepared."""

    ids: Mapping[str, Set[str]]
    """The ids of documents that others have changed, by kind."""
    added: Mapping[str, CitedSource] = MappingProxyType({})
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
        r = revisions.c
        new = select(r.kind, r.id).where(r.seq > self.version, r.kind != "event")
        changed = (
            list(db.execute(new))
            if now - self.version < MAX_REVISIONS_BEHIND and not is_forked
            else None
        )
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
        self.version = now

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


def _has_event_revisions(db: Connection, dataset: str) -> bool:
    r = revisions.c
    inside = (r.kind == "event", r.id > f"{dataset}:", r.id < f"{dataset};")
    return db.scalar(select(r.id).where(*inside).limit(1)) is not None
