"""What `entente load` opens: the database, its input files, by address too, and where it writes."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import typer
from rich.console import Console

from app.db.engine import Database
from app.db.schema import StaleSchemaError, require_current_schema
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.loading.load_options import LoadOptions
from app.ingest.loading.stats import LoadStats
from app.ingest.readers.files import InputFile, find_input_paths, open_input_files
from app.ingest.readers.rows import Reject
from app.ingest.remote.address import FileAddress, is_address, parse_address
from app.ingest.remote.errors import DownloadError
from app.ingest.remote.known_files import read_known_file, write_known_file
from app.settings import Settings

if TYPE_CHECKING:
    from app.ingest.remote.download import Download, FileRequest

EXIT_FAILED = 1
"""The exit code where a file could not be read or stored."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def open_database() -> Iterator[Database]:
    """Open the database; exits with a message if its schema is not the program's."""
    with closing(Database(Settings().database_url)) as database:
        try:
            require_current_schema(database)
        except StaleSchemaError as stale:
            errors.print(str(stale))
            raise typer.Exit(EXIT_FAILED) from stale
        yield database


def open_files(files: list[str], spool: Path, known: "AddressBook") -> list[InputFile]:
    """Find and open the files that the arguments name; exits with a message if one is missing."""
    inputs: list[InputFile] = []
    for word in files:
        if is_address(word):
            paths = [_fetch_file(word, spool, known)]
        else:
            paths = find_input_paths(word, spool)
        if not paths:
            raise typer.BadParameter(f"no such file: {word}", param_hint="FILES")
        for path in paths:
            try:
                inputs += open_input_files(path)
            except (UnreadableFileError, OSError) as wrong:
                errors.print(f"{path} {wrong}", markup=False)
                raise typer.Exit(EXIT_FAILED) from wrong
    return inputs


def _fetch_file(word: str, spool: Path, known: "AddressBook") -> Path:
    """Download the file of an address; exits with a message if that fails, or nothing is new."""
    # The client takes a tenth of a second to import, and most loads are of files.
    from app.ingest.remote.download import DownloadLimits, fetch_file  # noqa: PLC0415

    settings = Settings()
    limits = DownloadLimits(
        settings.max_import_bytes, settings.allow_private_addresses, settings.contact
    )
    folder = Path(tempfile.mkdtemp(dir=spool))
    try:
        with _show_bytes(word) as report:
            done = fetch_file(known.make_request(parse_address(word)), folder, limits, report)
    except DownloadError as wrong:
        errors.print(f"{wrong.url or word} {wrong}", markup=False)
        raise typer.Exit(EXIT_FAILED) from wrong
    if done.is_unchanged:
        errors.print(
            f"{word} is unchanged since it was loaded on {known.loaded_at}; --again loads it again",
            markup=False,
        )
        raise typer.Exit(0)
    known.done = done
    return done.path


class AddressBook:
    """What is known of the one address that a command loads; of several nothing is kept."""

    def __init__(self, files: list[str], options: LoadOptions, *, again: bool) -> None:
        self._keeps = len(files) == 1 and is_address(files[0]) and not options.dry_run
        self._again, self.loaded_at = again, ""
        self._purpose = msgspec.json.encode(options).decode()
        self._request: FileRequest | None = None
        self.done: Download | None = None

    def make_request(self, address: FileAddress) -> "FileRequest":
        """Make the request for the file, unless it is unchanged since it was loaded."""
        from app.ingest.remote.download import FileRequest  # noqa: PLC0415

        self._request = FileRequest(address)
        if self._keeps and not self._again:
            with open_database() as database:
                known = read_known_file(database, address, self._purpose)
            if known is not None:
                self.loaded_at = known.loaded_at
                self._request = FileRequest(
                    address, etag=known.etag, last_modified=known.last_modified
                )
        return self._request

    def write(self, database: Database, stats: LoadStats) -> None:
        """Write what is known of the file now."""
        if self._keeps and self.done is not None and self._request is not None:
            size = self.done.path.stat().st_size
            counts = (stats.rows, stats.rejected)
            write_known_file(
                database, self._request.address, self._purpose, self.done, size, *counts
            )


@contextmanager
def _show_bytes(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show on a terminal how much of a file has arrived."""
    if not errors.is_terminal:
        yield lambda *_: None
        return
    from app.ingest.progress_bars import show_arrival  # noqa: PLC0415 - only terminals need it

    with show_arrival(name, errors) as update_bar:
        yield update_bar


@contextmanager
def open_rejects(path: Path | None, inputs: list[InputFile]) -> Iterator[Callable[[Reject], None]]:
    """Open the file for rejected rows, and yield what writes one to it."""
    if path is None:
        yield lambda _: None
        return
    _refuse_input_path(path, inputs, "--rejects")
    encode = msgspec.json.Encoder().encode
    try:
        out = path.open("wb")
    except OSError as wrong:
        raise typer.BadParameter(
            f"{path}: {wrong.strerror or wrong}", param_hint="--rejects"
        ) from wrong
    with out:
        yield lambda reject: _write_line(out, encode(reject))


def _refuse_input_path(path: Path, inputs: list[InputFile], option: str) -> None:
    if path.exists() and any(
        file.disk_path.exists() and path.samefile(file.disk_path) for file in inputs
    ):
        raise typer.BadParameter(f"{path} is also an input; name another file", param_hint=option)


def require_writable(path: Path | None, inputs: list[InputFile]) -> None:
    """Refuse a file that cannot be written before anything is loaded."""
    if path is None:
        return
    _refuse_input_path(path, inputs, "--unresolved")
    try:
        path.write_bytes(b"")
    except OSError as wrong:
        raise typer.BadParameter(
            f"{path}: {wrong.strerror or wrong}", param_hint="--unresolved"
        ) from wrong


def _write_line(out: BinaryIO, body: bytes) -> None:
    out.write(body + b"\n")
