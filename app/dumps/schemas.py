"""JSON schemas of dumps: what is listed of each file."""

from typing import Literal, get_args

from pydantic import BaseModel, Field

from app.page_models import Meta

DumpFormat = Literal["parquet", "ndjson"]
DUMP_FORMATS: tuple[DumpFormat, ...] = get_args(DumpFormat)
DUMP_MEDIA_TYPES: dict[DumpFormat, str] = {
    "parquet": "application/vnd.apache.parquet",
    "ndjson": "application/zstd",
}
DUMP_SUFFIXES: dict[DumpFormat, str] = {"parquet": "parquet", "ndjson": "ndjson.zst"}


class Dump(BaseModel):
    """A file with every event of a dataset as of one version; it never changes."""

    filename: str = Field(description="Dataset, version and lineage.")
    href: str = Field(description="Where it is downloaded, in whole or by ranges of bytes.")
    dataset: str
    format: DumpFormat = Field(
        description="`parquet`: nested values with types; `ndjson`: a document on each line,"
        " compressed by Zstandard."
    )
    media_type: str
    bytes: int = Field(description="Length of the file.")
    sha256: str = Field(description="SHA-256 of the file, hexadecimal.")
    events: int = Field(description="Events in it.")
    version: int = Field(description="Version of the database that it has.")
    lineage: str = Field(description="Lineage of that version.")
    in_history: bool = Field(
        True,
        description="False: the database was restored since and left this version, so its"
        " permalinks are gone.",
    )
    licence: str
    citation: str
    created_at: str


class DumpLinks(BaseModel):
    """Where this list is, and what describes its files for programs."""

    self: str
    datapackage: str = Field(description="Frictionless data package of the newest files.")
    jsonld: str = Field(description="schema.org datasets with their downloads.")


class DumpPage(BaseModel):
    """The dumps that can be downloaded, the newest of each dataset first."""

    data: list[Dump]
    meta: Meta
    links: DumpLinks
