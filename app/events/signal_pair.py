"""Find the two actors whose signals count for a question about a pair."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, or_, select

from app.db.dialect.fast_statements import compile_prepared
from app.db.tables import actors
from app.events.render import ACTING_KINDS


def find_signal_pair(db: Connection, between: Sequence[str]) -> tuple[str, str] | None:
    """Find the two actors of `between`; None where one is a person or body, without signals."""
    pair = tuple(dict.fromkeys(between))
    if len(pair) != 2:
        return None
    run = compile_prepared(db.dialect.name, _ACTING_OF_PAIR)
    return None if run.fetch_rows(db, {"pair_0": pair[0], "pair_1": pair[1]}) else pair


_ACTING_OF_PAIR = select(actors.c.code).where(
    or_(*(actors.c.code == bindparam(name) for name in ("pair_0", "pair_1"))),
    or_(*(actors.c.kind == kind for kind in sorted(ACTING_KINDS))),
)
