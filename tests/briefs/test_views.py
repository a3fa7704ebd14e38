"""What is cited, embedded and previewed of a view is what the view answers."""

import csv
import io
import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from make import FIRST_LINEAGE
from pydantic import ValidationError
from serving import open_client

from app.briefs import citation_router
from app.settings import Settings

PAIR = "view=shift&actor=ARM&toward=RUS"
EVENT = "curated:2023-10-03-armenia-ratifies-rome-statute"
VIEWS = {
    PAIR: "Armenia and Russia moved apart, ",
    "view=events&between=ARM,RUS&since=2023-09&until=2023-10": (
        "Events of Armenia and Russia, September 2023 – October 2023"
    ),
    f"view=event&id={EVENT}": "Armenian parliament ratifies the Rome Statute, 3 Oct 2023",
    "view=actor&actor=Armenia": "Armenia (ARM)",
    "view=alliance&code=CSTO&on=2023-10-13": (
        "Members of Collective Security Treaty Organization, 13 Oct 2023"
    ),
    "view=map&actor=ARM": "Events of Armenia",
    "view=compare&pair=ARM>RUS": "Alignment of pairs, compared",
}
EMBEDS = [
    "shift?actor=ARM&toward=RUS",
    "shift?actor=FJI&toward=TON",
    "timeline?between=ARM,RUS&since=2023-09&until=2023-10",
    "map?actor=ARM&since=2022",
    "members?code=CSTO",
    "compare?pair=ARM>RUS&pair=ARM>EU",
]


def cite(api: TestClient, view: str, **more: str) -> dict[str, Any]:
    answer = api.get("/v1/citation", params={"view": view, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_a_citation_names_the_answer_its_version_and_the_day(api: TestClient, view: str) -> None:
    found = cite(api, view)
    assert found["title"].startswith(VIEWS[view])
    assert re.search(rf"as_of=\d+&lineage={FIRST_LINEAGE}$", found["permalink"])
    [reference] = json.loads(found["csl"])
    assert (reference["title"], reference["URL"]) == (found["title"], found["permalink"])
    assert reference["accessed"]["date-parts"] == [[int(n) for n in found["read"].split("-")]]
    for text in (found["footnote"], found["ris"]):
        assert found["permalink"] in text
    assert "CC BY 4.0" in found["footnote"] or "own licence" in found["footnote"]
    for address in [*(link["address"] for link in found["data"]), found["embed"]]:
        if address is not None:
            assert api.get(address).status_code == 200, address
    if found["picture"] is not None:
        join = "&" if "?" in found["picture"] else "?"
        picture = api.get(f"{found['picture']}{join}format=svg")
        assert picture.headers["content-type"] == "image/svg+xml"


def test_a_view_of_an_earlier_version_is_cited_as_that(api: TestClient) -> None:
    version = api.get("/v1/shifts?actor=ARM&toward=RUS").json()["meta"]["version"] - 1
    found = cite(api, f"{PAIR}&as_of={version}")
    assert found["permalink"].endswith(f"as_of={version}&lineage={FIRST_LINEAGE}")
    assert f"state of the record {version}." in found["footnote"]


@pytest.mark.parametrize("form", ["bibtex", "ris", "csl"])
def test_the_sources_behind_a_shift_are_those_of_its_evidence(api: TestClient, form: str) -> None:
    shift = api.get("/v1/shifts?actor=ARM&toward=RUS").json()["data"][0]["id"]
    evidence = api.get(f"/v1/shifts/{shift}").json()["evidence"]
    ids = {source["source"] for event in evidence for source in event["sources"]}
    answer = api.get("/v1/citation", params={"view": PAIR, "of": "sources", "format": form})
    assert "attachment" in answer.headers["content-disposition"]
    patterns = {"bibtex": r"^@\w+\{(.+),$", "ris": r"^ID  - (.+)$", "csl": r'"id":"([^"]+)"'}
    assert set(re.findall(patterns[form], answer.text, re.M)) == ids


@pytest.mark.parametrize(
    "view", ["events&between=ARM,RUS&since=2023-09", "map&between=ARM,RUS&since=2023-09"]
)
def test_the_sources_behind_a_list_are_those_of_its_events(api: TestClient, view: str) -> None:
    question = view.partition("&")[2]
    rows = api.get(f"/v1/events?{question}&limit=1000&fields=reports").json()["data"]
    ids = {report["source"] for row in rows for report in row["reports"]}
    asked = {"view": f"view={view}", "of": "sources", "format": "csv"}
    answer = api.get("/v1/citation", params=asked)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["id"] for row in found} == ids
    assert all(row["title"] and row["publisher"] for row in found)
    counted = api.get(f"/v1/facets?by=source&{question}").json()["data"]["source"]
    assert {row["value"] for row in counted} == ids


def test_a_list_with_too_many_sources_is_refused(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citation_router, "MAX_SOURCES", 3)
    asked = {"view": "view=events&actor=ARM", "of": "sources", "format": "bibtex"}
    answer = api.get("/v1/citation", params=asked)
    assert answer.status_code == 422
    assert "3 are listed at most" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"view": "view=shift&actor=Armenai&toward=RUS"}, 422, "actor"),
        ({"view": "view=alliance&code=CSTO&on=soon"}, 422, "on"),
        ({"view": "view=events&since=2023-13"}, 422, "since"),
        ({"view": f"{PAIR}&as_of=soon"}, 422, "as_of"),
        ({"view": PAIR, "of": "sources"}, 422, "format"),
        ({"view": "view=alliance&code=CSTO", "of": "sources", "format": "ris"}, 422, "of"),
        ({"view": PAIR, "format": "csv"}, 422, "format"),
        ({"view": "view=event&id=curated:nothing"}, 404, None),
        ({"view": "view=actor&actor="}, 404, None),
        ({"view": "x" * 5000}, 422, "view"),
        ({"view": "nothing"}, 422, "view"),
        ({"view": "view=nothing"}, 422, "view"),
    ],
)
def test_what_cannot_be_cited_is_refused(
    api: TestClient, more: dict[str, str], status: int, field: str | None
) -> None:
    answer = api.get("/v1/citation", params=more)
    assert answer.status_code == status
    assert [f["loc"][1] for f in answer.json()["errors"]] == ([field] if field else [])


@pytest.mark.parametrize("view", VIEWS)
def test_the_first_html_has_title_preview_and_feed_of_the_view(api: TestClient, view: str) -> None:
    found, page = cite(api, view), api.get(f"/?{view}")
    head = unescape(page.text.partition("</head>")[0])
    assert f"<title>{found['title']} – Entente</title>" in head
    assert f'property="og:title" content="{found["title"]}"' in head
    assert f'property="og:url" content="http://testserver/?{quote(view, "=&:,")}"' in head
    assert ("og:image" in head) == (found["picture"] is not None)
    feeds = re.findall(r'type="application/atom\+xml" href="([^"]+)"', head)
    for feed in feeds:
        assert "<feed" in api.get(feed).text
    assert bool(feeds) == ("between" in view or "actor" in view or "code" in view)
    again = {"If-None-Match": page.headers["etag"]}
    assert api.get(f"/?{view}", headers=again).status_code == 304


@pytest.mark.parametrize(
    "query",
    [
        "",
        "view=actor&actor=Armenai",
        "view=shift&actor=ARM&toward=RUS&as_of=soon",
        "view=event&id=%00",
        'view=events&q="><script>alert(1)</script>',
        "view=alliance&code=ARM",
        "view=%00&%25%25",
    ],
)
def test_an_address_without_answer_still_has_its_page(api: TestClient, query: str) -> None:
    page = api.get(f"/?{query}")
    assert page.status_code == 200
    assert "Entente</title>" in page.text
    assert "<script>" not in page.text


@pytest.mark.slow
@pytest.mark.parametrize("address", EMBEDS)
def test_an_embed_has_picture_source_and_link_and_no_script(api: TestClient, address: str) -> None:
    page = api.get(f"/embed/{address}")
    assert page.status_code == 200, page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "<script" not in page.text
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', page.text)
    assert len(pictures) == 3 * max(address.count("pair="), 1)
    for picture in map(unescape, pictures):
        assert api.get(picture).headers["content-type"] == "image/svg+xml", picture
    assert re.search(r"Source: .+, state of the record \d+\.", page.text)
    links = re.findall(r'<a href="(http[^"]+)"', page.text)
    assert links
    assert all("as_of=" in link for link in links)
    assert len(page.content) < 5500


def test_curves_side_by_side_are_drawn_over_the_same_days(api: TestClient) -> None:
    page = unescape(api.get("/embed/compare?pair=ARM>RUS&pair=ARM>EU").text)
    pictures = re.findall(r'<img src="([^"]+)"', page)
    drawings = [api.get(address).text for address in pictures]
    ends = {re.findall(r'data-t0="([^"]+)" data-t1="([^"]+)"', svg)[0] for svg in drawings}
    assert len(drawings) == 2
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("shift?actor=ARM", 422),
        ("shift?actor=ARM&toward=Zzzz", 422),
        ("shift?actor=ARM&toward=RUS&format=svg", 422),
        ("map?actor=Zzzz", 422),
        ("map?width=300", 422),
        ("members?code=ARM", 404),
        ("compare?pair=ARM", 422),
        ("compare?" + "pair=ARM>RUS&" * 5, 422),
        ("nothing", 404),
    ],
)
def test_what_cannot_be_embedded_is_refused(api: TestClient, address: str, status: int) -> None:
    assert api.get(f"/embed/{address}").status_code == status


def test_settings_say_who_may_frame_an_embed_and_nothing_else(bundled_urls: dict[str, str]) -> None:
    origins = ("https://news.example", "https://*.ministry.example")
    with open_client(bundled_urls["sqlite"], frame_ancestors=origins) as api:
        embed = api.get(f"/embed/{EMBEDS[0]}").headers["content-security-policy"]
        assert embed.endswith("frame-ancestors https://news.example https://*.ministry.example")
        for other in ("/", f"/?{PAIR}", "/brief?actor=ARM&toward=RUS", "/explorer/main.js"):
            assert "frame-ancestors 'none'" in api.get(other).headers["content-security-policy"]


@pytest.mark.parametrize("origin", ["news.example", "https://a; script-src *", "'self'", ""])
def test_an_origin_that_is_none_stops_the_service(origin: str) -> None:
    with pytest.raises(ValidationError):
        Settings(frame_ancestors=(origin,))


def test_a_closed_record_gives_no_titles_away(bundled_urls: dict[str, str]) -> None:
    with open_client(bundled_urls["sqlite"], open_reading=False) as api:
        assert "Armenia" not in api.get(f"/?{PAIR}").text
        assert api.get(f"/embed/{EMBEDS[0]}").status_code == 401
        assert api.get("/v1/citation", params={"view": PAIR}).status_code == 401


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        "shift?actor=RUS&toward=AFRICAN-UNION",
        "timeline?member_of=AFRICAN-UNION&since=2022",
        "map?member_of=AFRICAN-UNION&since=2022",
        "members?code=AFRICAN-UNION",
        "compare?pair=RUS>AFRICAN-UNION&pair=ARM>RUS",
    ],
)
def test_the_words_of_an_embed_say_what_its_picture_leaves_out(
    api: TestClient, address: str
) -> None:
    page = unescape(api.get(f"/embed/{address}").text)
    alt, *_ = re.findall(r'<img src="[^"]+" alt="([^"]+)"', page)
    assert "Only some members" in alt
    picture, *_ = re.findall(r'<img src="([^"]+)"', page)
    drawn = re.sub(r"<[^>]+>", " ", api.get(picture).text)
    assert "Only some members" in drawn


def test_an_embed_without_remarks_has_its_title_as_words(api: TestClient) -> None:
    page = unescape(api.get("/embed/timeline?between=ARM,RUS&since=2023-09&until=2023-10").text)
    assert 'alt="Events of Armenia and Russia, September 2023 – October 2023"' in page


def test_members_are_named_and_many_are_counted(api: TestClient) -> None:
    assert "Armenia, Belarus" in unescape(api.get("/embed/members?code=CSTO").text)
    said = unescape(api.get("/embed/members?code=UN").text)
    assert re.search(r"Afghanistan, .+ and \d+ more\.", said)
