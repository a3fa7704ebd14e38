"""The field's own files, where they lie beside the checkout: every row is accounted for."""

import json
from pathlib import Path

import pytest

from app.db.engine import Database
from app.db.lineage_table import read_version
from app.events.filter import EventQuery
from app.feeds.export import open_export
from app.feeds.registry import FEED_FORMATS
from app.page_models import Links
from ingest.loading import find_faults, list_counts, load_file, read_documents

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not DATA.exists(), reason="the field's own files are not beside the checkout"
    ),
]

FILES = {
    "gdelt/20170101073000.export.CSV": {"rows": 720, "new": 720},
    "gdelt/20170101073000.mentions.CSV": {"rows": 1983, "new": 1973, "duplicates": 10},
    "gdelt/20151027220000.events.CSV": {"rows": 2116, "new": 2116},
    "gdelt/gdelt1_20160728_first100.CSV": {"rows": 100, "new": 100},
    "ucdp/ged_bgd_hdx_fixture.csv": {"rows": 601, "new": 601},
    "ucdp/ged_v23_1_first100.csv": {"rows": 88, "new": 88},
    "icews/events.2018.sample.tab": {"rows": 3705, "new": 3705},
    "unga/IdealpointestimatesAll_Jun2024.csv.gz": {"rows": 11238, "new": 11238},
}


@pytest.mark.soak
@pytest.mark.by_turns
@pytest.mark.parametrize("name", FILES)
def test_a_file_loads_and_loads_again(database: Database, name: str) -> None:
    assert list_counts(load_file(database, DATA / name)[0]) == FILES[name]
    again = {k: n for k, n in FILES[name].items() if k != "new"} | {"unchanged": FILES[name]["new"]}
    assert list_counts(load_file(database, DATA / name)[0]) == again
    assert find_faults(database) == []


@pytest.mark.slow
def test_a_newer_release(database: Database) -> None:
    old, new = (DATA / f"ucdp/ged_ukr_v{v}.csv" for v in ("19_1", "20_1"))
    assert list_counts(load_file(database, old)[0]) == {"rows": 993, "new": 993}
    before = read_documents(database, "ucdp-ged")
    with database.connect() as db:
        between = read_version(db)
    counted = list_counts(load_file(database, new, retract_missing=True)[0])
    assert counted == {"rows": 1167, "new": 174, "changed": 3, "unchanged": 990}
    after = read_documents(database, "ucdp-ged")
    assert sum(after[key] != body for key, body in before.items()) == 3
    assert read_as_of(database, between) == before
    with database.connect() as db:
        assert read_as_of(database, read_version(db)) == after
    assert find_faults(database) == []


def read_as_of(database: Database, version: int) -> dict[str, str]:
    """The events of UCDP as of a version, without when they were written."""
    asked = EventQuery.model_validate(
        {"format": "ndjson", "dataset": ["ucdp-ged"], "as_of": str(version)}
    )
    opened = open_export("ndjson", asked, database, b"test", lambda *_: Links(self="here"))
    lines = b"".join(FEED_FORMATS["ndjson"].write(opened.feed)).decode().splitlines()
    return {json.loads(line)["id"]: line.partition(',"recorded_at":')[0] for line in lines}


@pytest.mark.slow
def test_what_a_release_lacks_is_retracted(database: Database, tmp_path: Path) -> None:
    whole = DATA / "ucdp/ged_ukr_v20_1.csv"
    load_file(database, whole)
    rows = whole.read_text("utf-8").splitlines(keepends=True)
    cut = tmp_path / "cut.csv"
    cut.write_text("".join(rows[:2] + rows[12:]), "utf-8")
    counted = list_counts(load_file(database, cut, retract_missing=True)[0])
    assert counted == {"rows": 1157, "unchanged": 1157, "retracted": 10}
