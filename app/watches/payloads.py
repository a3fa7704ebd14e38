"""What a watch says: the JSON that is sent, and the id by which a receiver knows it again."""

import json
from typing import Any

from sqlalchemy import Row

from app.history.compare import list_changed_fields
from app.json_encoding import encode_json
from app.lineages import Ancestry, Version
from app.settings import WATCH_MESSAGE_BYTES
from app.text import quote_id


def make_message_id(watch: str, seq: int, ancestry: Ancestry) -> str:
    """Return the id of what a watch says of a change, the same for each attempt."""
    # Without a full stop, as the standard asks; numbers given out twice differ by their lineage.
    return f"msg_{watch.removeprefix('w_')}_{seq}_{ancestry.find_lineage(seq)}"


def build_delivery_message(name: str, row: Row[Any], ancestry: Ancestry) -> dict[str, Any]:
    """Build what a watch says: of an event from its revision, of a shift as it was found."""
    if row.document is not None:
        found: dict[str, Any] = json.loads(row.document)
        return found
    message = build_message(row, row.change, ancestry)
    message["data"] = {"watch": {"id": row.watch, "name": name}, **message["data"]}
    return message


def build_message(row: Row[Any], change: str, ancestry: Ancestry) -> dict[str, Any]:
    """Build what is said of a change of an event, from its revision and the one before."""
    changed = list_changed_fields(row.before, row.event)
    return {
        "type": f"event.{change}",
        "timestamp": row.written_at,
        "data": {
            "change": {
                "seq": row.seq,
                "version": Version(row.seq, ancestry).label,
                "at": row.written_at,
                "action": row.action,
                "id": row.id,
                "revision": row.revision,
                "by": row.by,
                "reason": row.reason,
                "derived": row.derived,
            },
            "changed": [field.model_dump() for field in changed],
            "event": json.loads(row.event),
            "address": f"/v1/events/{quote_id(row.id)}",
        },
    }


def encode_message(message: dict[str, Any]) -> bytes:
    """Encode what is sent; a document that is too large is left out, and its address stays."""
    body = encode_json(message)
    if len(body) > WATCH_MESSAGE_BYTES:
        body = encode_json({**message, "data": {**message["data"], "event": None, "changed": None}})
    return body


def build_test_message(watch: str, name: str, now: str) -> dict[str, Any]:
    """Build the message of a test delivery."""
    return {"type": "watch.test", "timestamp": now, "data": {"watch": {"id": watch, "name": name}}}
