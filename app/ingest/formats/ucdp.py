"""The format of UCDP GED: all generations of its columns, by name."""

import re
from datetime import UTC, date, datetime, timedelta

from app.actors.name_forms import join_agreeing_names, read_state_organ
from app.edtf import parse_edtf
from app.events.record import RejectedError, convert_record
from app.events.vocabulary import UCDP_CROSSWALK
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
    parse_number_key,
    read_number_key,
    require_cell,
)
from app.ingest.formats.records import LoadRecord
from app.ingest.formats.ucdp_release import find_release
from app.sources.schemas import Dataset

UCDP_DATASET = Dataset(
    code="ucdp-ged",
    name="UCDP Georeferenced Event Dataset",
    version="unstated",
    licence="CC BY 4.0",
    citation="Sundberg and Melander (2013), Introducing the UCDP Georeferenced Event Dataset,"
    " Journal of Peace Research 50(4)",
)
UCDP_COLUMNS = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id",
    "conflict_new_id", "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name",
    "side_a_dset_id", "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b",
    "number_of_sources", "source_article", "source_office", "source_date", "source_headline",
    "source_original", "where_prec", "where_coordinates", "where_description", "adm_1", "adm_2",
    "latitude", "longitude", "geom_wkt", "priogrid_gid", "country", "country_id", "region",
    "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob",
)  # fmt: skip
"""The columns of release 23.1, for files without a header."""
_DATED_COLUMNS = ("date_start", "date_end")
_GOVERNMENT = "Government of "
_BETWEEN_GOVERNMENTS = re.compile(rf"(?:[,;&]| and|, and) *(?={_GOVERNMENT})")
MAX_COMPARED_STATES = 12
"""States of a coalition up to which the numbers are compared with the names."""
_VIOLENCE = {"1": "state-based", "2": "non-state", "3": "one-sided"}
_DEATHS = ("best", "low", "high", "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown")
_CODED_BOUNDS = (("event_clarity", 2), ("where_prec", 7), ("date_prec", 5))
"""Columns of codes, which begin with 1, and the last code of each; 0 is for unknown."""
_PRECISION = {
    "1": "exact", "2": "near", "3": "admin2", "4": "admin1", "5": "linear", "6": "country",
    "7": "international",
}  # fmt: skip


def _read_event_key(cells: Cells) -> str:
    return read_number_key(cells.get("id", ""))


def format_ucdp_date(first: date, last: date, precision: int | None) -> str:
    """Format a span of days as EDTF; a whole month or year becomes that month or year."""
    if first == last:
        return first.isoformat() + ("~" if precision not in (None, 1) else "")
    after = last + timedelta(days=1)
    if first.day == after.day == 1:
        if (first.year, first.month) == (last.year, last.month):
            return first.isoformat()[:7]
        if first.month == after.month == 1 and first.year == last.year:
            return first.isoformat()[:4]
    return f"{first.isoformat()}/{last.isoformat()}"


def _parse_side(
    cells: Cells, side: str, role: str, violence: str, warn: Warn
) -> list[dict[str, object]]:
    """Parse a side: governments by names and Gleditsch–Ward numbers, any other by UCDP's number.

    A coalition is several governments. Each name has to be that of a state whose number is there.
    """
    # Names of groups are never looked up: a side called IS is not Iceland.
    name, states = cells.get(f"side_{side}", "").strip(), _parse_states(cells, f"gwno{side}")
    if not name and not states:
        return []
    governments = [one.strip() for one in _BETWEEN_GOVERNMENTS.split(name) if one]
    if governments and all(read_state_organ(one) is not None for one in governments):
        if states and len(states) != len(governments):
            many = f"{len(governments)} government{'s' * (len(governments) > 1)}"
            counted = f"{len(states)} number{'s' * (len(states) > 1)} for {many} in side_{side}"
            warn(f"gwno{side}", f"has {counted}; only states that both name are taken")
        numbers = " ".join(states) if len(states) <= MAX_COMPARED_STATES else ""
        return [
            {
                "role": role,
                "actor": join_agreeing_names(
                    numbers, f"name:{clip_with_ellipsis(one, 190 - len(numbers))}"
                ),
                "native": clip_with_ellipsis(one, 200),
            }
            for one in governments
        ]
    native = clip_with_ellipsis(name, 200)
    if states:
        return [{"role": role, "actor": state, "native": native or None} for state in states]
    own = parse_integer_cell(cells, f"side_{side}_new_id")
    if own is None or (violence == "3" and side == "b"):
        return [{"role": role, "native": native}]
    made = {"role": role, "actor": f"ucdp:{own}", "native": native, "name": native}
    return [{**made, "kind": "armed_group"}]


def _parse_states(cells: Cells, name: str) -> list[str]:
    """Parse the Gleditsch–Ward numbers of a side, of which a coalition has several."""
    text = cells.get(name, "")
    if not text:
        return []
    numbers = [parse_integer_cell({name: part}, name) for part in re.split("[,;]", text)]
    found = [f"gw:{number}" for number in numbers if number is not None and number > 0]
    return list(dict.fromkeys(found))


def _parse_reports(cells: Cells, claims: dict[str, int], warn: Warn) -> list[dict[str, object]]:
    """Parse the reports of a row from its parallel lists of offices, days and headlines."""
    offices = [p.strip() for p in cells.get("source_office", "").split(";")]
    days = [p.strip() for p in cells.get("source_date", "").split(";")]
    headlines = [p.strip() for p in cells.get("source_headline", "").split(";")]
    if not any(offices):
        article = cells.get("source_article", "").strip().strip('"')
        cited, on = _split_citation(article)
        offices, days, headlines = [clip_with_ellipsis(cited, 200)], [on], [article]
    if len(headlines) != len(offices):
        headlines = [cells.get("source_headline", "").strip()] * len(offices)
    made: dict[tuple[str, ...], dict[str, object]] = {}
    for n, office in enumerate(offices):
        if office:
            day = _parse_published(days[n] if len(days) == len(offices) else "", warn)
            said = {
                "publisher": clip_with_ellipsis(office, 200),
                "title": headlines[n],
                "published": day,
            }
            made.setdefault((office, day or "", headlines[n]), {"source": said})
    found = list(made.values())[:1000]
    if not found:
        own = {"publisher": "Uppsala Conflict Data Program", "title": UCDP_DATASET.name}
        found = [{"source": {**own, "kind": "dataset"}}]
    found[0]["claims"] = claims
    if original := cells.get("source_original", "").strip():
        found[0]["locator"] = clip_with_ellipsis(f"after {original}", 200)
    return found


_CITATION = re.compile(
    r"(?P<office>[^\W\d_][^\d\":;()]*?),? \(?"
    r"(?P<day>\d{4}-\d\d-\d\d|\d\d? [A-Z][a-z]+ \d{4})\)?[,:. ]"
)


def _split_citation(article: str) -> tuple[str, str]:
    """Split a citation such as `Reuters (1989-10-01): "…"` into publisher and day.

    A citation of another form is returned whole, with an empty day.
    """
    found = _CITATION.match(article)
    if found is None:
        return article, ""
    day = found["day"]
    if day[4] != "-":
        try:
            day = datetime.strptime(day, "%d %B %Y").replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            return article, ""
    return found["office"].rstrip(), day


def _parse_published(day: str, warn: Warn) -> str | None:
    try:
        return parse_edtf(day[:10]).text if day else None
    except ValueError:
        warn("source_date", "is not a day")
        return None


def parse_ucdp_event(cells: Cells, warn: Warn) -> LoadRecord:
    """Parse an event of organized violence."""
    violence = require_cell(cells, "type_of_violence").removesuffix(".0")
    if violence not in UCDP_CROSSWALK:
        raise RejectedError("type_of_violence", f"is not 1, 2 or 3: {violence[:20]!r}")
    first, last = (parse_day_text(cells.get(name, ""), name) for name in _DATED_COLUMNS)
    if last < first:
        raise RejectedError("date_end", "is before date_start")
    claims = {
        name: n
        for name in _DEATHS
        if (n := parse_bounded_integer(cells, name, 0, MAX_COUNTED)) is not None
    }
    low, best, high = (claims.get(name) for name in ("low", "best", "high"))
    if best is not None and ((low is not None and low > best) or (high or best) < best):
        warn("best", "is not between low and high")
    sources = parse_bounded_integer(cells, "number_of_sources", -1, MAX_COUNTED)
    if sources not in (None, -1):
        claims["sources"] = sources
    clarity, where, when = (
        parse_bounded_integer(cells, name, 0, high) for name, high in _CODED_BOUNDS
    )
    country = parse_integer_cell(cells, "country_id")
    dyad = cells.get("dyad_name", "").strip() or cells.get("conflict_name", "").strip()
    values: dict[str, object] = {
        "key": parse_number_key(cells.get("id", ""), "id"),
        "title": clip_with_ellipsis(
            f"{dyad or 'Organized violence'}: {_VIOLENCE[violence]} violence", 200
        ),
        "summary": _write_summary(claims, cells),
        "date": format_ucdp_date(first, last, when or None),
        "type": UCDP_CROSSWALK[violence].type,
        "mode": UCDP_CROSSWALK[violence].mode,
        "native": violence,
        "participants": [
            p
            for side, role in (("a", "initiator"), ("b", "target"))
            for p in _parse_side(cells, side, role, violence, warn)
        ],
        "location": {
            "name": clip_with_ellipsis(cells.get("where_coordinates", "").strip(), 200) or None,
            "country": join_country_names(
                None if country is None else f"gw:{country}", "ucdp", cells.get("country", "")
            ),
            "admin1": clip_with_ellipsis(cells.get("adm_1", "").strip(), 200) or None,
            "admin2": clip_with_ellipsis(cells.get("adm_2", "").strip(), 200) or None,
            "lat": parse_number_cell(cells, "latitude"),
            "lon": parse_number_cell(cells, "longitude"),
            "precision": _PRECISION.get(str(where)) if where else None,
        },
        "tags": ["unclear"] if clarity == 2 else [],
        "reports": _parse_reports(cells, claims, warn),
    }
    return convert_record(values)  # type: ignore[no-any-return]


def _write_summary(claims: dict[str, int], cells: Cells) -> str | None:
    sentences = []
    if "best" in claims:
        bounds = f" ({claims['low']}–{claims['high']})" if {"low", "high"} <= claims.keys() else ""
        sentences.append(f"Deaths, best estimate: {claims['best']}{bounds}.")
    if conflict := cells.get("conflict_name", "").strip():
        sentences.append(f"Conflict: {conflict}.")
    return " ".join(sentences) or None


UCDP_FORMAT = FileFormat(
    "ucdp-ged",
    UCDP_DATASET,
    parse_ucdp_event,
    _read_event_key,
    gap_days=15,
    find_release=find_release,
    header=(frozenset({"id", "type_of_violence", "date_start", "date_end"}),),
    columns=(UCDP_COLUMNS,),
    dated_columns=_DATED_COLUMNS,
    meant_markers={"source_headline": frozenset({"-"})},  # so within its lists, too
    matches_first_row=lambda c: (
        len(c) == len(UCDP_COLUMNS) and c[5].removesuffix(".0") in UCDP_CROSSWALK
    ),
)
