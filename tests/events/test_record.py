"""Records, documents and schemas of events agree, field by field and byte by byte."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from soak import choose_size
from sqlalchemy import Connection

from app.bundled.tables import BUNDLED_FOLDER, read_bundled_table
from app.db.engine import Database
from app.events.durations import resolve_signal_span
from app.events.event_sums import sum_signals_by_day
from app.events.index_rows import EventRows
from app.events.record import (
    EventRecord,
    ParticipantRecord,
    PlaceRecord,
    RejectedError,
    ReportRecord,
    SignalRecord,
    decode_event_record,
)
from app.events.render import (
    EventDocumentRecord,
    build_event_body,
    complete_event_document,
    decode_event_document,
    encode_event_body,
    encode_event_document,
    matches_document,
)
from app.events.resolve import resolve_record
from app.events.schemas import (
    Event,
    EventInput,
    Location,
    ParticipantInput,
    ReportInput,
    SignalInput,
)
from app.events.to_input import input_from_document
from app.events.vocabulary import EVENT_TYPES, ROLES, STANCES, STATUSES
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.resolve import resolve_row_record
from app.sources import source_records
from app.sources.record import SourceRecord
from app.sources.schemas import InlineSource, Source

pytestmark = pytest.mark.slow

AT = "2026-01-01T00:00:00.000000Z"
BUNDLED = (BUNDLED_FOLDER / "events.ndjson").read_bytes().splitlines()
SOURCES = [r["id"] for r in read_bundled_table("event_sources.csv") if r["id"]][:5]

text = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
word = text.filter(bool)
score = st.floats(-10, 10, allow_nan=False)
claims = st.dictionaries(
    word, st.recursive(st.none() | st.booleans() | st.integers() | text
                       | st.floats(allow_nan=False, allow_infinity=False),
                       lambda inner: st.lists(inner, max_size=3), max_leaves=4), max_size=3,
)  # fmt: skip
actor = st.sampled_from(
    ["ARM", "RUS", "armenia", "CSTO", "cow:371", "nikol-pashinyan", "armenian-parliament",
     "Nobody Knows", "AM", "fips:AM", "USA"]
)  # fmt: skip
events = st.fixed_dictionaries(
    {
        "key": st.just("k"), "title": word,
        "date": st.sampled_from(
            ["2023-10-03", "2023-09", "2020-11/..", "2021-03-01/2021-04-02", "201X", "1991-21~"]
        ),
    },
    optional={
        "summary": st.none() | text, "type": st.none() | st.sampled_from(EVENT_TYPES),
        "mode": word, "cameo": st.sampled_from(["040", "057", "190", "99", "1011"]),
        "native": word, "intensity": st.none() | score,
        "quad": st.integers(1, 4), "quad_scheme": st.sampled_from(["gdelt", "schrodt"]),
        "status": st.sampled_from(STATUSES), "tags": st.lists(word, max_size=4),
        "participants": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(ROLES)}, optional={"actor": actor, "native": word}
            ) | st.fixed_dictionaries(
                {"role": st.just("absent"), "excused": st.booleans()}, optional={"actor": actor}
            ), max_size=6,
        ),
        "signals": st.lists(
            st.fixed_dictionaries(
                {"from": st.sampled_from(["ARM", "RUS"]), "toward": st.sampled_from(["USA", "EU"]),
                 "score": score}, optional={"confidence": st.floats(0, 1),
                "weight": st.floats(0, 1000), "reason": st.none() | word},
            ), max_size=3, unique_by=lambda s: (s["from"], s["toward"]),
        ),
        "location": st.none() | st.fixed_dictionaries(
            {}, optional={"name": word, "country": st.just("ARM"), "lat": st.floats(-90, 90),
                          "lon": st.floats(-180, 180)},
        ),
        "part_of": st.none() | st.sampled_from(["an-act", "x:an-act", "curated:a:b"]),
        "reports": st.lists(
            st.fixed_dictionaries(
                {"source": st.sampled_from(SOURCES)},
                optional={"quote": text, "locator": word, "claims": claims,
                          "stance": st.sampled_from(STANCES), "credibility": st.integers(1, 6),
                          "reliability": st.sampled_from("ABCDEF")},
            ), max_size=3,
        ),
    },
)  # fmt: skip


@pytest.fixture
def db(database: Database) -> Any:
    with database.connect() as connection:
        yield connection


def check_document(db: Connection, references: ReferenceCache, line: bytes) -> None:
    """Check the document of a line against its schema, and its index rows against the document."""
    record = resolve_record(
        decode_event_record(line), "x", references.actor_index, references.identify_source
    ).record
    cited = references.find_sources(db, [str(r.source) for r in record.reports])
    body = build_event_body(record, "x", references.actor_index.known, cited)
    text = complete_event_document(encode_event_body(body), AT, 3).decode()
    event = Event.model_validate_json(text)
    assert text == event.model_dump_json(by_alias=True)
    stored = decode_event_document(text)
    assert encode_event_document(decode_event_document(text)) == text
    assert matches_document(encode_event_body(body), text)
    rows, again = EventRows(), EventRows()
    rows.add_event(body, b"", 7)
    again.add_event(stored, b"", 7)
    assert sorted(rows.iterate_rows(), key=str) == sorted(again.iterate_rows(), key=str)
    assert rows.words == again.words
    shown = [s.model_dump(by_alias=True) for s in event.signals]
    end = resolve_signal_span(event.date).end
    added = [{**s, "dataset": "x", "start": event.start, "end": end} for s in shown]
    counted = sum_signals_by_day(added) if event.status != "retracted" else []
    assert rows.sum_by_day() == [tuple(row.values()) for row in counted]
    rendered = build_event_body(
        input_from_document(stored, {}), "x", references.actor_index.known, cited
    )
    assert encode_event_body(rendered) == encode_event_body(body)


@pytest.mark.bundled
def test_bundled_events_match_their_schema_and_render_again(db: Connection) -> None:
    references = ReferenceCache(db)
    for line in BUNDLED:
        check_document(db, references, line)


@pytest.mark.bundled
@pytest.mark.soak
@settings(
    max_examples=choose_size(25, 1000), deadline=None, suppress_health_check=list(HealthCheck)
)
@given(event=events)
def test_any_event_matches_its_schema_and_renders_again(
    db: Connection, event: dict[str, Any]
) -> None:
    check_document(db, ReferenceCache(db), msgspec.json.encode(event))


PAIRS: list[tuple[type[BaseModel], type[msgspec.Struct]]] = [
    (EventInput, EventRecord), (ParticipantInput, ParticipantRecord),
    (SignalInput, SignalRecord), (ReportInput, ReportRecord), (Location, PlaceRecord),
    (InlineSource, SourceRecord), (Event, EventDocumentRecord),
]  # fmt: skip
CREATED_ACTOR_FIELDS = {"name", "kind"}
"""Fields of a record that only `--create-actors` reads; the write API takes an actor in full."""


@pytest.mark.parametrize(("model", "record"), PAIRS)
def test_schema_and_record_have_the_same_fields(
    model: type[BaseModel], record: type[msgspec.Struct]
) -> None:
    own = {f.encode_name: f.required for f in msgspec.structs.fields(record)}
    if record is ParticipantRecord:
        own = {name: own[name] for name in own if name not in CREATED_ACTOR_FIELDS}
    fields = {f.alias or n: f.is_required() for n, f in model.model_fields.items()}
    if model is Event:
        assert list(fields) == list(own)
    else:
        assert fields == own


def test_default_values_leave_the_hash_of_a_record_unchanged(db: Connection) -> None:
    plain: dict[str, Any] = {
        "key": "k", "title": "t", "date": "2020-01-01", "part_of": None,
        "participants": [{"role": "absent", "actor": "ARM", "excused": False}],
        "signals": [
            {"from": "ARM", "toward": "RUS", "score": 1, "weight": 1.0, "reason": None}
        ],
    }  # fmt: skip
    record = decode_event_record(msgspec.json.encode(plain))
    resolve_row_record(record, "x", ReferenceCache(db))
    encoded = msgspec.json.encode(record)
    assert [n for n in (b"part_of", b"excused", b"weight", b"reason") if n in encoded] == []


WRONG: list[dict[str, Any]] = [
    {"title": ""}, {"title": "x" * 501}, {"date": "2023-13"}, {"date": ""}, {"type": "VISIT"},
    {"cameo": "5"}, {"cameo": 57}, {"intensity": 10.5}, {"intensity": "high"}, {"quad": 5},
    {"quad_scheme": "own"}, {"status": "gone"}, {"participants": [{"role": "boss"}]},
    {"participants": [{"actor": "ARM"}]}, {"participants": None}, {"signals": [{"from": "ARM"}]},
    {"signals": [{"from": "ARM", "toward": "RUS", "score": 11}]}, {"location": {"lat": 91}},
    {"location": {"where": "x"}}, {"tags": [""]}, {"tags": "x"}, {"reports": [{}]},
    {"reports": [{"source": "s", "credibility": 7}]},
    {"reports": [{"source": "s", "stance": "denies"}]}, {"sumary": "x"}, {"title": "a\x00b"},
    {"part_of": " a"}, {"part_of": ":k"}, {"part_of": ""}, {"part_of": "x" * 402},
    {"participants": [{"actor": "ARM", "role": "host", "excused": True}]},
    {"participants": [{"actor": "ARM", "role": "absent", "excused": "yes"}]},
    {"signals": [{"from": "ARM", "toward": "RUS", "score": 1, "weight": -1}]},
    {"signals": [{"from": "ARM", "toward": "RUS", "score": 1, "weight": 1001}]},
    {"signals": [{"from": "ARM", "toward": "RUS", "score": 1, "reason": ""}]},
    {"key": ""}, {"key": None}, {"summary": "x" * 20_001},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=[str(w)[:40] for w in WRONG])
def test_loader_and_editor_refuse_the_same_events(wrong: dict[str, Any]) -> None:
    line = msgspec.json.encode({"key": "k", "title": "t", "date": "2020-01-01", **wrong})
    with pytest.raises(RejectedError) as refused:
        decode_event_record(line)
    assert next(iter(wrong)) in refused.value.field or not refused.value.field
    with pytest.raises(ValueError, match="validation error"):
        EventInput.model_validate_json(line)


def test_a_source_comes_out_alike() -> None:
    fields = {
        "publisher": "P", "title": "é \u2028", "url": "https://x.example/" + "a" * 400,
        "published": "2020-01", "language": "en", "reliability": "B",
    }  # fmt: skip
    model = Source.model_validate({"id": "s", "kind": "news", **fields})
    assert (
        source_records.render_source_record("s", SourceRecord(**fields)).decode()
        == model.model_dump_json()
    )
