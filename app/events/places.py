"""Arithmetic on points of the earth. Pure."""

import math

EARTH_KM = 6371.0088
"""Mean radius, IUGG."""


def unit_vector(lat: float, lon: float) -> tuple[float, float, float]:
    """The point on the unit sphere at a latitude and longitude in degrees.

    The dot product of two such points is the cosine of their distance, so that SQL without
    trigonometry can compare distances.
    """
    phi, lam = math.radians(lat), math.radians(lon)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)


def find_least_cosine(km: float) -> float:
    """The cosine with a point that those within a distance of it have at least.

    From half the circumference on that is −1: the cosine of a greater angle rises again. The
    tolerance keeps a point at exactly the distance, whatever the rounding.
    """
    return math.cos(min(km / EARTH_KM, math.pi)) - 1e-12
