"""Releases of UCDP GED: what their names say of the days they cover, and which one wins. Pure."""

import re
from calendar import monthrange
from pathlib import PurePosixPath
from typing import NamedTuple

FIRST_DAY = "1989-01-01"
"""The first day that final releases cover."""
_MONTHLY, _QUARTERLY, _FINAL = 1, 2, 3
_VERSION = re.compile(
    r"(?P<year>\d\d)\.(?:(?P<minor>[1-9])|0\.(?P<month>\d\d?)"
    r"|(?P<first>\d\d)\.(?P<until>\d\d)\.(?P<last>\d\d))"
)
_FILE = re.compile(
    r"(?:GEDEvent_v(?P<version>\d\d(?:_\d\d?){1,3})\.csv|ged(?P<final>\d\d\d)-csv\.zip)",
    re.IGNORECASE,
)


class Release(NamedTuple):
    """A release of a dataset: it covers days, and replaces what lower releases say."""

    version: str
    first: str
    last: str
    rank: int

    @property
    def is_final(self) -> bool:
        """Whether it is a yearly release, and no candidate one."""
        return self.rank // 1_000_000 == _FINAL


def parse_release(version: str) -> Release | None:
    """Parse a version: `26.1` (final), `26.01.26.06` (quarterly), `26.0.8` (monthly)."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    year = int(found["year"])
    if found["minor"]:
        last = f"{1999 + year}-12-31"
        return Release(version, FIRST_DAY, last, _rank(_FINAL, year, int(found["minor"])))
    kind = _MONTHLY if found["month"] else _QUARTERLY
    begin, end = int(found["month"] or found["first"]), int(found["month"] or found["last"])
    if not 1 <= begin <= end <= 12 or (found["until"] and int(found["until"]) != year):
        return None
    until = 2000 + year
    return Release(
        version,
        f"{until}-{begin:02}-01",
        f"{until}-{end:02}-{monthrange(until, end)[1]}",
        _rank(kind, year, end, 12 - begin),
    )


def _rank(kind: int, year: int, number: int, width: int = 0) -> int:
    return kind * 1_000_000 + year * 10_000 + number * 100 + width


def find_release(file_name: str) -> Release | None:
    """Find the release that a file is, by the name under which UCDP publishes it."""
    found = _FILE.fullmatch(PurePosixPath(file_name).name)
    if found is None:
        return None
    final = found["final"]
    return parse_release(f"{final[:2]}.{final[2]}" if final else found["version"].replace("_", "."))
