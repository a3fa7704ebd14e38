"""Entry point of the command `entente`, which starts fast and reports outside failures briefly."""

import gc
import signal
import sys
from typing import TYPE_CHECKING

from app.version import read_program_version

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Import the command line and run it."""
    if sys.argv[1:] == ["--version"]:  # without importing the program, which takes seconds
        print(f"entente {read_program_version()}")
        return
    # Garbage collection during imports takes a seventh of the start and finds nothing.
    gc.disable()
    command = _import_program()
    gc.freeze()
    gc.enable()
    # `load -` copies standard input to a temporary file, which a normal exit removes.
    if sys.argv[1:2] == ["load"] and "-" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        command()
    except Exception as error:
        message = _describe_outside_failure(error)
        if message is None:
            raise
        sys.stderr.write(f"{message}\n")
        raise SystemExit(1) from None


def _describe_outside_failure(error: Exception) -> str | None:
    """Return a line about a failure outside the program, such as a missing file; else None."""
    from pydantic import ValidationError  # noqa: PLC0415

    from app.db.failures import is_transient_failure  # noqa: PLC0415

    if is_transient_failure(error):
        cause = getattr(error, "orig", error)
        return f"The database is not available: {' '.join(str(cause).split())}"
    if isinstance(error, ValidationError) and error.title == "Settings":
        return "\n".join(e["msg"].removeprefix("Value error, ") for e in error.errors())
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}"
    return None


def _import_program() -> "typer.Typer":
    """Import the command line; for `load` only that command, which starts twice as fast."""
    if sys.argv[1:2] == ["load"]:
        from app.ingest.command import program  # noqa: PLC0415

        return program
    from app.cli import main as whole  # noqa: PLC0415

    return whole
