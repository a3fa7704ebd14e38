"""Counts that are kept by month say what counting one by one says, whatever was written."""

from dataclasses import replace
from typing import Any

import closed_record
import make
import numpy as np
import pytest
from msgspec import structs
from soak import choose_size
from sqlalchemy import update

from app.db.engine import Database
from app.db.reader import Reader, read_as
from app.db.tables import month_counts
from app.events import counts, plain_counts
from app.events.changes import write_events
from app.events.record import EventRecord, convert_record
from app.events.resolved_filter import ResolvedFilter
from app.events.verify import find_event_faults

pytestmark = pytest.mark.slow

DATES = (
    "2020-01-31", "2020-02-01", "2020-02-14/2020-05-02", "2020-02", "2020-03-31", "2020-04-30",
    "2019-12-31/2020-01-01", "2019-06-05", "2020-06-01/..", "2020-12-31",
)  # fmt: skip
WINDOWS = (
    (None, None), ("2020-01-01", "2020-12-31"), ("2020-01-15", None), (None, "2020-04-29"),
    ("2020-01-31", "2020-04-01"), ("2020-02-10", "2020-03-20"), ("2020-02-10", "2020-02-20"),
    ("2021-01-01", "2021-12-31"), ("2000-01-01", "2001-01-01"), ("9999-12-31", None),
)  # fmt: skip
TYPES = (("AGREE", 7.0), ("ASSAULT", -9.0), ("CONSULT", 1.0), ("PROTEST", -6.5), (None, None))


def make_events(count: int, seed: int) -> list[EventRecord]:
    dice = np.random.default_rng(seed)
    found = []
    for key in range(count):
        kind, intensity = TYPES[dice.integers(len(TYPES))]
        who = dice.choice(("ARM", "RUS", "USA"), int(dice.integers(1, 4)), replace=False)
        roles = ("initiator", "target", "participant")
        written: dict[str, Any] = {
            "key": str(key),
            "title": f"{key}",
            "date": DATES[dice.integers(len(DATES))],
            "type": kind,
            "intensity": intensity,
            "participants": [
                {"actor": str(code), "role": r} for code, r in zip(who, roles, strict=False)
            ]
            + [{"actor": str(who[0]), "role": "mediator"}],
        }
        found.append(convert_record({k: v for k, v in written.items() if v is not None}))
    return found


def ask_everything(
    database: Database, dataset: str, monkeypatch: pytest.MonkeyPatch, *, every: int = 1
) -> None:
    """Compare every plain question, or every so many, with the way that knows no kept counts."""
    questions = [
        ResolvedFilter(actor=actor, since=since, until=until, type=types, dataset=of)
        for actor in ((), ("ARM",), ("FRA",))
        for since, until in WINDOWS
        for types, of in (((), ()), (("AGREE", "ASSAULT"), (dataset,)))
    ][::every]
    with database.connect() as db:
        for asked in questions:
            with monkeypatch.context() as patched:
                one_by_one = []
                for kept in (False, True):
                    if not kept:
                        patched.setattr(counts, "split_plain_window", lambda _: None)
                    else:
                        patched.undo()
                    one_by_one.append([
                        counts.count_matching_events(db, asked),
                        counts.count_facets(db, asked, ["type", "dataset"]),
                        *(counts.count_timeline(db, asked, size, top)
                          for size in ("month", "year", "auto") for top in (0, 2)),
                    ])  # fmt: skip
                assert one_by_one[0] == one_by_one[1], asked


@pytest.mark.parametrize("seed", range(choose_size(2, 40)))
def test_kept_counts_say_what_counting_says(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = make_events(40, seed)
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, acts, dataset, make.BY)
    ask_everything(database, dataset, monkeypatch, every=choose_size(5, 1))
    with database.connect() as db, monkeypatch.context() as patched:
        patched.setattr(counts, "_count_by_day", None)  # nothing is counted one by one
        year = ResolvedFilter(actor=("ARM",), since="2020-01-15", until="2020-12-31")
        assert len(counts.count_timeline(db, year, "month", 2).buckets) == 12
    gone = [structs.replace(e, status="retracted") for e in acts[::3]]
    moved = [structs.replace(e, date="2020-03-09", intensity=None) for e in acts[1::3]]
    with database.write() as db:
        write_events(db, [*gone, *moved], dataset, make.BY)
    ask_everything(database, dataset, monkeypatch)
    with database.connect() as db:
        assert not list(find_event_faults(db))


def test_closed_datasets_are_left_out_of_kept_counts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = make_events(30, 5)
    for code, access in ((closed_record.CLOSED, "closed"), (closed_record.SUMS, "sums"),
                         ("made", "open")):  # fmt: skip
        closed_record.write_dataset(database, code, access, "2019-01-01")
        with database.write() as db:
            write_events(db, acts, code, make.BY)
    year = ResolvedFilter(actor=("ARM",), since="2020-01-01", until="2020-12-31")
    with database.connect() as db, read_as(db, Reader()):
        with monkeypatch.context() as patched:
            patched.setattr(counts, "_count_by_day", None)  # nothing is counted one by one
            kept = counts.count_timeline(db, year, "month", 2)
            faces = counts.count_facets(db, year, ["dataset", "type"])
            number = counts.count_matching_events(db, year)
        monkeypatch.setattr(counts, "split_plain_window", lambda _: None)
        assert kept == counts.count_timeline(db, year, "month", 2)
        assert faces == counts.count_facets(db, year, ["dataset", "type"])
        assert number == counts.count_matching_events(db, year)
    assert {row["value"] for row in faces["dataset"]} == {"made", closed_record.SUMS}
    named = [event.id for bucket in kept.buckets for event in bucket["top"]]
    assert named
    assert all(event.startswith("made:") for event in named)
    assert number == next(row["count"] for row in faces["dataset"] if row["value"] == "made")


def test_verify_detects_a_wrong_count_and_a_peak_that_is_too_low(database: Database) -> None:
    with database.write() as db:
        dataset = make.dataset(db)
        write_events(db, make_events(20, 9), dataset, make.BY)
    c = month_counts.c
    for change in ({"n": c.n + 1}, {"peak": -1}):
        with database.engine.connect() as db:
            db.execute(update(month_counts).where(c.dataset == dataset).values(change))
            found = list(find_event_faults(db))
            db.rollback()
        assert found
        assert all(dataset in line and "month_counts" in line for line in found)


@pytest.mark.parametrize(
    ("since", "until", "months"),
    [
        (None, None, ("0000-00", "9999-12")),
        ("2020-01-01", "2020-03-31", ("2020-01", "2020-03")),
        ("2020-12-31", "2021-01-31", ("2021-01", "2021-01")),
        ("2020-01-01", "2020-02-28", ("2020-01", "2020-01")),
        ("2020-01-02", "2020-02-28", None),
        ("2020-01-31", "2021-03-30", ("2020-02", "2021-02")),
        ("9999-11-30", None, ("9999-12", "9999-12")),
        ("9999-12-01", None, ("9999-12", "9999-12")),
        ("9999-12-31", None, None),
        (None, "0001-01-01", ("0000-00", "0000-12")),
    ],
)
def test_whole_months_of_a_window(
    since: str | None, until: str | None, months: tuple[str, str] | None
) -> None:
    found = plain_counts.split_plain_window(ResolvedFilter(since=since, until=until))
    assert (found and (found.first, found.last)) == months


def test_a_further_condition_is_not_plain() -> None:
    plain = ResolvedFilter(actor=("ARM",))
    assert plain_counts.split_plain_window(plain)
    for more in ({"as_of": 3}, {"via": False}, {"q": "treaty"}, {"actor": ("ARM", "RUS")},
                 {"status": ("retracted",)}, {"match": "certain"}):  # fmt: skip
        assert plain_counts.split_plain_window(replace(plain, **more)) is None  # type: ignore[arg-type]
