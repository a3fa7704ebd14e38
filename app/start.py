"""The command `entente`."""

import gc
import signal
import sys

import typer


def main() -> None:
    """Import the program without looking for garbage meanwhile: none of it is, and the search
    takes a seventh of the start. Then run it."""
    gc.disable()
    command = _program()
    gc.freeze()
    gc.enable()
    if sys.argv[1:2] == ["load"] and "-" in sys.argv:  # of which a copy is kept meanwhile
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        command()
    except Exception as failed:
        told = _outside(failed)
        if told is None:
            raise
        sys.stderr.write(f"{told}\n")
        raise SystemExit(1) from None


def _outside(failed: Exception) -> str | None:
    """What to say of a failure that is none of the program's: a line, not where it came up."""
    from pydantic import ValidationError  # noqa: PLC0415

    from app.db.failures import passing  # noqa: PLC0415

    if passing(failed):
        cause = getattr(failed, "orig", failed)
        return f"The database cannot be used: {' '.join(str(cause).split())}"
    if isinstance(failed, ValidationError) and failed.title == "Settings":
        return "\n".join(e["msg"].removeprefix("Value error, ") for e in failed.errors())
    if isinstance(failed, OSError) and failed.strerror:
        return f"{failed.filename or 'A file'}: {failed.strerror}"
    return None


def _program() -> typer.Typer:
    """The whole program; where a file is to be loaded, that alone, which starts twice as fast."""
    if sys.argv[1:2] == ["load"]:
        from app.ingest.command import program  # noqa: PLC0415

        return program
    from app.cli import main as whole  # noqa: PLC0415

    return whole
