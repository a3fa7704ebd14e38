"""Corrections of the bundled data: what was wrong, and why it changed, as revisions of their own.

A correction stays in its file after the data has changed. A database that does not have it yet
records it as a revision with its reason, whether it holds the earlier version or none.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from app.bundled.tables import read_bundled_lines
from app.db.tables import revisions
from app.events.record import EventRecord, convert_record

CORRECTIONS_FILE = "corrections.ndjson"
Kind = Literal["actor", "dataset", "event", "membership", "source"]


class Correction(Struct, forbid_unknown_fields=True, frozen=True):
    """What was wrong with some documents of a kind."""

    kind: Kind
    ids: list[str]
    reason: str
    sources: list[str] = []
    """The sources that show it, as ids."""
    was: dict[str, object] = {}
    """The fields of events as they were before; empty where only the reason is kept."""
    dropped: bool = False
    """Whether the documents are no longer bundled."""

    def describe_reason(self) -> str:
        """Describe the reason with the sources that show it."""
        return f"{self.reason} ({', '.join(self.sources)})" if self.sources else self.reason


@dataclass(slots=True)
class EventVersion:
    """A version of a bundled event, and the corrections that led to it."""

    event: EventRecord
    corrections: list[Correction] = field(default_factory=list)


def read_corrections() -> list[Correction]:
    """Read the corrections, the earliest first."""
    decoder = msgspec.json.Decoder(Correction)
    return [decoder.decode(line) for line in read_bundled_lines(CORRECTIONS_FILE)]


def select_pending(db: Connection, kind: Kind, writer: str) -> dict[str, list[Correction]]:
    """Select the corrections that no revision of this writer records, by id of the document."""
    corrections = [found for found in read_corrections() if found.kind == kind]
    r = revisions.c
    ids = sorted({ident for correction in corrections for ident in correction.ids})
    rows = db.execute(
        select(r.id, r.reason).where(
            r.kind == kind, r.id.in_(ids), r.by == writer, r.reason.is_not(None)
        )
    )
    recorded = defaultdict(list)
    for ident, reason in rows:
        recorded[ident].append(reason)
    pending = defaultdict(list)
    for correction in corrections:
        reason = correction.describe_reason()
        for ident in correction.ids:
            if not any(reason in known for known in recorded[ident]):
                pending[ident].append(correction)
    return dict(pending)


def join_reasons(corrections: Sequence[Correction], stored: bool) -> str:
    """Join the reasons of several corrections of one document.

    Of a document that is not stored, the revision is no correction but contains them.
    """
    joined = " ".join(correction.describe_reason() for correction in corrections)
    return joined if stored else f"bundled data, corrected: {joined}"


def build_versions(
    event: EventRecord, pending: Sequence[Correction], stored: bool
) -> list[EventVersion]:
    """Build the versions of an event to write, the earliest first.

    A new event is written as it was before its corrections, then once for each; a stored one
    becomes what it is today, with the reasons of all that are pending.
    """
    versions = [EventVersion(event)]
    for correction in reversed(pending):
        versions[0].corrections.insert(0, correction)
        if correction.was and not stored:
            values = msgspec.to_builtins(versions[0].event) | correction.was
            versions.insert(0, EventVersion(convert_record(values)))
    return versions
