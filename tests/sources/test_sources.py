"""Sources are found by what they are, and cited in what bibliographies read."""

import csv
import io
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

RATIFICATION = "curated:2023-10-03-armenia-ratifies-rome-statute"


def list_all(api: TestClient, asked: str) -> list[dict[str, Any]]:
    """List every source that matches, over all pages."""
    found: list[dict[str, Any]] = []
    address: str | None = f"/v1/sources?limit=200&{asked}"
    while address:
        body = api.get(address).json()
        found += body["data"]
        address = body["links"]["next"]
    return found


def test_filters_agree_with_the_list(api: TestClient) -> None:
    every = list_all(api, "")
    assert len(every) > 100
    publisher = every[0]["publisher"]
    assert list_all(api, f"publisher={publisher}") == [
        s for s in every if s["publisher"] == publisher
    ]
    kind = every[0]["kind"]
    assert list_all(api, f"kind={kind}") == [s for s in every if s["kind"] == kind]
    words = list_all(api, "q=rome STATUTE")
    assert words == [
        s
        for s in every
        if all(w in s["title"].lower() or w in s["publisher"].lower() for w in ("rome", "statute"))
    ]
    assert words


def test_published_in_a_window_includes_dates_that_may_lie_in_it(api: TestClient) -> None:
    found = list_all(api, "since=2023-09-15&until=2023-09-20")
    dates = {s["published"] for s in found}
    assert all(d in ("2023", "2023-09") or "2023-09-15" <= d <= "2023-09-20" for d in dates)
    every = {s["published"] for s in list_all(api, "") if s["published"]}
    assert dates == {
        d for d in every if d in ("2023", "2023-09") or "2023-09-15" <= d[:10] <= "2023-09-20"
    }


def test_sources_of_an_event_are_those_of_its_reports(api: TestClient) -> None:
    cited = {r["source"] for r in api.get(f"/v1/events/{RATIFICATION}").json()["reports"]}
    assert {s["id"] for s in list_all(api, f"event={RATIFICATION}")} == cited
    none = api.get("/v1/sources?event=nothing:at-all").json()
    assert none["data"] == []
    assert none["meta"]["reason"] == "no_match"


def test_wildcards_in_words_are_plain_characters(api: TestClient) -> None:
    assert list_all(api, "q=%25") == [
        s for s in list_all(api, "") if "%" in s["title"] + s["publisher"]
    ]
    assert list_all(api, "q=zz_zz") == []


def test_bibliography_has_an_entry_for_each_source(api: TestClient) -> None:
    cited = list_all(api, f"event={RATIFICATION}")
    csl = api.get(f"/v1/sources?event={RATIFICATION}&format=csl")
    assert csl.headers["content-type"] == "application/vnd.citationstyles.csl+json"
    assert [(one["id"], one.get("URL")) for one in csl.json()] == [
        (s["id"], s["url"]) for s in cited
    ]
    assert all(one["issued"]["date-parts"][0][0] >= 2023 for one in csl.json() if "issued" in one)
    bibtex = api.get(f"/v1/sources?event={RATIFICATION}&format=bibtex").text
    assert re.findall(r"^@\w+\{([^,]+),$", bibtex, re.MULTILINE) == [s["id"] for s in cited]
    ris = api.get(f"/v1/sources?event={RATIFICATION}&format=ris").text
    assert re.findall(r"^ID  - (.+)$", ris, re.MULTILINE) == [s["id"] for s in cited]
    assert ris.count("ER  - ") == len(cited)


def test_long_bibliography_has_a_link_to_what_follows(api: TestClient) -> None:
    first = api.get("/v1/sources?format=bibtex&limit=3")
    assert first.text.count("@") >= 3
    following = api.get(first.links["next"]["url"])
    assert following.status_code == 200
    assert following.text.count("url = ") == 3 or "@misc" in following.text


def test_datasets_are_cited_with_version_and_licence(api: TestClient) -> None:
    known = api.get("/v1/datasets").json()["data"]
    for one, dataset in zip(api.get("/v1/datasets?format=csl").json(), known, strict=True):
        assert (one["id"], one["type"], one["version"]) == (
            dataset["code"], "dataset", dataset["version"],
        )  # fmt: skip
        assert dataset["licence"] in one["note"]


@pytest.mark.parametrize("face", ["tag", "publisher"])
def test_facets_count_events_by_each_value_once(api: TestClient, face: str) -> None:
    asked = "between=ARM,RUS&since=2023-09&until=2023-10"
    events = api.get(f"/v1/events?{asked}&limit=200").json()["data"]
    wanted: dict[str, int] = {}
    for event in events:
        values = event["tags"] if face == "tag" else {r["publisher"] for r in event["reports"]}
        for value in set(values):
            wanted[value] = wanted.get(value, 0) + 1
    found = api.get(f"/v1/facets?{asked}&by={face}").json()["data"][face]
    assert {one["value"]: one["count"] for one in found} == wanted
    counts = [one["count"] for one in found]
    assert counts == sorted(counts, reverse=True)


def test_publishers_are_counted_as_known_by_a_day(api: TestClient) -> None:
    asked = "known_by=2023-10-04&q=rome+statute&since=2023-10-03&until=2023-10-03"
    found = api.get(f"/v1/facets?{asked}&by=publisher").json()["data"]["publisher"]
    [event] = api.get(f"/v1/events?{asked}").json()["data"]
    assert {one["value"] for one in found} == {r["publisher"] for r in event["reports"]}


def test_facets_of_actors_have_their_names(api: TestClient) -> None:
    found = api.get("/v1/facets?tag=csto&by=actor,country,type").json()["data"]
    names = {one["value"]: one["name"] for one in found["actor"]}
    assert names["CSTO"] == "Collective Security Treaty Organization"
    assert all(one["name"] for one in found["country"] if one["value"])
    assert all("name" not in one for one in found["type"])


def test_unknown_format_is_one_error_at_its_parameter(api: TestClient) -> None:
    answer = api.get("/v1/sources?format=bibtec")
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["loc"] == ["query", "format"]
    assert fault["suggestions"] == ["bibtex"]


def test_sources_are_rows_of_a_table_that_a_spreadsheet_opens(api: TestClient) -> None:
    listed = api.get("/v1/sources?limit=40").json()["data"]
    answer = api.get("/v1/sources?limit=40&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'rel="next"' in answer.headers["link"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    for row, source in zip(rows, listed, strict=True):
        for name in ("id", "kind", "publisher", "url", "published", "reliability", "licence"):
            assert row[name] == (source[name] or "")
    datasets = csv.DictReader(io.StringIO(api.get("/v1/datasets?format=csv").text))
    assert all(row["licence"] and row["version"] for row in datasets)
