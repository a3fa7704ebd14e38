"""The loader's own way to a document gives the bytes of the ordinary one."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from app.bundled.load_bundled import BUNDLED_FOLDER, read_bundled_table
from app.db.engine import Database
from app.events.changes import (
    _resolve_actors,
    build_index_rows,
    load_render_context,
    searchable_text,
    sum_signals_by_day,
)
from app.events.render import render_event_document
from app.events.schemas import Event, EventInput
from app.events.vocabulary import EVENT_TYPES, ROLES, STANCES, STATUSES
from app.ingest.formats.errors import RejectedError
from app.ingest.formats.records import SourceRecord, decode_event_record
from app.ingest.loading import source_documents
from app.ingest.loading.documents import (
    COLUMNS_BY_TABLE,
    EventRows,
    build_event_body,
    complete_event_document,
    encode_event_body,
)
from app.ingest.loading.reference_cache import ReferenceCache
from app.ingest.loading.resolve import resolve_record
from app.sources.schemas import Source
from app.text import split_words

AT = "2026-01-01T00:00:00.000000Z"
BUNDLED = (BUNDLED_FOLDER / "events.ndjson").read_bytes().splitlines()
SOURCES = [r["id"] for r in read_bundled_table("event_sources.csv")][:5]

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


def ordinary(db: Connection, line: bytes) -> Event:
    resolved = _resolve_actors(db, EventInput.model_validate_json(line))
    return render_event_document(resolved, "x", load_render_context(db, [resolved]), AT, 3)


def ours(db: Connection, references: ReferenceCache, line: bytes) -> EventRows:
    event = resolve_record(decode_event_record(line), references).record
    cited = references.find_sources(db, [str(r.source) for r in event.reports])
    body = build_event_body(event, "x", references.actor_index.known, cited)
    sheet = EventRows()
    sheet.add_event(body, encode_event_body(body), 7)
    return sheet


def equal(db: Connection, references: ReferenceCache, line: bytes) -> None:
    made, edited = ours(db, references, line), ordinary(db, line)
    [(_, ident, _, body)], [(_, found_words)] = made.bodies, made.words
    assert ident == edited.id
    assert complete_event_document(body, AT, 3).decode() == edited.model_dump_json(by_alias=True)
    assert found_words == " ".join(dict.fromkeys(split_words(searchable_text(edited))))
    expected: dict[str, list[Any]] = {name: [] for name in COLUMNS_BY_TABLE if name != "revisions"}
    for name, row in build_index_rows(edited, 7):
        expected[name].append(tuple(row[column] for column in COLUMNS_BY_TABLE[name]))
    found = {name: list(getattr(made, name)) for name in expected}
    found["events"] = [(*row, AT) for row in made.events]
    assert {n: sorted(r, key=str) for n, r in found.items()} == {
        n: sorted(r, key=str) for n, r in expected.items()
    }
    added = [row for name, row in build_index_rows(edited, 7) if name == "signals"]
    counted = sum_signals_by_day(added) if edited.status != "retracted" else []
    assert made.sum_by_day() == [tuple(row.values()) for row in counted]


def test_bundled_events_come_out_alike(db: Connection) -> None:
    references = ReferenceCache(db)
    for line in BUNDLED:
        equal(db, references, line)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(event=events)
def test_loader_and_editor_render_any_event_the_same(db: Connection, event: dict[str, Any]) -> None:
    equal(db, ReferenceCache(db), msgspec.json.encode(event))


def test_default_values_leave_the_hash_of_a_record_unchanged(db: Connection) -> None:
    plain: dict[str, Any] = {
        "key": "k", "title": "t", "date": "2020-01-01", "part_of": None,
        "participants": [{"role": "absent", "actor": "ARM", "excused": False}],
        "signals": [
            {"from": "ARM", "toward": "RUS", "score": 1, "weight": 1.0, "reason": None}
        ],
    }  # fmt: skip
    record = resolve_record(
        decode_event_record(msgspec.json.encode(plain)), ReferenceCache(db)
    ).record
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
    {"part_of": "a b"}, {"part_of": ":k"}, {"part_of": ""}, {"part_of": "x" * 402},
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
        source_documents.render_source_record("s", SourceRecord(**fields)).decode()
        == model.model_dump_json()
    )
