"""A second database, for what goes from one to the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import copy_database
from turns import KINDS

from app.db.engine import Database


@pytest.fixture
def replica(
    kind: str, content: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """A database of the other kind, with the same content as the first."""
    [other] = [one for one in KINDS if one != kind]
    made = Database(copy_database(other, "copy", tmp_path, request, content))
    yield made
    made.close()
