"""A part of GDELT, chosen at the door, goes into a dataset that says what it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ingest.rows import make_table
from pull.pulling import list_events, list_states, run_round
from pull.stand_in import Sources, run_sources

from app.db.engine import Database
from app.pull.gdelt_filter import GdeltFilter
from app.pull.items import PullError, PullWindow
from app.pull.sources import SourceOptions, make_source
from app.settings import Settings
from app.sources.covered import read_dataset_document, read_slot_days

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

AT = datetime(2026, 1, 2, tzinfo=UTC)
ROWS: dict[str, dict[str, str]] = {
    "one": {"actor1countrycode": "ARM", "eventrootcode": "18"},
    "two": {"actor2countrycode": "AZE", "eventrootcode": "03"},
    "place": {"actiongeo_countrycode": "AM", "eventrootcode": "19"},  # FIPS of Armenia
    "else": {"actor1countrycode": "USA", "actor2countrycode": "RUS", "eventrootcode": "18"},
}
PLAIN = {"actor1countrycode": "", "actor2countrycode": "", "actiongeo_countrycode": ""}


@pytest.fixture
def sources() -> Iterator[Sources]:
    """The stand-in with a slot of four rows, and one in which no row passes."""
    with run_sources(AT + timedelta(minutes=20)) as found:
        for at, names in ((AT, list(ROWS)), (AT + timedelta(minutes=15), ["else"])):
            stamp = f"{at:%Y%m%d%H%M%S}"
            cells = [
                PLAIN
                | {"globaleventid": name, "dateadded": stamp, "sqldate": stamp[:8]}
                | ROWS[name]
                | {"sourceurl": f"https://www.news.example/{name}"}
                for name in names
            ]
            found.publish(at, "export", make_table("gdelt-v2", cells))
        yield found


def pull_part(database: Database, sources: Sources, *where: str) -> Any:
    options = SourceOptions(where=where, dataset="caucasus")
    return run_round(database, sources, options=options, window=PullWindow(AT, None))


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (("country=ARM,AZE",), ["one", "place", "two"]),
        (("root=18",), ["else", "one"]),
        (("country=ARM", "root=18,19"), ["one", "place"]),
    ],
)
def test_only_rows_that_pass_are_loaded(
    database: Database, sources: Sources, where: tuple[str, ...], kept: list[str]
) -> None:
    report = pull_part(database, sources, *where)
    assert sum(report.outcomes.values()) == 2
    assert list_events(database, "caucasus") == kept
    assert list_events(database, "gdelt") == []
    with database.connect() as db:
        stored = read_dataset_document(db, "caucasus")
        days = read_slot_days(db)["caucasus"]
    assert stored is not None
    assert where[-1].rpartition(",")[2].rpartition("=")[2] in str(stored.scope)
    # A slot without rows that pass is covered: nothing of that kind happened in it.
    assert [day.covered for day in days] == [2]
    assert len(list_states(database, "gdelt-part-caucasus")) == 2
    assert pull_part(database, sources, *where).rows == 0


def test_another_filter_needs_another_dataset(database: Database, sources: Sources) -> None:
    pull_part(database, sources, "root=18")
    with pytest.raises(PullError, match="name another --dataset"):
        pull_part(database, sources, "root=19")


@pytest.mark.parametrize(
    "word", ["country=Armenia", "country=", "root=99", "root=1", "tone=5", "root", ""]
)
def test_a_wrong_filter_is_refused(word: str) -> None:
    with pytest.raises(PullError, match="--where"):
        GdeltFilter.parse_words([word])


@pytest.mark.parametrize(
    "options",
    [
        SourceOptions(where=["root=18"]),
        SourceOptions(where=["root=18"], dataset="gdelt"),
        SourceOptions(where=["root=18"], dataset="x", streams=("mentions",)),
    ],
)
def test_a_part_has_events_alone_and_a_dataset_of_its_own(options: SourceOptions) -> None:
    with pytest.raises(PullError, match="--where"):
        make_source("gdelt", Settings(), options)
