"""An export loads again: it changes nothing where it came from, and is stored in full elsewhere."""

import json
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import revisions
from app.events.filter import EventQuery
from app.events.output_formats import OutputFormat
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links
from ingest.loading import find_faults, list_counts, load_file, read_documents

pytestmark = pytest.mark.bundled
FORMS = ("ndjson", "csv", "parquet", "parquet flat")


def export_events(database: Database, name: str, folder: Path) -> Path:
    """A file of every curated event in a form, or in the flat one of it."""
    form = cast(OutputFormat, name.removesuffix(" flat"))
    asked = EventQuery.model_validate(
        {"format": form, "flat": form != name, "dataset": ["curated"]}
    )
    opened = open_export(form, asked, database, b"test", lambda *_: Links(self="here"))
    file = folder / f"events.{form}"
    file.write_bytes(b"".join(FEED_FORMATS[form].write(opened.feed)))
    return file


@pytest.mark.parametrize("form", FORMS)
def test_loading_an_export_into_its_dataset_changes_nothing(
    database: Database, form: str, tmp_path: Path
) -> None:
    before, file = read_documents(database, "curated"), export_events(database, form, tmp_path)
    written = select(func.max(revisions.c.seq)).where(revisions.c.kind == "event")
    with database.connect() as db:
        last = db.scalar(written)
    for _ in range(2):
        loader, rejects = load_file(database, file, dataset="curated")
        assert list_counts(loader) == {"rows": len(before), "unchanged": len(before)}
        assert rejects == []
    with database.connect() as db:
        assert db.scalar(written) == last


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_loading_an_export_into_a_new_dataset_reproduces_it(
    database: Database, form: str, tmp_path: Path
) -> None:
    before = read_documents(database, "curated")
    loader, rejects = load_file(database, export_events(database, form, tmp_path), dataset="again")
    assert (list_counts(loader), rejects) == ({"rows": len(before), "new": len(before)}, [])
    after = read_documents(database, "again")
    same = {
        key.replace("curated:", "again:", 1): body.replace(
            json.dumps(key)[:-1] + '","dataset":"curated"', "", 1
        ).replace('"part_of":"curated:', '"part_of":"again:')
        for key, body in before.items()
    }
    for key, body in after.items():
        assert body.replace(json.dumps(key)[:-1] + '","dataset":"again"', "", 1) == same[key]
    assert find_faults(database) == []


def test_a_row_that_is_not_as_it_was_exported_is_rejected(
    database: Database, tmp_path: Path
) -> None:
    file = export_events(database, "csv", tmp_path)
    text = file.read_text("utf-8")
    file.write_text(text.replace('"[{""actor""', '"[{""actr""', 1), "utf-8")
    loader, rejects = load_file(database, file, dataset="curated")
    assert list_counts(loader)["rejected"] == 1
    assert "exported" in rejects[0].reason
