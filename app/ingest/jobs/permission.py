"""Who may send and see an import, where keys are for some datasets and datasets are closed."""

import json

from sqlalchemy import Connection, Row

from app.access.keys import Principal
from app.db.reader import get_hidden
from app.errors import ClosedDatasetError, ForbiddenError
from app.ingest.jobs.schemas import ImportQuery
from app.ingest.readers.recognize import FORMATS


def require_import_permission(holder: Principal, asked: ImportQuery) -> None:
    """Raise `ForbiddenError` where a key for some datasets would load into others."""
    if holder.writes is None:
        return
    known = ", ".join(sorted(holder.writes))
    if asked.dataset not in holder.writes:
        raise ForbiddenError(f"The key writes only to {known}: say dataset= one of them.")
    if asked.create_actors:
        raise ForbiddenError(f"The key writes only to {known}, and creates no actors.")


def require_cancel_permission(holder: Principal, row: Row[object]) -> None:
    """Raise `ForbiddenError` where an import is not into a dataset of the key."""
    if holder.writes is not None and find_dataset_of_import(row) not in holder.writes:
        raise ForbiddenError(f"The key writes only to {', '.join(sorted(holder.writes))}.")


def find_dataset_of_import(row: Row[object]) -> str | None:
    """Find the dataset that an import is into; None where only its file says it."""
    options = json.loads(row.options)
    format_ = FORMATS.get(options["format"])
    own = format_.dataset.code if format_ is not None and options["format"] != "entente" else None
    return options["dataset"] or own


def is_open_import(db: Connection, row: Row[object]) -> bool:
    """Whether the reader may see an import: its rows may be of a closed dataset.

    An import whose format was recognized may be of any dataset.
    """
    hidden = get_hidden(db).rows
    if not hidden:
        return True
    dataset = find_dataset_of_import(row)
    return dataset is not None and dataset not in hidden


def require_open_import(db: Connection, row: Row[object]) -> None:
    """Raise `ClosedDatasetError` where the reader may not see an import."""
    if not is_open_import(db, row):
        hidden = get_hidden(db)
        dataset = find_dataset_of_import(row) or hidden.rows[0]
        raise ClosedDatasetError(dataset, gives_sums=dataset not in hidden.sums)
