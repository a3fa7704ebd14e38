"""Numbers as answers have them."""

from typing import Annotated

from pydantic import AfterValidator

from app.rounding import round_number

DIGITS = 6
"""Digits of numbers in answers; levels and shares of events keep all, since they add up."""


def round_figure(value: float) -> float:
    """Round a number to the digits after the point that answers have."""
    return round_number(value, DIGITS)


def round_chance(value: float) -> float:
    """Round a probability to as many significant digits: a small one is not 0."""
    return float(f"{value:.{DIGITS}g}")


# Rows that were stored before a table of quantiles changed differ in the tenth digit from those
# that are computed now, and one question has one number.
Figure = Annotated[float, AfterValidator(round_figure)]
Chance = Annotated[float, AfterValidator(round_chance)]
INDEX_UNIT = "−1 (all against) … +1 (all for)."
