"""How much is tried of what takes long by nature: kills, overload, thousands of made-up cases."""

import os

IN_FULL = bool(os.environ.get("ENTENTE_SOAK"))


def choose_size(short: int, full: int) -> int:
    """Return the size for the suite, or for `make soak`, which sets `ENTENTE_SOAK`."""
    return full if IN_FULL else short
