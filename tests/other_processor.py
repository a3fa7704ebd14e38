"""Arithmetic as another processor does it.

numpy computes logarithms and exponentials with the widest vectors that a processor has, and their
last bit differs from one kind to the next. With `ENTENTE_OTHER_PROCESSOR` set, the suite runs with
every second result moved to the neighbouring double, whatever the machine is.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

FUNCTIONS = ("log", "exp", "log1p", "expm1")


def shift_last_bits(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that every second result is one unit in the last place higher."""

    def compute(*args: Any, **kwargs: Any) -> Any:
        exact = np.asarray(function(*args, **kwargs))
        shifted = (exact.astype(np.float64).view(np.int64) & 2) != 0
        result = np.where(shifted, np.nextafter(exact, np.inf), exact)
        return result if exact.ndim else result[()]

    return compute


@contextmanager
def other_processor() -> Iterator[None]:
    """Let numpy compute as on another processor for as long as the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FUNCTIONS:
            patch.setattr(np, name, shift_last_bits(getattr(np, name)))
        yield


WANTED = bool(os.environ.get("ENTENTE_OTHER_PROCESSOR"))
"""Whether the whole suite runs so."""
