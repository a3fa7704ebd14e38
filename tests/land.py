"""`PYTHONPATH=. python tests/land.py countries.geojson` writes the land that the map is drawn on.

The file is Natural Earth's countries at 1 : 10 million (public domain), as GeoJSON. Outlines are
thinned by Douglas and Peucker's rule to what a screen shows, and written as whole hundredths of a
degree: a ring is its first point and then steps from each to the next, longitude before latitude.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
TARGET = Path(__file__).resolve().parents[1] / "app/explorer/static/land.json"
TOLERANCE = 0.08
"""Degrees by which an outline may be off."""
SMALLEST = 0.3
"""Degrees from end to end of the smallest island that is kept."""
SCALE = 100


def list_outlines(countries: dict[str, Any]) -> Iterator[Points]:
    """Outer outlines; lakes and enclaves are drawn over by what lies in them."""
    for feature in countries["features"]:
        shape = feature["geometry"]
        parts = shape["coordinates"]
        for part in parts if shape["type"] == "MultiPolygon" else [parts]:
            yield np.array(part[0], np.float64)[:, :2]


def simplify_line(points: Points) -> Points:
    """The points without which the line would be off by more than the tolerance."""
    kept = np.zeros(len(points), np.bool_)
    kept[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        along, from_first = points[last] - points[first], points[first + 1 : last] - points[first]
        size = np.hypot(*along)
        across = along[0] * from_first[:, 1] - along[1] * from_first[:, 0]
        off = np.abs(across) / size if size > 1e-9 else np.hypot(*from_first.T)
        worst = int(off.argmax())
        if off[worst] > TOLERANCE:
            middle = first + 1 + worst
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return points[kept]


def encode_ring(ring: Points) -> list[int]:
    """A ring as whole numbers, each point as the way from the one before it."""
    far = int(np.hypot(*(ring - ring[0]).T).argmax())
    line = np.vstack([simplify_line(ring[: far + 1])[:-1], simplify_line(ring[far:])])
    whole = np.round(line * SCALE).astype(int)
    return [int(n) for n in np.diff(whole, axis=0, prepend=np.zeros((1, 2), int)).ravel()]


def main() -> None:
    """Rewrite the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("countries", type=Path)
    countries = json.loads(parser.parse_args().countries.read_bytes())
    large = (ring for ring in list_outlines(countries) if np.ptp(ring, axis=0).max() >= SMALLEST)
    lines = [encode_ring(ring) for ring in large]
    body = {
        "source": "Natural Earth, countries 1 : 10 million, public domain",
        "scale": SCALE,
        "rings": [line for line in lines if len(line) >= 8],
    }
    TARGET.write_text(json.dumps(body, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
