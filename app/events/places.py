"""Points on the earth. Pure."""

import math

EARTH_KM = 6371.0088
"""Mean radius, IUGG."""


def unit_vector(lat: float, lon: float) -> tuple[float, float, float]:
    """A point on the unit sphere, so that nearness is a sum of products in any SQL."""
    phi, lam = math.radians(lat), math.radians(lon)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
