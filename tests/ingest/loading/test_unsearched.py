"""Loads into datasets that are not searched index no words."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.db.dialect.full_text import select_indexed_seqs
from app.db.engine import Database
from app.db.reader import read_unsearched_codes
from ingest.loading import find_faults, load_file, try_load, write_file
from ingest.loading.test_jobs import in_process, small_batches, write_inputs  # noqa: F401
from ingest.rows import make_table


def count_indexed(database: Database) -> int:
    """Count the revisions whose words are indexed."""
    with database.connect() as db:
        return len(list(db.scalars(select(select_indexed_seqs(db.dialect.name).c.seq))))


def test_a_load_makes_a_dataset_that_is_not_searched(database: Database, tmp_path: Path) -> None:
    rows = [{"globaleventid": f"{n}"} for n in range(3)]
    path = write_file(tmp_path / "a.export.CSV", make_table("gdelt-v2", rows))
    before = count_indexed(database)
    assert load_file(database, path, searched=False)[0].stats.new == 3
    late = write_file(tmp_path / "m.csv", make_table("gdelt-mentions", [{"globaleventid": "1"}]))
    assert load_file(database, late)[0].stats.rejected == 0
    assert (count_indexed(database), find_faults(database)) == (before, [])
    with database.connect() as db:
        assert read_unsearched_codes(db) == {"gdelt"}
    _, _, [failed] = try_load(database, path, searched=True)
    assert "whose words are not searched; entente datasets search gdelt on" in failed
    assert load_file(database, path)[0].stats.unchanged == 3


@pytest.mark.usefixtures("in_process")
def test_so_do_processes_that_share_a_load(database: Database, tmp_path: Path) -> None:
    before = count_indexed(database)
    loader, _ = load_file(database, write_inputs(tmp_path)[1], jobs=2, searched=False)
    assert loader.stats.new > 30
    assert (count_indexed(database), find_faults(database)) == (before, [])
