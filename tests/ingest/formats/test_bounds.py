"""Numbers that a format bounds: a row with one outside is rejected, and says which."""

import pytest
from ingest.formats.test_formats import parse_with_warnings
from ingest.rows import COLUMNS, make_row

from app.events.record import RejectedError
from app.ingest.readers.recognize import FORMATS
from app.ingest.readers.rows import FilledCells, InputRow, parse_row_record

BOUNDED = {
    "gdelt-v2": {
        "goldsteinscale": (-10, 10), "quadclass": (1, 4), "avgtone": (-100, 100),
        "nummentions": (0, 10**9), "numsources": (0, 10**9), "numarticles": (0, 10**9),
        "isrootevent": (0, 1), "actiongeo_lat": (-90, 90), "actiongeo_long": (-180, 180),
        "actiongeo_type": (0, 5),
    },
    "gdelt-mentions": {"confidence": (0, 100), "mentiondoctone": (-100, 100)},
    "ucdp-ged": {
        "type_of_violence": (1, 3), "where_prec": (0, 7), "date_prec": (0, 5),
        "event_clarity": (0, 2), "number_of_sources": (-1, 10**9), "latitude": (-90, 90),
        "longitude": (-180, 180),
        **{f"deaths_{part}": (0, 10**9) for part in ("a", "b", "civilians", "unknown")},
        "low": (0, 3), "best": (3, 4), "high": (3, 10**9),
    },
    "acled": {
        "geo_precision": (0, 3), "time_precision": (1, 3), "fatalities": (0, 10**9),
        "latitude": (-90, 90), "longitude": (-180, 180),
    },
    "icews": {"intensity": (-10, 10), "latitude": (-90, 90), "longitude": (-180, 180)},
    "polecat": {"intensity": (-10, 10), "latitude": (-90, 90), "longitude": (-180, 180)},
}  # fmt: skip
BOUNDED["gdelt-v1"] = BOUNDED["gdelt-v2"]
RECORD_FIELDS = {
    "goldsteinscale": ("intensity",), "actiongeo_lat": ("location.lat",),
    "actiongeo_long": ("location.lon",), "latitude": ("location.lat",),
    "longitude": ("location.lon",),
}  # fmt: skip
"""Fields of the record that are named where its own bounds are those of the column."""
ESTIMATES = ("low", "best", "high")
"""Estimates that are compared with each other, which gives a warning."""
CASES = [(name, column) for name, columns in BOUNDED.items() for column in columns]


def parse_cell(name: str, column: str, value: str) -> None:
    """Parse a row of a format with one cell changed."""
    content = FilledCells(zip(COLUMNS[name], make_row(name, **{column: value}), strict=True))
    parse_row_record(InputRow(1, content, format=FORMATS[name]), lambda *_: None)


@pytest.mark.by_turns
@pytest.mark.parametrize(("name", "column"), CASES)
def test_number_outside_the_bounds_of_its_column_is_rejected(name: str, column: str) -> None:
    low, high = BOUNDED[name][column]
    for inside in (low, high):
        parse_cell(name, column, str(inside))
    outside = [str(high + 1), "600e9", "-2e9"]
    if column not in ESTIMATES:
        outside.append(str(low - 1))
    if column in ESTIMATES:
        outside.remove(str(high + 1))
    for wrong in outside:
        with pytest.raises(RejectedError) as caught:
            parse_cell(name, column, wrong)
        assert caught.value.field in (column, *RECORD_FIELDS.get(column, ()))
        assert "`" not in caught.value.reason  # no words of a library


@pytest.mark.parametrize(
    ("name", "column"),
    [("gdelt-v2", "nummentions"), ("gdelt-mentions", "confidence"), ("gdelt-v2", "isrootevent")],
)
def test_a_part_of_a_mention_is_rejected(name: str, column: str) -> None:
    with pytest.raises(RejectedError, match="whole number"):
        parse_cell(name, column, "0.5")


@pytest.mark.parametrize(("q5", "q95"), [("0.6", "0.9"), ("0.1", "0.4")])
def test_interval_of_an_ideal_point_encloses_it(q5: str, q95: str) -> None:
    cells = {"ccode": "2", "session": "1", "idealpointall": "0.5", "q5%all": q5, "q95%all": q95}
    with pytest.raises(RejectedError, match=r"does not enclose idealpointall, 0\.5"):
        FORMATS["unga-ideal-points"].parse_row(cells, lambda *_: None)


def test_type_of_a_place_that_became_a_float_is_none() -> None:
    made, _ = parse_with_warnings("gdelt-v2", actiongeo_type="0.0", actiongeo_fullname="")
    assert made.location is None
