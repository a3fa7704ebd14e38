"""The JSON models of imports."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator
from sqlalchemy import Row

from app.edtf import parse_bounds
from app.errors import make_crossed_error
from app.events.schemas import UnresolvedName
from app.ingest.jobs.job_store import ImportState
from app.ingest.loading.load_options import LoadMode
from app.ingest.loading.report import PartyCounts, count_parties
from app.ingest.readers.recognize import AUTO, FORMATS
from app.query_models import StrictQuery
from app.text import Code, ShortText

FormatName = Literal[
    "auto", "entente", "gdelt-v1", "gdelt-v2", "gdelt-mentions", "ucdp-ged", "acled", "icews",
    "polecat", "cow-alliance-members", "cow-alliance-dyads", "atop-members", "cow-alliances",
    "atop", "unga-ideal-points", "counts",
]  # fmt: skip
assert set(FormatName.__args__) == {AUTO, *FORMATS}  # type: ignore[attr-defined]


def _check_bounds(text: str) -> str:
    parse_bounds(text)
    return text


RetractWindow = Annotated[ShortText, AfterValidator(_check_bounds)]


class ImportQuery(StrictQuery):
    """Parameters of an upload."""

    format: FormatName = Field("auto", description="`auto` recognises the format by its content.")
    dataset: Code | None = Field(None, description="Dataset to load into, if not the format's own.")
    retract_missing: bool = Field(
        False,
        description="Retract events of the dataset that are missing from the file,"
        " a whole release.",
    )
    retract_window: RetractWindow | None = Field(
        None,
        description="With `retract_missing`: only events that began in these days (EDTF), which the"
        " file is a full release of.",
        examples=["2026-08"],
    )
    create_actors: bool = Field(False, description="Create unknown actors.")
    mode: LoadMode = Field(
        "upsert",
        description="`insert`: a row that would change a stored event is rejected;"
        " `upsert`: it changes the event.",
    )
    dry_run: bool = Field(False, description="Read and compare, store nothing.")
    url: str | None = Field(
        None,
        min_length=8,
        max_length=2000,
        description="Address of the file, for an empty body: the service fetches it, over http or"
        " https. Needs a key of the scope `admin`, and `ENTENTE_IMPORT_ADDRESSES=true`.",
        examples=["https://data.example/events.csv.gz"],
    )

    @model_validator(mode="after")
    def _check_window(self) -> "ImportQuery":
        if self.retract_window is not None and not self.retract_missing:
            hint = "Send retract_missing=true too, or leave the window out."
            raise make_crossed_error("retract_window", "needs retract_missing", hint)
        return self


class Import(BaseModel):
    """An upload and the counts of its rows by result.

    `new`, `changed`, `unchanged`, `rejected` and `duplicates` add up to `rows`.
    """

    id: str
    state: ImportState
    by: str = Field(description="Name of the access key.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    format: str
    dataset: str | None
    mode: LoadMode
    dry_run: bool = Field(description="The counts say what would be stored; nothing is.")
    bytes: int
    rows: int = Field(description="Rows that were processed so far.")
    new: int
    changed: int
    unchanged: int
    rejected: int
    duplicates: int = Field(
        description="Rows whose key occurs again later in the file; the last one counts."
    )
    retracted: int
    reasons: dict[str, int] = Field(
        description="Reasons of rejected rows, the most frequent first."
    )
    warnings: dict[str, int] = Field(description="Warnings about rows that were stored.")
    parties: PartyCounts
    unresolved: list[UnresolvedName] = Field(
        description="The most frequent names that are not the name of exactly one actor, up to 100;"
        " `/v1/imports/{id}/unresolved` has all. The nearest names are added at the end."
    )
    unknown_actors: dict[str, int] = Field(
        description="The parties among them, by the name or code in the file."
    )
    error: str | None = Field(description="Why it failed; rows stored before stay.")


class RejectedRow(BaseModel):
    """A rejected row; as a line of NDJSON it can be corrected and sent again."""

    line: int
    field: str
    reason: str
    format: str
    row: Any
    table: bool = False
    columns: list[str] = []
    separator: str = ""
    file: str = Field("", description="File within the archive; empty if no archive was sent.")
    dataset: str = Field(
        "", description="Dataset that the row is loaded into once it is corrected."
    )


def render_import(row: Row[Any]) -> Import:
    """Render a row of the table of imports."""
    options, counts = json.loads(row.options), json.loads(row.counts)
    names = [] if row.names is None else json.loads(row.names)
    unknown = {one["name"]: one["count"] for one in names if one["kind"] != "country"}
    return Import.model_validate(
        {
            **dict.fromkeys(("rows", "new", "changed", "unchanged", "rejected"), 0),
            **dict.fromkeys(("duplicates", "retracted"), 0),
            **{name: {} for name in ("reasons", "warnings")},
            "unknown_actors": unknown,
            **counts,
            "parties": count_parties(counts.get("parties", 0), counts.get("unresolved_parties", 0)),
            "unresolved": names,
            **{name: getattr(row, name) for name in ("id", "state", "by", "created_at")},
            **{name: getattr(row, name) for name in ("started_at", "finished_at", "error")},
            "format": options["format"],
            "dataset": options["dataset"],
            "mode": options.get("mode", "upsert"),
            "dry_run": options["dry_run"],
            "bytes": row.size,
        }
    )
