"""Coordinate reference systems of OGC API – Features, part 2: longitude first, or latitude first.

Both are WGS 84 in degrees: CRS84 has the longitude first, EPSG:4326 the latitude.
"""

from collections.abc import Sequence
from typing import Any

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG4326 = "http://www.opengis.net/def/crs/EPSG/0/4326"
SUPPORTED_CRS = (CRS84, EPSG4326)


class UnknownCrsError(Exception):
    """A coordinate reference system is named that the collection does not list."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"{parameter} must be one of {', '.join(SUPPORTED_CRS)}.")


def require_crs(parameter: str, crs: str | None) -> str:
    """Return a coordinate reference system, CRS84 where none is named; raises `UnknownCrsError`."""
    if crs is None:
        return CRS84
    if crs not in SUPPORTED_CRS:
        raise UnknownCrsError(parameter)
    return crs


def swap_box(box: str) -> str:
    """Write a box with the latitudes first as one with the longitudes first, or the reverse."""
    parts = box.split(",")
    return ",".join([parts[1], parts[0], parts[3], parts[2]]) if len(parts) == 4 else box


def orient_feature(feature: dict[str, Any], crs: str) -> dict[str, Any]:
    """Return a feature with the axes of a coordinate reference system."""
    geometry = feature["geometry"]
    if crs == CRS84 or geometry is None:
        return feature
    coordinates: Sequence[float] = geometry["coordinates"]
    return {**feature, "geometry": {**geometry, "coordinates": list(reversed(coordinates))}}
