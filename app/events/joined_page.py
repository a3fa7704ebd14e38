"""A page of events as the bytes that are sent: the database joins the documents (decision 035).

So the driver has one row to give out instead of one for each event, and no document becomes a text
that is then encoded again.
"""

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, Integer, bindparam, func, select

from app.db.dialect.fast_statements import CompiledStatement, RowsStatement, compile_statement
from app.db.dialect.joined_documents import join_documents, reads_in_order
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
    """Select one row: the number of events of a page and one more, a key, the joined documents.

    The key is that of the event at the place `at`; joined are the documents of the first `shown`.
    """
    page = select_matching(key).cte("page").prefix_with("MATERIALIZED")
    p = page.c
    most = bindparam("shown", type_=Integer)
    in_order = reads_in_order(key.dialect_name)
    order = [c.desc() if key.is_descending else c.asc() for c in (p.value, p.id)]
    last = select(p.value.concat(" ").concat(p.id)).offset(bindparam("at", type_=Integer)).limit(1)
    some = select(p.seq) if in_order else select(p.value, p.id, p.seq)
    if not in_order:
        last, some = last.order_by(*order), some.order_by(*order)
    shown = some.limit(most).subquery("shown")
    columns = () if in_order else (shown.c.value, shown.c.id)
    order = [c.desc() if key.is_descending else c.asc() for c in columns]
    number = select(func.count()).select_from(page).scalar_subquery()
    found = select(
        number, last.scalar_subquery(), *join_documents(revisions, order),
        func.count(revisions.c.packed),
    )  # fmt: skip
    return found.select_from(shown.join(revisions, revisions.c.seq == shown.c.seq))


@lru_cache(maxsize=1024)
def _compile_joined_page(key: StatementKey) -> CompiledStatement:
    asked = select_joined_page(key)
    return compile_statement(key.dialect_name, asked, steady=key.has_one_plan, often=True)


def fetch_joined_page(db: Connection, query: BoundQuery, most: int) -> JoinedPage:
    """Fetch a page of at most so many events; the query is limited to one more."""
    key = query.statement_key
    if key.sort == "relevance":
        return _join_rows(db, query, most)  # ranks would lose digits as texts
    taken, line, bodies = 0, "", list[bytes]()
    for part, values in iterate_page_parts(db, query):
        left = most - taken
        values |= {"page": left + 1, "shown": left, "at": max(0, left - 1)}
        asked = _compile_joined_page(part)
        [(number, there, documents, lengths, packed)] = asked.fetch_rows(db, values)
        if packed:
            documents = unpack_joined(documents, map(int, lengths.split(",")), db.dialect)
        line = there if left and there is not None else line
        bodies += [documents] if documents else []
        taken += number
        if taken > most:
            return JoinedPage(b",".join(bodies), PageKey(*line.split(" ", 1)))
    return JoinedPage(b",".join(bodies), None)


def _join_rows(db: Connection, query: BoundQuery, most: int) -> JoinedPage:
    rows = fetch_page_rows(db, query)
    last = PageKey(*rows[most - 1][:2]) if len(rows) > most else None
    documents: list[str] = [row[2] for row in rows[:most]]
    return JoinedPage(",".join(documents).encode(), last)
