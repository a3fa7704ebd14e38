"""Create, replace and retract sources and datasets."""

from collections.abc import Sequence

from sqlalchemy import Connection, exists, select

from app.dataset_access import DatasetAccess
from app.db.dialect import build_upsert
from app.db.journal import NewRevision, Writer, append_revisions
from app.db.tables import datasets, events, sources
from app.db.versioning import copy_to_history, move_to_history
from app.errors import ForbiddenError, InvalidParameterError
from app.sources.schemas import Dataset, Source


def write_sources(db: Connection, documents: Sequence[Source], by: Writer) -> None:
    """Create or replace sources."""
    if not documents:
        return
    seqs = append_revisions(
        db, "source", [NewRevision(s.id, s.model_dump_json()) for s in documents], by
    )
    copy_to_history(db, "source", sources.c.id, [s.id for s in documents])
    columns = {"id", "kind", "title", "publisher", "url", "published", "reliability"}
    rows = [
        s.model_dump(include=columns) | {"seq": n} for s, n in zip(documents, seqs, strict=True)
    ]
    db.execute(build_upsert(db, sources), rows)


def write_datasets(
    db: Connection,
    documents: Sequence[Dataset],
    by: Writer,
    *,
    rederives: bool = False,
    reindexes: bool = False,
) -> None:
    """Create or replace datasets.

    Raises `InvalidParameterError` where the way of deriving signals would change under stored
    events, unless the caller `rederives` them, or whether they are searched, unless it `reindexes`
    their words (`app.events.word_index`).
    """
    if not documents:
        return
    documents = _keep_stated(db, documents, by)
    for document in documents:
        if not rederives:
            _require_same(db, document, ("signals", "mirrored_visits"), "the signals")
        if not reindexes:
            _require_same(db, document, ("searched",), "the indexed words")
    seqs = append_revisions(
        db, "dataset", [NewRevision(d.code, d.model_dump_json()) for d in documents], by
    )
    copy_to_history(db, "dataset", datasets.c.code, [d.code for d in documents])
    columns = {
        "code", "name", "first", "last", "signals", "mirrored_visits", "access", "searched",
    }  # fmt: skip
    rows = [
        d.model_dump(include=columns) | {"seq": n} for d, n in zip(documents, seqs, strict=True)
    ]
    db.execute(build_upsert(db, datasets), rows)


def _keep_stated(db: Connection, documents: Sequence[Dataset], by: Writer) -> list[Dataset]:
    """Keep who may read a dataset, and whether it is searched, where a document does not say it.

    So no reload opens one. Raises `ForbiddenError` where the writer may not change who reads it.
    """
    d = datasets.c
    codes = [document.code for document in documents]
    rows = db.execute(select(d.code, d.access, d.searched).where(d.code.in_(codes)))
    stored: dict[str, tuple[DatasetAccess, bool]] = {code: (how, q) for code, how, q in rows}
    found = []
    for document in documents:
        access, searched = stored.get(document.code, ("open", document.searched))
        kept = {"access": access, "searched": searched}
        update = {name: kept[name] for name in kept.keys() - document.model_fields_set}
        document = document.model_copy(update=update) if update else document
        if document.access != access and not by.sets_access:
            raise ForbiddenError(
                f"Only a key with the scope admin changes the access of a dataset: {document.code}"
                f" is {access}."
            )
        found.append(document)
    return found


def _require_same(db: Connection, document: Dataset, fields: Sequence[str], what: str) -> None:
    d = datasets.c
    rows = select(*(d[name] for name in fields)).where(d.code == document.code)
    stored = db.execute(rows.where(exists().where(events.c.dataset == document.code))).one_or_none()
    if stored is None:
        return
    for field, value in zip(fields, stored, strict=True):
        if getattr(document, field) != value:
            message = f"must stay {value}: {what} of the stored events follow from it"
            raise InvalidParameterError(field, message, "Load the events into another dataset.")


def retract_source(db: Connection, source: Source, by: Writer, action: str = "retract") -> int:
    """Retract a source that nothing cites, and return the `seq` of the retraction."""
    entry = NewRevision(source.id, source.model_dump_json(), action)
    [seq] = append_revisions(db, "source", [entry], by)
    move_to_history(db, "source", sources.c.id, [source.id])
    return seq


def retract_dataset(db: Connection, dataset: Dataset, by: Writer) -> int:
    """Retract a dataset without events, and return the `seq` of the retraction."""
    [seq] = append_revisions(
        db, "dataset", [NewRevision(dataset.code, dataset.model_dump_json(), "retract")], by
    )
    move_to_history(db, "dataset", datasets.c.code, [dataset.code])
    return seq
