"""Files, folders, patterns and standard input, opened as bounded streams of bytes."""

import glob
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import zstandard

MOST_EXPANDED = 256 << 30
"""Bytes that one compressed file may expand to."""
MOST_RATIO = 500
"""How many times its size a file may expand to, once it is beyond `FREE` bytes."""
FREE = 64 << 20
MOST_MEMBERS = 10_000
UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


class UnreadableError(Exception):
    """A file that cannot be read (further); the message says why."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file, or a member of an archive, that can be read from its beginning more than once."""

    name: str
    size: int
    """Bytes on disk, for the progress bar."""
    open: Callable[[], "Stream"]
    path: Path | None = None
    """Where the bytes lie as they are, for readers that seek."""


class Stream(io.BufferedReader):
    """Bytes after decompression; `position` tells how much of the file was used."""

    def __init__(self, raw: io.RawIOBase, below: IO[bytes] | io.FileIO) -> None:
        super().__init__(raw, 1 << 18)
        self.below = below

    @property
    def position(self) -> int:
        """Bytes read from disk so far."""
        return 0 if self.below.closed else self.below.tell()

    def close(self) -> None:
        """Close the file on disk too."""
        super().close()
        self.below.close()


class _Bounded(io.RawIOBase):
    """A decompressed stream that stops before it drowns the reader."""

    def __init__(self, inner: IO[bytes], below: IO[bytes], most: int) -> None:
        self.inner, self.below, self.most, self.given = inner, below, most, 0

    def readable(self) -> bool:
        """As a stream to read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; raises `UnreadableError`."""
        try:
            part = self.inner.read(len(buffer))
        except (EOFError, OSError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError) as broken:
            raise UnreadableError(f"cannot be decompressed: {broken}") from broken
        buffer[: len(part)] = part
        self.given += len(part)
        used = max(self.below.tell(), 1)
        if self.given > self.most or (self.given > FREE and self.given > MOST_RATIO * used):
            raise UnreadableError(
                f"expands to more than {self.given:,} bytes from {used:,}: not read any further"
            )
        return len(part)

    def close(self) -> None:
        """Close the decompressor too."""
        self.inner.close()
        super().close()


def stream(path: Path, most: int = MOST_EXPANDED) -> Stream:
    """A file as bytes, decompressed where its first bytes say that it is compressed."""
    below = path.open("rb")
    magic = below.read(4)
    below.seek(0)
    inner: IO[bytes] = below
    if magic[:2] == b"\x1f\x8b":
        inner = gzip.open(below)  # type: ignore[assignment]  # noqa: SIM115
    elif magic == b"\x28\xb5\x2f\xfd":
        reading = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        inner = reading.stream_reader(below, read_across_frames=True)
    else:
        below.close()
        plain = io.FileIO(path)
        return Stream(plain, plain)
    return Stream(_Bounded(inner, below, most), below)


def _member(path: Path, name: str, most: int) -> Stream:
    below = path.open("rb")
    try:
        inner = zipfile.ZipFile(below).open(name)  # noqa: SIM115
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as broken:
        raise UnreadableError(f"{name} cannot be read: {broken}") from broken
    return Stream(_Bounded(inner, below, most), below)


def opened(path: Path, most: int = MOST_EXPANDED) -> Iterator[Opened]:
    """A file as what is to be read of it: itself, or the members of a zip archive.

    Members are read in place and never unpacked, so their names lead nowhere.
    """
    size = path.stat().st_size
    if not zipfile.is_zipfile(path) or path.suffix.lower() == ".xlsx":
        yield Opened(str(path), size, lambda: stream(path, most), path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
    except zipfile.BadZipFile as broken:
        raise UnreadableError(f"is a broken archive: {broken}") from broken
    if len(members) > MOST_MEMBERS:
        raise UnreadableError(f"holds {len(members):,} files; at most {MOST_MEMBERS:,} are read")
    for m in members:
        shown = PurePosixPath(m.filename).name
        yield Opened(
            f"{path}:{shown}",
            m.compress_size,
            lambda name=m.filename: _member(path, name, most),  # type: ignore[misc]
        )


def spooled(source: IO[bytes], into: Path) -> Path:
    """Standard input as a file, so that it can be read twice."""
    with into.open("wb") as out:
        while part := source.read(1 << 20):
            out.write(part)
    return into


def found(given: str, spool: Path) -> list[Path]:
    """The files that a word on the command line means: a file, a folder, a pattern, or `-`."""
    if given == "-":
        return [spooled(sys.stdin.buffer, spool / "stdin")]
    path = Path(given)
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    if path.exists():
        return [path]
    return sorted(Path(name) for name in glob.glob(given, recursive=True) if Path(name).is_file())
