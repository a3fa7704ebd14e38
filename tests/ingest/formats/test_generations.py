"""Generations of a format, and files of the field that are refused with what to load instead."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from ingest.formats.test_formats import list_participants, parse_row, parse_with_warnings
from ingest.readers.test_mending import read_records, read_rows
from ingest.rows import EXAMPLES, make_table

from app.events.record import EventRecord
from app.ingest.formats.errors import UnreadableFileError
from app.ingest.formats.refusals import KNOWN_FILES, TABLE_COLUMNS
from app.ingest.readers.recognize import FORMATS

US, UK = "Government of United States of America", "Government of United Kingdom"


@pytest.mark.parametrize("numbers", ["2, 200", "2,200", "2;200", "2.0, 200.0", "2, 200, 2"])
@pytest.mark.parametrize("names", [f"{US}, {UK}", f"{US}; {UK}", f"{US} and {UK}", f"{US} & {UK}"])
def test_ucdp_coalition_is_its_governments(numbers: str, names: str) -> None:
    e = parse_row("ucdp-ged", side_a=names, gwnoa=numbers)
    assert list_participants(e)[:2] == [
        ("initiator", f"gw:2 gw:200 ≙ name:{US}", US),
        ("initiator", f"gw:2 gw:200 ≙ name:{UK}", UK),
    ]


@pytest.mark.parametrize(
    ("names", "numbers"), [(f"{US}, {UK}", "200"), (US, "2, 200"), (f"{US}, {UK}", "2, 200, 900")]
)
def test_ucdp_coalition_with_more_or_fewer_numbers_than_names_is_warned_of(
    names: str, numbers: str
) -> None:
    _, warnings = parse_with_warnings("ucdp-ged", side_a=names, gwnoa=numbers)
    assert warnings == ["gwnoa"]


def test_ucdp_coalition_without_numbers_goes_by_names() -> None:
    e = parse_row("ucdp-ged", side_a=f"{US}, {UK}", gwnoa="")
    assert [p.actor for p in e.participants[:2]] == [f"name:{US}", f"name:{UK}"]
    one = parse_row("ucdp-ged", side_b="Government of Iraq", gwnob="")
    assert list_participants(one)[1] == ("target", "name:Government of Iraq", "Government of Iraq")
    group = parse_row("ucdp-ged", side_b="Group A, Group B")
    assert list_participants(group)[1] == ("target", "ucdp:6711", "Group A, Group B")


def test_ucdp_coalition_with_one_name_keeps_it_for_each() -> None:
    e = parse_row("ucdp-ged", side_a="A coalition", gwnoa="2, 200")
    assert list_participants(e)[:2] == [
        ("initiator", "gw:2", "A coalition"), ("initiator", "gw:200", "A coalition"),
    ]  # fmt: skip
    unknown = parse_row("ucdp-ged", side_a="Some group", gwnoa="-99")
    assert list_participants(unknown)[0][1] == "ucdp:61"


@pytest.mark.parametrize(
    ("stated", "inter", "type_", "mode"),
    [
        ("Battle-No change of territory", "1", "ASSAULT", None),
        ("Battle-Non-state actor overtakes territory", "1", "ASSAULT", None),
        ("Remote violence", "1", "ASSAULT", None),
        ("Violence against civilians", "1", "ASSAULT", None),
        ("Riots/Protests", "5", "PROTEST", "riot"),
        ("Riots/Protests", "6.0", "PROTEST", "demo"),
        ("Riots/Protests", "", "PROTEST", None),
        ("Strategic development", "1", None, None),
        ("Headquarters or base established", "3", None, None),
    ],
)
def test_acled_event_types_before_2019(
    stated: str, inter: str, type_: str | None, mode: str | None
) -> None:
    e = parse_row("acled", event_type=stated, inter1=inter)
    assert (e.type, e.mode) == (type_, mode)
    assert e.native == f"{stated}: Armed clash"


@pytest.mark.parametrize("inter", ["Rioters", "Protesters", "Civilians", "5", "7.0"])
def test_acled_crowds_in_words_are_no_actors(inter: str) -> None:
    e = parse_row("acled", actor1="Farmers (Example)", inter1=inter)
    assert list_participants(e)[0] == ("initiator", None, "Farmers (Example)")


def test_acled_before_2019_with_its_own_columns(tmp_path: Path) -> None:
    head = (
        "GWNO,EVENT_ID_CNTY,EVENT_ID_NO_CNTY,EVENT_DATE,YEAR,TIME_PRECISION,EVENT_TYPE,ACTOR1,"
        "ALLY_ACTOR_1,INTER1,ACTOR2,ALLY_ACTOR_2,INTER2,INTERACTION,COUNTRY,ADMIN1,LOCATION,"
        "LATITUDE,LONGITUDE,GEO_PRECIS,SOURCE,NOTES,FATALITIES\n"
    )
    row = (
        "615,1ALG,1,{},1997,1,Battle-No change of territory,Some Militia,,3,Other Militia,"
        "Third Group,3,33,Algeria,Some Wilaya,Some town,36.6,3.2,1,Example Wire,They clashed.,2\n"
    )
    found = read_records(tmp_path / "x", head + row.format("03/01/1997") + row.format("17/01/1997"))
    assert [made.date for made in found if isinstance(made, EventRecord)] == [
        "1997-01-03", "1997-01-17",
    ]  # fmt: skip
    assert isinstance(found[0], EventRecord)
    assert [p.native for p in found[0].participants] == [
        "Some Militia", "Other Militia", "Third Group",
    ]  # fmt: skip


def test_typed_columns_of_parquet(tmp_path: Path) -> None:
    row = {**EXAMPLES["gdelt-v2"], "eventcode": "20", "eventrootcode": "2", "quadclass": "1",
           "goldsteinscale": "3.0"}  # fmt: skip
    kinds = {
        "globaleventid": pa.int64(), "sqldate": pa.int64(), "dateadded": pa.int64(),
        "eventcode": pa.int64(), "eventrootcode": pa.float64(), "quadclass": pa.int8(),
        "nummentions": pa.float64(), "goldsteinscale": pa.float32(), "isrootevent": pa.int32(),
    }  # fmt: skip
    columns = {
        name: pa.array([float(cell), None]).cast(kind) if (kind := kinds.get(name)) else [cell, "x"]
        for name, cell in row.items()
    }
    parquet.write_table(pa.table(columns).slice(0, 1), tmp_path / "x")
    [made] = read_records(tmp_path / "x", (tmp_path / "x").read_bytes())
    assert made == parse_with_warnings("gdelt-v2", **{**row, "eventcode": "020"})[0]


def test_days_and_missing_values_of_parquet(tmp_path: Path) -> None:
    days = pa.array([1_388_534_400_000, None], pa.timestamp("ms"))
    columns = {name: [cell, cell] for name, cell in EXAMPLES["ucdp-ged"].items()}
    typed = {"date_start": days, "date_end": days, "best": pa.array([3.0, None]),
             "adm_2": ["NA", "NA"], "gwnoa": pa.array([369.0, float("nan")])}  # fmt: skip
    parquet.write_table(pa.table({**columns, **typed}).slice(0, 1), tmp_path / "x")
    [made] = read_records(tmp_path / "x", (tmp_path / "x").read_bytes())
    assert made == parse_row("ucdp-ged", date_start="2014-01-01", date_end="2014-01-01")


def test_keys_that_are_short_floats_are_refused(tmp_path: Path) -> None:
    columns = {name: [cell] for name, cell in EXAMPLES["ucdp-ged"].items()}
    short = {"id": pa.array([500_001.0], pa.float32())}
    parquet.write_table(pa.table({**columns, **short}), tmp_path / "x")
    with pytest.raises(UnreadableFileError, match="has id as float, which cannot hold"):
        read_rows(tmp_path / "x", (tmp_path / "x").read_bytes())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_gdelt_columns_in_any_case_and_order(tmp_path: Path, separator: str) -> None:
    columns = ["SOURCEURL", "EventCode", "actor2countrycode", "ACTOR1COUNTRYCODE", "SQLDATE",
               "GLOBALEVENTID"]  # fmt: skip
    cells = ["https://news.example/1", "036", "RUS", "ARM", "2024-01-05", "7"]
    body = f"{separator.join(columns)}\n{separator.join(cells)}\n"
    [made] = read_records(tmp_path / "x", body)
    assert isinstance(made, EventRecord)
    assert (made.key, made.date, made.cameo, made.location) == ("7", "2024-01-05", "036", None)
    assert [p.actor for p in made.participants] == ["cameo:ARM", "cameo:RUS"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\t".join(["20240105120000-7", *["x"] * 26]), "Global Knowledge Graph.*export.CSV"),
        ("DATE\tNUMARTS\tCOUNTS\tTHEMES\tLOCATIONS\n20240105\t1\tx\tx\tx", "Knowledge Graph"),
        ("SQLDATE,EventCode,GoldsteinScale\n20240105,036,4.0", "without GLOBALEVENTID"),
        ("GLOBALEVENTID,SQLDATE,AvgTone\n1,20240105,4.0", "add GLOBALEVENTID, SQLDATE and Event"),
        ("990105\tARM\tRUS\t057\tSIGN AGREEMENT", "KEDS or WEIS.*--template"),
        ("990105\tARMGOV\tRUSGOV\t[013]\tMEET\tsome text", "KEDS or WEIS"),
        ("790415 IRN USA 122 (DENOUNCE)", "KEDS or WEIS"),
        ("<stata_dta><header>", "Stata file; write its rows as CSV"),
        ("\n<!DOCTYPE html><html>", "page of HTML"),
        ("SQLite format 3\0", "SQLite database"),
        ("eid,story_date,year,month,day,source,target,code\n1,1/5/2000,2000,1,5,A,B,036", "Cline"),
        ("\t".join(["v1_7", "20240105", "2024", "1", "5", *["x"] * 21]), "Phoenix"),
        ("conflict_id,dyad_id,year,bd_best,bd_low\n1,2,2020,3,3", "Battle-Related Deaths.*GED"),
        ("actor_id,actor_name,year,best_fatality_estimate\n1,A,2020,25", "One-sided"),
        ("conflict_id,org,side_a_name,best_fatality_estimate\n1,1,A,25", "Non-State"),
        ("dyad_id,conflict_id,side_a,intensity_level,year\n1,1,A,1,2020", "Dyadic Dataset"),
        ("conflict_id,location,intensity_level,year\n1,A,1,2020", "UCDP/PRIO Armed Conflict"),
        ("state,year,atopally,defense,offense\n2,1950,1,1,0", "ATOP by state.*atop5_1m.csv"),
        ("event_id_cnty,deleted_timestamp,x\nA1,1,1", "deleted events.*--retract-missing"),
        ("event_date,event_type,actor1\n2024-01-05,Battles,A", "without event_id_cnty"),
        ("dispnum,stabb,hihost\n1,USA,4", "Militarized Interstate Disputes"),
    ],
)  # fmt: skip
def test_known_file_is_refused_with_what_to_load(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read_rows(tmp_path / "x", text + "\n")


@pytest.mark.parametrize(("column", "code"), [("cameo", "040"), ("native", "042")])
def test_the_table_that_is_advised_for_other_events_loads(
    tmp_path: Path, column: str, code: str
) -> None:
    head = ",".join(TABLE_COLUMNS).replace("cameo", column)
    [made] = read_records(tmp_path / "x.csv", f"{head}\n1,Talks,2010-01-05,USA,RUS,{code},1.0\n")
    assert isinstance(made, EventRecord)
    assert [(p.actor, p.role) for p in made.participants] == [
        ("USA", "initiator"), ("RUS", "target"),
    ]  # fmt: skip
    assert (getattr(made, column), made.intensity) == (code, 1.0)


def test_no_known_file_fits_a_format_that_is_loaded() -> None:
    for format_ in FORMATS.values():
        for header in format_.header:
            whole = header | set(format_.columns[0] if format_.columns else ())
            fitting = [k.name for k in KNOWN_FILES if any(h <= whole for h in k.headers)]
            assert [name for name in fitting if "extract" not in name] == [], format_.name


def test_candidate_events_of_ucdp_are_events(tmp_path: Path) -> None:
    body = make_table("ucdp-ged", [{"id": "512345", "code_status": "Check deaths", "gwnob": ""}])
    [made] = read_records(tmp_path / "x", body)
    assert isinstance(made, EventRecord)
    assert made.key == "512345"
