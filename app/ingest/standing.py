"""A loader's cache of actors and sources, and how it follows changes by other writers."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from app.db.dialect import among, listed
from app.db.journal import version_of
from app.db.tables import revisions, sources
from app.ingest.finish import Cited
from app.ingest.given import GivenSource
from app.ingest.sources import address, cited, of_particulars, on_the_web
from app.ingest.world import World, world

MOST_SOURCES = 20_000
"""Sources in the cache before it is cleared."""
FAR = 100_000
"""Revisions by other writers after which the whole cache is read again."""
DERIVED = ("url-", "doc-")
"""Prefixes of source ids that are computed from the content of the source."""


class Standing:
    """All actors, recently used sources, and the database version that both are from."""

    def __init__(self, db: Connection) -> None:
        self.world: World = world(db)
        self.version = version_of(db)
        self.cited: dict[str, Cited] = {}
        """Sources by id; others may exist in the database."""
        self.addresses: dict[str, str] = {}
        """Ids of web sources whose id is not derived from the URL, by normalized URL."""
        self.untold = False
        """Whether the datasets of the current file never had events: then none are looked up."""
        self._find_addresses(db)

    def catch_up(self, db: Connection) -> None:
        """Update the cache with what other writers have changed since."""
        now = version_of(db)
        if now == self.version:
            return
        self.untold = False
        r = revisions.c
        new = select(r.kind, r.id).where(r.seq > self.version, r.kind != "event")
        changed = list(db.execute(new)) if now - self.version < FAR else None
        kinds = {"actor", "source"} if changed is None else {row.kind for row in changed}
        if kinds & {"actor", "membership"}:
            self.world = world(db)
        if "source" in kinds:
            if changed is None or any(not row.id.startswith(DERIVED) for row in changed):
                self._find_addresses(db)
                self.cited.clear()
            else:
                for row in changed:
                    self.cited.pop(row.id, None)
        self.version = now

    def begin(self, db: Connection, datasets: Iterable[str]) -> None:
        """Prepare for a file that goes into some datasets."""
        # A file has each event once, so that its own rows do not count; `catch_up` clears the flag
        # as soon as another writer has changed anything.
        self.catch_up(db)
        self.untold = not any(_was_told(db, dataset) for dataset in datasets)

    def _find_addresses(self, db: Connection) -> None:
        s = sources.c
        own = select(s.id, s.url).where(s.url.is_not(None))
        for prefix in DERIVED:
            own = own.where(~s.id.startswith(prefix))
        self.addresses = {address(url): key for key, url in db.execute(own) if url}

    def source_of(self, source: GivenSource) -> str:
        """Return the id of an inline source, or of a known source with the same URL."""
        if source.id is not None:
            return source.id
        if source.url is None:
            return of_particulars(source)
        where, own = on_the_web(source.url)
        return self.addresses.get(where) or own

    def look_up(self, db: Connection, ids: Iterable[str]) -> dict[str, Cited]:
        """Find sources by id, in the cache or the database; missing ones are left out."""
        wanted = set(ids)
        found = {key: self.cited[key] for key in wanted if key in self.cited}
        if rest := list(wanted - found.keys()):
            s = sources.c
            asked = select(s.id, s.title, s.publisher, s.url, s.published, s.reliability)
            rows = db.execute(asked.where(among(db, s.id)), listed(db, rest))
            found |= {key: Cited(*particulars) for key, *particulars in rows}
        if len(self.cited) > MOST_SOURCES:
            self.cited.clear()
        self.cited |= found
        return found

    def learn(self, key: str, source: GivenSource) -> None:
        """Add a source that was just stored."""
        self.cited[key] = cited(source)
        if source.url is not None and not key.startswith(DERIVED):
            self.addresses[address(source.url)] = key


def _was_told(db: Connection, dataset: str) -> bool:
    r = revisions.c
    inside = (r.kind == "event", r.id > f"{dataset}:", r.id < f"{dataset};")
    return db.scalar(select(r.id).where(*inside).limit(1)) is not None
