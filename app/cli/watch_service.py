"""Follow the changes of events at a running service, for one reader: the terminal."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec

from app.pull.original import ChangeFeed, Original, OriginalChange, Position, Question
from app.pull.wire import Wire
from app.settings import Settings
from app.text import quote_id

Message = dict[str, Any]
SECONDS_BETWEEN_LOOKS = 2.0
"""Seconds between two looks at a service that had nothing new."""


def follow_service(
    url: str, key: str, filters: Mapping[str, object], after: int | None, *, waits: bool
) -> Iterator[Message]:
    """Yield a message for each change after a `seq`, by default the newest, as it is written.

    Without `waits` it ends at the newest change. Raises `PullError` where the service does not
    answer, or refuses to.
    """
    # Who types an address means it, on a private network too.
    settings = Settings(allow_private_addresses=True, pull_pause=0)
    asked: Question = [
        (name, str(value))
        for name, values in filters.items()
        for value in (values if isinstance(values, list | tuple) else [values])
    ]
    with closing(Wire(settings)) as wire:
        original = Original(wire, url.rstrip("/"), key=key, key_setting="ENTENTE_KEY")
        begin = original.read_newest() if after is None else Position(after)
        feed = ChangeFeed(original, asked or [("kind", "event")], begin)
        while True:
            feed.read_page()
            for change in feed.take_until(feed.upto.seq):
                if not (change.derived and change.change == "changed"):
                    yield _build_message(change)
            if feed.is_done:
                if not waits:
                    return
                time.sleep(SECONDS_BETWEEN_LOOKS)


def _build_message(change: OriginalChange) -> Message:
    """Build what `/v1/watches` says of a change, but for the fields that it changed."""
    words = {"create": "added", "update": "changed"}
    word = change.change or words.get(change.action, "retracted")
    fields = ("seq", "at", "action", "id", "revision", "by", "reason", "derived")
    return {
        "type": f"event.{word}",
        "timestamp": change.at,
        "data": {
            "change": {name: getattr(change, name) for name in fields},
            "event": msgspec.json.decode(change.document),
            "address": f"/v1/events/{quote_id(change.id)}",
        },
    }
