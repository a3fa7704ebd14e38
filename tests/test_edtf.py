"""Stated dates and the days they can mean."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.edtf import MAX_LENGTH, DateSpan, EdtfError, parse_bounds, parse_edtf


@pytest.mark.parametrize(
    ("text", "start", "end", "precision"),
    [
        ("2023-10-03", "2023-10-03", "2023-10-03", "day"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "day"),
        ("0001-01-01", "0001-01-01", "0001-01-01", "day"),
        ("9999-12-31", "9999-12-31", "9999-12-31", "day"),
        ("2023-09", "2023-09-01", "2023-09-30", "month"),
        ("2024-02", "2024-02-01", "2024-02-29", "month"),
        ("2023-10-XX", "2023-10-01", "2023-10-31", "month"),
        ("2023", "2023-01-01", "2023-12-31", "year"),
        ("2023-XX", "2023-01-01", "2023-12-31", "year"),
        ("2023-XX-XX", "2023-01-01", "2023-12-31", "year"),
        ("2020-21", "2020-03-21", "2020-06-21", "season"),
        ("2020-22", "2020-06-22", "2020-09-22", "season"),
        ("2020-23", "2020-09-23", "2020-12-23", "season"),
        ("2020-24", "2020-12-24", "2021-03-20", "season"),
        ("9999-24", "9999-12-24", "9999-12-31", "season"),
        ("202X", "2020-01-01", "2029-12-31", "decade"),
        ("000X", "0001-01-01", "0009-12-31", "decade"),
        ("20XX", "2000-01-01", "2099-12-31", "century"),
        ("00XX", "0001-01-01", "0099-12-31", "century"),
        ("99XX", "9900-01-01", "9999-12-31", "century"),
        ("2023-09-11/2023-09-20", "2023-09-11", "2023-09-20", "interval"),
        ("2023-09-11/2023-09-11", "2023-09-11", "2023-09-11", "interval"),
        ("2020/2023-09", "2020-01-01", "2023-09-30", "interval"),
        ("2023-09-20/2023-09", "2023-09-20", "2023-09-30", "interval"),
        ("2022-24/202X", "2022-12-24", "2029-12-31", "interval"),
    ],
)
def test_a_date_means_these_days(text: str, start: str, end: str, precision: str) -> None:
    span = parse_edtf(text)
    assert (span.text, span.start.isoformat(), span.precision) == (text, start, precision)
    assert span.end == date.fromisoformat(end)
    assert not span.approximate
    assert not span.uncertain
    assert parse_bounds(text) == (span.start, span.end)


@pytest.mark.parametrize("plain", ["2023-10-03", "2023-09", "2023", "2020-24", "202X", "2023-XX"])
@pytest.mark.parametrize(
    ("mark", "approximate", "uncertain"),
    [("~", True, False), ("?", False, True), ("%", True, True)],
)
def test_approximate_and_uncertain_marks_keep_the_span(
    plain: str, mark: str, approximate: bool, uncertain: bool
) -> None:
    sure = parse_edtf(plain)
    text = plain + mark
    assert parse_edtf(text) == DateSpan(
        text, sure.start, sure.end, sure.precision, approximate, uncertain
    )


def test_an_interval_has_the_marks_of_both_ends() -> None:
    span = parse_edtf("2023-09~/2023-10?")
    assert (span.start, span.end) == (date(2023, 9, 1), date(2023, 10, 31))
    assert span.approximate
    assert span.uncertain


def test_what_still_runs_has_no_end() -> None:
    assert parse_edtf("2020-11~/..") == DateSpan(
        "2020-11~/..", date(2020, 11, 1), None, "interval", True, False
    )


def test_open_interval_in_a_filter_is_an_error() -> None:
    with pytest.raises(EdtfError, match="has no end; a filter needs one"):
        parse_bounds("2020-11/..")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a date; write 2023-10-03"),
        ("yesterday", "is not a date; write 2023-10-03"),
        (" 2023", "is not a date"),
        ("2023\n", "is not a date"),
        ("2023-10-03\n", "is not a date"),
        ("20231003", "is not a date"),
        ("2023-W40-2", "is not a date"),
        ("2023-10-03T12:00", "is not a date"),
        ("202x", "is not a date"),
        ("2XXX", "is not a date"),
        ("XXXX", "is not a date"),
        ("2X23", "is not a date"),
        ("-0044", "is not a date"),
        ("Y12023", "is not a date"),
        ("2023?~", "is not a date"),
        ("2023~-10", "is not a date"),
        ("2023-1", "is not a date"),
        ("2023-1X", "is not a date"),
        ("\u0662\u0660\u0662\u0663-\u0661\u0660-\u0660\u0663", "is not a date"),
        ("\uff12\uff10\uff12\uff13", "is not a date"),
        ("\ud800", "is not a date"),
        ("0000", "years run from 0001"),
        ("0000-01-01", "years run from 0001"),
        ("0000-24", "years run from 0001"),
        ("2023-00", "no such month"),
        ("2023-13", "no such month"),
        ("2023-25", "no such month"),
        ("2023-13-01", "no such month"),
        ("2023-02-29", "February 2023 has 28 days; write '2023-02-28'"),
        ("2023-10-00", "October 2023 has 31 days"),
        ("2023-04-31~", "April 2023 has 30 days"),
        ("2023-21-01", "a day in a season; write '2023-21'"),
        ("2023-XX-03", "a day in an unknown month; write '2023'"),
        ("202X-05", "a month in an unknown year; write '202X'"),
        ("../2023", "an event has to begin"),
        ("/2023", "an event has to begin"),
        ("../..", "an event has to begin"),
        ("/", "an event has to begin"),
        ("2023/", "if it still runs, write '2023/..'"),
        ("2023/..~", "is not a date"),
        ("2023/10/03", "more than one '/'; write 2023-10-03"),
        ("2023-09-20/2023-09-11", "write '2023-09-11/2023-09-20'"),
        ("2023/2022", "ends before it begins"),
        ("2023/2024-02-30", "February 2024 has 29 days"),
        ("2" * (MAX_LENGTH + 1), "at most 64 characters"),
    ],
)
def test_malformed_date_error_names_the_cause(text: str, says: str) -> None:
    with pytest.raises(EdtfError) as caught:
        parse_edtf(text)
    assert says in str(caught.value)
    assert str(caught.value).isascii()


@given(st.dates())
def test_day_round_trips(day: date) -> None:
    assert parse_edtf(day.isoformat()) == DateSpan(day.isoformat(), day, day, "day", False, False)


YEAR = st.integers(1, 9999).map("{:04}".format)
MONTH = st.tuples(YEAR, st.integers(1, 12)).map(lambda ym: f"{ym[0]}-{ym[1]:02}")
SEASON = st.tuples(YEAR, st.integers(21, 24)).map(lambda ys: f"{ys[0]}-{ys[1]}")
DATE = st.one_of(
    YEAR,
    MONTH,
    SEASON,
    st.dates().map(date.isoformat),
    YEAR.map(lambda y: y[:3] + "X"),
    YEAR.map(lambda y: y[:2] + "XX"),
    YEAR.map(lambda y: y + "-XX"),
    MONTH.map(lambda m: m + "-XX"),
)
MARKED = st.tuples(DATE, st.sampled_from(["", "~", "?", "%"])).map("".join)


@given(MARKED)
def test_no_date_ends_before_it_starts(text: str) -> None:
    span = parse_edtf(text)
    assert span.end is not None
    assert span.start <= span.end


@given(MARKED, MARKED)
def test_an_interval_spans_its_ends_or_is_refused(first: str, last: str) -> None:
    begin, finish = parse_edtf(first), parse_edtf(last)
    assert finish.end is not None
    if finish.end < begin.start:
        with pytest.raises(EdtfError, match="ends before it begins"):
            parse_edtf(f"{first}/{last}")
    else:
        assert parse_bounds(f"{first}/{last}") == (begin.start, finish.end)


@given(YEAR)
def test_the_seasons_leave_no_gap(year: str) -> None:
    spans = [parse_edtf(f"{year}-{season}") for season in range(21, 25)]
    for earlier, later in pairwise(spans):
        assert earlier.end is not None
        assert earlier.end + timedelta(days=1) == later.start


@pytest.mark.slow
@given(st.one_of(st.text(), st.text("0123456789X-/.~?%", max_size=24)))
def test_any_text_is_a_date_or_an_edtf_error(text: str) -> None:
    try:
        span = parse_edtf(text)
    except EdtfError:
        return
    assert span.end is None or span.start <= span.end
