"""Reads the bundled files: tables with a header, and events one per line."""

import csv
from collections.abc import Iterator
from importlib.resources import files

BUNDLED_FOLDER = files("app") / "bundled"
BUNDLED_FILES = (
    "states.csv",
    "state_codes.csv",
    "territories.csv",
    "territory_codes.csv",
    "organizations.csv",
    "organization_codes.csv",
    "obligations.csv",
    "persons_and_bodies.csv",
    "person_codes.csv",
    "memberships.csv",
    "membership_sources.csv",
    "events.ndjson",
    "event_sources.csv",
    "realignments.ndjson",
    "realignment_sources.csv",
    "antecedents.ndjson",
    "unga_resolutions.csv",
    "unga_votes.csv",
    "unga_sources.csv",
    "corrections.ndjson",
)
SOURCE_FILES = tuple(name for name in BUNDLED_FILES if name.endswith("_sources.csv"))
TableRow = dict[str, str | None]


def read_bundled_table(name: str) -> list[TableRow]:
    """Read a bundled table; empty cells are None."""
    text = (BUNDLED_FOLDER / name).read_text("utf-8")
    return [{k: v or None for k, v in r.items()} for r in csv.DictReader(text.splitlines())]


def read_bundled_lines(name: str) -> Iterator[str]:
    """Yield the lines of a bundled file that are not empty."""
    text = (BUNDLED_FOLDER / name).read_text("utf-8")
    return (line for line in text.splitlines() if line.strip())


def split_list(cell: str | None) -> list[str]:
    """Split a cell that lists values, separated by `|`."""
    return cell.split("|") if cell else []
