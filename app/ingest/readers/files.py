"""This module finds input files and opens them as decompressed streams of bounded size."""

import bz2
import codecs
import glob
import gzip
import io
import lzma
import struct
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import zstandard

from app.ingest.formats.errors import UnreadableFileError

MAX_EXPANDED_BYTES = 256 << 30
"""Maximum bytes that one compressed file may expand to."""
MAX_EXPANSION_RATIO = 500
"""Maximum factor by which a file may expand, once it is beyond `UNCHECKED_BYTES`."""
UNCHECKED_BYTES = 64 << 20
"""Bytes that a file may always expand to, whatever its size."""
MAX_ARCHIVE_MEMBERS = 10_000
COMPRESSED_CHUNK_BYTES = 1 << 10
"""Bytes of zstd, xz or bzip2 that are expanded at once; they may expand thirty-thousandfold."""
MAX_EMPTY_CHUNKS = 100_000
"""Maximum chunks in a row that expand to nothing."""
MAX_WINDOW_BYTES = 1 << 27
"""Maximum memory of a decompressor; more than the highest level of xz takes."""
WORKBOOK_MEMBER = "[Content_Types].xml"
"""A member that every workbook of Excel has; workbooks are zip archives."""
SPREADSHEET_MEMBERS = {"mimetype", "content.xml"}
"""The members that every document of OpenDocument has."""
GZIP_MARK = b"\x1f\x8b"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file or a member of an archive; it can be opened more than once."""

    name: str
    size: int
    """Bytes on disk, for the progress bar."""
    open: Callable[[], "InputStream"]
    disk_path: Path
    """The path of the file, or of the archive that contains it."""
    seekable_path: Path | None = None
    """The path for readers that seek; None for a member of an archive."""


class InputStream(io.BufferedReader):
    """A stream of decompressed bytes that knows its position in the file on disk."""

    def __init__(self, raw: io.RawIOBase, below: "IO[bytes] | io.FileIO | _ArchiveHandle") -> None:
        super().__init__(raw, 1 << 18)
        self.below = below

    @property
    def position(self) -> int:
        """The number of bytes read from disk so far."""
        return 0 if self.below.closed else self.below.tell()

    def close(self) -> None:
        """Close the stream and the file on disk."""
        super().close()
        self.below.close()


_DECOMPRESSION_ERRORS = (
    EOFError, OSError, RuntimeError, ValueError, lzma.LZMAError, struct.error, zlib.error,
    zipfile.BadZipFile, zstandard.ZstdError,
)  # fmt: skip
"""Errors that the libraries raise for damaged files.

`NotImplementedError`, for a compression method that is not supported, is a `RuntimeError`.
"""


class _BoundedStream(io.RawIOBase):
    """A decompressed stream that fails when a file expands too much."""

    def __init__(
        self, inner: "IO[bytes] | _FrameStream", below: "IO[bytes] | _ArchiveHandle", most: int
    ) -> None:
        self.inner, self.below, self.max_bytes, self.expanded_bytes = inner, below, most, 0

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; raises `UnreadableFileError`."""
        try:
            part = self.inner.read(len(buffer))
        except _DECOMPRESSION_ERRORS as broken:
            raise UnreadableFileError(f"cannot be decompressed: {broken}") from broken
        buffer[: len(part)] = part
        self.expanded_bytes += len(part)
        used = max(self.below.tell(), 1)
        if self.expanded_bytes > self.max_bytes or (
            self.expanded_bytes > UNCHECKED_BYTES
            and self.expanded_bytes > MAX_EXPANSION_RATIO * used
        ):
            raise UnreadableFileError(
                f"expands to more than {self.expanded_bytes:,} bytes from {used:,}; reading stopped"
            )
        return len(part)

    def close(self) -> None:
        """Close the stream and the decompressor."""
        self.inner.close()
        super().close()


class _Utf16Stream(io.RawIOBase):
    """A stream of UTF-8 from one of UTF-16, as Excel saves Unicode text."""

    def __init__(self, inner: io.RawIOBase) -> None:
        self._inner = io.BufferedReader(inner, 1 << 16)
        self._decoder = codecs.getincrementaldecoder("utf-16")()
        self._made = memoryview(b"")

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; raises `UnreadableFileError`."""
        while not self._made:
            part = self._inner.read1(1 << 16)
            try:
                self._made = memoryview(self._decoder.decode(part, final=not part).encode())
            except UnicodeError as wrong:
                raise UnreadableFileError(f"is not whole UTF-16: {wrong}") from wrong
            if not part:
                break
        taken = self._made[: len(buffer)]
        buffer[: len(taken)] = taken
        self._made = self._made[len(taken) :]
        return len(taken)

    def close(self) -> None:
        """Close the stream and the one that it decodes."""
        self._inner.close()
        super().close()


def _make_text_stream(
    raw: io.RawIOBase, below: "IO[bytes] | io.FileIO | _ArchiveHandle"
) -> InputStream:
    """Make a stream of bytes, which are UTF-8 where the file is marked as UTF-16."""
    stream = InputStream(raw, below)
    start = stream.peek(4)[:4]
    if start[:2] not in UTF16_MARKS or start == b"\xff\xfe\x00\x00":
        return stream
    return InputStream(_Utf16Stream(stream), below)  # type: ignore[arg-type]


class _Frame(Protocol):
    """What decompresses one frame."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""

    @property
    def unused_data(self) -> bytes:
        """What follows the frame."""

    def decompress(self, data: bytes, /) -> bytes:
        """Decompress the next bytes of the frame."""


_FRAME_DECOMPRESSORS: tuple[tuple[bytes, Callable[[], _Frame]], ...] = (
    (
        b"\x28\xb5\x2f\xfd",
        lambda: zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj(),
    ),
    (b"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(memlimit=MAX_WINDOW_BYTES)),
    (b"BZh", bz2.BZ2Decompressor),
)
"""By the first bytes of a file: what makes a decompressor of one of its frames."""


class _FrameStream:
    """A stream of frames of zstd, xz or bzip2, which may follow each other."""

    # The reader of zstd does not report that the last frame is truncated.

    def __init__(self, below: IO[bytes], make_frame: Callable[[], _Frame]) -> None:
        self._below, self._make_frame = below, make_frame
        self._frame: _Frame | None = None
        self._rest, self._made, self._empty = b"", memoryview(b""), 0

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, none at the end; raises `EOFError` if the file is truncated."""
        while not self._made:
            piece = self._rest or self._below.read(COMPRESSED_CHUNK_BYTES)
            if not piece and self._frame is not None:
                raise EOFError("the file is truncated")
            if not piece:
                return b""
            if self._frame is None:
                self._frame = self._make_frame()
            self._made = memoryview(self._frame.decompress(piece))
            self._rest = self._frame.unused_data if self._frame.eof else b""
            self._empty = 0 if self._made else self._empty + 1
            if self._empty > MAX_EMPTY_CHUNKS:
                raise ValueError("too many empty chunks")
            if self._frame.eof:
                self._frame = None
        part, self._made = bytes(self._made[:size]), self._made[size:]
        return part

    def close(self) -> None:
        """Do nothing: the stream owns no resource."""


def open_input_stream(path: Path, most: int = MAX_EXPANDED_BYTES) -> InputStream:
    """Open a file; it is decompressed if its first bytes are those of gzip, zstd, xz or bzip2."""
    below = path.open("rb")
    magic = below.read(6)
    below.seek(0)
    make_frame = _find_decompressor(magic)
    inner: IO[bytes] | _FrameStream = below
    if magic[:2] == GZIP_MARK:
        inner = gzip.open(below)  # type: ignore[assignment]  # noqa: SIM115
    elif make_frame is not None:
        inner = _FrameStream(below, make_frame)
    else:
        below.close()
        plain = io.FileIO(path)
        return _make_text_stream(plain, plain)
    return _make_text_stream(_BoundedStream(inner, below, most), below)


def _find_decompressor(start: bytes) -> Callable[[], _Frame] | None:
    return next((make for mark, make in _FRAME_DECOMPRESSORS if start.startswith(mark)), None)


def is_compressed(start: bytes) -> bool:
    """Return whether the first bytes are those of a compressed file."""
    return start.startswith(GZIP_MARK) or _find_decompressor(start) is not None


class _ArchiveHandle:
    """The handle of an archive as one of its members uses it; closing it keeps the archive open."""

    def __init__(self, whole: IO[bytes]) -> None:
        self._whole, self.closed = whole, False

    def tell(self) -> int:
        """Return the number of bytes read from disk so far."""
        return self._whole.tell()

    def close(self) -> None:
        """Mark this handle as closed; the archive stays open."""
        self.closed = True


_thread_cache = threading.local()
"""The archive that this thread read last, kept since reading its list of members is slow."""


def _open_archive(path: Path) -> zipfile.ZipFile:
    now = path.stat()
    which = (path, now.st_ino, now.st_size, now.st_mtime_ns)
    cached: tuple[object, zipfile.ZipFile] | None = getattr(_thread_cache, "archive", None)
    if cached is not None and cached[0] == which:
        return cached[1]
    if cached is not None:
        cached[1].close()  # the file itself stays open as long as a member of it is read
    _thread_cache.archive = None
    made = zipfile.ZipFile(path)
    _thread_cache.archive = which, made
    return made


def _open_member(path: Path, member: zipfile.ZipInfo, most: int) -> InputStream:
    try:
        archive = _open_archive(path)
        inner = archive.open(member)
    except _DECOMPRESSION_ERRORS as broken:
        raise UnreadableFileError(f"cannot be read: {broken}") from broken
    assert archive.fp is not None
    below = _ArchiveHandle(archive.fp)
    return _make_text_stream(_BoundedStream(inner, below, most), below)


def open_input_files(path: Path, most: int = MAX_EXPANDED_BYTES) -> Iterator[InputFile]:
    """Yield a file to read, or the members of a zip archive; raises `UnreadableFileError`.

    Members are read in place and never written to disk, so their paths are harmless.
    """
    size = path.stat().st_size
    with path.open("rb") as begun:
        if begun.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            yield InputFile(str(path), size, lambda: open_input_stream(path, most), path, path)
            return
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not _is_skipped(m)]
    except _DECOMPRESSION_ERRORS as broken:
        raise UnreadableFileError(f"is a broken archive: {broken}") from broken
    names = {m.filename for m in members}
    if WORKBOOK_MEMBER in names or names >= SPREADSHEET_MEMBERS:
        raise UnreadableFileError("is a workbook; save its sheet as CSV and load that")
    if not members:
        raise UnreadableFileError("is an archive without files")
    if len(members) > MAX_ARCHIVE_MEMBERS:
        raise UnreadableFileError(
            f"has {len(members):,} files; at most {MAX_ARCHIVE_MEMBERS:,} are read"
        )
    for m in members:
        shown = PurePosixPath(m.filename).name
        yield InputFile(
            f"{path}:{shown}",
            m.compress_size,
            lambda member=m: _open_member(path, member, most),  # type: ignore[misc]
            path,
        )


def _is_skipped(member: zipfile.ZipInfo) -> bool:
    """Return whether a member is a folder, or hidden, as what macOS adds to its archives."""
    path = PurePosixPath(member.filename)
    return member.is_dir() or "__MACOSX" in path.parts or path.name.startswith(".")


def spool_to_file(source: IO[bytes], into: Path) -> Path:
    """Copy a stream to a file, so that it can be read twice."""
    with into.open("wb") as out:
        while part := source.read(1 << 20):
            out.write(part)
    return into


def find_input_paths(argument: str, spool: Path) -> list[Path]:
    """Find the files that a command-line argument means: a file, a folder, a pattern, or `-`."""
    if argument == "-":
        return [spool_to_file(sys.stdin.buffer, spool / "stdin")] if sys.stdin is not None else []
    path = Path(argument)
    if path.is_fifo():
        with path.open("rb") as source:
            return [spool_to_file(source, spool / f"{len(list(spool.iterdir()))}-{path.name}")]
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    if path.exists():
        return [path]
    return sorted(
        Path(name) for name in glob.glob(argument, recursive=True) if Path(name).is_file()
    )
