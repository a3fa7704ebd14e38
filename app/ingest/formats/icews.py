"""The format of ICEWS: tabs and a header; empty cells are NA or NULL; the key is event and day."""

from typing import Any

from app.events.vocabulary import cameo
from app.ingest.format import Cells, Format, Warn, clipped, needed, number, several
from app.ingest.given import Item, from_values
from app.sources.schemas import Dataset

DATASET = Dataset(
    code="icews",
    name="Integrated Crisis Early Warning System",
    version="unstated",
    licence="ICEWS terms of use",
    citation="Boschee et al. (2015), ICEWS Coded Event Data, Harvard Dataverse",
    terms="Events between two parties are often coded twice, once from either side.",
)
COLUMNS = (
    "event_id", "event_date", "source_name", "source_sectors", "source_country", "event_text",
    "cameo_code", "intensity", "target_name", "target_sectors", "target_country", "story_id",
    "sentence_number", "publisher", "city", "district", "province", "country", "latitude",
    "longitude",
)  # fmt: skip


def _cell(cells: Cells, name: str) -> str:
    text = cells.get(name, "").strip()
    return "" if text in ("NA", "NULL") else text


def _key(cells: Cells) -> str:
    number, day = (cells.get(name, "").strip() for name in ("event_id", "event_date"))
    return f"{number}-{day[:10]}" if number and day else ""


def _actor(cells: Cells, side: str, role: str) -> dict[str, Any] | None:
    name, country = _cell(cells, f"{side}_name"), _cell(cells, f"{side}_country")
    if not name and not country:
        return None
    made: dict[str, Any] = {"role": role, "native": clipped(name or country, 200)}
    if country:
        made["actor"] = f"name:{clipped(country, 190)}"
    elif name != "Unspecified Actor":
        made |= {"actor": f"name:{clipped(name, 190)}", "name": clipped(name, 200)}
        made["kind"] = "organization"
    return made


def event(cells: Cells, warn: Warn) -> Item:
    """Parse an event between two parties, as coded from a sentence of a story."""
    code, day = needed(cells, "cameo_code"), needed(cells, "event_date")
    needed(cells, "event_id")
    known = cameo().get(code)
    if known is None:
        warn("cameo_code", f"is not a CAMEO code: {code[:20]!r}")
    text = _cell(cells, "event_text") or (known.name if known else code)
    names = [_cell(cells, "source_name"), _cell(cells, "target_name")]
    story, sentence = _cell(cells, "story_id"), _cell(cells, "sentence_number")
    publisher, country = _cell(cells, "publisher"), _cell(cells, "country")
    values: dict[str, Any] = {
        "key": _key(cells),
        "title": clipped(f"{' → '.join(n for n in names if n) or 'Unnamed'}: {text}", 200),
        "date": day[:10],
        "type": known.plover_type if known else None,
        "mode": known.plover_mode if known else None,
        "cameo": code if known else None,
        "native": clipped(text, 200),
        "intensity": number({"intensity": _cell(cells, "intensity")}, "intensity"),
        "participants": [
            p
            for side, role in (("source", "initiator"), ("target", "target"))
            if (p := _actor(cells, side, role))
        ],
        "location": _place(cells, country),
        "tags": [
            clipped(tag, 200)
            for side in ("source", "target")
            for tag in several(_cell(cells, f"{side}_sectors"), ",")
        ][:100],
        "reports": [
            {
                "source": {
                    "publisher": clipped(publisher or "unnamed publisher", 200),
                    "title": f"Story {story or 'without a number'}",
                    "published": day[:10],
                },
                "locator": f"sentence {sentence}" if sentence else None,
            }
        ],
    }
    return from_values(values)  # type: ignore[no-any-return]


def _place(cells: Cells, country: str) -> dict[str, Any] | None:
    lat = number({"latitude": _cell(cells, "latitude")}, "latitude")
    lon = number({"longitude": _cell(cells, "longitude")}, "longitude")
    name = _cell(cells, "city") or _cell(cells, "district")
    if lat is None and not name and not country:
        return None
    return {
        "name": clipped(name, 200) or None,
        "country": f"name:{clipped(country, 190)}" if country else None,
        "admin1": clipped(_cell(cells, "province"), 200) or None,
        "admin2": clipped(_cell(cells, "district"), 200) or None,
        "lat": lat,
        "lon": lon,
    }


EVENTS = Format(
    "icews", DATASET, event, _key,
    header=(frozenset({"event_id", "event_date", "cameo_code", "source_name"}),),
    columns=(COLUMNS,),
    looks=lambda c: len(c) == len(COLUMNS) and c[0].isdigit() and len(c[1]) == 10,
)  # fmt: skip
