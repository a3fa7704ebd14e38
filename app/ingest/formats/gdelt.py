"""The formats of GDELT: events 1.0 and 2.0, and mentions; tabs, no header, no quoting."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import astuple

from app.events.vocabulary import EventType, cameo
from app.ingest.format import Cells, Format, Warn, clipped, name_of, numbered, there
from app.ingest.given import (
    MOST_OF_WORD,
    Given,
    GivenActor,
    GivenPlace,
    GivenReport,
    GivenSource,
    Item,
    Mention,
    RejectedError,
    checked,
    from_values,
)
from app.ingest.sources import of_particulars, on_the_web
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
_SAID = (("confidence", "confidence"), ("tone", "mentiondoctone"))
_PARTY = ("name", "code", "knowngroupcode", "countrycode")
_WHERE = tuple(
    f"actiongeo_{part}"
    for part in ("type", "fullname", "countrycode", "adm1code", "adm2code", "lat", "long")
)
_KEYED, _DATED = ("globaleventid",), ("dateadded",)
_USED = (
    *_KEYED, "sqldate", *_DATED, "eventcode", "goldsteinscale", "quadclass", "sourceurl", *_WHERE,
    *(f"actor{n}{part}" for n in (1, 2) for part in _PARTY), *(column for _, column in _COUNTS),
)  # fmt: skip
"""The columns that `parse_gdelt_event` takes, in the order in which it unpacks them."""
MOST_KEPT = 300
"""Maximum characters of cells whose parsed value is cached."""
# Splitting, naming and parsing cells again was a third of the cost of a row.
_QUADS = {"": None, "1": 1, "2": 2, "3": 3, "4": 4}


@lru_cache(8192)
def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _on(cell: str, name: str) -> date:
    text = there(cell, name)[:8]
    try:
        return _day(text)
    except ValueError as wrong:
        raise RejectedError(name, f"is not a day: {text!r}") from wrong


@lru_cache(8192)
def _days(day: str, added: str) -> tuple[str, str, bool]:
    """Parse the date of an event and the day it was added.

    The third value is whether the event is dated after that day.
    """
    held, noted = _on(day, "sqldate"), _on(added, "dateadded")
    return stated(held, noted), noted.isoformat(), held > noted


def stated(day: date, added: date) -> str:
    """Format the day of an event as EDTF, less precise if it follows from a relative date."""
    # GDELT codes "a week ago" and the like as exactly so many days before the day of the article.
    lag = (added - day).days
    if lag == 7:
        monday = day - timedelta(days=day.weekday())
        return f"{monday.isoformat()}/{(monday + timedelta(days=6)).isoformat()}"
    if lag == 30:
        return day.isoformat()[:7]
    if lag == 365:
        return day.isoformat()[:4]
    return f"{day.isoformat()[:4]}~" if lag == 3650 else day.isoformat()


def _kept(looked_up: Any, *cells: str) -> Any:
    """Call a cached function, without its cache if the cells are very long."""
    # Else a file of long cells would fill the caches, and with them the memory.
    return (looked_up if len("".join(cells)) <= MOST_KEPT else looked_up.__wrapped__)(*cells)


@lru_cache(8192)
def _actor(name: str, code: str, group: str, country: str) -> tuple[Any, ...] | None:
    """Parse an actor into the fields of `ParticipantRecord` after the role.

    A known group is an actor of its own, never its country. Without either, only `native` is set.
    """
    native = code or name
    if not native:
        return None
    native = clipped(native, MOST_OF_WORD)
    if one := group or country:
        return f"cameo:{clipped(one, 100)}", native, None, name or None, "organization"
    return None, native


@lru_cache(8192)
def _place(
    kind: str, name: str, country: str, admin1: str, admin2: str, lat: str, lon: str
) -> tuple[Any, ...] | None:
    """Parse a place into the fields of `PlaceRecord`; None if there is none."""
    if kind in ("", "0"):
        return None
    values = {
        "name": name[:MOST_OF_WORD] or None,
        "country": f"fips:{country}" if country else None,
        "admin1": admin1 or None,
        "admin2": admin2 or None,
        "lat": numbered(lat, "actiongeo_lat"),
        "lon": numbered(lon, "actiongeo_long"),
        "precision": _PRECISION.get(kind, kind),
    }
    return astuple(from_values(values, GivenPlace, "location"))


@lru_cache(8192)
def _publisher(address: str) -> str:
    """Read the host of a URL, without `www.`; empty if it has none."""
    host = address.partition("://")[2].partition("/")[0].partition("?")[0].lower()
    host = host.rpartition("@")[2].partition(":")[0]
    return clipped(host.removeprefix("www."), MOST_OF_WORD)


def source(address: str, published: str) -> GivenSource:
    """Make the source of a URL, or of a citation of a source that is not on the web."""
    on_the_web = address.startswith(("http://", "https://")) and len(address) <= 2000
    if on_the_web and (publisher := _publisher(address)):
        return GivenSource(publisher, address, address, published)
    return GivenSource(clipped(address, MOST_OF_WORD), clipped(address, 2000), None, published)


def _claims(cells: Sequence[str], wanted: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found = {}
    for (name, column), text in zip(wanted, cells, strict=True):
        if text.isdecimal() and len(text) <= MOST_DIGITS:
            found[name] = float(text)
        elif (value := numbered(text, column)) is not None:
            found[name] = value
    return found


MOST_DIGITS = 15
"""Maximum digits of an integer that a float represents exactly."""


class _Coded(NamedTuple):
    """The parsed CAMEO code, Goldstein value and quad class of an event, with warnings."""

    what: str
    cameo: str | None
    type: EventType | None
    mode: str | None
    intensity: float | None
    quad: int | None
    odd: tuple[tuple[str, str], ...]


@lru_cache(8192)
def _coded(code: str, goldstein: str, quad: str) -> _Coded:
    known, intensity, kind = cameo().get(code), numbered(goldstein, "goldsteinscale"), _quad(quad)
    if known is None:
        odd = (("eventcode", f"is not a CAMEO code: {code[:20]!r}"),)
        return _Coded(f"CAMEO {code}", None, None, None, intensity, kind, odd)
    differs: tuple[tuple[str, str], ...] = ()
    if known.goldstein is not None and intensity not in (None, known.goldstein):
        differs = (("goldsteinscale", f"differs from CAMEO's table: {known.goldstein}"),)
    what = f"{known.name} ({code})"
    return _Coded(what, code, known.plover_type, known.plover_mode, intensity, kind, differs)


def event(cells: Sequence[str], warn: Warn) -> Item:
    """Parse an event of either version."""
    key, day, added, code, goldstein, quad, address = cells[:7]
    code = there(code, "eventcode")
    date, noted, ahead = _kept(_days, day, added)
    key = there(key, "globaleventid")
    what, known, kind, mode, intensity, quad_class, odd = _kept(_coded, code, goldstein, quad)
    place, one, other = cells[7:14], cells[14:18], cells[18:22]
    where = _kept(_place, *place)
    who = []
    if (told := _kept(_actor, *one)) is not None:
        who.append(GivenActor("initiator", *told))
    if (told := _kept(_actor, *other)) is not None:
        who.append(GivenActor("target", *told))
    from_, to = one[0] or one[1], other[0] or other[1]
    title = f"{from_ or '?'} → {to or '?'}: {what}" if from_ or to else what
    reports = []
    if address := address.strip():
        said = source(address, noted)
        reports.append(GivenReport(said, None, None, "reports", _claims(cells[22:], _COUNTS)))
    made = Given(
        key, clipped(title, 200), date, None, kind, mode, known, code, intensity, quad_class,
        "gdelt", "reported", who, [], None if where is None else GivenPlace(*where), [], reports,
    )  # fmt: skip
    for field, why in odd:
        warn(field, why)
    if ahead:
        warn("sqldate", "is after the day on which the row was added")
    # The constructor of `EventRecord` checks nothing; all other fields are valid by construction.
    if len(key) > MOST_OF_WORD or len(code) > MOST_OF_WORD or not -10 <= (intensity or 0) <= 10:
        return checked(made)
    return made


def _quad(cell: str) -> int | None:
    text = cell.strip()
    try:
        return _QUADS[text]
    except KeyError:
        raise RejectedError("quadclass", f"is not 1, 2, 3 or 4: {text[:20]!r}") from None


def mention(cells: Sequence[str], warn: Warn) -> Item:
    """Parse a mention; the event it names may not exist yet."""
    key, day, address, sentence, *said = cells
    address = there(address, "mentionidentifier")
    page = source(address, _on(day, "mentiontimedate").isoformat())
    key = there(key, "globaleventid")
    if not key.isdigit():
        warn("globaleventid", "is not a number")
    locator = f"sentence {sentence}" if sentence else None
    return checked(Mention(key, page, locator, _claims(said, _SAID)))


def _mentioned(cells: Cells) -> str:
    """Read the key of a mention: its event and the normalized URL of its article."""
    day = cells["mentiontimedate"].strip()[:8]
    said = source(cells["mentionidentifier"].strip(), day)
    page = of_particulars(said) if said.url is None else on_the_web(said.url)[0]
    return f"{cells['globaleventid'].strip()}|{page}"


def _dated(cell: str, digits: int) -> bool:
    return len(cell) == digits and cell.isdigit()


def _added(cells: Cells) -> str | None:
    return _noted(cells["dateadded"][:8])


@lru_cache(8192)
def _noted(day: str) -> str | None:
    try:
        return _day(day).isoformat()
    except ValueError:
        return None


_ID = frozenset({"globaleventid"})
_BOTH = _ID | {"sqldate", "eventcode"}
EVENTS_1 = Format(
    "gdelt-v1", GDELT, event, lambda c: c["globaleventid"].strip(),
    header=(_BOTH,), columns=(V1, V1[:-1]), day=_added, quotes=False,
    keyed=_KEYED, dated=_DATED, used=_USED,
    looks=lambda c: len(c) in (57, 58) and c[0].isdigit() and _dated(c[1], 8),
)  # fmt: skip
EVENTS_2 = Format(
    "gdelt-v2", GDELT, event, lambda c: c["globaleventid"].strip(),
    header=(_BOTH | {"actiongeo_adm2code"},), columns=(V2,), day=_added, quotes=False,
    keyed=_KEYED, dated=_DATED, used=_USED,
    looks=lambda c: len(c) == 61 and c[0].isdigit() and _dated(c[1], 8),
)  # fmt: skip
MENTIONED = Format(
    "gdelt-mentions", GDELT, mention, _mentioned,
    header=(_ID | {"mentionidentifier"},), columns=(MENTIONS,), quotes=False,
    keyed=("globaleventid", "mentiontimedate", "mentionidentifier"),
    used=(
        "globaleventid", "mentiontimedate", "mentionidentifier", "sentenceid",
        *(column for _, column in _SAID),
    ),
    looks=lambda c: len(c) == 16 and c[0].isdigit() and _dated(c[1], 14) and _dated(c[2], 14),
)  # fmt: skip
