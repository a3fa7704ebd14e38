"""A brief says what the shift says, on one page, and says plainly where nothing is known."""

import re
import sys
from base64 import b64decode
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.briefs import render
from app.briefs.layout import BriefPage, fit_caveats, fit_on_page, lay_out_brief
from app.briefs.schemas import BriefAnswer, BriefCaveat
from app.briefs.words import load_strings, write_odds
from app.reader_words import write_edtf
from app.shifts.evidence_schemas import EvidenceSource

pytestmark = pytest.mark.by_turns

BRIEFS = Path(render.__file__).parent
PAIRS = [
    "actor=ARM&toward=RUS",
    "actor=ARM&toward=EU,USA&against=RUS,CSTO",
    "actor=Azerbaijan&toward=ARM",
]


def ask_brief(api: TestClient, question: str) -> dict[str, Any]:
    answer = api.get(f"/v1/brief?{question}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def count_pdf_pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


@pytest.mark.parametrize("question", PAIRS)
def test_every_number_is_that_of_the_shift(api: TestClient, question: str) -> None:
    found = ask_brief(api, question)
    brief, rows = found["data"], api.get(f"/v1/shifts?{question}").json()["data"]
    assert brief["shift"] == rows[0]
    assert brief["others"] == [row["sentence"] for row in rows[1:]]
    shift = api.get(found["links"]["shift"]).json()
    assert brief["shift"]["id"] == shift["id"]
    assert brief["sentence"] == shift["sentence"]
    assert brief["change"] == shift["change"]
    assert 0 < len(brief["events"]) <= 10
    for mine, theirs in zip(brief["events"], shift["evidence"], strict=False):
        assert mine == {name: theirs[name] for name in mine}
    for name, tally in (("for", brief["speaks_for"]), ("against", brief["against"])):
        shares = [event["share"] for event in shift["evidence"] if event["speaks"] == name]
        assert tally == {"n": len(shares), "share": pytest.approx(sum(shares))}
    assert {t["group"] for t in brief["ties"]} == {t["group"] for t in shift["structure"]["ties"]}


@pytest.mark.slow
def test_all_links_answer_with_the_same_version(api: TestClient) -> None:
    found = ask_brief(api, "actor=ARM&toward=RUS&known_by=2023-12-31")
    again = ask_brief(api, found["links"]["permalink"].partition("?")[2])["data"]
    for one in (again, found["data"]):
        del one["shift"]["wave_reason"]  # waves are known for the newest version alone
    assert again == found["data"]
    for name in ("page", "pdf", "curve"):
        link = found["links"][name]
        assert f"as_of={found['meta']['version']}" in link
        assert "known_by=2023-12-31" in link
        assert api.get(link).status_code == 200, link


def test_an_unchanged_brief_is_304(api: TestClient) -> None:
    for form in ("json", "html"):
        first = api.get(f"/v1/brief?{PAIRS[0]}&format={form}")
        headers = {"If-None-Match": first.headers["etag"]}
        assert api.get(f"/v1/brief?{PAIRS[0]}&format={form}", headers=headers).status_code == 304


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("actor=FJI&toward=TON", "out_of_scope"),
        ("actor=IRN&toward=ARM", "no_match"),
        ("actor=ARM&toward=JPN&since=1900&until=1901", "outside_coverage"),
    ],
)
def test_nothing_known_is_said_and_why(api: TestClient, question: str, reason: str) -> None:
    brief = ask_brief(api, question)["data"]
    assert brief["reason"] == reason
    assert brief["caveats"][0] == {"code": reason, "text": load_strings()[f"caveat_{reason}"]}
    assert brief["events"] == []
    html = unescape(api.get(f"/brief?{question}").text)
    assert load_strings()[f"caveat_{reason}"] in html
    assert load_strings()["not_drawn"] in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("actor=Armenai&toward=RUS", "actor"),
        ("actor=ARM&against=RUS", "against"),
        ("actor=ARM&toward=", "toward"),
        ("toward=RUS", "actor"),
        ("actor=ARM&toward=ARM", "toward"),
        ("actor=ARM&toward=RUS&since=2023-13", "since"),
        ("actor=ARM&toward=RUS&format=docx", "format"),
        ("actor=ARM&toward=RUS&paper=a5", "paper"),
        ("actor=ARM&toward=RUS&granularity=day", "granularity"),
        ("actor=ARM&toward=RUS&as_of=999999999", "as_of"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    api: TestClient, question: str, field: str
) -> None:
    answer = api.get(f"/v1/brief?{question}")
    assert answer.status_code == 422
    assert [fault["loc"][1] for fault in answer.json()["errors"]] == [field]


def test_the_page_shows_the_numbers_and_runs_no_script(api: TestClient) -> None:
    found = ask_brief(api, PAIRS[0])
    answer = api.get("/v1/brief?" + PAIRS[0], headers={"Accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in answer.text
    text = unescape(answer.text)
    assert found["data"]["headline"] in text
    assert f"<title>{found['data']['title']} – Entente</title>" in text
    shown = re.findall(r'<td class="number">(.+?)</td>', text)
    assert shown == [
        f"{event['share']:+.2f}".replace("-", "−")
        for event in found["data"]["events"][: len(shown)]
    ]
    whole = found["data"]["speaks_for"]["n"] + found["data"]["against"]["n"]
    assert f"{len(shown)} of {whole}" in text
    assert f"as_of={found['meta']['version']}" in text


@pytest.fixture(scope="module")
def answer(api: TestClient) -> BriefAnswer:
    """A brief of a pair of which much is known."""
    return BriefAnswer.model_validate(ask_brief(api, PAIRS[0]))


def stretch(answer: BriefAnswer) -> BriefAnswer:
    """The longest brief that the record may hold: titles, names and remarks of many lines."""
    wide = "WIDE – “Nagorno-Karabakh’s” 北京 <script>alert(1)</script> #let x = 1 "
    made = answer.model_copy(deep=True)
    source = made.data.events[0].sources[0]
    for event in made.data.events:
        event.title = (wide * 9)[:480]
        event.sources = [
            EvidenceSource.model_validate({**source.model_dump(), "publisher": f"{wide} {n}"})
            for n in range(9)
        ]
    made.data.headline = (wide * 20)[:1200]
    made.data.names = wide * 12
    made.data.others = [wide * 30] * 5
    made.data.ties = [
        made.data.ties[0].model_copy(update={"name": wide * 3, "group": f"T{n}"}) for n in range(60)
    ]
    made.data.steps = [
        step.model_copy(update={"name": wide * 3, "group": f"S{n}"})
        for n in range(60)
        for step in made.data.steps[:1]
    ]
    made.data.caveats = [
        made.data.caveats[0].model_copy(update={"text": wide * 12}) for _ in range(12)
    ]
    for dataset in made.data.datasets:
        dataset.citation = wide * 20
    made.links.explorer += "&publisher=" + "x" * 300
    return made


def lay_out(answer: BriefAnswer) -> BriefPage:
    return lay_out_brief(answer, "2026-12-01", "https://entente.example")


SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="348"/>'


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_a_pdf_has_one_page_however_long_the_texts(answer: BriefAnswer, paper: Any) -> None:
    pytest.importorskip("typst")
    for one in (answer, stretch(answer)):
        made = render.render_brief_pdf(lay_out(one), SQUARE, "a picture", paper)
        assert made.startswith(b"%PDF-")
        assert count_pdf_pages(made) == 1


def test_a_pdf_has_letters_of_other_scripts(answer: BriefAnswer) -> None:
    pytest.importorskip("typst")
    made = answer.model_copy(deep=True)
    plain = render.render_brief_pdf(lay_out(made), "", "", "a4")
    made.data.headline = "Հայաստան და საქართველო, Россия, Ελλάδα, ישראל"
    other = render.render_brief_pdf(lay_out(made), "", "", "a4")
    assert len(other) > len(plain) + 2000, "a font with these letters is embedded"


def test_texts_of_the_record_are_never_markup(answer: BriefAnswer) -> None:
    page = fit_on_page(lay_out(stretch(answer)))
    html = render.render_brief_html(page, SQUARE, "a <b>picture</b>")
    assert "<script" not in html
    assert "<b>" not in html
    assert 1 <= len(page.events) < 10
    assert page.events_titles[len(page.events)].startswith(
        f"The weightiest events: {len(page.events)} of 63"
    )


def test_a_pdf_without_the_extra_is_501_that_names_it(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    render._load_compiler.cache_clear()
    refused = api.get(f"/v1/brief?{PAIRS[0]}", headers={"Accept": "application/pdf"})
    render._load_compiler.cache_clear()
    assert refused.status_code == 501
    assert refused.json()["type"] == "/problems/not-installed"
    assert "pip install 'entente[pdf]'" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("edtf", "words"),
    [
        ("2023-10-03", "3 Oct 2023"),
        ("2023-10", "October 2023"),
        ("2023-09-11/2023-09-20", "11 – 20 Sep 2023"),
        ("2020-11-10/2024-06", "10 Nov 2020 – June 2024"),
        ("2018/..", "since 2018"),
        ("2023-23~", "about autumn 2023"),
        ("199X", "the 1990s"),
        ("19XX", "1900 to 1999"),
        ("2023-XX-XX", "2023"),
    ],
)
def test_dates_are_in_words(edtf: str, words: str) -> None:
    assert write_edtf(edtf) == words


def test_odds_are_one_figure_and_no_more() -> None:
    assert write_odds(0.0004) == "less than once in 1,000 times"
    assert write_odds(0.0237) == "about once in 40 times"
    assert write_odds(0.7) == "more often than once in two times"


def test_every_text_of_the_catalogue_is_used() -> None:
    files = [*BRIEFS.glob("*.py"), *(BRIEFS / "templates").iterdir()]
    code = [path.read_text("utf-8") for path in files]
    used = set(re.findall(r"""["'.]([a-z_]+)\b""", "\n".join(code)))
    keys = {key.removesuffix("_one") for key in load_strings()}
    unused = {key for key in keys - used if not key.startswith("caveat_")}
    assert unused == set()


@pytest.mark.slow
@pytest.mark.parametrize("sides", ["actor=NER&toward=ECOWAS", "actor=ARM&toward=CSTO"])
def test_what_the_curve_leaves_out_is_said_in_words_and_once(api: TestClient, sides: str) -> None:
    remarks = api.get(f"/v1/alignment?{sides}").json()["meta"]["remarks"]
    texts = [caveat["text"] for caveat in ask_brief(api, sides)["data"]["caveats"]]
    assert len(remarks) > 1
    for remark in remarks:
        assert texts.count(remark) == 1
    page = unescape(api.get(f"/brief?{sides}").text)
    for remark in remarks:
        assert page.count(remark) == 1
    [picture] = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    svg = b64decode(picture).decode()
    assert "data-remarks" not in svg
    assert "Source: " in svg


@pytest.mark.slow
def test_a_brief_names_the_members_that_are_recorded_in_part(api: TestClient) -> None:
    caveats = ask_brief(api, "actor=AFRICAN-UNION")["data"]["caveats"]
    assert caveats[0]["code"] == "partly_recorded"
    assert caveats[0]["text"].startswith("Only some members of African Union are recorded")


def test_events_are_for_or_against_a_shift_alone(api: TestClient) -> None:
    words = load_strings()
    undated = unescape(api.get("/brief?actor=QAT&toward=SAU").text)
    assert words["both_ways"] in undated
    assert words["against"] not in undated
    assert words["against"] in unescape(api.get("/brief?actor=ARM&toward=RUS").text)


def test_what_has_no_room_is_in_the_json() -> None:
    caveats = [BriefCaveat(code="remark", text="x" * 600) for _ in range(3)]
    assert fit_caveats(caveats) == ["x" * 600, "The JSON of this brief says 2 more."]
