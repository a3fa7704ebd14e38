"""Alliances and ideal points of states: one row a year, without revisions."""

from pathlib import Path

import pytest
from sqlalchemy import select

from app.db.engine import Database
from app.db.tables import alliance_years, ideal_points
from ingest.loading import list_counts, load_file, try_load, write_file


def test_series_of_states(database: Database, tmp_path: Path) -> None:
    cow = "ccode1,ccode2,year,cow_defense,cow_neutral,cow_nonagg,cow_entente\n"
    rows = "371.0,365.0,2000.0,1.0,0.0,1.0,1.0\n371,365,1999,2,0,0,0\n"
    path = write_file(tmp_path / "cow.csv", cow + rows)
    loader, rejects = load_file(database, path)
    assert list_counts(loader) == {"rows": 2, "new": 1, "rejected": 1}
    assert rejects[0].field == "cow_defense"
    points = write_file(
        tmp_path / "p.csv",
        '"","ccode","session","IdealPointAll","Q5%All","Q95%All"\n"1",371,50,0.5,0.25,NA\n',
    )
    assert list_counts(load_file(database, points)[0]) == {"rows": 1, "new": 1}
    with database.connect() as db:
        both = db.execute(select(alliance_years).order_by(alliance_years.c.actor)).all()
        [point] = db.execute(select(ideal_points)).all()
    assert [(r.actor, r.partner, r.year, r.defense, r.offense) for r in both] == [
        ("ARM", "RUS", 2000, 1, None), ("RUS", "ARM", 2000, 1, None),
    ]  # fmt: skip
    assert (point.actor, point.year, point.value, point.low, point.high) == (
        "ARM", 1995, 0.5, 0.25, None,
    )  # fmt: skip
    assert list_counts(load_file(database, points)[0]) == {"rows": 1, "unchanged": 1}


MEMBER = "version4id,ccode,state_name,mem_st_year,mem_end_year,right_censor,defense,neutrality"
MEMBERS = """
1,2,One,1990,1992,0,1,0,0,0
1,20,Two,1991,,1,1,0,0,0
1,40,Three,1995,1996,0,1,0,0,0
2,20,Two,1991,1991,0,0,0,1,1
2,2,One,1980,1991,0,0,0,1,1
3,2,One,1999,1998,0,1,0,0,0
3,20,Two,never,2000,0,1,0,0,0
"""


def test_alliances_by_member_become_dyad_years(database: Database, tmp_path: Path) -> None:
    text = f"{MEMBER},nonaggression,entente{MEMBERS}"
    path = write_file(tmp_path / "alliance_v4.1_by_member.csv", text)
    loader, rejects = load_file(database, path)
    assert list_counts(loader) == {"rows": 6, "new": 4, "rejected": 2}
    assert [(r.line, r.field) for r in rejects] == [(7, "mem_end_year"), (8, "mem_st_year")]
    a = alliance_years.c
    asked = select(a.actor, a.partner, a.year, a.defense, a.neutrality, a.nonaggression)
    with database.connect() as db:
        rows = [tuple(r) for r in db.execute(asked.order_by(a.actor, a.year))]
        usa = [r for r in rows if r[0] == "USA"]
        assert usa == [("USA", "CAN", 1991, 1, 0, 1), ("USA", "CAN", 1992, 1, 0, 0)]
        assert len(rows) == 8  # both ways
    again = list_counts(load_file(database, path)[0])
    assert again == {"rows": 6, "unchanged": 4, "rejected": 2}


@pytest.mark.slow
def test_many_members_are_refused_as_a_whole(database: Database, tmp_path: Path) -> None:
    rows = [f"1,{n},S,1600,2100,0,1,0,0,0" for n in range(1, 60)]
    text = "\n".join([f"{MEMBER},nonaggression,entente", *rows])
    _, _, failed = try_load(database, write_file(tmp_path / "a.csv", text))
    assert "more than 500,000 dyad-years" in failed[0]
