"""Imports as JSON."""

import json
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Row

from app.http.page import Query
from app.ingest.imports import State
from app.ingest.load import Mode
from app.ingest.reading import AUTO, FORMATS
from app.text import Code

FormatName = Literal[
    "auto", "entente", "gdelt-v1", "gdelt-v2", "gdelt-mentions", "ucdp-ged", "acled", "icews",
    "polecat", "cow-alliance-members", "cow-alliances", "atop", "unga-ideal-points",
]  # fmt: skip
assert set(FormatName.__args__) == {AUTO, *FORMATS}  # type: ignore[attr-defined]


class ImportQuery(Query):
    """How to load what is sent."""

    format: FormatName = Field("auto", description="`auto` recognises the format by its content.")
    dataset: Code | None = Field(None, description="Dataset to load into, if not the format's own.")
    retract_missing: bool = Field(
        False, description="Retract events of the dataset that the file, a release, has not."
    )
    create_actors: bool = Field(False, description="Create actors that nobody knows.")
    mode: Mode = Field(
        "upsert",
        description="`insert`: an event that is there already, and says something else, is"
        " rejected instead of changed.",
    )
    dry_run: bool = Field(False, description="Read and compare, store nothing.")


class Import(BaseModel):
    """An upload, and what became of its rows; the first five counts add up to `rows`."""

    id: str
    state: State
    by: str = Field(description="Name of the key.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    format: str
    dataset: str | None
    mode: Mode
    dry_run: bool = Field(description="The counts say what would be stored; nothing is.")
    bytes: int
    rows: int = Field(description="Rows that are accounted for so far.")
    new: int
    changed: int
    unchanged: int
    rejected: int
    duplicates: int = Field(description="Rows whose key comes again further down; the last wins.")
    retracted: int
    reasons: dict[str, int] = Field(description="Why rows were rejected, the most frequent first.")
    warnings: dict[str, int] = Field(description="What is odd about rows that were stored.")
    unknown_actors: dict[str, int] = Field(description="Actors that nobody knows, as given.")
    error: str | None = Field(description="Why it failed; what was stored by then stays.")


class RejectedRow(BaseModel):
    """A row that could not be understood; as a line of NDJSON it can be mended and sent again."""

    line: int
    field: str
    reason: str
    format: str
    row: Any
    table: bool = False
    columns: list[str] = []
    separator: str = ""
    file: str = Field("", description="Which file of an archive; empty where none was sent.")
    dataset: str = Field("", description="Where the row goes once it is mended.")


def as_import(row: Row[Any]) -> Import:
    """A row of the table as it is answered."""
    options, counts = json.loads(row.options), json.loads(row.counts)
    return Import.model_validate(
        {
            **dict.fromkeys(("rows", "new", "changed", "unchanged", "rejected"), 0),
            **dict.fromkeys(("duplicates", "retracted"), 0),
            **{name: {} for name in ("reasons", "warnings", "unknown_actors")},
            **counts,
            **{name: getattr(row, name) for name in ("id", "state", "by", "created_at")},
            **{name: getattr(row, name) for name in ("started_at", "finished_at", "error")},
            "format": options["format"],
            "dataset": options["dataset"],
            "mode": options.get("mode", "upsert"),
            "dry_run": options["dry_run"],
            "bytes": row.size,
        }
    )
