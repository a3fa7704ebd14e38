"""GDELT events 1.0 and 2.0, and mentions: tabs, no header, no quoting."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from app.events.vocabulary import CameoCode, cameo
from app.ingest.format import Cells, Format, Warn, clipped, name_of, needed, number
from app.ingest.given import Item, Mention, RejectedError, from_values
from app.sources.schemas import Dataset

GDELT = Dataset(
    code="gdelt",
    name="GDELT Event Database",
    version="2",
    licence="unlimited use with citation",
    citation="The GDELT Project, https://www.gdeltproject.org/",
    terms="Coded by machine from news: rows repeat, and relative dates are dated as if precise.",
    quad_scheme="gdelt",
)

_ACTOR = (
    "Code", "Name", "CountryCode", "KnownGroupCode", "EthnicCode", "Religion1Code",
    "Religion2Code", "Type1Code", "Type2Code", "Type3Code",
)  # fmt: skip
_EVENT = (
    "GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate",
    *(f"Actor{n}{part}" for n in (1, 2) for part in _ACTOR),
    "IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass", "GoldsteinScale",
    "NumMentions", "NumSources", "NumArticles", "AvgTone",
)  # fmt: skip
_PLACES = ("Actor1Geo", "Actor2Geo", "ActionGeo")
_GEO1 = ("Type", "FullName", "CountryCode", "ADM1Code", "Lat", "Long", "FeatureID")
_GEO2 = ("Type", "FullName", "CountryCode", "ADM1Code", "ADM2Code", "Lat", "Long", "FeatureID")


def _columns(geo: Sequence[str], *last: str) -> tuple[str, ...]:
    places = [f"{place}_{part}" for place in _PLACES for part in geo]
    return tuple(name_of(name) for name in (*_EVENT, *places, "DATEADDED", *last))


V1 = _columns(_GEO1, "SOURCEURL")
V2 = _columns(_GEO2, "SOURCEURL")
MENTIONS = tuple(
    name_of(name)
    for name in (
        "GLOBALEVENTID", "EventTimeDate", "MentionTimeDate", "MentionType", "MentionSourceName",
        "MentionIdentifier", "SentenceID", "Actor1CharOffset", "Actor2CharOffset",
        "ActionCharOffset", "InRawText", "Confidence", "MentionDocLen", "MentionDocTone",
        "MentionDocTranslationInfo", "Extras",
    )
)  # fmt: skip

_PRECISION = {"1": "country", "2": "admin1", "3": "city", "4": "city", "5": "admin1"}
_COUNTS = (
    ("mentions", "nummentions"),
    ("sources", "numsources"),
    ("articles", "numarticles"),
    ("tone", "avgtone"),
    ("root", "isrootevent"),
)
_WHO = {
    n: tuple(f"actor{n}{part}" for part in ("name", "code", "knowngroupcode", "countrycode"))
    for n in (1, 2)
}


@lru_cache(8192)
def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _on(cells: Cells, name: str) -> date:
    text = needed(cells, name)[:8]
    try:
        return _day(text)
    except ValueError as wrong:
        raise RejectedError(name, f"is not a day: {text!r}") from wrong


@lru_cache(8192)
def stated(day: date, added: date) -> str:
    """The date in EDTF. "A week ago" and the like are coded as exactly so many days before."""
    lag = (added - day).days
    if lag == 7:
        monday = day - timedelta(days=day.weekday())
        return f"{monday.isoformat()}/{(monday + timedelta(days=6)).isoformat()}"
    if lag == 30:
        return day.isoformat()[:7]
    if lag == 365:
        return day.isoformat()[:4]
    return f"{day.isoformat()[:4]}~" if lag == 3650 else day.isoformat()


def _actor(cells: Cells, n: int, role: str) -> dict[str, Any] | None:
    """A known group is itself, never its country; where neither is coded only `native` stays."""
    name, code, group, country = _WHO[n]
    native = cells[code] or cells[name]
    if not native:
        return None
    made: dict[str, Any] = {"role": role, "native": clipped(native, 200)}
    if one := cells[group] or cells[country]:
        made["actor"] = f"cameo:{clipped(one, 100)}"
        made["name"] = cells[name] or None
        made["kind"] = "organization"
    return made


def _place(cells: Cells) -> dict[str, Any] | None:
    if cells["actiongeo_type"] in ("", "0"):
        return None
    country = cells["actiongeo_countrycode"]
    return {
        "name": cells["actiongeo_fullname"][:200] or None,
        "country": f"fips:{country}" if country else None,
        "admin1": cells["actiongeo_adm1code"] or None,
        "admin2": cells.get("actiongeo_adm2code") or None,
        "lat": number(cells, "actiongeo_lat"),
        "lon": number(cells, "actiongeo_long"),
        "precision": _PRECISION.get(cells["actiongeo_type"], cells["actiongeo_type"]),
    }


def source(address: str, published: str) -> dict[str, Any]:
    """The source that an address, or a citation of what is not on the web, means."""
    if address.startswith(("http://", "https://")) and len(address) <= 2000:
        host = address.partition("://")[2].partition("/")[0].partition("?")[0].lower()
        host = host.rpartition("@")[2].partition(":")[0]
        if host:
            publisher = clipped(host.removeprefix("www."), 200)
            return {
                "publisher": publisher,
                "title": address,
                "url": address,
                "published": published,
            }
    named = clipped(address, 200)
    return {"publisher": named, "title": clipped(address, 2000), "published": published}


def _reports(cells: Cells, added: date) -> list[dict[str, Any]]:
    address = cells.get("sourceurl", "").strip()
    if not address:
        return []
    claims = {name: value for name, c in _COUNTS if (value := number(cells, c)) is not None}
    return [{"source": source(address, added.isoformat()), "claims": claims}]


def _title(cells: Cells, code: str, known: CameoCode | None) -> str:
    one = cells["actor1name"] or cells["actor1code"]
    other = cells["actor2name"] or cells["actor2code"]
    what = f"{known.name} ({code})" if known else f"CAMEO {code}"
    if one or other:
        what = f"{one or '?'} → {other or '?'}: {what}"
    return clipped(what, 200)


def event(cells: Cells, warn: Warn) -> Item:
    """An event of either version."""
    code = needed(cells, "eventcode")
    day, added = _on(cells, "sqldate"), _on(cells, "dateadded")
    known = cameo().get(code)
    values: dict[str, Any] = {
        "key": needed(cells, "globaleventid"),
        "title": _title(cells, code, known),
        "date": stated(day, added),
        "native": code,
        "intensity": number(cells, "goldsteinscale"),
        "quad": _quad(cells),
        "quad_scheme": "gdelt",
        "participants": [
            p for n, role in ((1, "initiator"), (2, "target")) if (p := _actor(cells, n, role))
        ],
        "location": _place(cells),
        "reports": _reports(cells, added),
    }
    if known is None:
        warn("eventcode", f"is no code of CAMEO: {code[:20]!r}")
    else:
        values |= {"cameo": code, "type": known.plover_type, "mode": known.plover_mode}
        if known.goldstein is not None and values["intensity"] not in (None, known.goldstein):
            warn("goldsteinscale", f"differs from the table, which has {known.goldstein}")
    if day > added:
        warn("sqldate", "lies after the day on which the row was added")
    return from_values(values)  # type: ignore[no-any-return]


def _quad(cells: Cells) -> int | None:
    text = cells.get("quadclass", "").strip()
    if text not in ("", "1", "2", "3", "4"):
        raise RejectedError("quadclass", f"is none of 1 to 4: {text[:20]!r}")
    return int(text) if text else None


def mention(cells: Cells, warn: Warn) -> Item:
    """A mention; the event it names may not be there yet."""
    address = needed(cells, "mentionidentifier")
    told = _on(cells, "mentiontimedate")
    said = source(address, told.isoformat())
    if cells.get("mentiontype") not in ("", "1", None) and "url" not in said:
        said["publisher"] = clipped(cells["mentionsourcename"] or said["publisher"], 200)
        said["kind"] = "document"
    claims = {"confidence": number(cells, "confidence"), "tone": number(cells, "mentiondoctone")}
    key = needed(cells, "globaleventid")
    if not key.isdigit():
        warn("globaleventid", "is not a number")
    sentence = cells.get("sentenceid", "")
    return from_values(  # type: ignore[no-any-return]
        {
            "event": key,
            "source": said,
            "locator": f"sentence {sentence}" if sentence else None,
            "claims": {name: value for name, value in claims.items() if value is not None},
        },
        Mention,
    )


def _dated(cell: str, digits: int) -> bool:
    return len(cell) == digits and cell.isdigit()


def _added(cells: Cells) -> str | None:
    text = cells["dateadded"]
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text[:8].isdigit() and len(text) > 7 else None


_ID = frozenset({"globaleventid"})
_BOTH = _ID | {"sqldate", "eventcode"}
_TOLD = ("globaleventid", "dateadded")
EVENTS_1 = Format(
    "gdelt-v1", GDELT, event, lambda c: c["globaleventid"],
    header=(_BOTH,), columns=(V1, V1[:-1]), day=_added, quotes=False,
    told=_TOLD, looks=lambda c: len(c) in (57, 58) and c[0].isdigit() and _dated(c[1], 8),
)  # fmt: skip
EVENTS_2 = Format(
    "gdelt-v2", GDELT, event, lambda c: c["globaleventid"],
    header=(_BOTH | {"actiongeo_adm2code"},), columns=(V2,), day=_added, quotes=False,
    told=_TOLD, looks=lambda c: len(c) == 61 and c[0].isdigit() and _dated(c[1], 8),
)  # fmt: skip
MENTIONED = Format(
    "gdelt-mentions", GDELT, mention,
    lambda c: f"{c['globaleventid']}|{c['mentionidentifier']}",
    header=(_ID | {"mentionidentifier"},), columns=(MENTIONS,), quotes=False,
    told=("globaleventid", "mentionidentifier"),
    looks=lambda c: len(c) == 16 and c[0].isdigit() and _dated(c[1], 14) and _dated(c[2], 14),
)  # fmt: skip
