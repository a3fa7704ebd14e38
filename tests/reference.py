"""The reference pages that follow from the code: run this file to write them again."""

import re
import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.actors.schemas import (
    Actor,
    Membership,
    MembershipStep,
    ObligationPeriod,
    SchemeCode,
)
from app.alliances.schemas import Alliance, Member, Tie
from app.events import durations
from app.events.filter import EventFilter, EventQuery
from app.events.flat import COLUMNS
from app.events.router import BucketEvent, TimelineBucket
from app.events.schemas import Event, Location, Participant, Report, Signal
from app.events.signals import END_OF_FIGHTING_MODES, FIGHTING_MODES, RULES
from app.events.typed import TYPED_FIELDS, TypedField
from app.events.vocabulary import CREDIBILITY, MODES, QUAD_OF_TYPE, QUADS, RELIABILITY
from app.http.schema_notes import find_field_note
from app.sources.schemas import CoveredDays, Dataset, Source

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE_NOTES: dict[str, str] = {
    "Event.quad": "Verbal or material, cooperation or conflict: see below.",
    "Signal.rule": "The rule it is derived by: [scoring.md](scoring.md).",
    "Report.reliability": "Of the source, A–F: see below.",
    "Report.credibility": "Of the information, 1–6: see below.",
}
"""What a page says otherwise than the OpenAPI document, because it has more to show."""
MODELS: tuple[type[BaseModel], ...] = (
    Event,
    Participant,
    Signal,
    Location,
    Report,
    TimelineBucket,
    BucketEvent,
    Actor,
    ObligationPeriod,
    SchemeCode,
    Membership,
    MembershipStep,
    Member,
    Tie,
    Alliance,
    Source,
    Dataset,
    CoveredDays,
)
DATES = {"BoundedDate": "date", "AsOf": "version, instant or day"}
"""What the types of dates are called."""
HEAD = "<!-- Written by tests/reference.py from the code; change the code, then run that. -->\n"


def describe_type(annotation: Any) -> str:
    """Describe a type as people say it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " \\| ".join(f"`{part}`" for part in parts)
    if origin in (types.UnionType,) or str(origin) == "typing.Union":
        names = [describe_type(part) for part in parts if part is not type(None)]
        return " or ".join(dict.fromkeys(names)) + (" or null" if type(None) in parts else "")
    if origin in (list, tuple):
        return f"list of {describe_type(parts[0])}"
    if origin is dict:
        return "object"
    if hasattr(annotation, "__metadata__"):
        return describe_type(parts[0])
    names = {str: "text", int: "integer", float: "number", bool: "true or false"}
    if annotation in MODELS:
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return names.get(annotation) or DATES[annotation.__name__]


def describe_field(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    """Return what a field means: its description, or the note above."""
    shown = field.alias or name
    on_page = PAGE_NOTES.get(f"{model.__name__}.{shown}")
    text = field.description or on_page or find_field_note(model.__name__, shown)
    assert text, f"say what {model.__name__}.{shown} means"
    return text.replace("|", "\\|")


def render_dictionary() -> str:
    """Render the data dictionary."""
    parts = [
        HEAD,
        "# Data dictionary\n\nWhat every field of an answer means. Days are ISO 8601 text, both"
        " inclusive unless a line\nsays otherwise; instants are RFC 3339 in UTC.\n",
    ]
    for model in MODELS:
        parts.append(f"\n## {model.__name__}\n\n{(model.__doc__ or '').splitlines()[0]}\n\n")
        parts.append("| field | type | meaning |\n|---|---|---|\n")
        parts += [
            f"| `{field.alias or name}` | {describe_type(field.annotation)} |"
            f" {describe_field(model, name, field)} |\n"
            for name, field in model.model_fields.items()
        ]
    parts.append("\n## Columns of Parquet and Arrow\n\n| column | type |\n|---|---|\n")
    parts += [f"| `{field.name}` | {describe_typed_field(field)} |\n" for field in TYPED_FIELDS]
    parts.append("\n## Columns of CSV and XLSX\n\n")
    parts.append(
        "Also of Parquet and Arrow with `flat=true`. As the fields of an event, with these"
    )
    parts.append(" of their own:\n\n")
    parts.append("| column | type | meaning |\n|---|---|---|\n")
    for name, column in COLUMNS.items():
        parts.append(f"| `{name}` | {column.type} | {column.note} |\n")
    parts.append("\n## Words\n\n| quad | means | types |\n|---|---|---|\n")
    for quad, words in QUADS.items():
        types = ", ".join(t for t, of in QUAD_OF_TYPE.items() if of == quad)
        parts.append(f"| {quad} | {words} | {types} |\n")
    parts.append("\n| reliability | of a source |\n|---|---|\n")
    parts += [f"| {grade} | {words} |\n" for grade, words in RELIABILITY.items()]
    parts.append("\n| credibility | of the information |\n|---|---|\n")
    parts += [f"| {grade} | {words} |\n" for grade, words in CREDIBILITY.items()]
    parts.append("\n| type | modes |\n|---|---|\n")
    parts += [f"| {type_} | {', '.join(modes) or '–'} |\n" for type_, modes in MODES.items()]
    return "".join(parts)


def describe_typed_field(field: TypedField) -> str:
    """Render the type of a column with the types of its parts."""
    if field.kind == "list":
        return f"list of {describe_typed_field(field.parts[0])}"
    if field.kind == "record":
        parts = [f"`{part.name}` {describe_typed_field(part)}" for part in field.parts]
        return f"record: {', '.join(parts)}"
    return {"day": "date", "instant": "instant in UTC", "json": "JSON text"}.get(
        field.kind, field.kind
    )


def describe_bounds(field: FieldInfo) -> str:
    """Render the bounds of a number."""
    low = next((m.ge for m in field.metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in field.metadata if isinstance(m, Le)), None)
    return "" if low is None or high is None else f", {low} … {high}"


def render_filters() -> str:
    """Render the filter reference."""
    parts = [
        HEAD,
        "# Filters\n\nThe same parameters work on `/v1/events` in every format, `/v1/timeline`,"
        " `/v1/facets`, `/ogc` and\n`entente export` (there with hyphens: `--min-intensity`)."
        "\n\n- Different filters are combined with AND, repeats of one with OR:"
        " `actor=ARM&actor=GEO&since=2023` is\n  either actor, since 2023."
        "\n- An actor may be written by any of its names: `ARM`, `Armenia`, `cow:371`, `fips:AM`."
        " An unknown actor\n  is a 422 with the nearest suggestions, never an empty list."
        "\n- `role`, `via`, `initiator` and `target` apply to the same participation as"
        " `actor` and `member_of`.\n- Dates are EDTF: `since=2023-09` begins on the first day of"
        " the month, `until=2023-09` ends on its last.\n- An unknown parameter is a 422 that names"
        " the nearest known one.\n",
    ]
    for title, model, left in (
        ("Which events", EventFilter, set[str]()),
        ("How they are listed", EventQuery, set(EventFilter.model_fields)),
    ):
        parts.append(
            f"\n## {title}\n\n| parameter | takes | default | meaning |\n|---|---|---|---|\n"
        )
        for name, field in model.model_fields.items():
            if name in left:
                continue
            default = field.get_default()
            shown = "" if default in (None, []) else f"`{str(default).lower()}`"
            takes = re.sub(r" or null$", "", describe_type(field.annotation)) + describe_bounds(
                field
            )
            takes = takes.replace("list of ", "several: ")
            parts.append(
                f"| `{name}` | {takes} | {shown} | {describe_field(model, name, field)} |\n"
            )
    return "".join(parts)


LASTING_NOTES = """\
The mass of a signal is |score| / 10 × confidence × weight. Spreading changes no total: the pieces
add up to the mass exactly. They are days, weeks of a month from {week} days on, months from
{month:,}, years from {year:,}; no piece is more than a day may add to alignment. An act is counted
once, on its first day.

## Plain Goldstein scores

A dataset with `signals: goldstein` (`entente load --signals goldstein`, or
`PUT /v1/datasets/{{code}}` before it has events) keeps its source's scores: only the rows `stated`,
`initiator-target`, `host`, `group` and `pairwise` apply, with the event's intensity, and `absent`
with −|intensity|. `/v1/coverage` says which a dataset has.
"""


def render_scoring() -> str:
    """Render the table of rules by which signals are derived."""
    names = ", ".join(sorted(FIGHTING_MODES))
    ends = ", ".join(sorted(END_OF_FIGHTING_MODES))
    parts = [
        HEAD,
        "# Scoring: what an event says about a relation\n\nA signal is a directed score: the event"
        " moves one actor toward (+) or away from (−) another. Signals\nfollow from the code of the"
        " act and the roles of those in it, by one table for every actor and every\ndataset. Where"
        " several rows give a pair a signal, the first counts.\n\n"
        "| rule | where | signals | score | reason |\n|---|---|---|---|---|\n",
    ]
    parts += [f"| `{r.name}` | {r.where} | {r.signals} | {r.score} | {r.reason} |\n" for r in RULES]
    parts.append(
        "\n- `intensity` is that of the event; of a consultation (CAMEO 04x) the codebook's score"
        " counts.\n- Persons and bodies count for their state. No actor signals toward itself."
        " Affected actors and\n  mediators give no signal.\n"
        f"- ASSAULT with weapons: no mode, or {names}.\n"
        f"- The end of fighting, where there is no CAMEO code: RETREAT with mode {ends}.\n"
        "- A treaty (057) that ends a war counts as a treaty.\n"
        "- `?explain=true` shows the rules of an event, with their reasons and its weight.\n"
        "\n## What lasts\n\n"
    )
    notes = (durations.__doc__ or "").partition("\n\n")[2].strip()
    parts.append(f"{notes}\n\n")
    parts.append(
        LASTING_NOTES.format(
            week=durations.MAX_DAILY_DAYS + 1,
            month=durations.MAX_WEEKLY_DAYS + 1,
            year=durations.MAX_MONTHLY_DAYS + 1,
        )
    )
    return "".join(parts)


PAGES = {
    "dictionary.md": render_dictionary,
    "filters.md": render_filters,
    "scoring.md": render_scoring,
}

if __name__ == "__main__":
    for page, made in PAGES.items():
        (DOCS / page).write_text(made(), encoding="utf-8")
