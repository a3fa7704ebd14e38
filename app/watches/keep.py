"""Keep watches: what is sent becomes a row, and a row becomes what is answered."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from app.access.keys import Principal
from app.db.lineage_table import read_version
from app.errors import ConflictError, Fault, InvalidBodyError, InvalidParameterError, NotFoundError
from app.events.queries import resolve_filter
from app.ingest.remote.address import is_public, parse_address
from app.ingest.remote.errors import DownloadError
from app.lineages import Ancestry
from app.settings import Settings
from app.watches import watch_store
from app.watches.payloads import make_message_id
from app.watches.registry import encode_codes
from app.watches.schemas import (
    Delivery,
    WatchBody,
    WatchedEvents,
    WatchedShift,
    WatchFeeds,
    WatchPatch,
    WatchWithSecret,
    Webhook,
)
from app.watches.shift_watch import encode_finding, find_watched_shift, resolve_watched_sides
from app.watches.signatures import WatchSecret, encode_secrets, make_secret, reveal_secret


def check_webhook_address(url: str, *, allow_private: bool) -> str:
    """Return an address that messages may be sent to; raises `InvalidBodyError`.

    A host is looked up only when a message is sent, each time.
    """
    try:
        address = parse_address(url)
        if address.digest:
            raise DownloadError("must not have a fragment")
        if not allow_private and _is_private_number(address.host):
            raise DownloadError("leads to a private address")
    except DownloadError as wrong:
        fault = Fault(loc=["body", "webhook", "url"], message=str(wrong))
        raise InvalidBodyError([fault]) from wrong
    return address.url


def _is_private_number(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:  # a name
        return False


def resolve_watched_events(db: Connection, asked: WatchedEvents) -> str:
    """Resolve the filter of a watch to codes; raises `InvalidBodyError` for unknown names."""
    try:
        return encode_codes(resolve_filter(db, asked, None))
    except InvalidParameterError as unknown:
        raise _place_in_body(unknown, "events") from unknown


def _place_in_body(unknown: InvalidParameterError, part: str) -> InvalidBodyError:
    fault = unknown.fault
    return InvalidBodyError([fault.model_copy(update={"loc": ["body", part, *fault.loc[1:]]})])


def resolve_watch(db: Connection, sent: WatchBody, settings: Settings) -> dict[str, Any]:
    """Resolve the question of a watch, before a write begins: a shift takes long to find.

    Raises `InvalidBodyError` for unknown names.
    """
    if sent.shift is not None:
        return _resolve_shift(db, sent.shift, settings)
    assert sent.events is not None
    return {
        "kind": "events",
        "question": sent.events.model_dump_json(exclude_unset=True),
        "codes": resolve_watched_events(db, sent.events),
    }


def keep_watch(
    db: Connection,
    sent: WatchBody,
    resolved: dict[str, Any],
    who: Principal,
    settings: Settings,
) -> str:
    """Keep a watch for a key, and return its id; raises `ConflictError` where it has too many."""
    if watch_store.count_watches(db, who.name) >= settings.watches_per_key:
        most = f"{settings.watches_per_key} watches (ENTENTE_WATCHES_PER_KEY)"
        raise ConflictError(f"A key keeps at most {most}; delete one first.")
    version = int(read_version(db))
    if sent.after is not None and sent.after > version:
        message = f"is later than the newest version, {version}"
        raise InvalidBodyError([Fault(loc=["body", "after"], message=message)])
    if sent.email is not None and not settings.smtp_host:
        message = "this service sends no e-mails (ENTENTE_SMTP_HOST)"
        raise InvalidBodyError([Fault(loc=["body", "email"], message=message)])
    url = None
    if sent.webhook is not None:
        url = check_webhook_address(
            sent.webhook.url, allow_private=settings.watch_private_addresses
        )
    values: dict[str, Any] = {
        "owner": who.name,
        "name": sent.name,
        "url": url,
        "email": sent.email,
        "secrets": encode_secrets([WatchSecret(make_secret(settings.watch_key))] if url else []),
    }
    if sent.shift is not None:
        values["touched"] = version  # something may have been written since the shift was found
    return watch_store.add_watch(db, values | resolved, version, sent.after)


def _resolve_shift(db: Connection, asked: WatchedShift, settings: Settings) -> dict[str, Any]:
    """Resolve a watched shift, and find what is so now: only a change of that speaks up."""
    try:
        sides = resolve_watched_sides(db, asked, settings.alignment_datasets)
        found = find_watched_shift(db, asked, settings.alignment_datasets)
    except InvalidParameterError as unknown:
        raise _place_in_body(unknown, "shift") from unknown
    return {
        "kind": "shift",
        "question": asked.model_dump_json(exclude_unset=True),
        "codes": json.dumps({"sides": sides}),
        "checked": found.version,
        "finding": encode_finding(found),
    }


def require_watch(db: Connection, ident: str, who: Principal) -> Row[Any]:
    """Return a watch of a key, or any for a key that administers; raises `NotFoundError`."""
    row = watch_store.find_watch(db, ident)
    if row is None or (row.owner != who.name and not who.has_scope("admin")):
        raise NotFoundError("This key keeps no watch with that id; /v1/watches lists them.")
    return row


def find_feed_watch(
    db: Connection, ident: str, who: Principal | None, token: str | None
) -> Row[Any]:
    """Return the watch of a feed for its token or its owner; raises `NotFoundError`."""
    if who is not None:
        return require_watch(db, ident, who)
    row = watch_store.find_watch(db, ident)
    right = hmac.compare_digest((row.token if row else "").encode(), (token or "").encode())
    if row is None or not right or not watch_store.has_key_in_force(db, row.owner):
        raise NotFoundError("There is no such feed; its watch was dropped, or its address changed.")
    return row


def patch_watch(db: Connection, row: Row[Any], sent: WatchPatch, settings: Settings) -> str | None:
    """Change a watch, and return its new secret where one was made."""
    values: dict[str, Any] = {}
    secret = None
    if sent.name is not None:
        values["name"] = sent.name
    if sent.rotate_feeds:
        values["token"] = watch_store.make_token()
    url = row.url
    if "webhook" in sent.model_fields_set:
        url = values["url"] = (
            None
            if sent.webhook is None
            else check_webhook_address(
                sent.webhook.url, allow_private=settings.watch_private_addresses
            )
        )
    kept = watch_store.read_secrets(row)
    if url and (sent.rotate_secret or not kept):
        stored = make_secret(settings.watch_key)
        secret = reveal_secret(stored, settings.watch_key)
        until = datetime.now(UTC) + timedelta(hours=sent.overlap_hours)
        ends = until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        older = [WatchSecret(kept[0].secret, ends)] if kept and sent.overlap_hours else []
        values["secrets"] = encode_secrets([WatchSecret(stored), *older])
    elif sent.rotate_secret:
        message = "there is no webhook whose secret could be replaced"
        raise InvalidBodyError([Fault(loc=["body", "rotate_secret"], message=message)])
    if url and row.email:
        values["email"] = None
    if values:
        watch_store.change_watch(db, row.id, values)
    if sent.state == "paused" and row.state != "paused":
        watch_store.stop_watch(db, row.id, "paused", None)
    if sent.state == "active" and (row.state != "active" or sent.after is not None):
        version = int(read_version(db))
        if sent.after is not None and sent.after > version:
            message = f"is later than the newest version, {version}"
            raise InvalidBodyError([Fault(loc=["body", "after"], message=message)])
        watch_store.resume_watch(db, row.id, sent.after)
    return secret


def render_watch(row: Row[Any], secret: str | None = None) -> WatchWithSecret:
    """Render a watch as its owner sees it."""
    question = json.loads(row.question)
    kept = watch_store.read_secrets(row)
    webhook = None
    if row.url:
        until = kept[1].until if len(kept) > 1 else None
        webhook = Webhook(url=row.url, secrets=len(kept), until=until)
    feed = f"/v1/watches/{row.id}/feed?token={row.token}"
    return WatchWithSecret(
        id=row.id,
        name=row.name,
        owner=row.owner,
        state=row.state,
        state_reason=row.reason,
        events=question if row.kind == "events" else None,
        shift=question if row.kind == "shift" else None,
        reached=json.loads(row.finding)["reached"] if row.finding else None,
        webhook=webhook,
        email=row.email,
        feeds=WatchFeeds(atom=f"{feed}&format=atom", json_feed=f"{feed}&format=json"),
        position=row.position,
        pending=row.pending,
        failures=row.failures,
        next_attempt=row.due_at,
        created_at=row.created_at,
        secret=secret,
    )


def render_delivery(row: Row[Any], ancestry: Ancestry) -> Delivery:
    """Render a delivery of a watch."""
    names = ("seq", "change", "state", "at", "attempts", "sent_at", "status", "error")
    fields = {name: getattr(row, name) for name in names}
    return Delivery(id=make_message_id(row.watch, row.seq, ancestry), **fields)
