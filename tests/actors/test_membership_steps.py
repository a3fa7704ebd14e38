"""On which days a membership was suspended."""

import pytest

from app.actors.membership_steps import list_suspensions, read_suspensions, write_suspensions
from app.actors.schemas import MembershipStep
from app.db.types import NO_END_DAY
from app.shifts.side_periods import split_period

BEGUN = ("1975-05-28", "in-force")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([BEGUN], []),
        ([BEGUN, ("2021-05-30", "suspended")], [("2021-05-30", NO_END_DAY)]),
        (
            [BEGUN, ("2020-08-18", "suspended"), ("2020-10-06", "in-force")],
            [("2020-08-18", "2020-10-06")],
        ),
        # Notice of leaving gives back no rights, and takes none from a member that has them.
        (
            [BEGUN, ("2022", "suspended"), ("2024-01", "withdrawing"), ("2025", "withdrawn")],
            [("2022-01-01", "2025-01-01")],
        ),
        ([BEGUN, ("2017-03-29", "withdrawing"), ("2020-01-31", "withdrawn")], []),
        (
            [BEGUN, ("2009", "suspended"), ("2010", "suspended"), ("2014", "in-force")],
            [("2009-01-01", "2014-01-01")],
        ),
        ([("2014-01-01", "in-force"), ("2009", "suspended")], [("2009-01-01", "2014-01-01")]),
        ([BEGUN, ("2009-01-01", "suspended"), ("2009", "in-force")], []),
    ],
)
def test_a_suspension_lasts_until_it_is_lifted(
    steps: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    dated = [MembershipStep.model_validate({"date": day, "step": step}) for day, step in steps]
    assert list_suspensions(dated) == expected
    assert read_suspensions(write_suspensions(dated)) == expected


def test_a_period_without_its_suspensions() -> None:
    written = "2001/2002 2003/2004"
    assert list(split_period("2000", "2005", written)) == [
        ("2000", "2001"), ("2002", "2003"), ("2004", "2005"),
    ]  # fmt: skip
    assert list(split_period("2001", "2002", written)) == []
    assert list(split_period("2003-06", "2006", written)) == [("2004", "2006")]
    assert list(split_period("1990", "1991", written)) == [("1990", "1991")]
    assert list(split_period("2000", "2001-06", written)) == [("2000", "2001")]
    assert list(split_period("2000", "2001", None)) == [("2000", "2001")]
