"""What events do to a pair is counted as the timeline counts it, and found by the filter."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

PAIRS = ["ARM,RUS", "USA,CHN", "ARM,AZE"]
EFFECTS = ("together", "apart", "neither")


def count_effects(api: TestClient, question: str) -> dict[str, int]:
    answer = api.get(f"/v1/facets?by=effect&{question}")
    assert answer.status_code == 200, answer.text
    return {row["value"]: row["count"] for row in answer.json()["data"]["effect"]}


def count_events(api: TestClient, question: str) -> int:
    answer: dict[str, Any] = api.get(f"/v1/events?limit=1&count=exact&{question}").json()
    return int(answer["meta"]["count"])


@pytest.mark.on_both  # a join in one place, a subquery in the other
@pytest.mark.parametrize("pair", PAIRS)
def test_counts_filter_and_timeline_agree(api: TestClient, pair: str) -> None:
    version = api.get("/v1/events?limit=1").json()["meta"]["version"]
    for question in (f"between={pair}&since=2018", f"between={pair}&since=2018&as_of={version}"):
        counts = count_effects(api, question)
        assert set(counts) <= set(EFFECTS)
        for effect in EFFECTS:
            found = count_events(api, f"{question}&effect={effect}")
            assert found == counts.get(effect, 0), (question, effect)
        buckets = api.get(f"/v1/timeline?{question}&granularity=year").json()["data"]
        assert sum(bucket["cooperation"] for bucket in buckets) == counts.get("together", 0)
        assert sum(bucket["conflict"] for bucket in buckets) == counts.get("apart", 0)
        assert sum(counts.values()) == count_events(api, question)


@pytest.mark.on_both
@pytest.mark.parametrize("pair", PAIRS)
def test_the_timeline_of_an_effect_counts_what_has_it(api: TestClient, pair: str) -> None:
    counts = count_effects(api, f"between={pair}")
    for effect, field in zip(EFFECTS, ("cooperation", "conflict", "neutral"), strict=True):
        answer = api.get(f"/v1/timeline?between={pair}&effect={effect}&granularity=year")
        assert answer.status_code == 200, answer.text
        buckets = answer.json()["data"]
        for name in ("count", field):
            assert sum(bucket[name] for bucket in buckets) == counts.get(effect, 0), (effect, name)


def test_several_effects_are_one_or_the_other(api: TestClient) -> None:
    counts = count_effects(api, "between=ARM,RUS")
    both = count_events(api, "between=ARM,RUS&effect=together&effect=apart")
    assert both == counts["together"] + counts["apart"]


def test_an_effect_goes_with_other_facets(api: TestClient) -> None:
    answer = api.get("/v1/facets?by=tag,effect,publisher&between=ARM,RUS&effect=apart").json()
    assert list(answer["data"]) == ["tag", "effect", "publisher"]
    assert [row["value"] for row in answer["data"]["effect"]] == ["apart"]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("facets?by=effect", "by"),
        ("facets?by=effect&actor=ARM", "by"),
        ("facets?by=effect&between=ARM", "by"),
        ("facets?by=effect&between=Pashinyan,Putin", "by"),
        ("events?effect=apart", "effect"),
        ("events?effect=apart&between=ARM,RUS,USA", "effect"),
        ("events?effect=apart&between=ARM,Armenia", "effect"),
        ("events?effect=apart&between=Pashinyan,Putin", "effect"),
        ("events?effect=warmer&between=ARM,RUS", "effect"),
        ("timeline?effect=apart&actor=ARM", "effect"),
    ],
)
def test_an_effect_without_a_pair_is_refused(api: TestClient, address: str, field: str) -> None:
    answer = api.get(f"/v1/{address}")
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["loc"][1] == field
    assert "between=ARM,RUS" in (fault["hint"] or "") or address.startswith("events?effect=warmer")
