"""A timeline says what the list of events says, gathered."""

from collections import defaultdict
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.events.buckets import (
    INTENSITY_UNIT,
    MAX_AT_PEAK,
    PEAK_BITS,
    BucketSize,
    DayTotals,
    bucket_start_text,
    find_bucket_bars,
    find_weight_threshold,
)
from app.events.event_titles import EventTitle, encode_buckets
from app.json_encoding import encode_json

SIZES: tuple[BucketSize, ...] = ("day", "week", "month", "quarter", "year")


def list_events(api: TestClient, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Every event of a filter, page by page."""
    found: list[dict[str, Any]] = []
    answer = api.get("/v1/events", params=asked | {"limit": 100}).json()
    while True:
        found += answer["data"]
        if answer["links"]["next"] is None:
            return found
        answer = api.get(answer["links"]["next"]).json()


@pytest.mark.on_both  # each size is a function of its own in SQL
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "asked",
    [
        {"dataset": "curated"},
        {"actor": "ARM", "since": "2017"},
        {"actor": ["RUS", "TUR"], "since": "2020-10-15", "until": "2023-09-20"},
        {"member_of": "CSTO", "since": "2022"},
        {"q": "Karabakh", "dataset": ["curated", "realignments"]},
    ],
)
def test_buckets_are_those_of_the_events(
    api: TestClient, size: BucketSize, asked: dict[str, Any]
) -> None:
    answer = api.get("/v1/timeline", params=asked | {"granularity": size, "top": 2}).json()["data"]
    since = {year: f"{year}-01-01" for year in ("2017", "2022")}.get(
        asked.get("since", ""), asked.get("since", "")
    )
    by_bucket = defaultdict(list)
    for event in list_events(api, asked):
        day = max(event["start"], since)
        by_bucket[bucket_start_text(day, size)].append(
            (-abs(event["intensity"] or 0), day, event["id"])
        )
    for bucket in answer:
        weighty = sorted(by_bucket.pop(bucket_start_text(bucket["start"], size), []))
        assert bucket["count"] == len(weighty)
        assert [one["id"] for one in bucket["top"]] == [key for _, _, key in weighty[:2]]
    assert not by_bucket


DAYS = st.dictionaries(
    st.dates().map(str).map(lambda day: f"2020{day[4:]}").filter(lambda day: day[5:] != "02-29"),
    st.lists(st.integers(0, 10).map(float), min_size=1, max_size=6),
    max_size=60,
)


@given(DAYS, st.sampled_from(SIZES), st.integers(1, 4))
def test_threshold_keeps_the_most_important_events_of_every_bucket(
    weights: dict[str, list[float]], size: BucketSize, top: int
) -> None:
    days = [DayTotals(d, len(w), 0, 0, len(w), sum(w), max(w)) for d, w in sorted(weights.items())]
    bar, whole = find_weight_threshold(days, size, top)
    buckets = defaultdict(list)
    for day, value in weights.items():
        buckets[bucket_start_text(day, size)] += [(w, w >= bar or day in whole) for w in value]
    for value in buckets.values():
        kept = sorted((w for w, keeps in value if keeps), reverse=True)
        assert kept[:top] == sorted((w for w, _ in value), reverse=True)[:top]


def test_threshold_excludes_most_events_of_full_buckets() -> None:
    days = [
        DayTotals(f"2020-{m:02d}-{d:02d}", 100, 0, 0, 100, 0.0, 9.0)
        for m in (1, 2)
        for d in range(1, 29)
    ]
    days.append(DayTotals("2020-03-01", 1, 0, 0, 0, 0.0, 0.0))
    assert find_weight_threshold(days, "month", 3) == (9.0, ["2020-03-01"])


PEAKS = st.lists(st.tuples(st.integers(0, 10), st.integers(1, MAX_AT_PEAK)), min_size=1, max_size=5)


@given(PEAKS, st.integers(0, 3), st.integers(1, 60))
def test_bar_of_a_month_is_that_of_the_events_known_to_be_in_it(
    peaks: list[tuple[int, int]], unscored: int, top: int
) -> None:
    text = "\n".join(str((w * INTENSITY_UNIT << PEAK_BITS) + n) for w, n in peaks)
    scored = sum(n for _, n in peaks)
    month = DayTotals("2020-03-01", scored + unscored, 0, 0, scored, 0.0, 0.0, 0, text)
    known = sorted([float(w) for w, n in peaks for _ in range(n)] + [0.0] * unscored, reverse=True)
    bar = known[top - 1] if len(known) >= top else -1.0
    # A day without events is counted as well, which is the way of a bucket of several rows.
    none = DayTotals("2020-03-01", 0, 0, 0, 0, 0.0, 0.0, 0, "0")
    for rows in ([month], [month, none]):
        found = find_bucket_bars(rows, "month", top)
        assert found == {"2020-03-01": (bar, bar == known[0])}


@given(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.none() | st.floats(-10, 10),
    st.none() | st.sampled_from([0.0, -0.0, 0.0001, -3.5, 9.9999]),
)
def test_buckets_are_encoded_as_any_answer_is(
    title: str, intensity: float | None, mean: float | None
) -> None:
    found = EventTitle("curated:a", title, "2020-01", None, intensity, -1)
    bucket = {"start": "2020-01-01", "mean_intensity": mean, "positive": None}
    bucket |= {"negative": mean, "index": None, "covered": False, "top": [found]}
    shown = bucket | {"top": [found.show_fields() | {"sign": -1}]}
    assert encode_buckets([bucket, bucket]) == encode_json([shown, shown])[1:-1]


def test_what_is_under_way_has_every_field_also_where_nothing_is_known(api: TestClient) -> None:
    meta = api.get("/v1/timeline", params={"top": 1}).json()["meta"]
    assert any(None in event.values() for event in meta["under_way"])
    assert all({"start", "end", "sign"} <= event.keys() for event in meta["under_way"])


@pytest.mark.parametrize(
    "asked", ["quad=1&quad=2&quad=3", "type=AGREE&type=CONSULT", "status=reported&status=confirmed"]
)
def test_several_values_of_a_field_are_counted(api: TestClient, asked: str) -> None:
    """Names of parameters of the statement once clashed with those of a second value."""
    listed = api.get(f"/v1/events?{asked}&count=exact").json()["meta"]["count"]
    for path in (f"/v1/timeline?{asked}", f"/v1/timeline?{asked}&since=1900&granularity=year"):
        assert sum(bucket["count"] for bucket in api.get(path).json()["data"]) == listed > 0
