"""The map of an embed shows the places of the record, its source, and what is not on it."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from app.briefs.map_drawing import load_land
from app.briefs.map_frame import (
    MapFrame,
    MapPlace,
    frame_places,
    gather_circles,
    place_names,
)

PICTURE = "/embed/map/picture"
WORLD = "bbox=-180,-90,180,90"


def read_texts(svg: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg)]


def test_a_map_names_its_places_and_counts_what_has_none(api: TestClient) -> None:
    answer = api.get(f"{PICTURE}?actor=ARM")
    assert answer.headers["content-type"] == "image/svg+xml"
    located, whole = (
        api.get(f"/v1/events?actor=ARM&count=exact&limit=1{more}").json()["meta"]["count"]
        for more in (f"&{WORLD}", "")
    )
    texts = read_texts(answer.text)
    assert f"{located} of {whole} events have coordinates." in texts
    assert "Events of Armenia" in texts
    assert any(text.startswith("Yerevan") for text in texts)
    assert any(text.startswith("Source: ") for text in texts)
    assert any("Natural Earth" in text for text in texts)
    circles = [int(n) for n in re.findall(r'font-weight="bold">(\d+)<', answer.text)]
    alone = re.findall(r"<title>[^<]+ (\d+)</title>", answer.text)
    singles = [int(n) for n in alone]
    assert sum(circles) + sum(singles) == located


def test_a_map_is_also_a_png(api: TestClient) -> None:
    answer = api.get(f"{PICTURE}?actor=ARM&since=2023&format=png&width=400")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("initiator=FJI&target=TON&dataset=curated", "No dataset here follows these actors."),
        ("actor=ARM&until=1900", "No dataset covers the days asked for"),
        ("between=ARM,RUS&dataset=curated&q=xyzzy", "no such event is recorded"),
    ],
)
def test_a_map_without_places_says_why(api: TestClient, query: str, words: str) -> None:
    svg = api.get(f"{PICTURE}?{query}").text
    assert words in " ".join(read_texts(svg))
    assert "<circle" not in svg


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("actor=Armenai", "actor"),
        ("width=20", "width"),
        ("width=99999", "width"),
        ("format=vega", "format"),
        ("limit=3", "limit"),
        ("bbox=1,2,3", "bbox"),
        ("as_of=999999999", "as_of"),
    ],
)
def test_what_a_map_cannot_show_is_refused(api: TestClient, query: str, field: str) -> None:
    answer = api.get(f"{PICTURE}?{query}")
    assert answer.status_code == 422
    assert [fault["loc"][1] for fault in answer.json()["errors"]] == [field]


def test_an_area_across_the_antimeridian_is_drawn(api: TestClient) -> None:
    answer = api.get(f"{PICTURE}?bbox=150,-20,-140,20")
    assert "<circle" in answer.text
    assert "NaN" not in answer.text


def test_an_unchanged_map_is_304(api: TestClient) -> None:
    first = api.get(f"{PICTURE}?actor=ARM&since=2023")
    again = {"If-None-Match": first.headers["etag"]}
    assert api.get(f"{PICTURE}?actor=ARM&since=2023", headers=again).status_code == 304


@pytest.mark.parametrize("width", [280, 360, 760, 2000])
def test_every_place_is_within_the_frame_and_no_name_is_cut(width: int) -> None:
    places = [MapPlace(lat, lon, f"Place {lat} {lon}", 5) for lat in (-60, 0, 70)
              for lon in (-170, -3, 2, 175)]  # fmt: skip
    frame = frame_places(places, width)
    circles = gather_circles(places, frame)
    assert sum(len(one.places) for one in circles) == len(places)
    for name in place_names(circles, frame):
        assert 0 < name.x < frame.width - len(name.text) * 5
        assert 0 < name.y < frame.height + 1


def test_names_lie_on_no_other_but_the_largest_always_have_one() -> None:
    crowd = [MapPlace(40 + n % 5 * 0.6, 44 + n // 5 * 0.7, f"Village {n}", 40 - n)
             for n in range(40)]  # fmt: skip
    frame = MapFrame(500, 300, 60, 43, 43)
    circles = gather_circles(crowd, frame)
    names = place_names(circles, frame)
    assert names[0].text == circles[0].name
    assert names[1].text == circles[1].name
    rows = [(n.x, n.y, n.x + len(n.text) * 6) for n in names[2:]]
    for n, (left, y, right) in enumerate(rows):
        for other_left, other_y, other_right in rows[:n]:
            assert abs(y - other_y) >= 13 or right <= other_left or other_right <= left


def test_the_land_is_the_one_of_the_explorer() -> None:
    land = load_land()
    assert len(land.rings) > 100
    assert all(-181 <= x <= 181 and -91 <= y <= 91 for ring in land.rings for x, y in ring)
