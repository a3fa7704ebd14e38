"""The index of the keys of a file, in memory and as arrays."""

import random
from collections.abc import Callable

import pytest

from app.ingest.loading import key_arrays, key_index
from app.ingest.loading.key_index import KeyIndex
from app.ingest.loading.row_bitmap import RowBitmap

DICE = random.Random(5)
KEYS = [None if DICE.random() < 0.1 else f"k{DICE.randrange(60)}" for _ in range(200)]
SPELLED = [f"s{DICE.randrange(2)}" for _ in KEYS]


@pytest.fixture(params=["in memory", "as arrays", "as arrays in parts"])
def make_index(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str | None]], KeyIndex]:
    if request.param != "in memory":
        monkeypatch.setattr(key_index, "HASHES_PER_CHUNK", 7)
    if request.param == "as arrays in parts":
        monkeypatch.setattr(key_arrays, "HASHES_PER_PART", 50)

    def fill_index(keys: list[str | None]) -> KeyIndex:
        made = KeyIndex()
        for key in keys:
            made.add_key(key)
        return made

    return fill_index


def list_rows(found: RowBitmap) -> list[int]:
    rows = [row for row in range(len(KEYS)) if row in found]
    assert len(rows) == found.count
    return rows


def test_the_last_row_of_a_key_stays(
    make_index: Callable[[list[str | None]], KeyIndex],
) -> None:
    with make_index(KEYS) as index:
        found = list_rows(index.find_replaced_rows())
        assert index.keyless == KEYS.count(None)
    assert found == [n for n, key in enumerate(KEYS) if key is not None and key in KEYS[n + 1 :]]


def test_rows_that_vary_from_the_first_of_their_key(
    make_index: Callable[[list[str | None]], KeyIndex],
) -> None:
    with make_index(KEYS) as index, make_index([*SPELLED]) as other:
        found = list_rows(index.find_varied_rows(other))
    expected = [
        n
        for n, key in enumerate(KEYS)
        if key is not None and SPELLED[KEYS.index(key)] != SPELLED[n]
    ]
    assert found == expected


def test_keys_that_no_row_has(make_index: Callable[[list[str | None]], KeyIndex]) -> None:
    asked = [f"k{n}" for n in range(80)]
    with make_index(KEYS) as index:
        assert list(index.find_missing_keys(asked)) == [key for key in asked if key not in KEYS]


def test_a_file_without_rows() -> None:
    with KeyIndex() as index:
        assert index.find_replaced_rows().count == 0
        assert list(index.find_missing_keys(["a"])) == ["a"]
