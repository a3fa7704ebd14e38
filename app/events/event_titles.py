"""What a timeline shows of an event, decoded from its document."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from app.db.dialect import in_list_params
from app.events import queries
from app.json_encoding import encode_json


class EventTitle(msgspec.Struct):
    """The fields of an event that a timeline shows, in their order."""

    id: str
    title: str
    date: str
    type: str | None
    intensity: float | None
    sign: int = 0
    """What it counts as; documents have no such field."""

    @property
    def weight(self) -> float:
        """The absolute intensity."""
        return abs(self.intensity or 0.0)

    def show_fields(self) -> dict[str, Any]:
        """Return the fields of the document that are shown."""
        return {
            "id": self.id,
            "title": self.title,
            "date": self.date,
            "type": self.type,
            "intensity": self.intensity,
        }


decode_title = msgspec.json.Decoder(EventTitle).decode


class _FirstDay(msgspec.Struct):
    id: str
    start: str


decode_first_days = msgspec.json.Decoder(list[_FirstDay]).decode
"""Decode the id and the first day of each event of a list."""
decode_titles = msgspec.json.Decoder(list[EventTitle]).decode


def encode_buckets(buckets: Sequence[dict[str, Any]]) -> bytes:
    """Encode buckets with their `top` as JSON, joined by commas.

    In a tenth of the time of `encode_json`, and to the same bytes: Python and msgspec differ only
    in numbers that have an exponent, such as 1e-05.
    """
    numbers = {bucket[name] for bucket in buckets for name in _FRACTIONS}
    numbers.update(title.intensity for bucket in buckets for title in bucket["top"])
    if all(not number or 1e-4 <= abs(number) < 1e15 for number in numbers):
        return msgspec.json.encode(buckets)[1:-1]
    return encode_json(msgspec.to_builtins(buckets))[1:-1]


_FRACTIONS = ("mean_intensity", "positive", "negative", "index")


def replace_sign(title: EventTitle, sign: int) -> EventTitle:
    """Return a title that counts as something else."""
    return msgspec.structs.replace(title, sign=sign)


def read_titles(db: Connection, seqs: Sequence[int]) -> dict[int, EventTitle]:
    """Read the titles of some revisions, by `seq`."""
    found: dict[int, EventTitle] = {}
    for at in range(0, len(seqs), 500):
        asked = queries.compile_events_by_seq(db.dialect.name)
        for seq, document in asked.fetch_rows(db, in_list_params(db, seqs[at : at + 500])):
            found[seq] = decode_title(document)
    return found
