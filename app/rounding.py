"""Round numbers for answers."""


def round_number(value: float, digits: int) -> float:
    """Round a number to some digits after the point; what rounds to zero has no sign."""
    return round(value, digits) + 0.0  # −0.0 + 0.0 is 0.0
