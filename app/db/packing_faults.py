"""Verification of packed documents: each is unpacked, and has to be that of its revision."""

from collections.abc import Iterator

import msgspec
import zstandard
from sqlalchemy import Connection, and_, or_, select

from app.db.packed_documents import (
    DocumentDictionary,
    MissingDictionaryError,
    unpack_document,
)
from app.db.tables import dictionaries, revisions

BATCH_SIZE = 2_000


class _DocumentHead(msgspec.Struct):
    """What says of which revision a document is; that of a source has no number."""

    id: str
    revision: int | None = None


_decode_head = msgspec.json.Decoder(_DocumentHead).decode


def find_packing_faults(db: Connection) -> Iterator[str]:
    """Describe every document that is packed wrongly, one a line."""
    r, d = revisions.c, dictionaries.c
    for ident, content in db.execute(select(d.id, d.content)):
        if DocumentDictionary(content).id != ident:
            yield f"dictionary {ident}: its content is that of another"
    twice = and_(r.packed.is_not(None), r.plain != "")
    never = and_(r.packed.is_(None), r.plain == "")
    for seq in db.scalars(select(r.seq).where(or_(twice, never)).limit(BATCH_SIZE)):
        yield f"revision {seq}: its document is stored neither packed alone nor plain alone"
    after = 0
    while True:
        found = select(r.seq, r.id, r.revision, r.packed).where(
            r.packed.is_not(None), r.seq > after
        )
        rows = db.execute(found.order_by(r.seq).limit(BATCH_SIZE)).all()
        for seq, ident, number, packed in rows:
            try:
                head = _decode_head(unpack_document(packed, db.dialect) or "")
            except (zstandard.ZstdError, MissingDictionaryError, ValueError) as wrong:
                yield f"revision {seq}: its document cannot be unpacked: {wrong}"
                continue
            if head.id != ident or head.revision not in (None, number):
                yield f"revision {seq}: its packed document is of another revision, {head.id}"
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1].seq
