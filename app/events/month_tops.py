"""The weightiest events of each bucket of a plain timeline, sought bucket by bucket.

Kept counts say how weighty the `top` events of a bucket must be. Where enough events share the
greatest weight of the bucket, its first ones by day are the answer, and reading stops there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.sql.visitors import replacement_traverse

from app.actors.pair_sums import Stretch
from app.db.dialect import in_list_params
from app.db.dialect.each_row import list_chosen_numbers, list_row_params, list_rows
from app.db.dialect.fast_statements import CompiledStatement, compile_statement
from app.db.dialect.joined_documents import join_documents, join_texts
from app.db.packed_documents import unpack_joined
from app.db.tables import revisions
from app.events.buckets import BucketBar, BucketSize, bucket_start_text
from app.events.conditions import FilterShape
from app.events.event_titles import (
    EventTitle,
    decode_first_days,
    decode_title,
    decode_titles,
)
from app.events.queries import BoundQuery, compile_events_by_seq
from app.events.statement import StatementKey, select_matching

HALF_UNIT = 0.5e-6
"""Weights are kept in millionths, which may be above the weight itself by half of one."""
Bounds = ColumnElement[str] | ColumnElement[float]
MAX_QUAD = 7
"""A `seq` and its quad class are one number, so that it can be listed."""


def find_bucket_tops(
    db: Connection,
    query: BoundQuery,
    buckets: Sequence[Stretch],
    bars: Mapping[str, BucketBar],
    size: BucketSize,
    top: int,
    *,
    ran_before: bool,
) -> dict[str, list[EventTitle]]:
    """Find the `top` weightiest events of each bucket, by its first day, the weightiest first.

    `query` is the question of the timeline; each bucket is sought by its own days and its bar.
    `ran_before` says whether events that began earlier went on in the window.
    """
    asked = []
    for start, end in buckets:
        bar = bars.get(bucket_start_text(start, size))
        if bar is not None:
            asked.append((start, end, repr(bar.weight - HALF_UNIT), "1" if bar.is_shared else "0"))
    found: dict[str, list[EventTitle]] = {}
    body = b"[]"
    if asked:
        kind = query.statement_key.dialect_name
        values = query.values | {"page": top} | list_row_params(kind, "bucket", asked)
        [(lines, joined, lengths, packed)] = _compile_tops(query.statement_key).fetch_rows(
            db, values
        )
        places = [] if lines is None else lines.split("\n")
        if packed:
            joined = unpack_joined(joined, map(int, lengths.split(",")), db.dialect)
        body = b"".join((b"[", joined or b"", b"]"))
        last, of_bucket = "", list[EventTitle]()
        for place, title in zip(places, decode_titles(body), strict=True):
            title.sign = _SIGNS[place[_QUAD]]
            if place[_DAY] != last:
                last = place[_DAY]
                of_bucket = found.setdefault(bucket_start_text(last, size), [])
            of_bucket.append(title)
    first = bucket_start_text(buckets[0][0], size) if buckets else ""
    bar = bars.get(first) if ran_before else None
    if bar is not None:
        running = _compile_running_tops(query.statement_key)
        rows = running.fetch_rows(db, query.values | {"bar": bar.weight - HALF_UNIT, "page": top})
        earlier = read_titles(db, [seq for seq, _ in rows])
        days = {one.id: one.start for one in decode_first_days(body)}
        for seq, quad in rows:
            earlier[seq].sign = _find_sign(quad or 0)
            days[earlier[seq].id] = buckets[0][0]
        both = [*found.get(first, ()), *earlier.values()]
        both.sort(key=lambda title: (-title.weight, days[title.id], title.id))
        found[first] = both[:top]
    return found


def _find_sign(quad: int) -> int:
    """Return the sign of a quad class; 0 is none."""
    return 0 if not quad else 1 if quad <= 2 else -1


_SIGNS = {str(quad): _find_sign(quad) for quad in range(MAX_QUAD + 1)}
_DAY, _QUAD = slice(10), 11
"""Where a place has the first day of its bucket, and the quad class of the event."""


@lru_cache(maxsize=256)
def _compile_tops(of: StatementKey) -> CompiledStatement:
    """Compile the tops of all the rows `bucket` as one row, in the order of these.

    It has the first day of its bucket and the quad class of each, their documents as they are
    stored, joined by commas, their lengths, and how many are packed. Each row of `bucket` has a
    first and a last day, a bar, and whether the first events of the bucket that reach it are the
    tops, or all are sorted.
    """
    bounds = [(name, 1) for name in ("bar", "since", "until")]
    fields = dict(of.shape.field_counts) | dict(bounds)
    key = replace(of, shape=FilterShape(tuple(fields.items())), part="begun", sort="date")
    bucket = list_rows(of.dialect_name, "bucket", ("first", "last", "bar", "shared"))
    # By name, not as columns: the subquery within would select from the buckets again.
    places: dict[str, Bounds] = {
        "since": literal_column("bucket.first"),
        "until": literal_column("bucket.last"),
        "bar": cast(literal_column("bucket.bar"), Float),
    }

    def place_bounds(
        element: object, **_: object
    ) -> ColumnElement[str] | ColumnElement[float] | None:
        return places.get(element.key) if isinstance(element, BindParameter) else None

    placed: list[Select[int]] = [
        replacement_traverse(_select_tops(key, is_shared=is_shared), {}, place_bounds)  # type: ignore[misc]
        for is_shared in (True, False)
    ]
    found = list_chosen_numbers(of.dialect_name, bucket.c.shared == "1", *placed)
    order = (bucket.c.first, found.c.key)
    quad = found.c.value.bitwise_and(MAX_QUAD)
    place = bucket.c.first.concat(" ").concat(cast(quad, Text))
    documents = join_documents(revisions, order)
    rows = select(join_texts(place, *order), *documents, func.count(revisions.c.packed))
    same = revisions.c.seq == found.c.value // (MAX_QUAD + 1)
    rows = rows.select_from(bucket.join(found, true()).join(revisions, same))
    return compile_statement(of.dialect_name, rows, steady=True)


def _select_tops(key: StatementKey, *, is_shared: bool) -> Select[int]:
    """Select `seq` and quad class of the weightiest events of a bucket, the weightiest first.

    With `is_shared`, they are the first of the bucket that reach the bar.
    """
    every = select_matching(replace(key, limited=is_shared), "intensity", "quad")
    hit = (every if is_shared else every.order_by(None)).subquery().c
    weight = func.abs(func.coalesce(hit.intensity, 0.0))
    number = hit.seq * (MAX_QUAD + 1) + func.coalesce(hit.quad, 0)
    found = select(number.label("number")).order_by(weight.desc(), hit.value, hit.id)
    return found if is_shared else found.limit(bindparam("page", type_=Integer))


@lru_cache(maxsize=256)
def _compile_running_tops(of: StatementKey) -> CompiledStatement:
    """Compile (seq, quad class) of the weightiest that began before the window."""
    shape = FilterShape((*of.shape.field_counts, ("bar", 1)))
    key = replace(of, shape=shape, part="running", limited=False)
    hit = select_matching(key, "intensity", "quad").order_by(None).subquery().c
    weight = func.abs(func.coalesce(hit.intensity, 0.0))
    most = bindparam("page", type_=Integer)
    found = select(hit.seq, hit.quad).order_by(weight.desc(), hit.id).limit(most)
    return compile_statement(key.dialect_name, found)


def read_titles(db: Connection, seqs: Sequence[int]) -> dict[int, EventTitle]:
    """Read the titles of some revisions, by `seq`."""
    found: dict[int, EventTitle] = {}
    for at in range(0, len(seqs), 500):
        asked = compile_events_by_seq(db.dialect.name)
        for seq, document in asked.fetch_rows(db, in_list_params(db, seqs[at : at + 500])):
            found[seq] = decode_title(document)
    return found
