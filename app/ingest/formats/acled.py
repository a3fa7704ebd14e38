"""The format of ACLED: 31 columns, by name or in the order of its API."""

from datetime import date, timedelta

from app.actors.name_forms import read_state_organ
from app.events.record import RejectedError, convert_record
from app.events.vocabulary import ACLED_CROSSWALK, CrosswalkEntry
from app.ingest.formats.days import parse_day_text
from app.ingest.formats.file_format import (
    MAX_COUNTED,
    Cells,
    FileFormat,
    Warn,
    clip_with_ellipsis,
    join_country_names,
    parse_bounded_integer,
    parse_integer_cell,
    parse_number_cell,
    require_cell,
    split_list_cell,
)
from app.ingest.formats.records import LoadRecord
from app.sources.schemas import Dataset

ACLED_DATASET = Dataset(
    code="acled",
    name="Armed Conflict Location and Event Data",
    version="unstated",
    licence="ACLED terms of use",
    citation="Raleigh, Linke, Hegre and Karlsen (2010), Introducing ACLED, Journal of Peace"
    " Research 47(5)",
    access="sums",
    terms="Redistribution is restricted: see ACLED's terms before passing rows on.",
)
ACLED_COLUMNS = (
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type",
    "sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2",
    "interaction", "civilian_targeting", "iso", "region", "country", "admin1", "admin2", "admin3",
    "location", "latitude", "longitude", "geo_precision", "source", "source_scale", "notes",
    "fatalities", "tags", "timestamp",
)  # fmt: skip
_STATE_FORCES = ("", "1", "state forces", "8", "external/other forces")
_CROWD_PREFIXES = ("Civilians", "Protesters", "Rioters")
_CROWDS = ("5", "6", "7", "rioters", "protesters", "civilians")
_EARLIER_TYPES = {
    "battle-government regains territory": "Battles",
    "battle-no change of territory": "Battles",
    "battle-non-state actor overtakes territory": "Battles",
    "headquarters or base established": "Strategic developments",
    "non-violent transfer of territory": "Strategic developments",
    "remote violence": "Explosions/Remote violence",
    "strategic development": "Strategic developments",
    "violence against civilians": "Violence against civilians",
}
"""Event types of ACLED before 2019, in lower case, and what became of them."""
_TYPES_OF_CROWDS = {"5": "Riots", "rioters": "Riots", "6": "Protests", "protesters": "Protests"}
"""What riots and protests were, which were one type, by the kind of the first actor."""
_PRECISION = {1: "exact", 2: "near", 3: "admin1"}


def format_acled_date(day: date, precision: int | None) -> str:
    """Format a day as EDTF: precision 2 is the middle of a week, 3 some day of a month."""
    if precision == 2:
        around = timedelta(days=3)
        return f"{(day - around).isoformat()}/{(day + around).isoformat()}"
    if precision == 3:
        return day.isoformat()[:7]
    if precision not in (None, 1):
        raise RejectedError("time_precision", f"is not 1, 2 or 3: {precision}")
    return day.isoformat()


def _parse_actor(name: str, inter: str, role: str) -> dict[str, object]:
    """Parse a main actor: forces of a state become the state, others a code with ACLED's name."""
    if inter.lower() in _STATE_FORCES and read_state_organ(name):
        return {"role": role, "actor": f"name:{clip_with_ellipsis(name, 190)}", "native": name}
    if inter.lower() in _CROWDS or name.startswith(_CROWD_PREFIXES):
        return {"role": role, "native": name}
    named = {"name": name, "kind": "armed_group"}
    return {
        "role": role,
        "actor": clip_with_ellipsis(f"acled:{name}", 200),
        "native": name,
        **named,
    }


def _parse_associate(name: str) -> dict[str, object]:
    """Parse an associated actor: forces of a state become the state, others keep their name."""
    # ACLED does not say whether the others are organizations or a kind of people.
    is_state = read_state_organ(name) is not None
    resolved = {"actor": f"name:{clip_with_ellipsis(name, 190)}"} if is_state else {}
    return {"role": "participant", "native": name, **resolved}


def _read_inter(cells: Cells, number: int) -> str:
    """Read the kind of an actor: a number, or its words since 2024."""
    return cells.get(f"inter{number}", "").strip().removesuffix(".0")


def _cross_type(stated: str, cells: Cells, warn: Warn) -> CrosswalkEntry | None:
    """Find the PLOVER type of an event type of any generation; None if there is none."""
    known = stated if stated in ACLED_CROSSWALK else _EARLIER_TYPES.get(stated.lower())
    if stated.lower() == "riots/protests":
        known = _TYPES_OF_CROWDS.get(_read_inter(cells, 1).lower())
        if known is None:
            return CrosswalkEntry("PROTEST")
    if known is None:
        warn("event_type", f"is not an event type of ACLED: {stated[:40]!r}")
        return None
    return ACLED_CROSSWALK[known]


def _parse_participants(cells: Cells) -> list[dict[str, object]]:
    made = []
    for n, role in ((1, "initiator"), (2, "target")):
        if name := clip_with_ellipsis(cells.get(f"actor{n}", "").strip(), 200):
            made.append(_parse_actor(name, _read_inter(cells, n), role))
        others = cells.get(f"assoc_actor_{n}", "") or cells.get(f"ally_actor_{n}", "")
        made += [
            _parse_associate(clip_with_ellipsis(other, 200)) for other in split_list_cell(others)
        ]
    return made[:500]


def _parse_reports(cells: Cells, claims: dict[str, object]) -> list[dict[str, object]]:
    scale = cells.get("source_scale", "").strip()
    made: list[dict[str, object]] = [
        {
            "source": {"publisher": clip_with_ellipsis(p, 200), "title": p},
            "locator": scale[:200] or None,
        }
        for p in split_list_cell(cells.get("source", ""))
    ]
    if not made:
        own = {"publisher": "ACLED", "title": ACLED_DATASET.name, "kind": "dataset"}
        made = [{"source": own}]
    made[0]["claims"] = claims
    return made


def parse_acled_event(cells: Cells, warn: Warn) -> LoadRecord:
    """Parse a conflict event."""
    kind = require_cell(cells, "event_type")
    crossed = _cross_type(kind, cells, warn)
    sub = cells.get("sub_event_type", "").strip()
    who = [cells.get(f"actor{n}", "").strip() for n in (1, 2)]
    deaths, geo = (
        parse_bounded_integer(cells, "fatalities", 0, MAX_COUNTED),
        parse_bounded_integer(cells, "geo_precision", 0, 3),
    )
    tags = split_list_cell(cells.get("tags", "")) + split_list_cell(cells.get("disorder_type", ""))
    if targeting := cells.get("civilian_targeting", "").strip():
        tags.append(targeting)
    iso = parse_integer_cell(cells, "iso")
    country = join_country_names(
        None if iso is None else f"isonum:{iso:03d}", "name", cells.get("country", "")
    )
    values: dict[str, object] = {
        "key": require_cell(cells, "event_id_cnty"),
        "title": clip_with_ellipsis(
            f"{' → '.join(w for w in who if w) or 'Unnamed'}: {sub or kind}", 200
        ),
        "summary": cells.get("notes", "").strip() or None,
        "date": format_acled_date(
            parse_day_text(cells.get("event_date", ""), "event_date"),
            parse_integer_cell(cells, "time_precision"),
        ),
        "type": crossed.type if crossed else None,
        "mode": crossed.mode if crossed else None,
        "native": clip_with_ellipsis(f"{kind}: {sub}" if sub else kind, 200),
        "participants": _parse_participants(cells),
        "location": {
            "name": clip_with_ellipsis(cells.get("location", "").strip(), 200) or None,
            "country": country,
            "admin1": clip_with_ellipsis(cells.get("admin1", "").strip(), 200) or None,
            "admin2": clip_with_ellipsis(cells.get("admin2", "").strip(), 200) or None,
            "lat": parse_number_cell(cells, "latitude"),
            "lon": parse_number_cell(cells, "longitude"),
            "precision": _PRECISION.get(geo or 0),
        },
        "tags": [clip_with_ellipsis(tag, 200) for tag in tags][:100],
        "reports": _parse_reports(cells, {} if deaths is None else {"fatalities": deaths}),
    }
    return convert_record(values)  # type: ignore[no-any-return]


ACLED_FORMAT = FileFormat(
    "acled", ACLED_DATASET, parse_acled_event, lambda c: c.get("event_id_cnty", "").strip(),
    gap_days=31,
    header=(frozenset({"event_id_cnty", "event_date", "event_type"}),),
    columns=(ACLED_COLUMNS,), dated_columns=("event_date",),
    matches_first_row=lambda c: len(c) == len(ACLED_COLUMNS) and c[5] in ACLED_CROSSWALK,
)  # fmt: skip
