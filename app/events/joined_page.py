"""A page of events as the bytes that are sent: the database joins the documents (decision 035).

So the driver has one row to give out instead of one for each event, and no document becomes a text
that is then encoded again.
"""

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, func, select

from app.db.dialect.fast_statements import CompiledStatement, RowsStatement, compile_statement
from app.db.dialect.joined_documents import join_documents, join_texts, reads_in_order
from app.db.keyset import PageKey
from app.db.packed_documents import unpack_joined
from app.db.tables import revisions
from app.events.queries import BoundQuery, fetch_page_rows, iterate_page_parts
from app.events.statement import StatementKey, select_matching


class JoinedPage(NamedTuple):
    """The documents of a page, joined by commas."""

    body: bytes
    last: PageKey | None
    """The key of the last of them where more follow."""


def select_joined_page(key: StatementKey) -> RowsStatement:
    """Select one row: the keys of a page and of one more event, and the joined documents."""
    page = select_matching(key).cte("page").prefix_with("MATERIALIZED")
    p = page.c
    order = [c.desc() if key.is_descending else c.asc() for c in (p.value, p.id)]
    keys = select(join_texts(p.value.concat(" ").concat(p.id), *order)).scalar_subquery()
    some = select(p.value, p.id, p.seq)
    if not reads_in_order(key.dialect_name):
        some = some.order_by(*order)
    shown = some.limit(bindparam("shown", type_=Integer)).subquery("shown").c
    order = [c.desc() if key.is_descending else c.asc() for c in (shown.value, shown.id)]
    found = select(keys, *join_documents(revisions, order), func.count(revisions.c.packed))
    return found.where(revisions.c.seq == shown.seq)


@lru_cache(maxsize=1024)
def _compile_joined_page(key: StatementKey) -> CompiledStatement:
    return compile_statement(key.dialect_name, select_joined_page(key), often=True)


def fetch_joined_page(db: Connection, query: BoundQuery, most: int) -> JoinedPage:
    """Fetch a page of at most so many events; the query is limited to one more."""
    key = query.statement_key
    if key.sort == "relevance":
        return _join_rows(db, query, most)  # ranks would lose digits as texts
    keys, bodies = list[str](), list[bytes]()
    for part, values in iterate_page_parts(db, query):
        left = most - len(keys)
        values |= {"page": left + 1, "shown": left}
        asked = _compile_joined_page(part)
        [(lines, documents, lengths, packed)] = asked.fetch_rows(db, values)
        found = [] if lines is None else lines.split("\n")
        if packed:
            documents = unpack_joined(documents, map(int, lengths.split(",")), db.dialect)
        keys += found
        bodies += [documents] if documents else []
        if len(keys) > most:
            break
    last = PageKey(*keys[most - 1].split(" ", 1)) if len(keys) > most else None
    return JoinedPage(b",".join(bodies), last)


def _join_rows(db: Connection, query: BoundQuery, most: int) -> JoinedPage:
    rows = fetch_page_rows(db, query)
    last = PageKey(*rows[most - 1][:2]) if len(rows) > most else None
    documents: list[str] = [row[2] for row in rows[:most]]
    return JoinedPage(",".join(documents).encode(), last)
