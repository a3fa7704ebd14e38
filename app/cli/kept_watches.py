"""Watches for the commands: those of the database, or those of a running service."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

import httpcore2
import msgspec

from app.access.keys import Principal
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.errors import ConflictError, NotFoundError
from app.ingest.remote.address import parse_address
from app.ingest.remote.connections import open_pool
from app.ingest.remote.errors import DownloadError
from app.settings import Settings
from app.text import quote_id
from app.watches import delivery_store, watch_store
from app.watches.keep import keep_watch, render_delivery, render_watch, require_watch, resolve_watch
from app.watches.payloads import build_test_message, encode_message
from app.watches.schemas import Delivery, SentTest, Watch, WatchBody, WatchWithSecret
from app.watches.sender import send_message
from app.watches.signatures import reveal_secret

OPERATOR = Principal("", "", "admin")
"""Who works on the database itself may see every watch."""
MOST_WATCHES, PAGE_ROWS = 100_000, 1000
Answer = dict[str, Any]
"""A body as JSON, of a request or of an answer."""
SECONDS = 60.0
"""Seconds that a service has for an answer."""


class ServiceRefusalError(Exception):
    """A service does not do what it was asked, or does not answer."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class KeptWatches(Protocol):
    """What the commands ask of watches, wherever these are."""

    def add_watch(self, body: Answer, owner: str | None) -> WatchWithSecret:
        """Keep a watch, and return it with the secret of its webhook."""

    def list_watches(self, owner: str | None) -> list[Watch]:
        """List the watches, the oldest first."""

    def delete_watch(self, ident: str) -> None:
        """Drop a watch."""

    def change_watch(self, ident: str, state: str, after: int | None = None) -> None:
        """Pause a watch, or let it go on."""

    def list_deliveries(self, ident: str, state: str | None, most: int) -> list[Delivery]:
        """List what a watch said and has to say, newest first."""

    def replay_deliveries(self, ident: str, seq: int | None) -> int:
        """Try dead letters again, and return how many."""

    def send_test(self, ident: str) -> SentTest:
        """Send a test message."""


@dataclass(frozen=True, slots=True)
class DatabaseWatches:
    """The watches of a database, all of them."""

    database: Database

    def add_watch(self, body: Answer, owner: str | None) -> WatchWithSecret:
        """Keep a watch for the key of a name."""
        if owner is None:
            raise ConflictError("--owner is needed: the name of the key that keeps the watch.")
        sent = WatchBody.model_validate(body)
        with self.database.connect() as db:
            resolved = resolve_watch(db, sent, Settings())
        with self.database.write() as db:
            if not watch_store.has_key_in_force(db, owner):
                raise NotFoundError(
                    f"No key in force with the scope watch is named {owner!r}; entente keys list"
                    " shows them."
                )
            who = Principal("", owner, "watch")
            row = require_watch(db, keep_watch(db, sent, resolved, who, Settings()), who)
        kept = watch_store.read_secrets(row)
        made = reveal_secret(kept[0].secret, Settings().watch_key) if kept else None
        return render_watch(row, made)

    def list_watches(self, owner: str | None) -> list[Watch]:
        """List those of a key, or all."""
        with self.database.connect() as db:
            rows = watch_store.list_watches_after(db, owner, None, MOST_WATCHES)
        return [render_watch(row) for row in rows]

    def delete_watch(self, ident: str) -> None:
        """Drop a watch."""
        with self.database.write() as db:
            watch_store.remove_watch(db, require_watch(db, ident, OPERATOR).id)

    def change_watch(self, ident: str, state: str, after: int | None = None) -> None:
        """Pause a watch, or let it go on."""
        with self.database.write() as db:
            row = require_watch(db, ident, OPERATOR)
            if state == "paused":
                watch_store.stop_watch(db, row.id, "paused", None)
                return
            if after is not None and after > read_version(db):
                raise NotFoundError(f"The newest version is {read_version(db)}.")
            watch_store.resume_watch(db, row.id, after)

    def list_deliveries(self, ident: str, state: str | None, most: int) -> list[Delivery]:
        """List what a watch said and has to say, newest first."""
        with self.database.connect() as db:
            row = require_watch(db, ident, OPERATOR)
            ancestry = read_version(db).ancestry
            rows = delivery_store.list_deliveries_after(db, row.id, state, None, most)
            return [render_delivery(one, ancestry) for one in rows]

    def replay_deliveries(self, ident: str, seq: int | None) -> int:
        """Try dead letters again, and return how many."""
        with self.database.write() as db:
            row = require_watch(db, ident, OPERATOR)
            return delivery_store.replay_deliveries(db, row.id, seq)

    def send_test(self, ident: str) -> SentTest:
        """Send a test message from here."""
        with self.database.connect() as db:
            row = require_watch(db, ident, OPERATOR)
        if not row.url:
            raise ConflictError("The watch has no webhook; its feeds say what it has to say.")
        settings, now = Settings(), watch_store.format_now()
        body = encode_message(build_test_message(row.id, row.name, now))
        sending = send_message(
            row.url, watch_store.make_test_id(row.id), body, watch_store.read_secrets(row),
            allow_private=settings.watch_private_addresses, contact=settings.contact,
        )  # fmt: skip
        done = asyncio.run(sending)
        return SentTest(
            arrived=done.arrived, status=done.status, error=done.error, seconds=done.seconds
        )


@dataclass(frozen=True, slots=True)
class ServiceWatches:
    """The watches of a key at a running service."""

    pool: httpcore2.ConnectionPool
    base: str
    """Address of the service, without a slash at the end."""
    key: str = field(repr=False)

    def _ask(self, method: str, path: str, body: Answer | None = None) -> Answer:
        """Send a request and return the answer's JSON; raises `ServiceRefusalError`."""
        headers: dict[bytes | str, bytes | str] = {"User-Agent": "entente"}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self.pool.request(
                method, f"{self.base}/v1/watches{path}", headers=headers, content=content,
                extensions={"timeout": timeout},
            )  # fmt: skip
        except (httpcore2.NetworkError, httpcore2.TimeoutException, DownloadError) as failed:
            raise ServiceRefusalError(f"{self.base} does not answer: {failed}", 1) from failed
        try:
            found: Answer = msgspec.json.decode(answer.content) if answer.content else {}
        except msgspec.DecodeError as other:
            what = f"{self.base} is no Entente: its answer is no JSON (status {answer.status})"
            raise ServiceRefusalError(what, 1) from other
        if answer.status >= 400:
            raise ServiceRefusalError(
                _describe_problem(found, answer.status), _choose_exit_code(answer.status)
            )
        return found

    def _list_pages(self, path: str, asked: str, most: int) -> Iterator[Answer]:
        """Read page after page, until the last or so many rows."""
        query = f"limit={min(most, PAGE_ROWS)}{asked}"
        while query and most > 0:
            page = self._ask("GET", f"{path}?{query}")
            yield from page["data"][:most]
            most -= len(page["data"])
            query = str(page["links"].get("next") or "").partition("?")[2]

    def add_watch(self, body: Answer, owner: str | None) -> WatchWithSecret:
        """Keep a watch for the key that is used."""
        if owner is not None:
            raise ConflictError(
                "A service keeps a watch for the key in ENTENTE_KEY: leave --owner out. The"
                " address that gets the messages is --webhook."
            )
        sent = {name: value for name, value in body.items() if value is not None}
        return WatchWithSecret.model_validate(self._ask("POST", "", sent))

    def list_watches(self, owner: str | None) -> list[Watch]:
        """List those that the key may see, of one owner if that is asked for."""
        found = map(Watch.model_validate, self._list_pages("", "", MOST_WATCHES))
        return [one for one in found if owner in (None, one.owner)]

    def delete_watch(self, ident: str) -> None:
        """Drop a watch."""
        self._ask("DELETE", f"/{quote_id(ident)}")

    def change_watch(self, ident: str, state: str, after: int | None = None) -> None:
        """Pause a watch, or let it go on."""
        change = {"state": state} | ({} if after is None else {"after": after})
        self._ask("PATCH", f"/{quote_id(ident)}", change)

    def list_deliveries(self, ident: str, state: str | None, most: int) -> list[Delivery]:
        """List what a watch said and has to say, newest first."""
        wanted = f"&state={quote(state)}" if state else ""
        rows = self._list_pages(f"/{quote_id(ident)}/deliveries", wanted, most)
        return list(map(Delivery.model_validate, rows))

    def replay_deliveries(self, ident: str, seq: int | None) -> int:
        """Try dead letters again, and return how many."""
        chosen = {} if seq is None else {"seq": seq}
        return int(self._ask("POST", f"/{quote_id(ident)}/replay", chosen)["replayed"])

    def send_test(self, ident: str) -> SentTest:
        """Have the service send a test message."""
        return SentTest.model_validate(self._ask("POST", f"/{quote_id(ident)}/test"))


def _describe_problem(problem: Answer, status: int) -> str:
    """Say what a service refuses, and which fields it names."""
    lines = [str(problem.get("detail") or problem.get("title") or f"answered {status}")]
    for fault in problem.get("errors") or ():
        place = ".".join(str(part) for part in fault.get("loc", ()) if part != "body")
        lines.append(f"{place}: {fault.get('message', '')}. {fault.get('hint') or ''}".strip())
    if status in (401, 403):
        lines.append("The key is read from ENTENTE_KEY; it needs the scope watch.")
    return "\n".join(lines)


def _choose_exit_code(status: int) -> int:
    """Choose 2 for what a person has to mend, and 1 for what may pass."""
    return 2 if status < 500 and status != 429 else 1


@contextmanager
def open_service_watches(url: str, key: str) -> Iterator[KeptWatches]:
    """Open a connection to the watches at a service."""
    try:  # who types an address means it, on a private network too
        pool = open_pool(parse_address(url), allow_private=True)
    except DownloadError as wrong:
        raise ServiceRefusalError(f"{url} {wrong}", 2) from wrong
    with closing(pool):
        yield ServiceWatches(pool, url.rstrip("/"), key)
