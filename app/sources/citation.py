"""Licence and citation of datasets, which every output format carries with their rows."""

from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import Connection, select

from app.db.tables import datasets, revisions
from app.sources.schemas import Dataset


def read_cited_datasets(db: Connection, codes: Iterable[str] = ()) -> list[Dataset]:
    """Read the datasets with these codes, or all datasets where no code is passed."""
    d = datasets.c
    rows = select(revisions.c.document).join(datasets, d.seq == revisions.c.seq).order_by(d.code)
    if selected := list(codes):
        rows = rows.where(d.code.in_(selected))
    return [Dataset.model_validate_json(document) for document in db.scalars(rows)]


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
