"""The formats of GDELT: events 1.0 and 2.0, and mentions; tabs, no header, no quoting."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import astuple

from app.events.record import (
    EventRecord,
    ParticipantRecord,
    PlaceRecord,
    RejectedError,
    ReportRecord,
    convert_record,
    validate_record,
)
from app.events.vocabulary import EventType, load_cameo_codes
from app.ingest.formats.cameo_zeros import CodeEvidence, restore_leading_zero
from app.ingest.formats.days import MAX_DAY_LENGTH, expand_shortened_number, parse_day_text
from app.ingest.formats.file_format import (
    MAX_COUNTED,
    MAX_EXACT_DIGITS,
    Cells,
    FileFormat,
    Warn,
    clip_with_ellipsis,
    join_grouped_digits,
    normalize_column_name,
    parse_number_key,
    parse_number_text,
    read_number_key,
    require_cell_text,
    require_within,
)
from app.ingest.formats.records import LoadRecord, MentionRecord
from app.sources.record import MAX_WORD_LENGTH, SourceRecord
from app.sources.schemas import Dataset
from app.sources.source_ids import identify_web_source, make_offline_source_id

GDELT_DATASET = Dataset(
    code="gdelt",
    name="GDELT Event Database",
    version="2",
    licence="unlimited use with citation",
    citation="The GDELT Project, https://www.gdeltproject.org/",
    terms="Coded by machine from news: rows repeat, and relative dates are dated as if precise.",
    quad_scheme="gdelt",
    mirrored_visits=True,
)

_ACTOR_COLUMNS = (
    "Code", "Name", "CountryCode", "KnownGroupCode", "EthnicCode", "Religion1Code",
    "Religion2Code", "Type1Code", "Type2Code", "Type3Code",
)  # fmt: skip
_EVENT_COLUMNS = (
    "GLOBALEVENTID", "SQLDATE", "MonthYear", "Year", "FractionDate",
    *(f"Actor{n}{part}" for n in (1, 2) for part in _ACTOR_COLUMNS),
    "IsRootEvent", "EventCode", "EventBaseCode", "EventRootCode", "QuadClass", "GoldsteinScale",
    "NumMentions", "NumSources", "NumArticles", "AvgTone",
)  # fmt: skip
_PLACE_PREFIXES = ("Actor1Geo", "Actor2Geo", "ActionGeo")
_GEO_PARTS_1 = ("Type", "FullName", "CountryCode", "ADM1Code", "Lat", "Long", "FeatureID")
_GEO_PARTS_2 = (
    "Type",
    "FullName",
    "CountryCode",
    "ADM1Code",
    "ADM2Code",
    "Lat",
    "Long",
    "FeatureID",
)


def _build_columns(geo: Sequence[str], *last: str) -> tuple[str, ...]:
    places = [f"{place}_{part}" for place in _PLACE_PREFIXES for part in geo]
    return tuple(
        normalize_column_name(name) for name in (*_EVENT_COLUMNS, *places, "DATEADDED", *last)
    )


COLUMNS_1 = _build_columns(_GEO_PARTS_1, "SOURCEURL")
COLUMNS_2 = _build_columns(_GEO_PARTS_2, "SOURCEURL")
MENTION_COLUMNS = tuple(
    normalize_column_name(name)
    for name in (
        "GLOBALEVENTID", "EventTimeDate", "MentionTimeDate", "MentionType", "MentionSourceName",
        "MentionIdentifier", "SentenceID", "Actor1CharOffset", "Actor2CharOffset",
        "ActionCharOffset", "InRawText", "Confidence", "MentionDocLen", "MentionDocTone",
        "MentionDocTranslationInfo", "Extras",
    )
)  # fmt: skip

_PRECISION = {"1": "country", "2": "admin1", "3": "city", "4": "city", "5": "admin1"}
_COUNT_CLAIMS = (
    ("mentions", "nummentions", 0, MAX_COUNTED),
    ("sources", "numsources", 0, MAX_COUNTED),
    ("articles", "numarticles", 0, MAX_COUNTED),
    ("tone", "avgtone", -100, 100),
    ("root", "isrootevent", 0, 1),
)
"""Claims of a report: name, column, and the bounds that GDELT's codebook has for it."""
_MENTION_CLAIMS = (("confidence", "confidence", 0, 100), ("tone", "mentiondoctone", -100, 100))
_ACTOR_PARTS = ("name", "code", "knowngroupcode", "countrycode")
_PLACE_COLUMNS = tuple(
    f"actiongeo_{part}"
    for part in ("type", "fullname", "countrycode", "adm1code", "adm2code", "lat", "long")
)
STAMP_LENGTH = 14
"""Digits of the stamp of a slot."""
_KEY_COLUMNS, _DAY_COLUMNS = ("globaleventid",), ("dateadded", "sqldate")
_CODE_COLUMNS = ("eventcode", "eventbasecode", "eventrootcode")
_VALUE_COLUMNS = (
    *_KEY_COLUMNS,
    "sqldate",
    "dateadded",
    *_CODE_COLUMNS,
    "goldsteinscale",
    "quadclass",
    "sourceurl",
    *_PLACE_COLUMNS,
    *(f"actor{n}{part}" for n in (1, 2) for part in _ACTOR_PARTS),
    *(column for _, column, *_ in _COUNT_CLAIMS),
)
"""The columns that `parse_gdelt_event` takes, in the order in which it unpacks them."""
MAX_CACHED_LENGTH = 300
"""Maximum characters of cells whose parsed value is cached."""
# Splitting, naming and parsing cells again was a third of the cost of a row.
_QUAD_CLASSES = {"": None, "1": 1, "2": 2, "3": 3, "4": 4, "1.0": 1, "2.0": 2, "3.0": 3, "4.0": 4}
_Warnings = tuple[tuple[str, str], ...]


def _parse_added_day(cell: str, name: str) -> tuple[date | None, _Warnings]:
    """Parse the day on which a row was added; None if it is not there or lost its digits."""
    text = cell.strip()
    if not text:
        return None, ()
    digits = expand_shortened_number(text)
    if digits is not None and len(digits) < 8:
        return None, ((name, "lost its digits in a spreadsheet, so that the day is unknown"),)
    return parse_day_text(text, name), ()


@lru_cache(8192)
def _parse_dates(day: str, added: str) -> tuple[str, str | None, _Warnings]:
    """Parse the date of an event and the day it was added, which may be unknown."""
    dated = parse_day_text(day, "sqldate")
    noted, warnings = _parse_added_day(added, "dateadded")
    if noted is None:
        return dated.isoformat(), None, warnings
    if dated > noted:
        warnings += (("sqldate", "is after the day on which the row was added"),)
    return format_gdelt_date(dated, noted), noted.isoformat(), warnings


def format_gdelt_date(day: date, added: date) -> str:
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


def _call_cached(looked_up: Any, *cells: str) -> Any:
    """Call a cached function, without its cache if the cells are very long."""
    # Else a file of long cells would fill the caches, and with them the memory.
    return (looked_up if len("".join(cells)) <= MAX_CACHED_LENGTH else looked_up.__wrapped__)(
        *cells
    )


@lru_cache(8192)
def _parse_actor(name: str, code: str, group: str, country: str) -> tuple[Any, ...] | None:
    """Parse an actor into the fields of `ParticipantRecord` after the role.

    A known group is an actor of its own, never its country. Without either, only `native` is set.
    """
    native = code or name or group or country
    if not native:
        return None
    native = clip_with_ellipsis(native, MAX_WORD_LENGTH)
    if one := group or country:
        return f"cameo:{clip_with_ellipsis(one, 100)}", native, None, name or None, "organization"
    return None, native


@lru_cache(8192)
def _parse_place(
    kind: str, name: str, country: str, admin1: str, admin2: str, lat: str, lon: str
) -> tuple[Any, ...] | None:
    """Parse a place into the fields of `PlaceRecord`; None if there is none."""
    kind = kind.removesuffix(".0")
    if kind == "0" or not (kind or name or country or lat):
        return None
    if kind and kind not in _PRECISION:
        raise RejectedError("actiongeo_type", f"is not a number from 0 to 5: {kind[:20]!r}")
    values = {
        "name": name[:MAX_WORD_LENGTH] or None,
        "country": f"fips:{country}" if country else None,
        "admin1": admin1 or None,
        "admin2": admin2 or None,
        "lat": parse_number_text(lat, "actiongeo_lat"),
        "lon": parse_number_text(lon, "actiongeo_long"),
        "precision": _PRECISION.get(kind),
    }
    return astuple(convert_record(values, PlaceRecord, "location"))


@lru_cache(8192)
def _read_publisher(address: str) -> str:
    """Read the host of a URL, without `www.`; empty if it has none."""
    host = address.partition("://")[2].partition("/")[0].partition("?")[0].lower()
    host = host.rpartition("@")[2].partition(":")[0]
    return clip_with_ellipsis(host.removeprefix("www."), MAX_WORD_LENGTH)


def make_gdelt_source(address: str, published: str | None) -> SourceRecord:
    """Make the source of a URL, or of a citation of a source that is not on the web."""
    on_the_web = address.startswith(("http://", "https://")) and len(address) <= 2000
    if on_the_web and (publisher := _read_publisher(address)):
        return SourceRecord(publisher, address, address, published)
    return SourceRecord(
        clip_with_ellipsis(address, MAX_WORD_LENGTH),
        clip_with_ellipsis(address, 2000),
        None,
        published,
    )


def _parse_claims(
    cells: Sequence[str], wanted: Sequence[tuple[str, str, int, int]]
) -> dict[str, Any]:
    found = {}
    for (name, column, low, high), text in zip(wanted, cells, strict=True):
        value: float | None
        if text.isdecimal() and len(text) <= MAX_EXACT_DIGITS:
            value = float(text)
        elif name != "tone" and (grouped := join_grouped_digits(text)) is not None:
            value = float(grouped)
        else:
            value = parse_number_text(text, column)
        if value is None:
            continue
        if not low <= value <= high:
            require_within(value, column, low, high)
        if name != "tone" and value % 1:
            raise RejectedError(column, f"is not a whole number: {text[:40]!r}")
        found[name] = value
    return found


class _CodedAction(NamedTuple):
    """The parsed CAMEO code, Goldstein value and quad class of an event, with warnings."""

    label: str
    cameo: str | None
    native: str
    type: EventType | None
    mode: str | None
    intensity: float | None
    quad: int | None
    warnings: tuple[tuple[str, str], ...]


@lru_cache(8192)
def _parse_code(code: str, base: str, root: str, goldstein: str, quad: str) -> _CodedAction:
    intensity, kind = parse_number_text(goldstein, "goldsteinscale"), _parse_quad(quad)
    stated = require_cell_text(code or base or root, "eventcode")
    code = restore_leading_zero(stated, CodeEvidence(root, kind, intensity), "eventcode")
    known = load_cameo_codes().get(code)
    if known is None:
        warnings = (("eventcode", f"is not a CAMEO code: {code[:20]!r}"),)
        return _CodedAction(f"CAMEO {code}", None, code, None, None, intensity, kind, warnings)
    doubts: _Warnings = ()
    if code != stated.removesuffix(".0"):
        doubts += (("eventcode", "lost its leading zero, which was restored"),)
    if known.goldstein is not None and intensity not in (None, known.goldstein):
        doubts += (("goldsteinscale", f"differs from CAMEO's table: {known.goldstein}"),)
    what, type_, mode = f"{known.name} ({code})", known.plover_type, known.plover_mode
    return _CodedAction(what, code, code, type_, mode, intensity, kind, doubts)


def parse_gdelt_event(cells: Sequence[str], warn: Warn) -> LoadRecord:
    """Parse an event of either version."""
    key, day, added, *coded, address = cells[:9]
    date, noted, doubts = _call_cached(_parse_dates, day, added)
    key = parse_number_key(key, "globaleventid")
    what, known, code, kind, mode, intensity, quad_class, warnings = _call_cached(
        _parse_code, *coded
    )
    place, one, other = cells[9:16], cells[16:20], cells[20:24]
    where = _call_cached(_parse_place, *place)
    who = []
    if (actor := _call_cached(_parse_actor, *one)) is not None:
        who.append(ParticipantRecord("initiator", *actor))
    if (actor := _call_cached(_parse_actor, *other)) is not None:
        who.append(ParticipantRecord("target", *actor))
    from_, to = one[0] or one[1] or one[3], other[0] or other[1] or other[3]
    title = f"{from_ or '?'} → {to or '?'}: {what}" if from_ or to else what
    reports = []
    if address := address.strip():
        said = make_gdelt_source(address, noted)
        reports.append(
            ReportRecord(said, None, None, "reports", _parse_claims(cells[24:], _COUNT_CLAIMS))
        )
    made = EventRecord(
        key,
        clip_with_ellipsis(title, 200),
        date,
        None,
        kind,
        mode,
        known,
        code,
        intensity,
        quad_class,
        "gdelt",
        "reported",
        who,
        [],
        None if where is None else PlaceRecord(*where),
        [],
        reports,
    )
    for field, why in (*warnings, *doubts):
        warn(field, why)
    # The constructor of `EventRecord` checks nothing; all other fields are valid by construction.
    if (
        len(key) > MAX_WORD_LENGTH
        or len(code) > MAX_WORD_LENGTH
        or not -10 <= (intensity or 0) <= 10
    ):
        return validate_record(made)
    return made


def _parse_quad(cell: str) -> int | None:
    text = cell.strip()
    try:
        return _QUAD_CLASSES[text]
    except KeyError:
        raise RejectedError("quadclass", f"is not 1, 2, 3 or 4: {text[:20]!r}") from None


def parse_gdelt_mention(cells: Sequence[str], warn: Warn) -> LoadRecord:
    """Parse a mention; the event it names may not exist yet."""
    key, day, address, sentence, *said = cells
    address = require_cell_text(address, "mentionidentifier")
    noted, doubts = _parse_added_day(day, "mentiontimedate")
    for field, why in doubts:
        warn(field, why)
    page = make_gdelt_source(address, noted.isoformat() if noted else None)
    key = parse_number_key(key, "globaleventid")
    if not key.isdigit():
        warn("globaleventid", "is not a number")
    locator = f"sentence {sentence.removesuffix('.0')}" if sentence else None
    return validate_record(MentionRecord(key, page, locator, _parse_claims(said, _MENTION_CLAIMS)))


def _read_mention_key(cells: Cells) -> str:
    """Read the key of a mention: its event and the normalized URL of its article."""
    day = cells["mentiontimedate"].strip()[:8]
    said = make_gdelt_source(cells["mentionidentifier"].strip(), day)
    page = make_offline_source_id(said) if said.url is None else identify_web_source(said.url)[0]
    return f"{read_number_key(cells['globaleventid'])}|{page}"


def _is_date_cell(cell: str, digits: int) -> bool:
    return len(cell) == digits and cell.isdigit()


def _read_covered_day(cells: Cells) -> str | None:
    """Read the day on which a row was added, or else the day of its event."""
    for name in _DAY_COLUMNS:
        if len(cells[name]) <= MAX_DAY_LENGTH and (day := _format_day(cells[name])):
            return day
    return None


def _read_covered_slot(cells: Cells) -> str | None:
    """Read the slot in which a row was added, or else a day."""
    added = cells["dateadded"]
    return (len(added) == STAMP_LENGTH and _format_slot(added)) or _read_covered_day(cells)


@lru_cache(8192)
def _format_slot(cell: str) -> str | None:
    """Format a stamp such as `20260101001500` as the slot of fifteen minutes that it is in."""
    day, hour, minute = _format_day(cell), cell[8:10], cell[10:12]
    if day is None or not cell.isdecimal() or hour > "23" or minute > "59":
        return None
    return f"{day}T{hour}:{int(minute) // 15 * 15:02}"


@lru_cache(8192)
def _format_day(cell: str) -> str | None:
    try:
        day, _ = _parse_added_day(cell, "")
    except RejectedError:
        return None
    return day.isoformat() if day else None


def _read_event_key(cells: Cells) -> str:
    return read_number_key(cells["globaleventid"])


_ID_HEADER = frozenset({"globaleventid"})
_EVENT_HEADERS = tuple(_ID_HEADER | {"sqldate", code} for code in _CODE_COLUMNS)
GDELT_1_FORMAT = FileFormat(
    "gdelt-v1",
    GDELT_DATASET,
    parse_gdelt_event,
    _read_event_key,
    header=_EVENT_HEADERS,
    columns=(COLUMNS_1, COLUMNS_1[:-1]),
    read_day=_read_covered_day,
    dated_columns=("sqldate", "dateadded"),
    has_quotes=False,
    key_columns=_KEY_COLUMNS,
    day_columns=_DAY_COLUMNS,
    value_columns=_VALUE_COLUMNS,
    matches_first_row=lambda c: len(c) in (57, 58) and c[0].isdigit() and _is_date_cell(c[1], 8),
)
GDELT_2_FORMAT = FileFormat(
    "gdelt-v2",
    GDELT_DATASET,
    parse_gdelt_event,
    _read_event_key,
    header=tuple(header | {"actiongeo_adm2code"} for header in _EVENT_HEADERS),
    columns=(COLUMNS_2,),
    read_day=_read_covered_slot,
    dated_columns=("sqldate", "dateadded"),
    has_quotes=False,
    key_columns=_KEY_COLUMNS,
    day_columns=_DAY_COLUMNS,
    value_columns=_VALUE_COLUMNS,
    matches_first_row=lambda c: len(c) == 61 and c[0].isdigit() and _is_date_cell(c[1], 8),
)
GDELT_MENTIONS_FORMAT = FileFormat(
    "gdelt-mentions",
    GDELT_DATASET,
    parse_gdelt_mention,
    _read_mention_key,
    header=(_ID_HEADER | {"mentionidentifier"},),
    columns=(MENTION_COLUMNS,),
    widens_coverage=False,
    has_quotes=False,
    dated_columns=("mentiontimedate",),
    key_columns=("globaleventid", "mentiontimedate", "mentionidentifier"),
    value_columns=(
        "globaleventid",
        "mentiontimedate",
        "mentionidentifier",
        "sentenceid",
        *(column for _, column, *_ in _MENTION_CLAIMS),
    ),
    matches_first_row=lambda c: (
        len(c) == 16 and c[0].isdigit() and _is_date_cell(c[1], 14) and _is_date_cell(c[2], 14)
    ),
)
