"""What the OpenAPI document adds to the schemas of answers and bodies.

Descriptions of fields, formats of dates, and names for lists of values.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
INSTANTS = frozenset({"at", "recorded_at", "created_at", "started_at", "finished_at", "timeStamp"})
"""Fields that hold an instant (RFC 3339, UTC) in every schema."""
DAYS = {
    "Actor": {"since", "until"},
    "ActorDetail": {"since", "until"},
    "ActorSummary": {"since", "until", "first_event", "last_event"},
    "AlignmentPoint": {"start", "end"},
    "Alliance": {"since", "until"},
    "Brief": {"ties_on"},
    "Coverage": {"first_event", "last_event"},
    "CurveEnd": {"day"},
    "DayRange": {"start", "end"},
    "Event": {"start", "end"},
    "EventUnderWay": {"start", "end"},
    "FormalStructure": {"on"},
    "LevelDocument": {"start", "end"},
    "Relation": {"first", "last"},
    "SchemeCode": {"since", "until"},
    "TimelineBucket": {"start", "end"},
    "UnresolvedName": {"first", "last"},
}
"""Fields that hold one day (ISO 8601); other dates are EDTF, which has no format."""
ENUM_PLACES = {
    "Effect": "WatchedEvents.effect",
    "ActorKind": "Actor.kind",
    "Acts": "Shift.acts",
    "ChangeAction": "Change.action",
    "ChangeDirection": "Shift.direction",
    "DocumentKind": "Change.kind",
    "DumpFormat": "Dump.format",
    "EmptyReason": "Meta.reason",
    "EventStatus": "Event.status",
    "EventType": "Event.type",
    "ImportState": "Import.state",
    "LoadMode": "Import.mode",
    "MatchChange": "Difference.change",
    "MembersRecorded": "Actor.members_recorded",
    "MembershipStepKind": "MembershipStep.step",
    "Obligation": "ObligationPeriod.obligation",
    "QuadScheme": "Dataset.quad_scheme",
    "Reliability": "Report.reliability",
    "RobustnessCheck": "Shift.failed",
    "Role": "Participant.role",
    "ShiftMethod": "Shift.method",
    "SignalOrigin": "Signal.origin",
    "SimilarityMeasure": "PortfolioSimilarityMeta.measure",
    "Speaks": "EventShare.speaks",
    "Stance": "Report.stance",
    "TimelineBasis": "TimelineMeta.basis",
    "UnresolvedKind": "UnresolvedName.kind",
    "Verdict": "Shift.verdict",
}
"""Names of lists of values, each with one field that has it; equal lists share the name."""


@cache
def load_field_notes() -> dict[str, str]:
    """Load what fields mean, by `Schema.field`, or by the field where it means the same in all."""
    text = Path(__file__).with_name("field_notes.json").read_text(encoding="utf-8")
    notes: dict[str, str] = json.loads(text)
    return notes


def find_field_note(schema: str, field: str) -> str | None:
    """Return what a field means, or None where nothing is noted."""
    notes = load_field_notes()
    return notes.get(f"{schema}.{field}", notes.get(field))


def complete_schemas(schemas: dict[str, Schema]) -> None:
    """Complete the schemas of an OpenAPI document in place: every field has a description."""
    for name, schema in schemas.items():
        shown = [set(one) for one in schema.get("examples", ()) if isinstance(one, dict)]
        if any(not one.issuperset(schema.get("required", ())) for one in shown):
            del schema["examples"]  # inherited from a model with fewer fields
        for field, part in schema.get("properties", {}).items():
            if "description" not in part and (note := find_field_note(name, field)):
                part["description"] = note
            if field in INSTANTS:
                _set_format(part, "date-time")
            elif field in DAYS.get(name, ()):
                _set_format(part, "date")
        for part in walk_schema(schema):
            _mend_keywords(part)


def _set_format(part: Schema, kind: str) -> None:
    for one in (part, *part.get("anyOf", ())):
        if one.get("type") == "string":
            one["format"] = kind


def _mend_keywords(part: Schema) -> None:
    """Write bounds and pairs with the keywords of JSON Schema."""
    # Pydantic keeps the names of its own constraints behind a validator of ours.
    for own, keyword in (("ge", "minimum"), ("le", "maximum")):
        if own in part and isinstance(part[own], int | float):
            part[keyword] = part.pop(own)
    pair = part.pop("prefixItems", None)
    if pair is not None:
        part["items"] = pair[0]


def name_enums(document: Schema) -> None:
    """Replace equal lists of values in a document by references to one schema with a name."""
    schemas = document["components"]["schemas"]
    names: dict[tuple[object, ...], str] = {}
    made: dict[str, Schema] = {}
    for name, place in ENUM_PLACES.items():
        owner, _, field = place.partition(".")
        if field not in schemas.get(owner, {}).get("properties", {}):
            continue
        part = next(p for p in walk_schema(schemas[owner]["properties"][field]) if "enum" in p)
        names[tuple(part["enum"])] = name
        made[name] = {"type": part["type"], "enum": list(part["enum"]), "title": name}
    for part in list(walk_schema(document)):
        values = part.get("enum")
        named = names.get(tuple(values)) if isinstance(values, list) else None
        if named is not None:
            del part["enum"], part["type"]
            part.pop("title", None)
            part["$ref"] = f"#/components/schemas/{named}"
    schemas |= made


def walk_schema(part: Any) -> Iterator[Schema]:
    """Yield every object within a schema or document, examples left out."""
    if isinstance(part, dict):
        yield part
        for name, one in part.items():
            if name not in ("example", "examples", "default"):
                yield from walk_schema(one)
    elif isinstance(part, list):
        for one in part:
            yield from walk_schema(one)
