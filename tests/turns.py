"""Which cases of a test run on which database; docs/decisions/022 says why.

A test of one case runs on both databases. Of a test with several, each case has its turn on one of
the two, so that the test runs on both; `make soak` takes each case on both. A mark says otherwise:
`on_both` for cases of which each asks a database something of its own, `by_turns` for a test that
does not depend on the database at all.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable

import pytest
from other_processor import WANTED
from soak import IN_FULL

KINDS = ("sqlite", "postgresql")
IN_EACH_CASE = IN_FULL or WANTED
"""Another processor is tried on one database alone, and there in every case."""


def find_kind(item: pytest.Item) -> str | None:
    """Return the database that a test runs on; None where it asks for none."""
    kind = item.callspec.params.get("kind") if hasattr(item, "callspec") else None
    return kind if kind in KINDS else None


def mark_slow(items: Iterable[pytest.Item]) -> None:
    """Mark what runs on PostgreSQL or in a browser as slow."""
    for item in items:
        in_browser = "browser" in getattr(item, "fixturenames", ())
        if in_browser or find_kind(item) == "postgresql" or "postgresql" in item.name:
            item.add_marker("slow")


def list_left_out(items: Iterable[pytest.Item], *, on_sqlite: bool) -> list[pytest.Item]:
    """List what has its turn on the other database; every turn is SQLite's if only that is tested.

    Else half of the cases would run on neither.
    """
    tests: defaultdict[str, dict[str, dict[str, pytest.Item]]] = defaultdict(dict)
    for item in items:
        kind = find_kind(item)
        if kind is not None and not IN_EACH_CASE and item.get_closest_marker("on_both") is None:
            case = item.nodeid.replace(kind, "")
            tests[item.nodeid.partition("[")[0]].setdefault(case, {})[kind] = item
    left_out = []
    for name, cases in tests.items():
        first = zlib.crc32(name.encode())  # so that tests with few cases do not all begin alike
        for number, twins in enumerate(cases.values(), first):
            one = next(iter(twins.values()))
            if len(cases) == 1 and one.get_closest_marker("by_turns") is None:
                continue
            if len(twins) == len(KINDS):
                left_out.append(twins["postgresql" if on_sqlite else KINDS[number % 2]])
    return left_out
