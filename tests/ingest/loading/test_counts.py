"""Counts of acts load as sums of their own, and answer without events that nobody recorded."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving import open_client
from sqlalchemy import select

from app.db.engine import Database
from app.db.tables import day_sums, events, volumes
from app.ingest.loading import loader as loader_module
from ingest.loading import find_faults, list_counts, load_file, read_coverage, write_file
from ingest.rows import join_events, make_event

HEAD = "date,from,toward,positive,negative,n\n"


def read_sums(database: Database) -> list[tuple[Any, ...]]:
    d = day_sums.c
    asked = select(d["from"], d.toward, d.day, d.n, d.positive, d.negative)
    with database.connect() as db:
        return [tuple(r) for r in db.execute(asked.where(d.dataset == "counts").order_by(d.day))]


def test_counts_of_days_become_sums(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", HEAD + "2020-01-05,ARM,RUS,1.5,0.25,3\n")
    assert list_counts(load_file(database, path)[0]) == {"rows": 1, "new": 1}
    assert read_sums(database) == [("ARM", "RUS", "2020-01-05", 3, 1500, 250)]
    with database.connect() as db:
        assert db.scalar(select(events.c.id).where(events.c.dataset == "counts")) is None
        rows = db.execute(select(volumes.c.start, volumes.c.n).where(volumes.c.dataset == "counts"))
        assert {tuple(row) for row in rows} == {("2020-01-05", 3), ("2020-01", 3)}
    assert find_faults(database) == []
    assert read_coverage(database, "counts") == ("2020-01-05", "2020-01-05")
    assert list_counts(load_file(database, path)[0]) == {"rows": 1, "unchanged": 1}
    assert len(read_sums(database)) == 1


def test_changed_counts_replace_the_sums_of_the_old(database: Database, tmp_path: Path) -> None:
    one = "2020-01-05,ARM,RUS,1.5,0,3\n2020-02,ARM,RUS,2,0,2\n"
    other = "2020-01-05,ARM,RUS,0,0,0\n2020-02,ARM,RUS,0,3,5\n"
    load_file(database, write_file(tmp_path / "a.csv", HEAD + one))
    loader, _ = load_file(database, write_file(tmp_path / "b.csv", HEAD + other))
    assert list_counts(loader) == {"rows": 2, "changed": 2}
    sums = read_sums(database)
    assert {day[:7] for _, _, day, *_ in sums} == {"2020-02"}
    assert [sum(row[n] for row in sums) for n in (3, 4, 5)] == [5, 0, 3000]
    assert find_faults(database) == []


@pytest.mark.parametrize(
    ("date", "first", "last"),
    [("2020", "2020-01-01", "2020-12-31"), ("2020.0", "2020-01-01", "2020-12-31"),
     ("2020-02", "2020-02-01", "2020-02-29"), ("20200205", "2020-02-05", "2020-02-05")],
)  # fmt: skip
def test_counts_of_a_period_are_spread_over_it(
    database: Database, tmp_path: Path, date: str, first: str, last: str
) -> None:
    load_file(database, write_file(tmp_path / "a.csv", HEAD + f"{date},ARM,RUS,7,5,12\n"))
    sums = read_sums(database)
    assert [sum(row[n] for row in sums) for n in (3, 4, 5)] == [12, 7000, 5000]
    assert all(first <= day <= last for _, _, day, *_ in sums)
    assert read_coverage(database, "counts") == (first, last)
    assert find_faults(database) == []


@pytest.mark.parametrize(
    ("head", "row", "first", "last"),
    [
        ("date,source,target,pos,neg", "2020-02-05,ARM,RUS,7,5", "2020-02-05", "2020-02-05"),
        ("Day;Src;Dst;Positive;Negative", "2020-02-05;Armenia;Russia;7;5", *["2020-02-05"] * 2),
        ("actor1,actor2,year,month,pos,neg", "371,365,2020,2,7,5", "2020-02-01", "2020-02-29"),
        ("year,i,j,pg,ng", "2020,371,365,7,5", "2020-01-01", "2020-12-31"),
    ],
)
def test_other_names_of_the_columns_are_unknown(
    database: Database, tmp_path: Path, head: str, row: str, first: str, last: str
) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"{head}\n{row}\n".encode()))
    assert list_counts(load_file(database, path)[0]) == {"rows": 1, "new": 1}
    sums = read_sums(database)
    assert {row[:2] for row in sums} == {("ARM", "RUS")}
    assert [sum(row[n] for row in sums) for n in (4, 5)] == [7000, 5000]
    assert read_coverage(database, "counts") == (first, last)


def test_an_old_code_of_cameo_is_no_actor(database: Database, tmp_path: Path) -> None:
    rows = "2020-01-05,ROM,WSB,1,0,1\n2020-01-06,USAGOV,ROMGOVMIL,1,0,1\n"
    _, [reject] = load_file(
        database, write_file(tmp_path / "a.csv", f"{HEAD}{rows}2020-01-07,USAREB,ROM,1,0,1\n")
    )
    assert [row[:2] for row in read_sums(database)] == [("ROU", "PSE"), ("USA", "ROU")]
    assert reject.field == "from"


def test_two_spellings_of_one_actor_are_not_one_row_twice(
    database: Database, tmp_path: Path
) -> None:
    rows = "2020-01-05,USA,RUS,1,0,1\n2020-01-05,United States,RUS,2,0,2\n"
    rows += "2020-01-06,USAGOV,RUS,3,0,3\n"
    loader, [reject] = load_file(database, write_file(tmp_path / "a.csv", HEAD + rows))
    assert list_counts(loader) == {"rows": 3, "new": 2, "rejected": 1}
    assert "add the two rows up" in reject.reason
    assert [row[2:4] for row in read_sums(database)] == [("2020-01-05", 1), ("2020-01-06", 3)]


def test_two_spellings_of_one_actor_in_different_batches_are_not_one_row_twice(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_module, "ROWS_BETWEEN_CHECKS", 2)
    monkeypatch.setattr(loader_module, "MAX_BATCH_BYTES", 1)  # batches of two rows
    rows = [
        "2020-01-05,USA,RUS,1,0,1", *(f"2020-02-{day:02},USA,RUS,1,0,1" for day in range(1, 10)),
        "2020-01-05,United States,RUS,2,0,2",  # another spelling, five batches later
        "2020-01-06,USAGOV,Russia,3,0,3",  # the only row of its period
        "2020-01-05,USA,RUS,4,0,4",  # the same spelling, and so the first row once more
        "20200105,2,365,5,0,5",  # COW's numbers and another way to write the day
    ]  # fmt: skip
    path = write_file(tmp_path / "a.csv", HEAD + "".join(f"{row}\n" for row in rows))
    for counted in ({"new": 11}, {"unchanged": 11}):
        loader, rejects = load_file(database, path)
        assert list_counts(loader) == {"rows": 14, "rejected": 2, "duplicates": 1, **counted}
        assert [reject.line for reject in rejects] == [12, 15]
    assert [row[3] for row in read_sums(database)][:2] == [4, 3]
    fixed = write_file(tmp_path / "b.csv", HEAD + "2020-01-05,United States,RUS,2,0,2\n")
    assert list_counts(load_file(database, fixed)[0]) == {"rows": 1, "changed": 1}


def test_counts_by_class_add_up(database: Database, tmp_path: Path) -> None:
    text = "year,from,to,positive,negative,class\n2020,ARM,RUS,4,0,1\n2020,ARM,RUS,0,3,4\n"
    assert list_counts(load_file(database, write_file(tmp_path / "a.csv", text))[0])["new"] == 2
    d = day_sums.c
    with database.connect() as db:
        rows = db.execute(select(d.n, d.q1, d.q4).where(d.dataset == "counts")).all()
    assert [sum(column) for column in zip(*rows, strict=True)] == [7, 4000, 3000]
    assert find_faults(database) == []


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("2020,ARM,Nowhere Land,1,0,1", "toward"), ("2020,ARM,ARM,1,0,1", "toward"),
        ("soon,ARM,RUS,1,0,1", "date"), ("2020/2021,ARM,RUS,1,0,1", "date"),
        ("2020,ARM,RUS,-1,0,1", "positive"), ("2020,ARM,RUS,1,x,1", "negative"),
        ("2020,ARM,RUS,1,0,1.5", "n"), (",ARM,RUS,1,0,1", "date"), ("2020,,RUS,1,0,1", "from"),
    ],
)  # fmt: skip
@pytest.mark.by_turns
def test_malformed_count_is_rejected_with_its_field(
    database: Database, tmp_path: Path, row: str, field: str
) -> None:
    _, [reject] = load_file(database, write_file(tmp_path / "a.csv", f"{HEAD}{row}\n"))
    assert reject.field == field
    assert read_sums(database) == []


def test_unknown_actors_of_counts_are_created_on_request(
    database: Database, tmp_path: Path
) -> None:
    path = write_file(tmp_path / "a.csv", HEAD + "2020,ARM,Nowhere Land,1,0,1\n")
    assert list_counts(load_file(database, path)[0]) == {"rows": 1, "rejected": 1}
    assert list_counts(load_file(database, path, create_actors=True)[0]) == {"rows": 1, "new": 1}
    assert find_faults(database) == []


def make_shift(path: Path) -> Path:
    """Counts of ten years that turn from friendly to hostile in the middle."""
    rows = "".join(
        f"{year}-{month:02},ARM,RUS,{'8,1' if year < 2015 else '1,8'},9\n"
        for year in range(2010, 2020)
        for month in range(1, 13)
    )
    return write_file(path, HEAD + rows)


@pytest.fixture
def counted(database: Database, tmp_path: Path) -> Iterator[TestClient]:
    load_file(database, make_shift(tmp_path / "a.csv"))
    with open_client(database.engine.url.render_as_string(hide_password=False)) as client:
        yield client


def test_counts_answer_alignment_and_shifts(counted: TestClient) -> None:
    asked = "actor=ARM&toward=RUS&dataset=counts"
    curve = counted.get(f"/v1/alignment?{asked}&since=2010&until=2019&granularity=year")
    assert curve.status_code == 200, curve.text
    values = {point["start"][:4]: point["positive"] for point in curve.json()["data"]}
    assert (values["2012"], values["2018"]) == (96, 12)
    [shift] = counted.get(f"/v1/shifts?{asked}").json()["data"]
    assert shift["direction"] == "away"
    assert shift["onset"].startswith(("2014", "2015"))
    detail = counted.get(f"/v1/shifts/{shift['id']}").json()
    assert detail["evidence"] == []
    assert "counted elsewhere" in detail["evidence_absent_because"]


def test_shift_of_counts_is_found_after_other_writes(
    counted: TestClient, database: Database, tmp_path: Path
) -> None:
    [shift] = counted.get("/v1/shifts?actor=ARM&toward=RUS&dataset=counts").json()["data"]
    load_file(database, write_file(tmp_path / "b", join_events(make_event("later"))))
    again = counted.get(f"/v1/shifts/{shift['id']}")
    assert again.status_code == 200
    assert again.json()["onset"] == shift["onset"]


def test_filters_of_events_leave_counts_out(counted: TestClient) -> None:
    asked = "actor=ARM&toward=RUS&dataset=counts&type=AGREE"
    assert counted.get(f"/v1/shifts?{asked}").json()["data"][0]["verdict"] == "insufficient_data"


KEDS = Path(__file__).resolve().parents[4] / "shared/data/shifts/keds_gulf_dyadday.csv.gz"


@pytest.mark.slow
@pytest.mark.by_turns
@pytest.mark.skipif(not KEDS.exists(), reason="the data are not beside the checkout")
def test_real_sums_of_a_region(database: Database, tmp_path: Path) -> None:
    lines = gzip.decompress(KEDS.read_bytes()).decode().splitlines()
    some = [lines[0], *(line for line in lines if line.startswith(("IRN,USA", "IRN,IRQ")))]
    loader, _ = load_file(database, write_file(tmp_path / "a.csv", "\n".join(some)))
    assert loader.stats.new > 1000
    assert find_faults(database) == []
