"""The format of ACLED: 31 columns, by name or in the order of its API."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.events.vocabulary import ACLED
from app.ingest.format import Cells, Format, Warn, clipped, needed, number, several, whole
from app.ingest.given import Item, RejectedError, from_values
from app.sources.schemas import Dataset

DATASET = Dataset(
    code="acled",
    name="Armed Conflict Location and Event Data",
    version="unstated",
    licence="ACLED terms of use",
    citation="Raleigh, Linke, Hegre and Karlsen (2010), Introducing ACLED, Journal of Peace"
    " Research 47(5)",
    terms="Redistribution is restricted: see ACLED's terms before passing rows on.",
)
COLUMNS = (
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type",
    "sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2",
    "interaction", "civilian_targeting", "iso", "region", "country", "admin1", "admin2", "admin3",
    "location", "latitude", "longitude", "geo_precision", "source", "source_scale", "notes",
    "fatalities", "tags", "timestamp",
)  # fmt: skip
_STATE = re.compile(
    r"(?:Military|Police|Security|State|Private Security) Forces of (.+?)"
    r"(?: \([0-9]{4}-[0-9]*\).*| - .*)?|Government of (.+?)(?: \([0-9]{4}-[0-9]*\).*)?"
)
_STATES = ("", "1", "state forces", "8", "external/other forces")
_CROWDS = ("Civilians", "Protesters", "Rioters")
_PRECISION = {1: "exact", 2: "near", 3: "admin1"}


def _day(cells: Cells) -> date:
    text = needed(cells, "event_date")
    for form in ("%Y-%m-%d", "%d %B %Y", "%d-%B-%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text[:30], form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    raise RejectedError(
        "event_date", f"is not a day such as 2022-01-31 or 31 January 2022: {text[:30]!r}"
    )


def stated(day: date, precision: int | None) -> str:
    """Format a day as EDTF: precision 2 is the middle of a week, 3 some day of a month."""
    if precision == 2:
        around = timedelta(days=3)
        return f"{(day - around).isoformat()}/{(day + around).isoformat()}"
    if precision == 3:
        return day.isoformat()[:7]
    if precision not in (None, 1):
        raise RejectedError("time_precision", f"is not 1, 2 or 3: {precision}")
    return day.isoformat()


def _actor(name: str, inter: str, role: str) -> dict[str, Any]:
    """Parse a main actor: forces of a state become the state, others a code with ACLED's name."""
    state = _STATE.fullmatch(name)
    if state and inter.lower() in _STATES:
        code = f"name:{clipped(state[1] or state[2], 150)}"
        return {"role": role, "actor": code, "native": name}
    if inter in ("5", "6", "7") or name.startswith(_CROWDS):
        return {"role": role, "native": name}
    named = {"name": name, "kind": "armed_group"}
    return {"role": role, "actor": clipped(f"acled:{name}", 200), "native": name, **named}


def _associated(name: str) -> dict[str, Any]:
    """Parse an associated actor: forces of a state become the state, others keep their name."""
    # ACLED does not say whether the others are organizations or a kind of people.
    state = _STATE.fullmatch(name)
    told = {"actor": f"name:{clipped(state[1] or state[2], 150)}"} if state else {}
    return {"role": "participant", "native": name, **told}


def _participants(cells: Cells) -> list[dict[str, Any]]:
    made = []
    for n, role in ((1, "initiator"), (2, "target")):
        if name := clipped(cells.get(f"actor{n}", "").strip(), 200):
            made.append(_actor(name, cells.get(f"inter{n}", "").strip(), role))
        made += [
            _associated(clipped(other, 200)) for other in several(cells.get(f"assoc_actor_{n}", ""))
        ]
    return made[:500]


def _reports(cells: Cells, claims: dict[str, Any]) -> list[dict[str, Any]]:
    scale = cells.get("source_scale", "").strip()
    made: list[dict[str, Any]] = [
        {"source": {"publisher": clipped(p, 200), "title": p}, "locator": scale[:200] or None}
        for p in several(cells.get("source", ""))
    ]
    if not made:
        own = {"publisher": "ACLED", "title": DATASET.name, "kind": "dataset"}
        made = [{"source": own}]
    made[0]["claims"] = claims
    return made


def event(cells: Cells, warn: Warn) -> Item:
    """Parse a conflict event."""
    kind = needed(cells, "event_type")
    if kind not in ACLED:
        warn("event_type", f"is not an event type of ACLED: {kind[:40]!r}")
    crossed = ACLED.get(kind)
    sub = cells.get("sub_event_type", "").strip()
    who = [cells.get(f"actor{n}", "").strip() for n in (1, 2)]
    deaths, geo = whole(cells, "fatalities"), whole(cells, "geo_precision")
    tags = several(cells.get("tags", "")) + several(cells.get("disorder_type", ""))
    if targeting := cells.get("civilian_targeting", "").strip():
        tags.append(targeting)
    iso = whole(cells, "iso")
    country = f"isonum:{iso:03d}" if iso is not None else cells.get("country", "").strip()
    values: dict[str, Any] = {
        "key": needed(cells, "event_id_cnty"),
        "title": clipped(f"{' → '.join(w for w in who if w) or 'Unnamed'}: {sub or kind}", 200),
        "summary": cells.get("notes", "").strip() or None,
        "date": stated(_day(cells), whole(cells, "time_precision")),
        "type": crossed.type if crossed else None,
        "mode": crossed.mode if crossed else None,
        "native": clipped(f"{kind}: {sub}" if sub else kind, 200),
        "participants": _participants(cells),
        "location": {
            "name": clipped(cells.get("location", "").strip(), 200) or None,
            "country": clipped(country, 200) or None,
            "admin1": clipped(cells.get("admin1", "").strip(), 200) or None,
            "admin2": clipped(cells.get("admin2", "").strip(), 200) or None,
            "lat": number(cells, "latitude"),
            "lon": number(cells, "longitude"),
            "precision": _PRECISION.get(geo or 0),
        },
        "tags": [clipped(tag, 200) for tag in tags][:100],
        "reports": _reports(cells, {} if deaths is None else {"fatalities": deaths}),
    }
    return from_values(values)  # type: ignore[no-any-return]


EVENTS = Format(
    "acled", DATASET, event, lambda c: c.get("event_id_cnty", "").strip(),
    header=(frozenset({"event_id_cnty", "event_date", "event_type"}),),
    columns=(COLUMNS,),
    looks=lambda c: len(c) == len(COLUMNS) and c[5] in ACLED,
)  # fmt: skip
