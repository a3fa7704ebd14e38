"""Files of the field that are known and not loaded: what they are, and what to load instead."""

import re
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from app.ingest.formats.errors import UnreadableFileError

_GED = "load UCDP GED, which has a row for each event (ged251.csv, or gedevents of the API)"
TABLE_COLUMNS = ("key", "title", "date", "initiator", "target", "cameo", "intensity")
"""Columns of the format `entente` that events of other programs go into."""
_ENTENTE_TABLE = (
    f"write its events as CSV with the columns {', '.join(TABLE_COLUMNS)} (all columns: `entente"
    " load --template`), states by their countries (USA, not USAGOV) and codes of WEIS as `native`,"
    " not `cameo`, and load that with --dataset"
)


class KnownFile(NamedTuple):
    """A kind of file that is not loaded."""

    name: str
    """What the file is; completes "the file …"."""
    advice: str
    headers: tuple[frozenset[str], ...] = ()
    """Sets of columns; a header that contains any one of them is of this kind."""
    matches_first_row: Callable[[Sequence[str]], bool] = lambda _: False
    """Whether a first row without a header is of this kind."""


def _is_gkg_row(cells: Sequence[str]) -> bool:
    return len(cells) == 27 and re.fullmatch(r"\d{14}-T?\d+", cells[0]) is not None


_KEDS_LINE = re.compile(
    r"(?:\d{6}|\d{8})\s+[A-Z][A-Z0-9/]{2,14}\s+[A-Z][A-Z0-9/]{2,14}\s+\[?\d{2,4}[A-Z]?\]?(?:\s.*)?"
)
"""YYMMDD, source, target and code, perhaps with a label and a text."""
_BINARY_FILES = {
    b"<stata_dta>": "is a Stata file",
    b"$FL2": "is an SPSS file",
    b"RDX": "is an R file",
    b"X\n\x00\x00": "is an R file",
    b"SQLite format 3": "is a SQLite database",
    b"\xd0\xcf\x11\xe0": "is a workbook of old Excel, or one with a password",
    b"%PDF": "is a PDF",
    b"ARROW1": "is an Arrow file",
}
"""Files that are no text by their first bytes."""
_PAGES = (b"<!doctype", b"<html", b"<?xml")


def _is_phoenix_row(cells: Sequence[str]) -> bool:
    """Match the file of the Phoenix pipeline: an id, a day and its parts, parties, a code."""
    return (
        len(cells) in (25, 26)
        and re.fullmatch(r"\d{8}", cells[1]) is not None
        and cells[1] == f"{cells[2]:0>4}{cells[3]:0>2}{cells[4]:0>2}"
    )


KNOWN_FILES = (
    KnownFile(
        "is GDELT's Global Knowledge Graph, which has articles and no events",
        "load the events of the same quarter of an hour (….export.CSV) and their mentions",
        (
            frozenset({"gkgrecordid"}),
            frozenset({"date", "numarts", "counts", "themes"}),
            frozenset({"date", "numarts", "counttype"}),
        ),
        _is_gkg_row,
    ),
    KnownFile(
        "is an extract of GDELT without GLOBALEVENTID, SQLDATE or an event code",
        "add GLOBALEVENTID, SQLDATE and EventCode to the query",
        (
            frozenset({"sqldate", "eventcode"}), frozenset({"globaleventid", "eventcode"}),
            frozenset({"globaleventid", "sqldate"}),
            frozenset({"actor1code", "actor2code", "sqldate"}),
            frozenset({"actor1countrycode", "actor2countrycode", "goldsteinscale"}),
        ),
    ),
    KnownFile(
        "is Cline Center Historical Phoenix", _ENTENTE_TABLE,
        (frozenset({"eid", "story_date", "source", "target", "code"}),),
    ),
    KnownFile(
        "is Phoenix event data", _ENTENTE_TABLE,
        (frozenset({"source_root", "target_root", "root_code"}),), _is_phoenix_row,
    ),
    KnownFile(
        "is ACLED's list of deleted events",
        "load a full export of ACLED with --retract-missing",
        (frozenset({"event_id_cnty", "deleted_timestamp"}),),
    ),
    KnownFile(
        "is ACLED's aggregated data, which counts events of a week or a month",
        "load the export of events, which has event_id_cnty and event_date",
        (
            frozenset({"country", "month", "year", "events", "fatalities"}),
            frozenset({"week", "country", "event_type", "events"}),
        ),
    ),
    KnownFile(
        "is an extract of ACLED without event_id_cnty, event_date or event_type",
        "export these columns, too",
        (
            frozenset({"event_date", "event_type", "actor1"}),
            frozenset({"event_id_cnty", "event_date"}), frozenset({"event_id_cnty", "event_type"}),
        ),
    ),
    KnownFile(
        "is UCDP's Battle-Related Deaths Dataset, which has a row for each dyad and year", _GED,
        (frozenset({"conflict_id", "bd_best"}), frozenset({"conflict_id", "bdbest"})),
    ),
    KnownFile(
        "is UCDP's Non-State Conflict Dataset, which has a row for each conflict and year", _GED,
        (
            frozenset({"conflict_id", "org", "best_fatality_estimate"}),
            frozenset({"conflict_id", "org", "side_a_name"}),
        ),
    ),
    KnownFile(
        "is UCDP's One-sided Violence Dataset, which has a row for each actor and year", _GED,
        (
            frozenset({"actor_id", "best_fatality_estimate"}),
            frozenset({"actor_id", "is_government_actor"}),
        ),
    ),
    KnownFile(
        "is UCDP's Dyadic Dataset, which has a row for each dyad and year", _GED,
        (frozenset({"dyad_id", "conflict_id", "intensity_level", "year"}),),
    ),
    KnownFile(
        "is the UCDP/PRIO Armed Conflict Dataset, which has a row for each conflict and year",
        _GED, (frozenset({"conflict_id", "intensity_level", "year"}),),
    ),
    KnownFile(
        "is UCDP's data by country and year", _GED,
        (frozenset({"country_id", "year", "sb_total_deaths_best"}),),
    ),
    KnownFile(
        "is ATOP by state and year, which does not say with whom a state is allied",
        "load the members (atop5_1m.csv) or the dyad-years (atop5_1ddyr.csv, atop5_1dy.csv)",
        (frozenset({"state", "year", "atopally"}), frozenset({"member", "year", "atopally"})),
    ),
    KnownFile(
        "is ATOP by alliance, which does not name the members",
        "load the members (atop5_1m.csv) or the dyad-years (atop5_1ddyr.csv, atop5_1dy.csv)",
        (frozenset({"atopid", "begyr", "endyr"}), frozenset({"atopid", "begyr", "mem1"})),
    ),
    KnownFile(
        "is a list of states of COW or Gleditsch and Ward, which has no events",
        "the bundled actors have these codes already",
        (
            frozenset({"stateabb", "ccode", "statenme"}),
            frozenset({"gwcode", "statename", "startdate"}),
        ),
    ),
    KnownFile(
        "is a list of Militarized Interstate Disputes, which is not read", _ENTENTE_TABLE,
        (frozenset({"dispnum", "hihost"}), frozenset({"dispnum3", "hihost"})),
    ),
)  # fmt: skip
"""The first one that fits is the one; formats that are loaded are tried before."""


def refuse_known_file(names: Set[str]) -> None:
    """Raise `UnreadableFileError` for the columns of a file that is known and not loaded."""
    for known in KNOWN_FILES:
        if any(header <= names for header in known.headers):
            raise UnreadableFileError(f"{known.name}; {known.advice}")


def refuse_known_start(start: bytes) -> None:
    """Raise `UnreadableFileError` for the first bytes of a file that is no table and no JSON."""
    for magic, name in _BINARY_FILES.items():
        if start.startswith(magic):
            raise UnreadableFileError(f"{name}; write its rows as CSV or Parquet and load that")
    if start.lstrip().lower().startswith(_PAGES):
        raise UnreadableFileError(
            "is a page of HTML or XML, as sites answer instead of a file; download the file again"
        )
    if _KEDS_LINE.fullmatch(start.splitlines()[0].decode("latin-1") if start else ""):
        raise UnreadableFileError(f"is KEDS or WEIS event data; {_ENTENTE_TABLE}")


def refuse_known_row(cells: Sequence[str]) -> None:
    """Raise `UnreadableFileError` for the first row of a file that is known and not loaded."""
    for known in KNOWN_FILES:
        if known.matches_first_row(cells):
            raise UnreadableFileError(f"{known.name}; {known.advice}")
