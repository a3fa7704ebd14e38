"""Real data beside the checkout, for tests that run where it is."""

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def read_shared_rows(name: str) -> list[dict[str, Any]]:
    """Read the rows of a CSV file; skips the test where the file is missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the checkout")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return list(csv.DictReader(lines))
