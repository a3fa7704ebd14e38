"""Write dumps: every event of a dataset in one version, as Parquet and as compressed NDJSON."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import zstandard
from sqlalchemy import Connection

from app.db.engine import Database
from app.db.file_lock import FileLock
from app.db.lineage_table import read_version
from app.dumps.queries import has_changed_since
from app.dumps.schemas import DUMP_FORMATS, DUMP_MEDIA_TYPES, Dump, DumpFormat
from app.dumps.store import list_dumps, name_dump, remove_dump, save_record
from app.errors import InvalidParameterError
from app.events.filter import EventQuery
from app.events.queries import resolve_filter
from app.feeds.export import EventExport
from app.feeds.registry import FEED_FORMATS
from app.lineages import Version
from app.page_models import Links
from app.sources.citation import read_cited_datasets
from app.sources.schemas import Dataset

ZSTD_LEVEL = 10
"""A file is written once and read often; higher levels take several times as long for a few %."""
SECRET = b"dump"


def write_dumps(
    database: Database,
    folder: Path,
    codes: Sequence[str] = (),
    forms: Sequence[DumpFormat] = DUMP_FORMATS,
    keep: int = 0,
) -> Iterator[Dump]:
    """Write the dumps of the datasets that changed since their last ones, and yield the new ones.

    `keep` removes all but so many versions of each dataset; 0 keeps all. Raises `LockedError` where
    another process writes dumps into the folder, and `InvalidParameterError` for unknown datasets.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with closing(FileLock(folder / "writing")):
        with database.connect() as db:
            version = read_version(db)
            datasets = _read_datasets(db, codes)
        for dataset in datasets:
            for form in forms:
                with database.connect() as db:
                    is_current = _has_current_dump(db, folder, dataset.code, form, version)
                if not is_current:
                    yield _write_dump(database, folder, dataset, form, version)
            if keep:
                _remove_older(folder, dataset.code, keep)


def _read_datasets(db: Connection, codes: Sequence[str]) -> list[Dataset]:
    datasets = read_cited_datasets(db, codes)
    known = {dataset.code for dataset in datasets}
    if unknown := [code for code in codes if code not in known]:
        raise InvalidParameterError("dataset", f"unknown dataset {unknown[0]!r}")
    return datasets


def _has_current_dump(
    db: Connection, folder: Path, code: str, form: DumpFormat, version: Version
) -> bool:
    """Return whether nothing of a dataset changed since its newest dump in this history."""
    for dump in list_dumps(folder, code):
        if dump.format == form and dump.lineage == version.ancestry.find_lineage(dump.version):
            return not has_changed_since(db, code, dump.version)
    return False


def _write_dump(
    database: Database, folder: Path, dataset: Dataset, form: DumpFormat, version: Version
) -> Dump:
    asked = EventQuery.model_validate({"dataset": [dataset.code], "sort": "date", "format": form})
    with database.connect() as db:
        resolved = resolve_filter(db, asked, None)
    address = (
        f"/v1/events?dataset={quote(dataset.code)}&sort=date&format={form}"
        f"&as_of={int(version)}&lineage={version.lineage}"
    )
    opened = EventExport(
        form, asked, resolved, version, database, SECRET, lambda *_: Links(self=address)
    )
    counter = _Counter(opened.feed.chunks)
    feed = replace(opened.feed, chunks=counter.pass_chunks())
    name = name_dump(dataset.code, version, form)
    begun = folder / f".{name}"
    digest, size = sha256(), 0
    parts = FEED_FORMATS[form].write(feed)
    with begun.open("wb") as file:
        for part in _compress_parts(parts) if form == "ndjson" else parts:
            file.write(part)
            digest.update(part)
            size += len(part)
        file.flush()
        os.fsync(file.fileno())
    os.replace(begun, folder / name)
    dump = Dump(
        filename=name,
        href=f"/v1/dumps/files/{quote(name)}",
        dataset=dataset.code,
        format=form,
        media_type=DUMP_MEDIA_TYPES[form],
        bytes=size,
        sha256=digest.hexdigest(),
        events=counter.count,
        version=int(version),
        lineage=version.lineage,
        licence=dataset.licence,
        citation=dataset.citation,
        created_at=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    )
    save_record(folder, dump)
    return dump


class _Counter:
    """Counts the documents that pass."""

    def __init__(self, chunks: Iterator[list[str]]) -> None:
        self._chunks, self.count = chunks, 0

    def pass_chunks(self) -> Iterator[list[str]]:
        for chunk in self._chunks:
            self.count += len(chunk)
            yield chunk


def _compress_parts(parts: Iterator[bytes]) -> Iterator[bytes]:
    made = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compressobj()
    for part in parts:
        if packed := made.compress(part):
            yield packed
    yield made.flush()


def _remove_older(folder: Path, code: str, keep: int) -> None:
    dumps = list_dumps(folder, code)
    versions = list(dict.fromkeys((dump.version, dump.lineage) for dump in dumps))
    for dump in dumps:
        if (dump.version, dump.lineage) in versions[keep:]:
            remove_dump(folder, dump)
