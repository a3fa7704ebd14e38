"""The command `entente`."""

import gc
import sys

import typer


def main() -> None:
    """Import the program without looking for garbage meanwhile: none of it is, and the search
    takes a seventh of the start. Then run it."""
    gc.disable()
    command = _program()
    gc.freeze()
    gc.enable()
    command()


def _program() -> typer.Typer:
    """The whole program; where a file is to be loaded, that alone, which starts twice as fast."""
    if sys.argv[1:2] == ["load"]:
        from app.ingest.command import program  # noqa: PLC0415

        return program
    from app.cli import main as whole  # noqa: PLC0415

    return whole
