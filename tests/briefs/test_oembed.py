"""An editor that is handed an address of the explorer gets its frame, as oEmbed 1.0 says."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from openapi_document import PATHS
from serving import open_client

OWN = "http://testserver"
ORIGINS = ("https://news.example",)
VIEWS = [
    "/?view=shift&actor=ARM&toward=RUS",
    "/?view=events&between=ARM,RUS&since=2023-09",
    "/?view=map&actor=ARM",
    "/?view=alliance&code=CSTO&on=2023-10-13",
    "/?view=actor&actor=ARM",
    "/?view=compare&pair=ARM>RUS&pair=ARM>EU",
    "/embed/shift?actor=ARM&toward=RUS",
    "/embed/timeline?between=ARM,RUS",
    "/embed/map?actor=ARM",
    "/embed/members?code=CSTO",
    "/embed/compare?pair=ARM>RUS",
]


@pytest.fixture(scope="module")
def framed(bundled_urls: dict[str, str]) -> TestClient:
    """A service whose embeds a site may frame."""
    with open_client(bundled_urls["sqlite"], frame_ancestors=ORIGINS) as client:
        yield client


def ask(api: TestClient, address: str, **more: object) -> dict[str, object]:
    answer = api.get("/oembed", params={"url": address, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("view", VIEWS)
def test_a_frame_shows_the_view_that_is_asked_for(framed: TestClient, view: str) -> None:
    found = ask(framed, OWN + view)
    assert found["type"] == "rich"
    assert found["version"] == "1.0"
    assert found["provider_url"] == f"{OWN}/"
    address = unescape(re.findall(r'src="([^"]+)"', str(found["html"]))[0])
    assert address.startswith(f"{OWN}/embed/")
    page = framed.get(address)
    assert page.status_code == 200, page.text
    assert "frame-ancestors https://news.example" in page.headers["content-security-policy"]
    assert str(found["title"]) in unescape(str(found["html"]))


@pytest.mark.parametrize(
    ("room", "size"),
    [
        ({}, (680, 520)),
        ({"maxwidth": 400}, (400, 520)),
        ({"maxheight": 300}, (680, 300)),
        ({"maxwidth": 9000, "maxheight": 9000, "dnt": 1, "format": "json"}, (680, 520)),
    ],
)
def test_a_frame_is_never_larger_than_its_room(
    framed: TestClient, room: dict[str, object], size: tuple[int, int]
) -> None:
    found = ask(framed, OWN + VIEWS[0], **room)
    assert (found["width"], found["height"]) == size
    assert f'width="{size[0]}" height="{size[1]}"' in str(found["html"])


def test_where_no_page_may_frame_it_the_answer_is_a_link(api: TestClient) -> None:
    found = ask(api, OWN + VIEWS[0])
    assert found["type"] == "link"
    assert "html" not in found
    assert "Armenia and Russia" in str(found["title"])


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/?view=shift&actor=ARM&toward=RUS",
        "ftp://testserver/?view=shift&actor=ARM&toward=RUS",
        f"{OWN}/docs",
        f"{OWN}/",
        f"{OWN}/?view=datasets",
        f"{OWN}/?view=event&id=curated:nothing",
        f"{OWN}/?view=shift&actor=Armenai&toward=RUS",
        f"{OWN}/?view=shift&actor=ARM&toward=RUS&as_of=999999999",
        f"{OWN}/embed/map/picture?actor=ARM",
        "http://[::1",
        "nothing",
    ],
)
def test_an_address_without_embed_is_404(framed: TestClient, address: str) -> None:
    answer = framed.get("/oembed", params={"url": address})
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "url"),
        ("url=", "url"),
        ("url=x&maxwidth=0", "maxwidth"),
        ("url=x&maxheight=wide", "maxheight"),
        ("url=x&format=yaml", "format"),
        ("url=%00", "url"),
        ("url=" + "x" * 5000, "url"),
        ("url=x&callback=y", "callback"),
    ],
)
def test_what_cannot_be_asked_is_refused(api: TestClient, query: str, field: str) -> None:
    answer = api.get(f"/oembed?{query}")
    assert answer.status_code == 422
    assert [fault["loc"][1] for fault in answer.json()["errors"]] == [field]


def test_xml_is_501_and_says_what_to_ask_for(api: TestClient) -> None:
    answer = api.get("/oembed", params={"url": OWN + VIEWS[0], "format": "xml"})
    assert answer.status_code == 501
    assert "format=json" in answer.json()["detail"]


def test_a_closed_record_needs_a_key(bundled_urls: dict[str, str]) -> None:
    with open_client(bundled_urls["sqlite"], open_reading=False) as api:
        assert api.get("/oembed", params={"url": OWN + VIEWS[0]}).status_code == 401


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_with_an_embed_leads_to_it(api: TestClient, view: str) -> None:
    page = api.get(view)
    [address] = re.findall(r'type="application/json\+oembed" href="([^"]+)"', page.text)
    found = api.get(unescape(address))
    assert found.status_code == 200, found.text
    assert f"url={quote(OWN, '')}" in unescape(address)
    if "/embed/compare" not in view:  # its title is that of its panels
        assert f"<title>{found.json()['title']}" in unescape(page.text)


def test_a_page_without_an_embed_leads_to_none(api: TestClient) -> None:
    for address in ("/", "/?view=datasets", "/?view=actor&actor=Armenai"):
        assert "oembed" not in api.get(address).text


def test_every_status_is_documented() -> None:
    documented = PATHS["/oembed"]["get"]["responses"]
    assert {"200", "304", "401", "404", "422", "501"} <= set(documented)
