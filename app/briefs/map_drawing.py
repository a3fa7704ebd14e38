"""Draw a map of places as SVG, with its title and its source in the picture. Pure."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from app.briefs.map_frame import (
    Box,
    Circle,
    MapFrame,
    MapPlace,
    frame_places,
    gather_circles,
    place_names,
)
from app.charts.vega_lite import wrap_words

EDGE = 8
"""Pixels around the map."""
TITLE_LINE, NOTE_LINE, TITLE_LETTER, NOTE_LETTER = 19, 14, 8.6, 6.2
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
"""Degrees between two lines of the grid."""
GRID_DISTANCE = 90
LEAST_MOVE = 0.8
"""Pixels below which a step of a coast is left out."""
LAND, SEA, GRID, MARK, EDGE_OF_MARK, INK, QUIET = (
    "#e4e1da", "#f8fafb", "#c9ccd0", "#3a8ec6", "#1f3b57", "#1b1d20", "#595959",
)  # fmt: skip
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MapTexts:
    """The words of a map."""

    title: str
    description: str
    """For those who do not see it."""
    empty: str
    """What is written where there are no places."""
    notes: Sequence[str]
    """Lines below the map: what is shown, and the source."""


@dataclass(frozen=True, slots=True)
class Land:
    """The outlines of the land: rings of points in degrees, and where they are from."""

    source: str
    rings: Sequence[Sequence[Point]]


@cache
def load_land() -> Land:
    """Load the land that the explorer shows; a ring is its first point and then steps."""
    path = files("app") / "explorer" / "static" / "land.json"
    body = json.loads(path.read_text("utf-8"))
    rings = []
    for flat in body["rings"]:
        x = y = 0
        ring = []
        for dx, dy in zip(flat[::2], flat[1::2], strict=True):
            x, y = x + dx, y + dy
            ring.append((x / body["scale"], y / body["scale"]))
        rings.append(ring)
    return Land(body["source"], rings)


def draw_map(places: Sequence[MapPlace], texts: MapTexts, width: int, box: Box | None) -> str:
    """Draw a map of a width in pixels, of a box where one is chosen, else of all places."""
    inner = width - 2 * EDGE
    title = wrap_words(texts.title, int(inner / TITLE_LETTER))
    notes = [line for text in texts.notes for line in wrap_words(text, int(inner / NOTE_LETTER))]
    top = EDGE + TITLE_LINE * len(title) + 4
    if places or box:
        frame = frame_places(places, inner, box)
        drawn, height = _draw_board(places, frame), frame.height
    else:
        said = wrap_words(texts.empty, int(inner / NOTE_LETTER))
        drawn, height = _write_lines(said, 0, 12, NOTE_LINE), NOTE_LINE * len(said) + 8
    below = top + height + 6
    whole = below + NOTE_LINE * len(notes) + EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{whole:g}"'
        f' viewBox="0 0 {width} {whole:g}" font-family="Helvetica, Arial, sans-serif"'
        f' font-size="12" fill="{INK}" aria-label="{escape(texts.description)}">'
        f'<rect width="{width}" height="{whole:g}" fill="#ffffff"/>'
        f'<g font-size="15" font-weight="bold">{_write_lines(title, EDGE, EDGE + 14, TITLE_LINE)}'
        f'</g><g transform="translate({EDGE},{top:g})">{drawn}</g>'
        f'<g font-size="11" fill="{QUIET}">{_write_lines(notes, EDGE, below + 10, NOTE_LINE)}</g>'
        "</svg>"
    )


def _write_lines(lines: Sequence[str], x: float, y: float, step: float) -> str:
    return "".join(
        f'<text x="{x:g}" y="{y + n * step:g}">{escape(line)}</text>'
        for n, line in enumerate(lines)
    )


def _draw_board(places: Sequence[MapPlace], frame: MapFrame) -> str:
    circles = gather_circles(places, frame)
    names = "".join(
        f'<text x="{one.x:.1f}" y="{one.y:.1f}">{escape(one.text)}</text>'
        for one in place_names(circles, frame)
    )
    return (
        f'<svg width="{frame.width}" height="{frame.height}">'
        f'<rect width="{frame.width}" height="{frame.height}" fill="{SEA}"/>'
        f'<path d="{_trace_land(frame)}" fill="{LAND}" stroke="{LAND}"/>'
        f'<g stroke="{GRID}" stroke-width="0.6" font-size="11" fill="{QUIET}">{_draw_grid(frame)}'
        f"</g>{''.join(map(_draw_circle, circles))}"
        # A light edge keeps the letters apart from coasts and lines below them.
        f'<g fill="none" stroke="#ffffff" stroke-width="3" stroke-linejoin="round">{names}</g>'
        f"<g>{names}</g>"
        f'<rect x="0.5" y="0.5" width="{frame.width - 1}" height="{frame.height - 1}"'
        f' fill="none" stroke="{GRID}"/></svg>'
    )


def _draw_circle(one: Circle) -> str:
    drawn = (
        f'<circle cx="{one.x:.1f}" cy="{one.y:.1f}" r="{one.radius:.1f}" fill="{MARK}"'
        f' fill-opacity="0.75" stroke="{EDGE_OF_MARK}"><title>{escape(one.name)}</title></circle>'
    )
    if len(one.places) == 1:
        return drawn
    return (
        f'{drawn}<text x="{one.x:.1f}" y="{one.y + 4:.1f}" text-anchor="middle"'
        f' font-weight="bold">{one.count}</text>'
    )


def _draw_grid(frame: MapFrame) -> str:
    """Draw meridians and parallels with their degrees."""
    span = frame.east - frame.west
    step = next((n for n in STEPS if span / n <= frame.width / GRID_DISTANCE), STEPS[-1])
    drawn = []
    for n in range(math.ceil(frame.west / step), math.floor(frame.east / step) + 1):
        x = frame.find_point(n * step, 0)[0]
        drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{frame.height}"/>')
        drawn.append(_write_degree(x + 3, frame.height - 4, n * step))
    for n in range(math.ceil(frame.south / step), math.floor(frame.north / step) + 1):
        y = frame.find_point(0, n * step)[1]
        drawn.append(f'<line x1="0" x2="{frame.width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(_write_degree(3, y - 3, n * step))
    return "".join(drawn)


def _write_degree(x: float, y: float, degree: float) -> str:
    written = f"{round(degree, 1):g}".replace("-", "−")
    return f'<text x="{x:.1f}" y="{y:.1f}" stroke="none">{written}°</text>'


def _trace_land(frame: MapFrame) -> str:
    """Trace the land within a frame, without steps that are too small to be seen."""
    parts = []
    for ring in load_land().rings:
        inside = _clip_ring(ring, (frame.west, frame.south, frame.east, frame.north))
        points = list(_thin_points(frame.find_point(*point) for point in inside))
        if len(points) > 2:
            parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + "z")
    return "".join(parts)


def _thin_points(points: Iterator[Point]) -> Iterator[Point]:
    last: Point | None = None
    for point in points:
        if last is None or math.dist(last, point) >= LEAST_MOVE:
            last = point
            yield point


def _clip_ring(ring: Sequence[Point], box: Box) -> Sequence[Point]:
    """Clip a ring to a box, edge by edge (Sutherland and Hodgman)."""
    for axis, bound, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        inside = [sign * (point[axis] - bound) >= 0 for point in ring]
        if all(inside):
            continue
        clipped: list[Point] = []
        for n, point in enumerate(ring):
            before = ring[n - 1]
            if inside[n] != inside[n - 1]:
                part = (bound - before[axis]) / (point[axis] - before[axis])
                cut = [a + part * (b - a) for a, b in zip(before, point, strict=True)]
                cut[axis] = bound
                clipped.append((cut[0], cut[1]))
            if inside[n]:
                clipped.append(point)
        ring = clipped
        if not ring:
            break
    return ring
