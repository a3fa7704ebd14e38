"""The command `entente`."""

import gc


def main() -> None:
    """Import the program without looking for garbage meanwhile: none of it is, and the search
    takes a seventh of the start. Then run it."""
    gc.disable()
    from app.cli import main as command  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    command()
