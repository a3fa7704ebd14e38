"""The folder of dumps: files that are written once, each with a record of what is in it.

The record is a JSON file with the name of the dump and the suffix `.json`. A dump exists once its
record does, and the record appears when the file is complete.
"""

import logging
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from app.dumps.schemas import DUMP_SUFFIXES, Dump, DumpFormat
from app.lineages import Version

log = logging.getLogger("entente.dumps")
RECORD_SUFFIX = ".json"
MAX_CODE_BYTES = 120
"""Bytes of a code in a name; file systems take 255 for the whole of it."""
_NAME = re.compile(r"[^\x00-\x1f/\\]{1,250}")


def name_dump(dataset: str, version: Version, form: DumpFormat) -> str:
    """Name a dump by dataset, version and lineage."""
    code = dataset
    if len(dataset.encode()) > MAX_CODE_BYTES:
        code = f"{dataset[:30]}-{sha256(dataset.encode()).hexdigest()[:12]}"
    return f"{code}-v{int(version)}-{version.lineage}.{DUMP_SUFFIXES[form]}"


def list_dumps(folder: Path, dataset: str | None = None) -> list[Dump]:
    """List the dumps of a folder by dataset, the newest first; of one dataset if it is named."""
    found = [dump for dump in _read_records(folder) if dataset in (None, dump.dataset)]
    found.sort(key=lambda dump: (dump.created_at, dump.format), reverse=True)
    return sorted(found, key=lambda dump: dump.dataset)


def list_newest_dumps(dumps: list[Dump]) -> list[Dump]:
    """Return the newest dump of each dataset and format, of a list as `list_dumps` returns it."""
    newest: dict[tuple[str, str], Dump] = {}
    for dump in dumps:
        newest.setdefault((dump.dataset, dump.format), dump)
    return list(newest.values())


def find_dump(folder: Path, name: str) -> Dump | None:
    """Find a dump by its name; None if there is none."""
    if _NAME.fullmatch(name) is None or name.startswith("."):
        return None
    return _read_record(folder / f"{name}{RECORD_SUFFIX}")


def save_record(folder: Path, dump: Dump) -> None:
    """Save the record of a dump whose file is complete."""
    written = folder / f".{dump.filename}{RECORD_SUFFIX}"
    written.write_text(dump.model_dump_json(indent=1), encoding="utf-8")
    os.replace(written, folder / f"{dump.filename}{RECORD_SUFFIX}")


def remove_dump(folder: Path, dump: Dump) -> None:
    """Remove a dump; who downloads it at the moment still gets the whole file."""
    (folder / f"{dump.filename}{RECORD_SUFFIX}").unlink(missing_ok=True)
    (folder / dump.filename).unlink(missing_ok=True)


def _read_records(folder: Path) -> Iterator[Dump]:
    for path in folder.glob(f"[!.]*{RECORD_SUFFIX}"):
        if (dump := _read_record(path)) is not None:
            yield dump


def _read_record(path: Path) -> Dump | None:
    try:
        status = path.stat()
        dump = _parse_record(path, status.st_mtime_ns, status.st_size)
        # A file that is gone or cut off, such as after a copy of the folder, is no dump.
        is_whole = dump is not None and (path.parent / dump.filename).stat().st_size == dump.bytes
    except OSError:
        return None
    return dump if is_whole else None


@lru_cache(maxsize=4096)
def _parse_record(path: Path, _changed: int, _size: int) -> Dump | None:
    try:
        dump = Dump.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as wrong:
        log.warning("%s is no record of a dump: %s", path, str(wrong)[:200])
        return None
    return dump if f"{dump.filename}{RECORD_SUFFIX}" == path.name else None
