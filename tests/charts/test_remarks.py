"""What has to be said beside numbers is said by their pictures, tables and feeds too."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient

from app.charts.picture import CREDIT_LINE, REMARK_GAP, finish_svg
from app.charts.remarks import MAX_NAMED_DATASETS, list_chart_remarks

pytestmark = pytest.mark.by_turns
SVG = "{http://www.w3.org/2000/svg}"
PARTLY = "Only some members of the African Union are recorded"


def list_lines(root: ElementTree.Element, name: str) -> list[str]:
    """List the lines of a group of words of a picture."""
    return [
        str(text.text)
        for group in root.iter(f"{SVG}g")
        if group.get("class") == name
        for text in group.iter(f"{SVG}text")
    ]


def draw(api: TestClient, address: str) -> ElementTree.Element:
    return ElementTree.fromstring(api.get(f"{address}&format=svg").raise_for_status().content)


@pytest.mark.slow
def test_a_picture_draws_the_remark_of_its_index_above_the_source(api: TestClient) -> None:
    address = "/v1/alignment?actor=ARM&toward=CSTO&granularity=year"
    remarks = api.get(address).json()["meta"]["remarks"]
    remark = " ".join(remarks)
    root = draw(api, address)
    assert json.loads(root.get("data-remarks", "")) == remarks
    assert " ".join(list_lines(root, "remarks")) == remark
    assert str(root.get("aria-label")).endswith(remark)
    at = [float(t.get("y", "")) for name in ("remarks", "credit") for t in _texts(root, name)]
    assert at == sorted(at)
    assert at[-1] < float(root.get("height", ""))
    spec = api.get(f"{address}&format=vega").json()
    assert spec["usermeta"]["remarks"] == remarks
    assert spec["description"].endswith(remark)


def _texts(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    found = [group for group in root.iter(f"{SVG}g") if group.get("class") == name]
    return [text for group in found for text in group.iter(f"{SVG}text")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "/v1/timeline?member_of=AFRICAN-UNION&since=2022",
        "/v1/shifts?actor=RUS&toward=AFRICAN-UNION",
        "/v1/alignment?actor=RUS&toward=AFRICAN-UNION&granularity=year",
    ],
)
def test_a_group_that_is_recorded_in_part_is_named(api: TestClient, address: str) -> None:
    said = " ".join(list_lines(draw(api, address), "remarks"))
    assert said.count("Only some members of") == 1
    assert "African Union are recorded" in said
    table = api.get(f"{address}&format=csv").raise_for_status()
    assert table.headers["Entente-Partly-Recorded"] == "AFRICAN-UNION"


@pytest.mark.slow
def test_the_history_of_a_group_that_is_recorded_in_part_says_so(api: TestClient) -> None:
    root = draw(api, "/v1/alliances/AFRICAN-UNION/history?")
    assert "Only some members are recorded" in " ".join(list_lines(root, "remarks"))


@pytest.mark.slow
def test_a_picture_without_a_remark_has_no_line_more(api: TestClient) -> None:
    root = draw(api, "/v1/timeline?actor=ARM&since=2022&until=2022")
    assert list_lines(root, "remarks") == []
    assert root.get("data-remarks") is None
    assert list_lines(root, "credit")


@pytest.mark.slow
def test_feeds_and_briefs_say_which_members_are_missing(api: TestClient) -> None:
    query = "actor=RUS&toward=AFRICAN-UNION"
    feed = api.get(f"/v1/shifts?{query}&format=jsonfeed").json()
    assert feed["description"].startswith(PARTLY)
    atom = ElementTree.fromstring(api.get(f"/v1/shifts?{query}&format=atom").content)
    said = atom.findtext("{http://www.w3.org/2005/Atom}subtitle")
    assert said == feed["description"]
    caveats = api.get(f"/v1/brief?{query}").json()["data"]["caveats"]
    assert {"code": "partly_recorded", "text": said} in caveats
    assert "description" not in api.get("/v1/shifts?actor=ARM&format=jsonfeed").json()


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({}, []),
        ({"remark": "Thin."}, ["Thin."]),
        ({"remark": "Thin. Short.", "remarks": ["Thin.", "Short."]}, ["Thin.", "Short."]),
        ({"remark": "Only some.", "partly_recorded": ["AU"]}, ["Only some."]),
        (
            {"partly_recorded": ["AU", "X"]},
            ["Only some members of African Union, X are recorded: what the others did is not"
             " counted."],
        ),
        ({"members_recorded": "all"}, []),
        (
            {"closed": ["shut"], "partly_recorded": ["AU"]},
            ["Left out, because closed to readers without a key: the data of shut.",
             "Only some members of African Union are recorded: what the others did is not"
             " counted."],
        ),
    ],
)  # fmt: skip
def test_remarks_are_said_once(meta: dict[str, Any], said: list[str]) -> None:
    assert list_chart_remarks({"meta": meta, "names": {"AU": "African Union"}}) == said


def test_datasets_that_are_not_searched_are_named_and_many_are_counted() -> None:
    body = {"meta": {"unsearched": ["gdelt"]}, "dataset_names": {"gdelt": "GDELT 2.0"}}
    [said] = list_chart_remarks(body)
    assert "not searched in the data of GDELT 2.0: its events" in said
    codes = [f"d{n}" for n in range(MAX_NAMED_DATASETS + 3)]
    [said] = list_chart_remarks({"meta": {"unsearched": codes}})
    assert "d4, 3 more datasets: " in said


def test_what_is_below_a_picture_has_room() -> None:
    bare = '<svg a="" width="300" height="100" viewBox="0 0 300 100"><rect width="300" height="100" fill="white"/></svg>'  # noqa: E501
    spec: dict[str, Any] = {"description": "d", "usermeta": {}}
    root = ElementTree.fromstring(
        finish_svg(
            bare.replace('a=""', 'xmlns="http://www.w3.org/2000/svg"'),
            spec,
            "Source",
            ["A remark <b>."],
        )
    )
    assert root.get("height") == f"{100 + 2 * CREDIT_LINE + REMARK_GAP:g}"
    assert list_lines(root, "remarks") == ["A remark <b>."]
