"""Two services in tests: one is asked in this process, as a follower would over a network."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.tables import events, revisions
from app.events.render import decode_normalized_event, encode_event_body
from app.ingest.remote.address import FileAddress
from app.ingest.remote.download import Download
from app.ingest.remote.errors import DownloadError
from app.pull.replica import ReplicaRound, ReplicaSource
from app.pull.round import RoundReport

BASE = "http://testserver"


class KilledError(BaseException):
    """The process ends at once, wherever it is."""


class ServiceWire:
    """Asks a service in this process; ends the process after some requests, if it is to."""

    def __init__(self, client: TestClient, ends_after: int | None = None) -> None:
        self.client, self.ends_after = client, ends_after
        self.requests = self.received = 0
        self.asked: list[str] = []

    @property
    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    def read(self, url: str, *, headers: Mapping[str, str] | None = None, **_: Any) -> bytes:
        """Ask for a page."""
        self.requests += 1
        self.asked.append(url)
        if self.ends_after is not None and self.requests > self.ends_after:
            raise KilledError
        answer = self.client.get(url.removeprefix(BASE), headers=dict(headers or {}))
        if answer.status_code >= 400:
            failed = DownloadError(f"answered {answer.status_code}", url, answer.status_code)
            failed.body = answer.content[:2000]
            raise failed
        self.received += len(answer.content)
        return bytes(answer.content)

    def fetch(self, address: FileAddress, folder: Path, **asked: Any) -> Download:
        """Ask for a file."""
        path = folder / "download"
        path.write_bytes(self.read(address.url, headers=asked.get("headers")))
        return Download(path)

    def close(self) -> None:
        """Close nothing."""


def follow_original(
    replica: Database, client: TestClient, dataset: str, *, key: str = "", **more: Any
) -> RoundReport:
    """Run a round of a replica."""
    wire: Any = more.pop("wire", None) or ServiceWire(client)
    accepts = more.pop("accepts", True)
    with closing(wire):
        source = ReplicaSource(BASE, dataset, key)
        return ReplicaRound(replica, source, wire, accepts_terms=accepts, **more).run()


def read_documents(database: Database, dataset: str) -> dict[str, bytes]:
    """Read the current events of a dataset, without revision and `recorded_at`."""
    asked = select(events.c.id, document_of(revisions)).where(events.c.dataset == dataset)
    with database.connect() as db:
        rows = db.execute(asked.join(revisions, revisions.c.seq == events.c.seq)).all()
    return {row.id: encode_event_body(decode_normalized_event(row.document)) for row in rows}
