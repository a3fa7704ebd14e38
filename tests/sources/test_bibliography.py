"""References keep every character of a source, in the syntax of each format."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.bibliography import Reference, render_references

AWKWARD = Reference(
    key="a b{c}", kind="news", title="100 % {sure} & #1_~^\\", publisher="The Press\nof $",
    url="https://example.org/{x}?a=1&b=2", published="2023-10-03/2023-11", accessed="2024-02",
    note="A note",
)  # fmt: skip


def test_bibtex_escapes_what_tex_would_read() -> None:
    text = render_references([AWKWARD], "bibtex").decode()
    assert r"title = {{100 \% \{sure\} \& \#1\_\textasciitilde{}\textasciicircum{}" in text
    assert text.startswith("@online{a-b-c-,\n")
    assert "author = {{The Press of \\$}}" in text
    assert "date = {2023-10-03}" in text
    assert "urldate = {2024-02}" in text
    assert "url = {https://example.org/%7Bx%7D?a=1&b=2}" in text


def test_ris_has_one_field_a_line() -> None:
    lines = render_references([AWKWARD], "ris").decode().splitlines()
    assert "PB  - The Press of $" in lines
    assert "DA  - 2023/10/03" in lines
    assert "Y2  - 2024/02/" in lines
    assert "PY  - 2023" in lines
    assert lines[0] == "TY  - NEWS"
    assert "ER  - " in lines


def test_csl_has_dates_in_parts_and_no_month_of_a_season() -> None:
    seasonal = Reference("s", "report", "T", "P", published="2023-21")
    found = json.loads(render_references([AWKWARD, seasonal], "csl"))
    assert found[0]["issued"] == {"date-parts": [[2023, 10, 3]]}
    assert found[1]["issued"] == {"date-parts": [[2023]]}
    assert "URL" not in found[1]


@pytest.mark.slow
@given(st.text(), st.text(min_size=1))
def test_any_title_leaves_the_braces_of_bibtex_balanced(title: str, publisher: str) -> None:
    text = render_references([Reference("k", "news", title, publisher)], "bibtex").decode()
    depth = 0
    for before, sign in zip(" " + text, text, strict=False):
        if before != "\\":
            depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0 or "\\\\" in text
