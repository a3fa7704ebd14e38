"""Makes rows of the formats that can be loaded; a test names only the cells that matter."""

import json
from collections.abc import Sequence
from typing import Any

from app.ingest.formats import acled, gdelt, icews, polecat, ucdp

GDELT = {
    "globaleventid": "900000001", "sqldate": "20231003", "monthyear": "202310", "year": "2023",
    "actor1code": "ARMGOV", "actor1name": "ARMENIA", "actor1countrycode": "ARM",
    "actor2code": "RUS", "actor2name": "RUSSIA", "actor2countrycode": "RUS",
    "isrootevent": "1", "eventcode": "112", "eventbasecode": "112", "eventrootcode": "11",
    "quadclass": "3", "goldsteinscale": "-2.0", "nummentions": "4", "numsources": "2",
    "numarticles": "4", "avgtone": "-1.5", "actiongeo_type": "1",
    "actiongeo_fullname": "Armenia", "actiongeo_countrycode": "AM", "actiongeo_lat": "40.0",
    "actiongeo_long": "45.0", "sourceurl": "https://www.news.example/story-1",
}  # fmt: skip
MENTION = {
    "globaleventid": "900000001", "eventtimedate": "20231003101500",
    "mentiontimedate": "20231003103000", "mentiontype": "1",
    "mentionsourcename": "other.example", "mentionidentifier": "https://other.example/a",
    "sentenceid": "3", "inrawtext": "1", "confidence": "60", "mentiondoclen": "900",
    "mentiondoctone": "-2.5",
}  # fmt: skip
UCDP = {
    "id": "77", "relid": "UKR-2014-1-1-0", "year": "2014", "active_year": "1",
    "type_of_violence": "1", "conflict_name": "Ukraine: Government", "dyad_name": "A - B",
    "side_a_new_id": "61", "side_a": "Government of Ukraine", "side_b_new_id": "6711",
    "side_b": "DPR", "number_of_sources": "2", "source_office": "Agency One;Agency Two",
    "source_date": "2014-05-02;2014-05-03", "source_headline": "First;Second",
    "where_prec": "1", "where_coordinates": "Somewhere town", "adm_1": "Some Oblast",
    "latitude": "48.5", "longitude": "37.5", "country": "Ukraine", "country_id": "369",
    "event_clarity": "1", "date_prec": "1", "date_start": "2014-05-02",
    "date_end": "2014-05-02", "deaths_a": "1", "deaths_b": "2", "deaths_civilians": "0",
    "deaths_unknown": "0", "best": "3", "high": "4", "low": "3", "gwnoa": "369",
}  # fmt: skip
ACLED = {
    "event_id_cnty": "UKR1", "event_date": "31 January 2022", "year": "2022",
    "time_precision": "1", "disorder_type": "Political violence", "event_type": "Battles",
    "sub_event_type": "Armed clash", "actor1": "Military Forces of Russia (2000-)",
    "inter1": "State forces", "actor2": "Some Militia", "inter2": "3",
    "assoc_actor_2": "Other Group; Third Group", "iso": "804", "country": "Ukraine",
    "admin1": "Some Oblast", "location": "A town", "latitude": "48.1", "longitude": "37.7",
    "geo_precision": "1", "source": "Paper A; Paper B", "source_scale": "National",
    "notes": "They clashed.", "fatalities": "2", "timestamp": "1650000000",
}  # fmt: skip
ICEWS = {
    "event_id": "123", "event_date": "2018-06-01", "source_name": "Foreign Affairs (Armenia)",
    "source_sectors": "Government,Foreign Ministry", "source_country": "Armenia",
    "event_text": "Consult", "cameo_code": "040", "intensity": "1",
    "target_name": "NULL", "target_sectors": "NA", "target_country": "Russian Federation",
    "story_id": "55", "sentence_number": "2", "publisher": "An Agency", "city": "Yerevan",
    "district": "NA", "province": "NA", "country": "Armenia", "latitude": "40.2",
    "longitude": "44.5",
}  # fmt: skip
POLECAT = {
    "event_id": "P1", "event_date": "2022-02-03", "event_type": "CONSULT", "event_mode": "visit",
    "intensity": "2.5", "quad_code": "VERBAL COOPERATION", "contexts": "diplomatic;military",
    "actor_name": "ARM GOV", "actor_country": "ARM", "actor_cow": "371",
    "recipient_name": "RUS GOV", "recipient_country": "RUS", "placename": "Moscow",
    "country": "RUS", "latitude": "55.7", "longitude": "37.6", "source": "Some Paper",
    "publication_date": "2022-02-04",
}  # fmt: skip
COLUMNS: dict[str, tuple[str, ...]] = {
    "gdelt-v1": gdelt.COLUMNS_1,
    "gdelt-v2": gdelt.COLUMNS_2,
    "gdelt-mentions": gdelt.MENTION_COLUMNS,
    "ucdp-ged": ucdp.UCDP_COLUMNS,
    "acled": acled.ACLED_COLUMNS,
    "icews": icews.ICEWS_COLUMNS,
    "polecat": polecat.POLECAT_COLUMNS,
}
EXAMPLES: dict[str, dict[str, str]] = {
    "gdelt-v1": {**GDELT, "dateadded": "20231003"},
    "gdelt-v2": {**GDELT, "dateadded": "20231003101500"},
    "gdelt-mentions": MENTION, "ucdp-ged": UCDP, "acled": ACLED, "icews": ICEWS,
    "polecat": POLECAT,
}  # fmt: skip
TABS = ("gdelt-v1", "gdelt-v2", "gdelt-mentions", "icews", "polecat")


def make_row(name: str, **changed: str) -> list[str]:
    """Make a row of a format, in the order of its columns."""
    row = {**EXAMPLES[name], **changed}
    return [row.get(column, "") for column in COLUMNS[name]]


def make_table(
    name: str, rows: Sequence[dict[str, str]] = ({},), header: bool | None = None
) -> str:
    """Make a file of a format; each row names the cells that differ from the example."""
    separator = "\t" if name in TABS else ","
    lines = [make_row(name, **row) for row in rows]
    if header if header is not None else not name.startswith("gdelt"):
        lines.insert(0, list(COLUMNS[name]))
    quote = (lambda c: c) if separator == "\t" else (lambda c: f'"{c}"' if "," in c else c)
    return "".join(separator.join(quote(cell) for cell in line) + "\n" for line in lines)


def make_event(key: str = "k1", **more: Any) -> dict[str, Any]:
    """Make an event in the load format of the project."""
    return {
        "key": key, "title": f"Event {key}", "date": "2020-01-02", "type": "CONSULT",
        "cameo": "040",
        "participants": [
            {"actor": "ARM", "role": "initiator"}, {"actor": "RUS", "role": "target"},
        ],
        "reports": [
            {"source": {"publisher": "A Paper", "title": "T", "url": f"https://a.example/{key}",
                        "published": "2020-01-03"}},
        ],
        **more,
    }  # fmt: skip


def join_events(*events: dict[str, Any]) -> str:
    """Write events as lines of JSON."""
    return "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
