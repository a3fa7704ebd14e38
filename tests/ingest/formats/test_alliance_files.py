"""The projects' own files of alliances become dyad-years: by member, by dyad, by direction."""

from pathlib import Path

import pytest
from ingest.readers.test_mending import read_rows

from app.events.record import RejectedError
from app.ingest.formats import dyad_years
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.records import AllianceYearRecord
from app.ingest.readers.rows import parse_row_record

COW_DYAD = (
    "version4id,ccode1,state_name1,ccode2,state_name2,dyad_st_day,dyad_st_month,dyad_st_year,"
    "dyad_end_day,dyad_end_month,dyad_end_year,left_censor,right_censor,defense,neutrality,"
    "nonaggression,entente"
)
ATOP_MEMBER = (
    "atopid,member,yrent,moent,dayent,yrexit,moexit,dayexit,defense,offense,neutral,nonagg,consul\n"
)


def read_years(path: Path, text: str) -> dict[tuple[str, str, int], tuple[int | None, ...]]:
    """Read the dyad-years of a file: defense, offense, neutrality, nonaggression, consultation."""
    found = {}
    for row in read_rows(path, text):
        r = parse_row_record(row, lambda *_: None)
        assert isinstance(r, AllianceYearRecord)
        flags = (r.defense, r.offense, r.neutrality, r.nonaggression, r.consultation)
        found[r.actor, r.partner, r.year] = flags
    return found


def test_cow_by_dyad_becomes_years(tmp_path: Path) -> None:
    ended = "9,2,A,20,B,1,1,1949,31,12,1951,0,0,1,0,0,1,4.1\n"
    found = read_years(tmp_path / "x", COW_DYAD + ",version\n" + ended)
    assert found == {("cow:2", "cow:20", y): (1, None, 0, 0, 1) for y in (1949, 1950, 1951)}


@pytest.mark.parametrize("end", ["", "NA", "."])
def test_right_censored_dyad_lasts_to_the_end_of_the_data(tmp_path: Path, end: str) -> None:
    row = f"9,2,A,20,B,1,1,2010,{end},{end},{end},0,1,1,0,0,0,4.1\n"
    found = read_years(tmp_path / "x", COW_DYAD + ",version\n" + row)
    assert [year for _, _, year in found] == [2010, 2011, 2012]


def test_cow_yearly_joins_the_alliances_of_a_pair(tmp_path: Path) -> None:
    rows = "".join(
        f"{alliance},2,A,20,B,1,1,1949,,,,0,1,{owed},{year},4.1\n"
        for alliance, owed, year in (
            (1, "1,0,0,0", 1950),
            (2, "0,0,0,1", 1950),
            (2, "0,0,1,0", 1951),
        )
    )
    found = read_years(tmp_path / "x", COW_DYAD + ",year,version\n" + rows)
    assert found == {
        ("cow:2", "cow:20", 1950): (1, None, 0, 0, 1),
        ("cow:2", "cow:20", 1951): (0, None, 0, 1, 0),
    }


def test_cow_by_direction_keeps_both_directions(tmp_path: Path) -> None:
    rows = (
        "1,2,A,20,B,1,1,1950,31,12,1950,0,0,1,0,0,0,4.1\n"
        "1,20,B,2,A,1,1,1950,31,12,1950,0,0,0,0,1,0,4.1\n"
    )
    found = read_years(tmp_path / "x", COW_DYAD + ",version\n" + rows)
    assert found == {
        ("cow:2", "cow:20", 1950): (1, None, 0, 0, 0),
        ("cow:20", "cow:2", 1950): (0, None, 0, 1, 0),
    }


def test_undirected_dyads_in_either_order_are_one(tmp_path: Path) -> None:
    rows = (
        "1,2,A,20,B,1,1,1950,31,12,1950,0,0,1,0,0,0,4.1\n"
        "2,20,B,2,A,1,1,1950,31,12,1950,0,0,0,0,1,0,4.1\n"
    )
    found = read_years(tmp_path / "x", COW_DYAD + ",version\n" + rows)
    assert found == {("cow:2", "cow:20", 1950): (1, None, 0, 1, 0)}


@pytest.mark.parametrize(
    ("columns", "dyad"),
    [("ddyad,stateA,stateB", "2200"), ("dyad,mem1,mem2", "2200"), ("x,ccode1,ccode2", "")],
)
def test_atop_dyad_years_of_each_kind(tmp_path: Path, columns: str, dyad: str) -> None:
    head = f"{columns},year,atopally,defense,offense,neutral,nonagg,consul,version\n"
    found = read_years(tmp_path / "x", f"{head}{dyad},2,200,1950,1,1,1,.,NA,0,5.1\n")
    assert found == {("cow:2", "cow:200", 1950): (1, 1, None, None, 0)}


def test_atop_members_owe_what_each_of_them_owes(tmp_path: Path) -> None:
    rows = "1,2,1950,1,1,1951,1,1,1,0,0,1,1\n1,20,1951,1,1,0,0,0,0,0,1,1,0\n"
    found = read_years(tmp_path / "x", ATOP_MEMBER + rows)
    assert found == {
        ("cow:2", "cow:20", 1951): (1, 0, 0, 1, 1),
        ("cow:20", "cow:2", 1951): (0, 0, 1, 1, 0),
    }


def test_atop_membership_that_goes_on_lasts_to_the_end_of_the_data(tmp_path: Path) -> None:
    rows = "1,2,2016,1,1,0,0,0,1,0,0,1,1\n1,20,2016,1,1,0,0,0,1,0,0,1,1\n"
    found = read_years(tmp_path / "x", ATOP_MEMBER + rows)
    assert {year for _, _, year in found} == {2016, 2017, 2018}


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("1,2,A,2,B,1,1,1950,31,12,1950,0,0,1,0,0,0,4.1", "ccode2"),
        ("1,2,A,20,B,1,1,1950,31,12,1949,0,0,1,0,0,0,4.1", "dyad_end_year"),
        ("1,2,A,20,B,1,1,1950,,,,0,0,1,0,0,0,4.1", "dyad_end_year"),
        ("1,2,A,20,B,1,1,,,,,0,1,1,0,0,0,4.1", "dyad_st_year"),
        ("1,2,A,20,B,1,1,1950,31,12,1950,0,0,3,0,0,0,4.1", "defense"),
        ("1,,A,20,B,1,1,1950,31,12,1950,0,0,1,0,0,0,4.1", "ccode1"),
    ],
)
def test_malformed_dyad_is_rejected_with_its_field(tmp_path: Path, row: str, field: str) -> None:
    [rejected] = read_rows(tmp_path / "x", f"{COW_DYAD},version\n{row}\n")
    with pytest.raises(RejectedError) as refused:
        parse_row_record(rejected, lambda *_: None)
    assert refused.value.field == field


def test_too_many_dyad_years_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dyad_years, "MAX_DYAD_YEARS", 50)
    with pytest.raises(UnreadableFileError, match="more than 50 dyad-years"):
        read_rows(tmp_path / "x", f"{COW_DYAD}\n1,2,A,20,B,1,1,1900,,,,0,1,1,0,0,0\n")
