"""Charts say in words, numbers and pictures what the answer says."""

import csv
import io
import json
import re
import struct
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
import vl_convert
from fastapi.testclient import TestClient

from app import reader_words
from app.charts import (
    alignment,
    curves,
    labels,
    lanes,
    memberships,
    rendering,
    shifts,
    timeline,
    vega_lite,
)
from app.charts.rendering import COLUMNS, SCALE, VEGA_LITE, render_chart
from app.http.chart_formats import CHART_FORMATS, CHART_MEDIA_TYPES

pytestmark = [pytest.mark.slow, pytest.mark.by_turns]

DRAWN = {
    "timeline": "/v1/timeline?actor=ARM&since=2016&until=2026-06&granularity=quarter",
    "relations": "/v1/actors/ARM/relations",
    "memberships": "/v1/actors/ARM",
    "members": "/v1/alliances/CSTO/history",
}
charts = pytest.mark.parametrize("chart", DRAWN)


def get_chart(api: TestClient, chart: str, form: str) -> Any:
    return api.get(DRAWN[chart], params={**read_query(chart), "format": form}).raise_for_status()


def read_query(chart: str) -> dict[str, str]:
    query = DRAWN[chart].partition("?")[2]
    return dict(pair.split("=") for pair in query.split("&")) if query else {}


@charts
def test_a_spec_compiles_and_says_what_it_shows(api: TestClient, chart: str) -> None:
    spec = get_chart(api, chart, "vega").json()
    assert len(spec["description"]) > 40
    compiled = vl_convert.vegalite_to_vega(spec, vl_version=VEGA_LITE)
    assert compiled["marks"]
    assert "http" not in json.dumps({k: v for k, v in spec.items() if k != "$schema"})


@charts
def test_a_drawing_carries_its_words(api: TestClient, chart: str) -> None:
    answer = get_chart(api, chart, "svg")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    body = get_chart(api, chart, "vega").json()["description"]
    assert (root.attrib["role"], root.attrib["aria-label"]) == ("img", body)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@charts
def test_png_has_the_expected_size(api: TestClient, chart: str) -> None:
    content = get_chart(api, chart, "png").content
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert width > 400 * SCALE
    assert height > 50


@charts
@pytest.mark.parametrize("width", [280, 720, 1160])
def test_a_drawing_is_as_wide_as_was_asked(api: TestClient, chart: str, width: int) -> None:
    query = {**read_query(chart), "width": width}
    svg = api.get(DRAWN[chart], params={**query, "format": "svg"}).content
    assert float(ElementTree.fromstring(svg).attrib["width"]) == pytest.approx(width, abs=1)
    png = api.get(DRAWN[chart], params={**query, "format": "png"}).content
    assert struct.unpack(">I", png[16:20])[0] == pytest.approx(width * SCALE, abs=2)


def test_a_width_goes_with_drawings_only(api: TestClient) -> None:
    refused = api.get("/v1/timeline", params={"width": 700})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["query", "width"]
    assert api.get("/v1/timeline?width=9999&format=svg").status_code == 422


WINDOWS = [
    ("2023-10-01", "2023-10-09"), ("2023-09", "2023-11"), ("2022-03", "2024-02"),
    ("2012", "2025"), ("1945", "2026"), ("1650", "2026"),
]  # fmt: skip


@pytest.mark.parametrize(("since", "until"), WINDOWS)
@pytest.mark.parametrize("width", [280, 720, 1160])
def test_no_day_is_written_over_another(
    api: TestClient, since: str, until: str, width: int
) -> None:
    query = {"since": since, "until": until, "format": "svg", "width": width}
    root = ElementTree.fromstring(api.get("/v1/timeline", params=query).content)
    texts = [t for t in root.iter("{http://www.w3.org/2000/svg}text") if _is_a_day(t.text)]
    assert texts
    spots = [(_read_offset(t), len(str(t.text)) * vega_lite.LETTER_WIDTH) for t in texts]
    for (left, one), (right, other) in pairwise(sorted(spots)):
        assert right - left > min(one, other) * 0.9


def _is_a_day(text: str | None) -> bool:
    return re.fullmatch(r"(\d{1,2} )?([A-Z][a-z]{2} )?\d{4}", text or "") is not None


def _read_offset(text: ElementTree.Element) -> float:
    return float(re.findall(r"translate\(([-\d.]+)", text.attrib["transform"])[0])


@charts
def test_the_rows_behind_it_are_a_table(api: TestClient, chart: str) -> None:
    rows = list(csv.DictReader(io.StringIO(get_chart(api, chart, "csv").text, newline="")))
    body = get_chart(api, chart, "json").json()
    listed = body.get("data") or [
        m for m in body["memberships"] if m["role"] in ("member", "observer", "partner")
    ]
    assert list(rows[0]) == list(COLUMNS[chart])  # type: ignore[index]
    assert len(rows) == len(listed)


@charts
def test_accept_chooses_a_picture(api: TestClient, chart: str) -> None:
    for form in CHART_FORMATS:
        answer = api.get(DRAWN[chart], headers={"Accept": CHART_MEDIA_TYPES[form][0]})
        asked_for = get_chart(api, chart, form)
        assert answer.headers["content-type"] == asked_for.headers["content-type"]
    refused = api.get(DRAWN[chart], headers={"Accept": "application/pdf"})
    assert refused.status_code == 406
    assert "format=svg" in refused.json()["detail"]


@charts
def test_each_chart_format_has_its_own_etag(api: TestClient, chart: str) -> None:
    tags = {get_chart(api, chart, form).headers["etag"] for form in CHART_FORMATS}
    assert len(tags) == len(CHART_FORMATS)
    url, tag = DRAWN[chart], get_chart(api, chart, "svg").headers["etag"]
    again = api.get(
        url, params={**read_query(chart), "format": "svg"}, headers={"If-None-Match": tag}
    )
    assert again.status_code == 304


@charts
@pytest.mark.parametrize("width", [280, 1160])
def test_a_picture_says_subject_source_licence_and_version(
    api: TestClient, chart: str, width: int
) -> None:
    """In letters that are drawn, so that a picture that went round says where it is from."""
    query = {**read_query(chart), "format": "svg", "width": width}
    answer = api.get(DRAWN[chart], params=query)
    texts = list(ElementTree.fromstring(answer.content).itertext())
    said = " ".join(text for text in texts if text.strip())
    version = api.get("/v1/actors").json()["meta"]["version"]
    subject = {"members": "Collective Security Treaty Organization"}.get(chart, "Armenia")
    for wanted in (subject, "Source: Entente, ", "(CC BY 4.0)", f"version {version} of the record"):
        assert wanted in said


def test_a_picture_of_days_says_where_they_are(api: TestClient) -> None:
    """What reads a drawing finds the day of a pixel by its attributes."""
    svg = ElementTree.fromstring(get_chart(api, "timeline", "svg").content)
    assert (svg.attrib["data-t0"], svg.attrib["data-t1"]) == ("2016-01-01", "2026-07-01")
    left, right = (float(svg.attrib[f"data-{name}"]) for name in ("x0", "x1"))
    ticks = {
        str(text.text): _read_offset(text) + left
        for text in svg.iter("{http://www.w3.org/2000/svg}text")
        if _is_a_day(text.text)
    }
    assert ticks["2021"] == pytest.approx(left + (right - left) * 1827 / 3834, abs=1)
    assert 'fill="url(#hatch)"' in get_chart(api, "timeline", "svg").text


HEAPS = [
    "between=ARM,RUS&since=2023-09&until=2023-10", "between=ARM,RUS&since=2023&until=2023-12",
    "between=ARM,USA", "between=ARM,EU&since=2024", "between=FRA,MLI", "actor=ARM",
    "between=IND,PAK", "actor=CSTO&since=2022&until=2024",
]  # fmt: skip


@pytest.mark.parametrize("asked", HEAPS)
@pytest.mark.parametrize("width", [360, 1160])
def test_no_label_of_an_event_lies_on_another(api: TestClient, asked: str, width: int) -> None:
    """With what is bundled: neither a label on a label nor a leading line through one."""
    svg = api.get(f"/v1/timeline?{asked}&top=10&format=svg&width={width}").text
    boxes = list_text_boxes(ElementTree.fromstring(svg))
    assert boxes
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)


def list_text_boxes(root: ElementTree.Element) -> list[tuple[float, float, float, float, str]]:
    """The boxes of the texts of a drawing: left, top, right, bottom, words; wide ones at that."""
    found: list[tuple[float, float, float, float, str]] = []

    def visit(part: ElementTree.Element, x: float, y: float) -> None:
        moved = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", part.attrib.get("transform", ""))
        if moved:
            x, y = x + float(moved[1]), y + float(moved[2])
        visible = part.attrib.get("opacity") != "0" and "rotate" not in part.get("transform", "")
        if part.tag.endswith("}text") and part.text and visible:
            size = float(part.attrib["font-size"].removesuffix("px"))
            long = len(part.text) * size * 0.5
            anchor = part.attrib.get("text-anchor", "start")
            left = x - {"start": 0, "middle": long / 2, "end": long}[anchor]
            found.append((left, y - size * 0.7, left + long, y + size * 0.2, part.text))
        for inner in part:
            if inner.attrib.get("class") not in ("credit", "remarks"):
                visit(inner, x, y)

    visit(root, 0, 0)
    return found


def test_labels_that_have_no_room_are_counted(api: TestClient) -> None:
    spec = api.get("/v1/timeline?between=ARM,USA&format=vega&width=280").json()
    texts = [
        row["text"]
        for layer in spec["layer"]
        for row in layer["data"]["values"]
        if layer["mark"]["type"] == "text" and "text" in row
    ]
    [rest] = [re.fullmatch(r"\+(\d+) without a label", t) for t in texts if t.startswith("+")]
    body = api.get("/v1/timeline?between=ARM,USA").json()["data"]
    within = sum(b["count"] - b["spans"] for b in body)
    assert rest is not None
    assert len(texts) - 1 + int(rest[1]) == within


def test_lasting_events_lie_in_lanes_by_weight_and_the_others_are_counted() -> None:
    events = [
        {"id": f"e{n}", "title": f"Event {n}", "start": "2023-01-01", "end": "2023-03-01",
         "date": "2023-01-01/2023-03-01", "sign": 1, "intensity": float(n)}
        for n in range(9)
    ]  # fmt: skip
    placed = lanes.place_in_lanes(events, ("2023-01-01", "2024-01-01"), ("a", "b", "c"), 300)
    assert placed.left_out == 9 - lanes.MAX_LANES
    assert {bar["title"] for bar in placed.bars} == {f"Event {n}" for n in range(3, 9)}
    assert labels.stack_marks([5, 5, 40, 5]) == [0, -1, 0, 1]


def test_counts_above_and_below_the_line_add_up(api: TestClient) -> None:
    body = get_chart(api, "timeline", "json").json()
    spec = get_chart(api, "timeline", "vega").json()
    [bars] = [part["layer"][0]["data"]["values"] for part in spec["layer"] if "layer" in part]
    assert sum(bar["count"] for bar in bars) == sum(
        b["count"] - b["spans"]
        for b in body["data"]  # spans are drawn as lines
    )
    below = sum(-bar["low"] for bar in bars if bar["kind"] == "conflict")
    assert below == sum(b["conflict"] - b["spans_conflict"] for b in body["data"])


def test_uncovered_days_are_drawn_as_gaps(api: TestClient) -> None:
    spec = get_chart(api, "timeline", "vega").json()
    holes = spec["layer"][0]
    assert holes["mark"]["type"] == "rect"
    assert holes["data"]["values"][0]["start"] == "2016-01-01"
    assert "not covered" in spec["description"]
    within = api.get("/v1/timeline?since=2023&until=2023&format=vega").json()
    assert "not covered" not in json.dumps(within)


def make_point(day: int, index: float | None, covered: bool = True, n: int = 2) -> dict[str, Any]:
    """A point of an alignment series."""
    return {
        "start": f"2023-01-{day:02d}", "end": f"2023-01-{day:02d}", "index": index,
        "low": None if index is None else index - 0.2,
        "high": None if index is None else index + 0.2,
        "n": n, "positive": 1.0, "negative": 0.5, "effective": 3.0, "sources": 2,
        "covered": covered,
    }  # fmt: skip


def make_month(month: int, index: float, **more: Any) -> dict[str, Any]:
    """A point of a month."""
    start, end = f"2023-{month:02d}-01", f"2023-{month:02d}-28"
    point = make_point(1, index) | {"positive": 0.0, "negative": 0.0}
    return point | {"start": start, "end": end} | more


def make_shift(**more: Any) -> dict[str, Any]:
    """A row of `/v1/shifts`."""
    level = {"low": -1, "high": 1, "effective": 9, "start": None, "end": None}
    return {
        "id": "x", "actor": "ARM", "toward": ["RUS"], "against": [], "onset": "2022-09-14",
        "direction": "away", "before": {"index": 0.72, **level},
        "after": {"index": -0.71, **level}, "magnitude": 1.43, "p": 0.0005, "q": 0.001,
        "verdict": "strong", "robust": True, "provisional": False, "sentence": "It moved.",
        "onset_set": [{"start": "2022-09-13", "end": "2022-09-14"},
                      {"start": "2022-11-01", "end": "2022-11-03"}], **more,
    }  # fmt: skip


SERIES = {
    "data": [
        make_point(1, 0.5),
        make_point(2, 0.4),
        make_point(3, None, covered=False, n=0),
        make_point(4, -0.5),
    ],
    "meta": {"actor": "ARM", "toward": ["RUS"], "against": [], "version": 7},
    "shifts": [
        make_shift(onset="2023-01-04", onset_set=[{"start": "2023-01-03", "end": "2023-01-04"}]),
        make_shift(onset="2023-01-02", verdict="no_evidence"),
    ],
}


def test_gap_breaks_the_line_and_shift_is_marked() -> None:
    spec = alignment.draw_alignment(SERIES)
    rules = [x for x in spec["layer"] if x["mark"]["type"] == "rule" and "opacity" not in x["mark"]]
    assert [mark["data"]["values"][0].get("onset") for mark in rules] == [None, "2023-01-04"]
    description = spec["description"]
    assert "from +0.50 to −0.50" in description
    assert "A shift away, 3 – 4 Jan 2023 (strong evidence)." in description
    [onset] = [x for x in spec["layer"] if x["mark"].get("opacity") == 0.13]
    [drawn] = onset["data"]["values"]
    assert (drawn["from"], drawn["to"][:10]) == ("2023-01-03", "2023-01-05")
    assert "1 of 4 periods are not covered" in description


def test_acts_that_no_dataset_follows_are_drawn_over_the_gap() -> None:
    points = [make_month(1, 0.6, covered=False, n=2), make_month(2, 0.5, covered=False, n=0)]
    points.append(make_month(3, -0.4, covered=False, n=1))
    spec = alignment.draw_alignment(SERIES | {"data": points, "shifts": []})
    assert "from +0.60 to −0.40" in spec["description"]
    assert "3 of 3 periods are not covered" in spec["description"]


def test_curve_is_dotted_where_nothing_happens_and_never_leaves_its_interval() -> None:
    """Half a year without an act keeps the last value: a fading index is news of no act."""
    points = [make_month(1, 0.6, n=3)]
    points += [make_month(m, 0.6 - m / 20, low=0.4, high=0.8, n=0) for m in range(2, 9)]
    points += [make_month(9, -0.2, n=1), make_month(10, -0.9, low=-0.4, high=0, n=0)]
    points += [make_month(11, -0.9, low=-0.4, high=0, n=2)]
    marked = curves.mark_quiet_points(points)
    assert [p["index"] for p in marked] == [0.6] * 8 + [-0.2] * 2
    assert [p["quiet"] for p in marked] == [False] + [True] * 7 + [False, True]
    solid = curves.list_line_runs(marked, quiet=False)
    dotted = curves.list_line_runs(marked, quiet=True)
    assert [(p["start"][5:7], p["run"]) for p in solid] == [("08", 1), ("09", 1)]
    assert [p["start"][5:7] for p in dotted] == [f"{n:02d}" for n in range(1, 9)] + ["09", "10"]
    spec = alignment.draw_alignment({**SERIES, "data": points})
    drawn = [p for layer in spec["layer"] for p in layer["data"]["values"] if "index" in p]
    assert all(p["low"] <= p["index"] <= p["high"] for p in drawn)
    assert "Dotted: 2 stretches" in spec["description"]


def test_alignment_chart_without_index_says_so() -> None:
    empty = {**SERIES, "data": [make_point(1, None, covered=False)], "shifts": []}
    assert "no index in this window" in alignment.draw_alignment(empty)["description"]


def test_shifts_go_from_before_to_after() -> None:
    body = {
        "data": [make_shift(), make_shift(actor="GEO", before=None, after=None, onset=None)],
        "meta": {},
    }
    spec = shifts.draw_shifts(body)
    assert [row["label"] for row in spec["layer"][0]["data"]["values"]] == [
        "ARM – RUS|13 Sep – 3 Nov 2022: strong evidence"
    ]
    assert "+0.72 to −0.71" in spec["description"]
    rows = list(csv.DictReader(io.StringIO(render_chart("shifts", "csv", body).body.decode())))  # type: ignore[union-attr]
    assert [row["before"] for row in rows] == ["0.72", ""]


@pytest.mark.parametrize(
    ("chart", "body"), [("alignment", SERIES), ("shifts", {"data": [make_shift()]})]
)
def test_series_and_shifts_are_drawn(chart: Any, body: dict[str, Any]) -> None:
    for form in ("svg", "png", "csv", "vega"):
        assert len(render_chart(chart, form, body).body) > 100


def test_empty_chart_is_drawn_with_a_message() -> None:
    empty: dict[str, Any] = {"data": [], "meta": {}}
    assert "no events" in timeline.draw_timeline(empty)["description"]
    assert "No shift" in shifts.draw_shifts(empty)["description"]
    assert "No memberships" in memberships.draw_memberships({}, [], "", "2026-01-01")["description"]
    for chart in ("timeline", "alignment", "shifts", "relations", "members"):
        assert render_chart(chart, "svg", empty).status_code == 200  # type: ignore[arg-type]


def test_a_membership_is_drawn_by_its_steps_in_order() -> None:
    steps = [("1996", "in-force"), ("2006-08~", "suspended"), ("2010-01-02", "in-force")]
    steps += [("2012-06-28", "withdrawing"), ("2012-12-19", "withdrawn")]
    body = {"data": [{"actor": "UZB", "role": "member", "sources": [], "steps": [
        {"step": step, "date": date} for date, step in steps
    ]}]}  # fmt: skip
    rows = memberships.list_group_periods(body)
    spec = memberships.draw_memberships(body, rows, "", "2026-01-01")
    bars = spec["layer"][0]["data"]["values"]
    assert [(b["state"], b["begun"], b["ended"]) for b in bars] == [
        ("in force", "1996-01-01", "2006-08-01"), ("suspended", "2006-08-01", "2010-01-02"),
        ("in force", "2010-01-02", "2012-06-28"), ("withdrawing", "2012-06-28", "2012-12-19"),
    ]  # fmt: skip


def test_a_suspended_membership_is_fainter_and_one_that_ended_ends(api: TestClient) -> None:
    spec = get_chart(api, "memberships", "vega").json()
    bars = [b for b in spec["layer"][0]["data"]["values"] if b["who"] == "CSTO"]
    assert [(b["state"], b["begun"]) for b in bars] == [("in force", "1994-04-20")]
    spec = get_chart(api, "members", "vega").json()
    left = [b for b in spec["layer"][0]["data"]["values"] if b["who"] == "Georgia"]
    assert left[0]["ended"] == "1999-04-20"


def test_chart_of_too_many_rows_is_422_with_hint(api: TestClient) -> None:
    url = "/v1/timeline?since=2000&until=2020&granularity=day"
    assert api.get(url).status_code == 200
    refused = api.get(url + "&format=svg")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["query", "format"]
    assert api.get(url + "&format=csv").status_code == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (vega_lite.FOR, vega_lite.AGAINST),
        (vega_lite.BAND, vega_lite.LINE),
        (vega_lite.GAP_COLOUR, vega_lite.AGAINST),
        ("#ffffff", vega_lite.LINE),
        ("#ffffff", vega_lite.FOR),
        ("#ffffff", vega_lite.EDGE),
        (vega_lite.OTHER, vega_lite.EDGE),
    ],
)
def test_colours_differ_in_lightness(one: str, other: str) -> None:
    """Contrast of at least 3 : 1 (WCAG 1.4.11), so that it holds in grey."""
    light, dark = sorted((_compute_luminance(one), _compute_luminance(other)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


def _compute_luminance(color: str) -> float:
    parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_picture_fetches_nothing() -> None:
    spec = {"data": {"url": "http://127.0.0.1:9/rows.json"}, "mark": "bar", "encoding": {}}
    with pytest.raises(ValueError, match=r"127\.0\.0\.1|denied|allow"):
        vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])


def test_shifts_of_one_actor_are_labelled_by_the_other_side() -> None:
    body = {
        "data": [make_shift(onset="2022-06"), make_shift(toward=["CSTO"], onset=None)],
        "names": {"ARM": "Armenia", "RUS": "Russia", "CSTO": "Collective Security Organization"},
        "meta": {},
    }
    rows = shifts.tabulate_shifts(body)
    assert shifts.label_rows(body, rows) == [
        ("Russia", "Sep – Nov 2022: strong evidence"),
        ("CSTO", "undated: strong evidence"),
    ]
    assert shifts.draw_shifts(body)["title"]["text"] == ["Shifts of Armenia"]


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2022-04", "2022-09", "Apr – Sep 2022"),
        ("2023-12", "2024-04", "Dec 2023 – Apr 2024"),
        ("2023-12-07", "2023-12-19", "7 – 19 Dec 2023"),
        ("2023-12-07", "2024-12-07", "7 Dec 2023 – 7 Dec 2024"),
        ("2022", "2024", "2022 – 2024"),
        ("2022-04", "2022-04", "Apr 2022"),
    ],
)
def test_ranges_are_short_and_in_words(first: str, last: str, words: str) -> None:
    assert reader_words.write_short_range(first, last) == words


def test_the_renderer_is_started_once_and_draws_afterwards() -> None:
    first = rendering.start_renderer()
    first.join(20)
    assert rendering.start_renderer() is first
    assert not first.daemon


def test_descriptions_have_dates_in_words_and_minus_signs() -> None:
    point = {"start": "2023-10-13", "end": "2023-10-13", "covered": True}
    assert vega_lite.describe_span([point]) == "13 Oct 2023"
    later = {**point, "start": "2023-10-15", "end": "2023-10-31"}
    assert vega_lite.describe_span([point, later]) == "13 – 31 Oct 2023"
    assert reader_words.write_signed(-0.6) == "−0.60"
    assert reader_words.write_long_day("2022-06-01", monthly=True) == "June 2022"


def test_a_title_is_wrapped_before_the_edge_in_a_wide_font() -> None:
    title = "Economic Community of West African States: members over time"
    lines = vega_lite.complete_spec({}, title, "", 360, {})["title"]["text"]
    assert max(map(len, lines)) * 9.9 <= 360 - 16


def test_a_legend_has_as_many_columns_as_there_is_room() -> None:
    columns = [vega_lite.build_top_legend(3, width)["columns"] for width in (280, 360, 480, 1160)]
    assert columns == [2, 2, 3, 3]


def test_the_axis_of_bars_names_both_directions_in_a_line_each(api: TestClient) -> None:
    spec = api.get("/v1/timeline?between=ARM,CSTO&format=vega").json()
    assert "events between the two" in json.dumps(spec)
    assert "events between the two (" not in json.dumps(spec)


def test_a_subject_does_not_name_the_lineage(api: TestClient) -> None:
    permalink = api.get("/v1/timeline?between=ARM,RUS&since=2023-09&until=2023-10").json()["links"][
        "permalink"
    ]
    spec = api.get(f"{permalink}&format=vega").json()
    assert spec["title"]["text"] == ["Events between Armenia and Russia"]


def test_legends_of_memberships_are_in_words(api: TestClient) -> None:
    svg = api.get("/v1/alliances/ECOWAS/history?format=svg").text
    assert ">leaving<" in svg
    assert ">left<" in svg
    assert ">withdrawn<" not in svg
    assert ">in-force<" not in svg
