"""Archives of sources: whether they are what they should be, and the one member that is wanted."""

import re
import shutil
import zipfile
import zlib
from pathlib import Path

from app.pull.items import BadFileError

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)


def require_one_member(path: Path, name: str) -> None:
    """Check that a zip archive has one member, of a name, and is whole."""
    if not zipfile.is_zipfile(path):
        raise BadFileError(f"is no archive: it begins with {_show_beginning(path)}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if names != [name]:
                raise BadFileError(f"has the members {', '.join(names)[:200]}, not {name}")
            if (broken := archive.testzip()) is not None:
                raise BadFileError(f"is damaged in {broken}")
    except _BROKEN as damage:
        raise BadFileError(f"is damaged: {damage}") from damage


def unpack_member(path: Path, pattern: str, folder: Path) -> Path:
    """Unpack the one member of an archive whose name matches, into a folder of ours."""
    if not zipfile.is_zipfile(path):
        raise BadFileError(f"is no archive: it begins with {_show_beginning(path)}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if re.search(pattern, name)]
            if len(names) != 1:
                raise BadFileError(f"has {len(names)} members like {pattern}")
            target = folder / f"unpacked-{Path(names[0]).name}"
            with archive.open(names[0]) as member, target.open("wb") as out:
                shutil.copyfileobj(member, out, 1 << 20)
            return target
    except _BROKEN as damage:
        raise BadFileError(f"is damaged: {damage}") from damage


def refuse_page(path: Path) -> None:
    """Refuse a web page that came in place of data."""
    beginning = _read_beginning(path).lstrip().lower()
    if not beginning:
        raise BadFileError("is empty")
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise BadFileError("is a web page, not data")


def _read_beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(200)


def _show_beginning(path: Path) -> str:
    return repr(_read_beginning(path)[:40].decode("latin-1"))
