"""Batches of mentions: stored by themselves, and added as reports to events that exist."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from app.db.dialect import build_upsert, in_list, in_list_params
from app.db.dialect.stored_document import document_of
from app.db.journal import Writer, current_write_transaction
from app.db.tables import events, mentions, revisions
from app.events.index_rows import EventRows
from app.events.record import ParticipantRecord, RejectedError
from app.events.render import (
    build_event_report,
    decode_normalized_event,
    encode_event_body,
    matches_document,
    replace_event_reports,
)
from app.ingest.formats.hashing import hash_to_int64
from app.ingest.formats.records import MentionRecord
from app.ingest.loading.bulk_write import read_revision_numbers, store_loaded_events, store_sources
from app.ingest.loading.pending_reports import read_pending_reports
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.rows import InputRow, parse_row_record
from app.sources.record import SourceRecord
from app.sources.source_records import NewSource, make_new_source

MENTION_COLUMNS = ("event", "source", "locator", "claims", "digest")
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class PreparedMentions:
    """A batch of mentions, compared with the database."""

    stats: LoadStats = field(default_factory=LoadStats)
    rows: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)
    sources: dict[str, NewSource] = field(default_factory=dict)
    rejects: list[tuple[InputRow, RejectedError]] = field(default_factory=list)
    unknown: dict[str, ParticipantRecord] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.rows

    def write_batch(self, db: Connection, by: Writer, references: ReferenceCache) -> None:
        """Store the mentions, and add them to the events that exist."""
        if self.sources:
            store_sources(db, self.sources, by)
            for key, source in self.sources.items():
                references.add_source(key, source.cited)
        rows = [dict(zip(MENTION_COLUMNS, row, strict=True)) for row in self.rows.values()]
        db.execute(build_upsert(db, mentions), rows)
        _attach_reports(db, sorted({event for event, _ in self.rows}), by, references)


def prepare_mention_batch(
    db: Connection, rows: Sequence[InputRow], dataset: str, references: ReferenceCache
) -> PreparedMentions:
    """Compare a batch of mentions with the database; one per article and event is kept."""
    done = PreparedMentions()
    mentions_by_key: dict[tuple[str, str], tuple[Any, ...]] = {}
    inline: dict[str, SourceRecord] = {}
    for row in rows:
        try:
            mention = parse_row_record(
                row, lambda field, reason: done.stats.warnings.update((f"{field} {reason}",))
            )
        except RejectedError as wrong:
            done.rejects.append((row, wrong.with_traceback(None)))
            continue
        assert isinstance(mention, MentionRecord)
        key = (f"{dataset}:{mention.event}", references.identify_source(mention.source))
        if key in mentions_by_key:
            done.stats.duplicates += 1
        inline.setdefault(key[1], mention.source)
        claims = _encode(mention.claims).decode() if mention.claims else None
        mentions_by_key[key] = (
            *key,
            mention.locator,
            claims,
            hash_to_int64(_encode((mention.locator, mention.claims))),
        )
    stored = _read_hashes(db, list(mentions_by_key))
    done.rows = {key: row for key, row in mentions_by_key.items() if stored.get(key) != row[-1]}
    done.stats.unchanged += len(mentions_by_key) - len(done.rows)
    done.stats.changed += sum(key in stored for key in done.rows)
    done.stats.new += sum(key not in stored for key in done.rows)
    wanted = {source for _, source in done.rows}
    there = references.find_sources(db, wanted)
    done.sources = {key: make_new_source(key, inline[key]) for key in wanted if key not in there}
    done.stats.count_rejects(wrong for _, wrong in done.rejects)
    return done


def _read_hashes(db: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    m = mentions.c
    ids = sorted({event for event, _ in keys})
    asked = select(m.event, m.source, m.digest).where(in_list(db, m.event))
    for event, source, value in db.execute(asked, in_list_params(db, ids)):
        found[event, source] = value
    return found


def _attach_reports(
    db: Connection, ids: Sequence[str], by: Writer, references: ReferenceCache
) -> None:
    """Rewrite events with the reports from their mentions."""
    waiting = read_pending_reports(db, ids)
    cited = references.find_sources(
        db, {str(r.source) for reports in waiting.values() for r in reports}
    )
    sheet, last = EventRows(), current_write_transaction(db).last_seq
    unsearched = references.actor_index.known.unsearched
    for ident, document in _read_current_documents(db, ids):
        body, said = decode_normalized_event(document), {str(r.source): r for r in waiting[ident]}
        own = [
            r for r in body.reports if r.source not in said or not _is_mention_locator(r.locator)
        ]
        named = {r.source for r in own}
        late = [build_event_report(r, cited) for source, r in said.items() if source not in named]
        text = encode_event_body(replace_event_reports(body, own + late))
        if not matches_document(text, document):
            last += 1
            sheet.add_event(body, text, last, searched=body.dataset not in unsearched)
    changed = [ident for _, ident, *_ in sheet.bodies]
    store_loaded_events(db, sheet, read_revision_numbers(db, changed), [], [], by)


def _read_current_documents(db: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Read (id, document) of those events that are current."""
    asked = (
        select(events.c.id, document_of(revisions))
        .join(revisions, revisions.c.seq == events.c.seq)
        .where(in_list(db, events.c.id))
        .order_by(events.c.id)
    )
    return [(ident, document) for ident, document in db.execute(asked, in_list_params(db, ids))]


def _is_mention_locator(locator: str | None) -> bool:
    """Return whether a locator has the form that reports from mentions have."""
    return locator is not None and locator.startswith("sentence ")
