"""The active watches in memory, as the matching of changes needs them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from app.db.tables import memberships, moved
from app.events.resolved_filter import BoundingBox, ResolvedFilter, SearchCircle
from app.watches import watch_store
from app.watches.match_index import MatchIndex

MemberPeriods = dict[str, dict[str, list[tuple[str, str]]]]


def encode_codes(resolved: ResolvedFilter) -> str:
    """Encode a resolved filter for storage, without the fields that are not set."""
    plain = ResolvedFilter()
    names = ResolvedFilter.__dataclass_fields__
    found = {name: getattr(resolved, name) for name in names}
    return json.dumps({n: v for n, v in found.items() if v != getattr(plain, n)})


def decode_codes(stored: str, survivors: Mapping[str, str]) -> ResolvedFilter:
    """Decode a stored filter; merged actors are replaced by those they were merged into."""
    fields: dict[str, Any] = json.loads(stored)
    for name, value in fields.items():
        if name in _ACTOR_FIELDS:
            fields[name] = tuple(dict.fromkeys(survivors.get(code, code) for code in value))
        elif isinstance(value, list):
            shape = _SHAPES.get(name)
            fields[name] = tuple(value) if shape is None else shape(*value)
    return ResolvedFilter(**fields)


_ACTOR_FIELDS = ("actor", "between", "initiator", "target", "member_of", "country")
_SHAPES: dict[str, Any] = {"bbox": BoundingBox, "near": SearchCircle}


def read_survivors(db: Connection) -> dict[str, str]:
    """Read into which actor each merged one went in the end."""
    rows = db.execute(select(moved.c.id, moved.c.into).where(moved.c.kind == "actor"))
    into = {row.id: row.into for row in rows}
    found = {}
    for merged in into:
        code = merged
        while code in into:
            code = into[code]
        found[merged] = code
    return found


def read_member_days(db: Connection, groups: Iterable[str]) -> MemberPeriods:
    """Read the periods of all members of some groups, by group and actor."""
    found: MemberPeriods = {group: defaultdict(list) for group in groups}
    m = memberships.c
    asked = select(m.group, m.actor, m.since, m.until).where(
        m.group.in_(list(found)), m.role == "member", m.since.is_not(None)
    )
    for row in db.execute(asked) if found else ():
        found[row.group][row.actor].append((row.since, row.until))
    return found


class WatchRegistry:
    """Watches by what they may match, kept up to date by their editions."""

    def __init__(self) -> None:
        self.index = MatchIndex()
        self.sides: dict[str, set[str]] = defaultdict(set)
        """Watches on shifts, by each actor whose acts may move them."""
        self.sent: dict[str, bool] = {}
        """Of each watch here, whether what it has to say is sent somewhere."""
        self.owners: dict[str, str] = {}
        """Of each watch here, the name of its key."""
        self.survivors: dict[str, str] = {}
        """Into which actor each merged one went."""
        self._edition = -1
        self._rows: dict[str, Row[Any]] = {}
        self._is_fresh = False

    def rests_on(self, kind: str, action: str) -> bool:
        """Return whether such a change of a document changes what filters mean."""
        if self._is_fresh:  # filters were resolved after the changes that are compared
            return False
        if kind == "actor":
            return action == "merge"
        return kind == "membership" and bool(self.index.periods)

    def resolve_again(self, db: Connection) -> None:
        """Resolve all filters again: actors were merged, or a membership changed."""
        self.index, self.sides, self.sent = MatchIndex(), defaultdict(set), {}
        self._take_over(db, self._rows.values())

    def refresh(self, db: Connection) -> int:
        """Take over what changed of the watches, and return the edition."""
        edition = watch_store.read_edition(db)
        if edition == self._edition:
            return edition
        changed = watch_store.list_changed_watches(db, self._edition)
        for row in changed:
            self._rows[row.id] = row
        if len(self._rows) != len(ids := watch_store.list_watch_ids(db)):
            gone = self._rows.keys() - ids
            changed = [*changed, *(self._rows.pop(ident) for ident in gone)]
        self._take_over(db, changed)
        self._edition = edition
        return edition

    def take_rows(self, db: Connection, rows: Iterable[Row[Any]]) -> "WatchRegistry":
        """Take over some watches wherever they are, for those that catch up."""
        self._rows = {row.id: row for row in rows}
        self._is_fresh = True
        self._take_over(db, self._rows.values())
        return self

    def take_filter(self, db: Connection, name: str, resolved: ResolvedFilter) -> "WatchRegistry":
        """Take over one filter that no watch has."""
        self._is_fresh = True
        self.survivors = read_survivors(db)
        self.index.periods |= read_member_days(db, resolved.member_of)
        self.index.add_watch(name, resolved)
        self.sent[name] = False
        return self

    @property
    def has_watches(self) -> bool:
        """Whether there is any watch, wherever it is."""
        return bool(self._rows)

    def __len__(self) -> int:
        return len(self.sent)

    def _take_over(self, db: Connection, rows: Iterable[Row[Any]]) -> None:
        survivors = self.survivors = read_survivors(db)
        filters: dict[str, ResolvedFilter] = {}
        for row in rows:
            self._drop_watch(row.id)
            goes_along = row.state == "active" and (self._is_fresh or row.position is None)
            if row.id not in self._rows or not goes_along:
                continue
            self.owners[row.id] = row.owner
            self.sent[row.id] = bool(row.url or row.email)
            if row.kind == "shift":
                for code in json.loads(row.codes)["sides"]:
                    self.sides[survivors.get(code, code)].add(row.id)
            else:
                filters[row.id] = decode_codes(row.codes, survivors)
        groups = {group for wanted in filters.values() for group in wanted.member_of}
        if missing := groups - self.index.periods.keys():
            self.index.periods |= read_member_days(db, missing)
        for ident, wanted in filters.items():
            self.index.add_watch(ident, wanted)

    def _drop_watch(self, ident: str) -> None:
        self.index.remove_watch(ident)
        if self.sent.pop(ident, None) is not None:
            for watches in self.sides.values():
                watches.discard(ident)
