"""The words of the record and the crosswalks to them."""

import pytest

from app.events.vocabulary import (
    ACLED_CROSSWALK,
    CREDIBILITY,
    EVENT_TYPES,
    MODES,
    QUAD_OF_TYPE,
    QUADS,
    RELIABILITY,
    UCDP_CROSSWALK,
    EventType,
    QuadScheme,
    load_cameo_codes,
    quad_of_cameo,
    quad_of_type,
)


def test_every_type_has_a_quad_and_modes() -> None:
    assert len(EVENT_TYPES) == 16
    assert QUAD_OF_TYPE.keys() == MODES.keys() == set(EVENT_TYPES)
    assert set(QUAD_OF_TYPE.values()) == QUADS.keys()


@pytest.mark.parametrize(
    ("type_", "quad"), [("CONCEDE", 1), ("RETREAT", 2), ("REQUEST", 3), ("PROTEST", 4)]
)
def test_the_quad_of_a_type(type_: EventType, quad: int) -> None:
    assert quad_of_type(type_) == quad


def test_no_type_states_a_mode_twice() -> None:
    assert all(len(modes) == len(set(modes)) for modes in MODES.values())
    assert len(MODES["ASSAULT"]) == 15


def test_the_grades_are_those_of_the_admiralty() -> None:
    assert "".join(RELIABILITY) == "ABCDEF"
    assert list(CREDIBILITY) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("scheme", "quads"),
    [("gdelt", "11111222233333444444"), ("schrodt", "11111222333334444444")],
)
def test_the_quad_of_each_root(scheme: QuadScheme, quads: str) -> None:
    found = [quad_of_cameo(f"{root:02}", scheme) for root in range(1, 21)]
    assert found == [int(quad) for quad in quads]


@pytest.mark.parametrize(
    "code", ["", "1", "00", "21", "99", "--", "X", "+1", " 1", "\u0661\u0660", "\u00b20"]
)
def test_what_has_no_root_has_no_quad(code: str) -> None:
    assert quad_of_cameo(code, "gdelt") is None


def test_a_code_has_the_quad_of_its_root() -> None:
    assert quad_of_cameo("0871", "gdelt") == 2
    assert quad_of_cameo("091", "gdelt") == 2
    assert quad_of_cameo("091", "schrodt") == 3


def test_codes_are_text() -> None:
    assert load_cameo_codes()["010"].name == "Make statement"
    assert load_cameo_codes()["10"].name == "Demand"


def test_the_cameo_table_is_whole() -> None:
    assert len(load_cameo_codes()) == 313
    assert {code for code in load_cameo_codes() if len(code) == 2} == {
        f"{root:02}" for root in range(1, 21)
    }
    for key, code in load_cameo_codes().items():
        assert key == code.code
        assert code.name[0].isupper()
        assert code.name.strip() == code.name
        assert code.goldstein is None or -10 <= code.goldstein <= 10
        assert quad_of_cameo(key, "gdelt") in QUADS


def test_only_roots_01_and_02_have_no_plover_type() -> None:
    without = {code.code[:2] for code in load_cameo_codes().values() if code.plover_type is None}
    assert without == {"01", "02"}
    assert all(c.plover_type is None for c in load_cameo_codes().values() if c.code[:2] in without)


def test_every_mode_of_the_crosswalk_belongs_to_its_type() -> None:
    for code in load_cameo_codes().values():
        if code.plover_mode is not None:
            assert code.plover_type is not None
            assert code.plover_mode in MODES[code.plover_type], code


@pytest.mark.parametrize(
    ("code", "goldstein", "type_", "mode"),
    [
        ("010", 0, None, None),
        ("0233", 3.4, None, None),
        ("057", 8, "SUPPORT", None),
        ("0841", 7, "RETREAT", "release"),
        ("0842", 7, "RETREAT", "release"),
        ("085", 7, "RETREAT", None),
        ("13", -6, "THREATEN", None),
        ("130", -4.4, "THREATEN", None),
        ("1214", None, "REJECT", "assist"),
        ("163", -8, "COERCE", "restrict"),
        ("1712", -9.2, "ASSAULT", "destroy"),
        ("186", -10, "ASSAULT", "targeted"),
        ("192", -9.5, "COERCE", "seize"),
    ],
)
def test_some_codes(
    code: str, goldstein: float | None, type_: EventType | None, mode: str | None
) -> None:
    found = load_cameo_codes()[code]
    assert (found.goldstein, found.plover_type, found.plover_mode) == (goldstein, type_, mode)


def test_the_table_is_read_once_and_cannot_be_changed() -> None:
    assert load_cameo_codes() is load_cameo_codes()
    with pytest.raises(TypeError):
        load_cameo_codes()["010"] = load_cameo_codes()["011"]  # type: ignore[index]


def test_acled_crosses_over() -> None:
    assert ACLED_CROSSWALK["Riots"] == ("PROTEST", "riot")
    assert ACLED_CROSSWALK["Battles"] == ("ASSAULT", None)
    assert ACLED_CROSSWALK["Strategic developments"] is None
    crossed = [*filter(None, ACLED_CROSSWALK.values()), *UCDP_CROSSWALK.values()]
    assert all(c.mode is None or c.mode in MODES[c.type] for c in crossed)


def test_ucdp_is_violence() -> None:
    assert {kind: crossed.type for kind, crossed in UCDP_CROSSWALK.items()} == dict.fromkeys(
        "123", "ASSAULT"
    )
