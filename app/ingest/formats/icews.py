"""The format of ICEWS: tabs and a header; the key is event and day."""

from app.events.record import RejectedError, convert_record
from app.events.vocabulary import load_cameo_codes
from app.ingest.formats.cameo_zeros import CodeEvidence, restore_leading_zero
from app.ingest.formats.days import parse_day_text
from app.ingest.formats.file_format import (
    Cells,
    FileFormat,
    Warn,
    clip_with_ellipsis,
    join_country_names,
    parse_number_cell,
    parse_number_key,
    read_number_key,
    require_cell,
    split_list_cell,
)
from app.ingest.formats.records import LoadRecord
from app.sources.schemas import Dataset

ICEWS_DATASET = Dataset(
    code="icews",
    name="Integrated Crisis Early Warning System",
    version="unstated",
    licence="ICEWS terms of use",
    citation="Boschee et al. (2015), ICEWS Coded Event Data, Harvard Dataverse",
    terms="Events between two parties are often coded twice, once from either side.",
    mirrored_visits=True,
)
ICEWS_COLUMNS = (
    "event_id", "event_date", "source_name", "source_sectors", "source_country", "event_text",
    "cameo_code", "intensity", "target_name", "target_sectors", "target_country", "story_id",
    "sentence_number", "publisher", "city", "district", "province", "country", "latitude",
    "longitude",
)  # fmt: skip


def _read_cell(cells: Cells, name: str) -> str:
    return cells.get(name, "").strip()


def _read_event_key(cells: Cells) -> str:
    number = read_number_key(cells.get("event_id", ""))
    try:
        day = parse_day_text(cells.get("event_date", ""), "event_date").isoformat()
    except RejectedError:
        day = cells.get("event_date", "").strip()[:10]
    return f"{number}-{day}" if number and day else ""


def _parse_actor(cells: Cells, side: str, role: str) -> dict[str, object] | None:
    name, country = _read_cell(cells, f"{side}_name"), _read_cell(cells, f"{side}_country")
    if not name and not country:
        return None
    made: dict[str, object] = {"role": role, "native": clip_with_ellipsis(name or country, 200)}
    if country:
        made["actor"] = f"icews:{clip_with_ellipsis(country, 190)}"
    elif name != "Unspecified Actor":
        made |= {
            "actor": f"name:{clip_with_ellipsis(name, 190)}",
            "name": clip_with_ellipsis(name, 200),
        }
        made["kind"] = "organization"
    return made


def parse_icews_event(cells: Cells, warn: Warn) -> LoadRecord:
    """Parse an event between two parties, as coded from a sentence of a story."""
    day = parse_day_text(cells.get("event_date", ""), "event_date").isoformat()
    parse_number_key(cells.get("event_id", ""), "event_id")
    intensity = parse_number_cell(cells, "intensity")
    stated = require_cell(cells, "cameo_code")
    row = CodeEvidence(goldstein=intensity, name=_read_cell(cells, "event_text"))
    code = restore_leading_zero(stated, row, "cameo_code")
    known = load_cameo_codes().get(code)
    if known is None:
        warn("cameo_code", f"is not a CAMEO code: {code[:20]!r}")
    elif code != stated.removesuffix(".0"):
        warn("cameo_code", "lost its leading zero, which was restored")
    text = _read_cell(cells, "event_text") or (known.name if known else code)
    names = [_read_cell(cells, "source_name"), _read_cell(cells, "target_name")]
    story, sentence = _read_cell(cells, "story_id"), _read_cell(cells, "sentence_number")
    publisher, country = _read_cell(cells, "publisher"), _read_cell(cells, "country")
    values: dict[str, object] = {
        "key": _read_event_key(cells),
        "title": clip_with_ellipsis(
            f"{' → '.join(n for n in names if n) or 'Unnamed'}: {text}", 200
        ),
        "date": day,
        "type": known.plover_type if known else None,
        "mode": known.plover_mode if known else None,
        "cameo": code if known else None,
        "native": clip_with_ellipsis(text, 200),
        "intensity": intensity,
        "participants": [
            p
            for side, role in (("source", "initiator"), ("target", "target"))
            if (p := _parse_actor(cells, side, role))
        ],
        "location": _parse_place(cells, country),
        "tags": [
            clip_with_ellipsis(tag, 200)
            for side in ("source", "target")
            for tag in split_list_cell(_read_cell(cells, f"{side}_sectors"), ",")
        ][:100],
        "reports": [
            {
                "source": {
                    "publisher": clip_with_ellipsis(publisher or "unnamed publisher", 200),
                    "title": f"Story {story or 'without a number'}",
                    "published": day,
                },
                "locator": f"sentence {sentence}" if sentence else None,
            }
        ],
    }
    return convert_record(values)  # type: ignore[no-any-return]


def _parse_place(cells: Cells, country: str) -> dict[str, object] | None:
    lat = parse_number_cell(cells, "latitude")
    lon = parse_number_cell(cells, "longitude")
    name = _read_cell(cells, "city") or _read_cell(cells, "district")
    if lat is None and not name and not country:
        return None
    return {
        "name": clip_with_ellipsis(name, 200) or None,
        "country": join_country_names(None, "icews", country),
        "admin1": clip_with_ellipsis(_read_cell(cells, "province"), 200) or None,
        "admin2": clip_with_ellipsis(_read_cell(cells, "district"), 200) or None,
        "lat": lat,
        "lon": lon,
    }


ICEWS_FORMAT = FileFormat(
    "icews", ICEWS_DATASET, parse_icews_event, _read_event_key,
    gap_days=3,
    header=(frozenset({"event_id", "event_date", "cameo_code", "source_name"}),),
    columns=(ICEWS_COLUMNS,), dated_columns=("event_date",),
    matches_first_row=lambda c: len(c) == len(ICEWS_COLUMNS) and c[0].isdigit() and len(c[1]) == 10,
)  # fmt: skip
