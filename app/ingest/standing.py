"""What a loader knows of the record, and how it keeps up with others who write."""

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
FAR = 100_000
"""Revisions behind which everything is read anew."""
DERIVED = ("url-", "doc-")


class Standing:
    """Actors in memory, the sources met lately, and the version that both are of."""

    def __init__(self, db: Connection) -> None:
        self.world: World = world(db)
        self.version = version_of(db)
        self.cited: dict[str, Cited] = {}
        """By id; what is not here may be in the database all the same."""
        self.addresses: dict[str, str] = {}
        """Sources on the web that have an id of their own, by their address."""
        self.untold = False
        """Whether nothing was ever said of the events at hand: then none need be looked for."""
        self._find_addresses(db)

    def catch_up(self, db: Connection) -> None:
        """Take in what others have written since."""
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
        """Look whether anything was said of events of some datasets. Nothing is untold any more
        once somebody else has written; a file tells each event but once."""
        self.catch_up(db)
        self.untold = not any(_was_told(db, dataset) for dataset in datasets)

    def _find_addresses(self, db: Connection) -> None:
        s = sources.c
        own = select(s.id, s.url).where(s.url.is_not(None))
        for prefix in DERIVED:
            own = own.where(~s.id.startswith(prefix))
        self.addresses = {address(url): key for key, url in db.execute(own) if url}

    def source_of(self, source: GivenSource) -> str:
        """The id of an inline source, or of the one that is the same page."""
        if source.id is not None:
            return source.id
        if source.url is None:
            return of_particulars(source)
        where, own = on_the_web(source.url)
        return self.addresses.get(where) or own

    def look_up(self, db: Connection, ids: Iterable[str]) -> dict[str, Cited]:
        """The sources of some ids, as far as there are any."""
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
        """Note a source that was just stored."""
        self.cited[key] = cited(source)
        if source.url is not None and not key.startswith(DERIVED):
            self.addresses[address(source.url)] = key


def _was_told(db: Connection, dataset: str) -> bool:
    r = revisions.c
    inside = (r.kind == "event", r.id > f"{dataset}:", r.id < f"{dataset};")
    return db.scalar(select(r.id).where(*inside).limit(1)) is not None
