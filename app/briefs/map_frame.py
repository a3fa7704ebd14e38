"""Where the parts of a map lie: its frame, circles that gather places, and their names. Pure.

It is what the explorer draws in a browser (`mapping.js`), for pages without a script.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.charts.vega_lite import shorten_text

STRETCH = 1.35
"""Of latitude, so that the middle latitudes keep their shape."""
LEAST_REACH = (16.0, 8.0)
"""Degrees of longitude and latitude that a map shows at least: a single place has land around."""
LETTER, LINE, MAX_NAME = 6.6, 14, 30
NAMED = 2
"""Circles that always have a name."""
NEAR, NEAR_ON_PHONE, WIDE = 32, 24, 500
"""Pixels within which places are one circle, on a map as wide as the last and on a narrower one."""
AROUND = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
"""Where a name may be around its circle, the best first."""
Box = tuple[float, float, float, float]


@dataclass(slots=True)
class MapPlace:
    """A place with the number of its events."""

    lat: float
    lon: float
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class MapFrame:
    """The part of the world that a picture shows; pixels go from its left upper corner."""

    width: int
    height: int
    scale: float
    """Pixels of a degree of longitude."""
    west: float
    north: float

    @property
    def east(self) -> float:
        """The eastern edge in degrees."""
        return self.west + self.width / self.scale

    @property
    def south(self) -> float:
        """The southern edge in degrees."""
        return self.north - self.height / self.scale / STRETCH

    def find_point(self, lon: float, lat: float) -> tuple[float, float]:
        """Find the pixels of a longitude and latitude."""
        return (lon - self.west) * self.scale, (self.north - lat) * self.scale * STRETCH


@dataclass(slots=True)
class Circle:
    """One or more places that lie near each other, the largest first."""

    x: float
    y: float
    radius: float = 0
    places: list[MapPlace] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Events of all its places."""
        return sum(place.count for place in self.places)

    @property
    def name(self) -> str:
        """The name that is written: of the largest place, and how many others or events."""
        first, others = self.places[0], len(self.places) - 1
        short = shorten_text(first.name, MAX_NAME)
        return f"{short} +{others}" if others else f"{short} {first.count}"


def frame_places(places: Sequence[MapPlace], width: int, box: Box | None = None) -> MapFrame:
    """Frame all places, or a box (west, south, east, north), in a picture of a width."""
    height = round(max(200, min(560, width * 0.6)))
    lons = [box[0], box[2]] if box else [place.lon for place in places]
    lats = [box[1], box[3]] if box else [place.lat for place in places]
    least = (0.02, 0.01) if box else LEAST_REACH
    wide, high = (
        max(floor, (max(all_) - min(all_)) * 1.16)
        for floor, all_ in zip(least, (lons, lats), strict=True)
    )
    scale = min(width / wide, height / (high * STRETCH))
    west = (min(lons) + max(lons)) / 2 - width / scale / 2
    north = min(90.0, (min(lats) + max(lats)) / 2 + height / scale / STRETCH / 2)
    return MapFrame(width, height, scale, west, north)


def gather_circles(places: Sequence[MapPlace], frame: MapFrame) -> list[Circle]:
    """Gather places that would lie on each other around the largest; the largest circle first."""
    near = NEAR if frame.width >= WIDE else NEAR_ON_PHONE
    found: list[Circle] = []
    for place in sorted(places, key=lambda one: (-one.count, one.name)):
        x, y = frame.find_point(place.lon, place.lat)
        if not (0 <= x <= frame.width and 0 <= y <= frame.height):
            continue
        close = next((one for one in found if math.hypot(one.x - x, one.y - y) < near), None)
        if close is None:
            close = Circle(x, y)
            found.append(close)
        close.places.append(place)
    for one in found:
        least = 11 if len(one.places) > 1 else 4
        one.radius = max(least, min(near / 2 + 1, 4 + 1.5 * math.sqrt(one.count)))
    return sorted(found, key=lambda one: -one.count)


@dataclass(frozen=True, slots=True)
class MapName:
    """A name and where its first letter begins."""

    text: str
    x: float
    y: float


def place_names(circles: Sequence[Circle], frame: MapFrame) -> list[MapName]:
    """Place the names of circles where they are free of others; the largest have one always."""
    taken: list[Box] = []
    for one in circles:
        reach = one.radius * 0.8
        taken.append((one.x - reach, one.y - reach, one.x + reach, one.y + reach))
    found = []
    for n, one in enumerate(circles):
        boxes = _list_boxes(one, frame)
        free = next(
            (box for box in boxes if not any(_measure_overlap(box, t) for t in taken)), None
        )
        box = free
        if box is None and n < NAMED and boxes:
            box = min(boxes, key=lambda box: sum(_measure_overlap(box, t) for t in taken))
        if box is not None:
            taken.append(box)
            found.append(MapName(one.name, box[0], box[1] + LINE / 2 + 4))
    return found


def _list_boxes(circle: Circle, frame: MapFrame) -> list[Box]:
    """List the boxes around a circle in which its name is within the frame."""
    long, found = len(circle.name) * LETTER, []
    for x, y in AROUND:
        reach = circle.radius * (0.75 if x and y else 1)
        aside = long if x < 0 else 0 if x else long / 2
        left = circle.x + x * (reach + 3) - aside
        middle = circle.y + y * (reach + LINE / 2)
        if left > 2 and left + long < frame.width - 2 and LINE / 2 < middle < frame.height - 7:
            found.append((left, middle - LINE / 2, left + long, middle + LINE / 2))
    return found


def _measure_overlap(one: Box, other: Box) -> float:
    """Measure the area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)
