"""Licence and citation of datasets, which every output format carries with their rows."""

from collections.abc import Collection, Iterable
from urllib.parse import quote

from sqlalchemy import Connection, Select, select

from app.db.dialect.stored_document import document_of
from app.db.tables import datasets, revisions
from app.db.versioning import Columns, select_current_or_as_of
from app.sources.schemas import Dataset


def read_cited_datasets(
    db: Connection, codes: Iterable[str] = (), as_of: int | None = None
) -> list[Dataset]:
    """Read the datasets with these codes, or all datasets where no code is passed."""
    selected = list(codes)

    def select_rows(d: Columns) -> Select[int, str]:
        wanted = [d.code.in_(selected)] if selected else []
        return select(d.seq, d.code).where(*wanted)

    found = select_current_or_as_of(as_of, datasets, select_rows).subquery()
    rows = select(document_of(revisions)).join(found, found.c.seq == revisions.c.seq)
    documents = db.scalars(rows.order_by(found.c.code))
    return [Dataset.model_validate_json(document) for document in documents]


def list_terms_of_open_datasets(db: Connection, codes: Collection[str]) -> list[str]:
    """Warn of each of some datasets that has terms of use, and whose rows anybody may read."""
    d = datasets.c
    is_open = select(d.code).where(d.code.in_(sorted(codes)), d.access == "open")
    found = list(db.scalars(is_open))
    return [
        f"{one.code} has terms: {one.terms} Its rows are open to every reader of this service;"
        f" entente datasets access {one.code} sums closes them and keeps its sums and shifts open."
        for one in (read_cited_datasets(db, found) if found else ())
        if one.terms
    ]


def dataset_credit(dataset: Dataset) -> dict[str, str]:
    """Return the fields of a dataset that files of its rows include."""
    return dataset.model_dump(include={"code", "name", "version", "licence", "citation"})


def format_citation(dataset: Dataset) -> str:
    """Format the citation and licence of a dataset as text for readers."""
    return f"{dataset.citation}, version {dataset.version}. Licence: {dataset.licence}."


MAX_LICENSE_LINKS = 10
"""Datasets that a `Link` header names."""


def build_license_links(found: list[Dataset]) -> list[str]:
    """Build `Link` header values, for output formats that have no place for a licence."""
    return [
        f"</v1/datasets>; rel=\"license\"; title*=UTF-8''{quote(f'{d.code}: {d.licence}'[:200])}"
        for d in found[:MAX_LICENSE_LINKS]
    ]
