"""Whose rows they are: datasets with licence and citation, carried along in every form."""

from collections.abc import Iterable
from urllib.parse import quote

from sqlalchemy import Connection, select

from app.db.tables import datasets, revisions
from app.sources.schemas import Dataset


def cited(db: Connection, codes: Iterable[str] = ()) -> list[Dataset]:
    """The datasets of these codes, or all of them."""
    d = datasets.c
    rows = select(revisions.c.document).join(datasets, d.seq == revisions.c.seq).order_by(d.code)
    if wanted := list(codes):
        rows = rows.where(d.code.in_(wanted))
    return [Dataset.model_validate_json(document) for document in db.scalars(rows)]


def credit(dataset: Dataset) -> dict[str, str]:
    """What stands in a file of a dataset's rows."""
    return dataset.model_dump(include={"code", "name", "version", "licence", "citation"})


def sentence(dataset: Dataset) -> str:
    """The same for people."""
    return f"{dataset.citation}, version {dataset.version}. Licence: {dataset.licence}."


MOST = 10


def license_links(found: list[Dataset]) -> list[str]:
    """Values of the `Link` header, for forms that have no place for a licence."""
    return [
        f"</v1/datasets>; rel=\"license\"; title*=UTF-8''{quote(f'{d.code}: {d.licence}'[:200])}"
        for d in found[:MOST]
    ]
