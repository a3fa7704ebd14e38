"""Mend ids and URLs that were stored before the present rules, and that no address can contain.

The document goes on under a new id, into which the old one is merged: its history stays readable.
"""

import hashlib
import json
from collections.abc import Iterator

from sqlalchemy import Connection, select

from app.db.dialect.stored_document import document_of
from app.db.engine import Database
from app.db.journal import Writer, read_latest_revision_numbers, record_merge
from app.db.tables import events, revisions, sources
from app.editing.events import end_merged_events
from app.editing.merging import move_source_citations
from app.editing.propagate import read_source_grades
from app.events.changes import read_event_documents, write_resolved_events
from app.events.event_id import find_key_error
from app.events.render import decode_event_document
from app.events.to_input import input_from_document
from app.sources.changes import retract_source, write_sources
from app.sources.schemas import Source
from app.sources.verify import find_source_error

MAX_MENDED_LENGTH = 80
"""Characters of the old id that a mended one keeps."""


def mend_stored_ids(database: Database, by: Writer) -> list[str]:
    """Mend ids and addresses that break the present rules; returns what was done, one a line."""
    with database.write() as db:
        return [*_mend_sources(db, by), *_mend_event_ids(db, by)]


def _mend_event_ids(db: Connection, by: Writer) -> Iterator[str]:
    """Give events whose key breaks the rules a new id; yields what was done."""
    for ident in [i for i in db.scalars(select(events.c.id)) if _has_invalid_key(i)]:
        [(_, document)] = read_event_documents(db, [ident])
        event = decode_event_document(document)
        dataset, _, key = ident.partition(":")
        mended = f"{dataset}:{mend_id(key)}"
        if read_latest_revision_numbers(db, "event", [mended]):
            mended = f"{mended}-{_hash_id(ident)}"
        record = input_from_document(event, read_source_grades(db, [event]))
        record.key = mended.partition(":")[2]
        write_resolved_events(db, [(mended, record)], by)
        end_merged_events(db, [event], mended, by)
        yield f"event {ident!r} is now {mended!r}"


def _has_invalid_key(ident: str) -> bool:
    return find_key_error(ident.partition(":")[2]) is not None


def _mend_sources(db: Connection, by: Writer) -> Iterator[str]:
    """Give sources that break the rules a valid id and URL; yields what was done."""
    documents = select(document_of(revisions)).join(sources, sources.c.seq == revisions.c.seq)
    for document in list(db.scalars(documents)):
        if find_source_error(document) is None:
            continue
        old = Source.model_construct(**json.loads(document))
        ident = mend_id(old.id)
        if ident != old.id and read_latest_revision_numbers(db, "source", [ident]):
            ident = f"{ident}-{_hash_id(old.id)}"
        url = (
            None
            if old.url is None
            else "".join("%20" if c.isspace() else c for c in old.url.strip())
        )
        made = Source.model_validate(json.loads(document) | {"id": ident, "url": url})
        write_sources(db, [made], by)
        if ident != old.id:
            move_source_citations(db, old.id, ident, by)
            record_merge(db, "source", old.id, ident, retract_source(db, old, by, "merge"))
            yield f"source {old.id!r} is now {ident!r}"
        else:
            yield f"source {old.id!r} now has the URL {url}"


def mend_id(text: str) -> str:
    """Return an id that the rules allow: the same where they do, else as near as possible.

    Invisible characters become `_`; what is too long is cut, and a hash of the whole is added.
    """
    visible = "".join(c if c.isprintable() else "_" for c in text).strip()
    if find_key_error(visible) is None and visible.strip("."):
        return visible
    return f"{visible[:MAX_MENDED_LENGTH].strip()}-{_hash_id(text)}".lstrip(".")


def _hash_id(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
