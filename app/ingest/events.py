"""Batches of events: compared with what is stored, then written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.actors.changes import write_actors
from app.actors.schemas import Actor
from app.db.journal import Writer
from app.db.types import NEVER
from app.events.changes import documents
from app.ingest.finish import Cited, Sheet, finish, said_by, text_of
from app.ingest.given import Given, GivenActor, GivenSource, RejectedError
from app.ingest.late import reports_of
from app.ingest.row import Row, item, key, signature
from app.ingest.settle import Settled, settle
from app.ingest.sources import cited as cite
from app.ingest.standing import Standing
from app.ingest.store import (
    Digests,
    Noted,
    digests,
    merged,
    numbers_of,
    store_events,
    store_sources,
)
from app.ingest.tally import Tally
from app.text import fold

CREATED_KIND = "organization"
"""The kind of a created actor, where the file names none."""


@dataclass(slots=True)
class Prepared:
    """A batch of events, compared with one version of the database."""

    tally: Tally = field(default_factory=Tally)
    sheet: Sheet = field(default_factory=Sheet)
    """The rows of new and changed events."""
    noted: list[Noted] = field(default_factory=list)
    """All events whose rows were parsed, unchanged ones included."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The number of the latest revision of events that exist."""
    sources: dict[str, GivenSource] = field(default_factory=dict)
    rejects: list[tuple[Row, RejectedError]] = field(default_factory=list)
    unknown: dict[str, GivenActor] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write."""
        return not self.noted

    def write(self, db: Connection, by: Writer, standing: Standing) -> None:
        """Store new sources, and new and changed events."""
        if self.sources:
            store_sources(db, self.sources, by)
            for key, source in self.sources.items():
                standing.learn(key, source)
        store_events(db, self.sheet, self.numbers, self.noted, by)


def prepare(
    db: Connection,
    rows: Sequence[Row],
    dataset: str,
    standing: Standing,
    last: int,
    *,
    only_new: bool = False,
) -> Prepared:
    """Compare a batch of rows with the database, and build the documents that differ.

    `last` is the `seq` before the first one of the batch. With `only_new`, a row that would change
    a stored event is rejected.
    """
    done = Prepared()
    ids = [f"{dataset}:{key(row)}" for row in rows]
    held = {} if standing.untold else digests(db, ids)
    settled: dict[str, tuple[Row, Settled]] = {}
    for k, row in zip(ids, rows, strict=True):
        if k in held and held[k].row == signature(row):
            done.tally.unchanged += 1
        elif (one := _settled(row, standing, done)) is not None:
            done.tally.duplicates += k in settled
            settled[k] = (row, one)
    new = {k: one for k, one in settled.items() if k not in held or held[k].said != one[1].digest}
    done.tally.unchanged += len(settled) - len(new)
    if not standing.untold:
        for k in merged(db, list(new)):
            del new[k]
            done.tally.unchanged += 1
        done.numbers = numbers_of(db, list(new))
    _finish(db, new, dataset, standing, done, last, only_new)
    changed = sum(ident in done.numbers for _, ident, *_ in done.sheet.bodies)
    done.tally.changed += changed
    done.tally.new += len(done.sheet.bodies) - changed
    done.tally.unchanged += len(done.noted) - len(done.sheet.bodies)
    done.tally.reject(wrong for _, wrong in done.rejects)
    return done


def _settled(row: Row, standing: Standing, done: Prepared) -> Settled | None:
    try:
        given = item(row, lambda field, odd: done.tally.warnings.update((f"{field} {odd}",)))
        assert isinstance(given, Given)
        settled = settle(given, standing)
    except RejectedError as wrong:
        wrong.__cause__ = wrong.__context__ = None  # else it keeps its frames in memory
        done.rejects.append((row, wrong.with_traceback(None)))
        return None
    for asked, actor in settled.unknown:
        done.unknown.setdefault(asked, actor)
        done.tally.unknown[asked] += 1
    for asked in settled.several:
        done.tally.warnings[f"participants: {asked[:100]!r} matches several actors"] += 1
    return settled


def _finish(
    db: Connection,
    new: dict[str, tuple[Row, Settled]],
    dataset: str,
    standing: Standing,
    done: Prepared,
    last: int,
    only_new: bool,
) -> None:
    """Build the documents of events whose sources exist or are inline."""
    waiting = reports_of(db, list(new))
    cited_ids = {r.source for _, s in new.values() for r in s.given.reports}
    cited_ids |= {r.source for told in waiting.values() for r in told}
    cited = standing.look_up(db, cited_ids)  # type: ignore[arg-type]
    stands = dict(documents(db, list(done.numbers)))
    sound = [
        (k, row, settled)
        for k, (row, settled) in new.items()
        if _all_there(row, settled, cited, done, stays=only_new and k in stands)
    ]
    last += len(done.sources)
    for ident, row, settled in sound:
        late = waiting.get(ident, ())
        if late:
            own = {r.source for r in settled.given.reports}
            late = [r for r in late if r.source not in own]
        body = finish(settled.given, dataset, standing.world.known, cited, late)
        text = text_of(body)
        same = ident in stands and said_by(stands[ident]) == text
        if only_new and ident in stands and not same:
            done.rejects.append((row, _otherwise()))
            continue
        written = 0 if settled.open else signature(row)
        done.noted.append(Noted(ident, Digests(settled.digest, written)))
        if not same:
            last += 1
            done.sheet.add(body, text, last)


def _all_there(
    row: Row, settled: Settled, cited: dict[str, Cited], done: Prepared, *, stays: bool
) -> bool:
    """Return whether all sources of an event exist or are inline; otherwise it is rejected.

    `stays`: the stored event must not change, so that a row with a new source is rejected too.
    Sources of rejected rows are not stored.
    """
    for n, report in enumerate(settled.given.reports):
        if report.source not in cited and report.source not in settled.sources:
            reason = f"no source has the id {str(report.source)[:100]!r}"
            done.rejects.append((row, RejectedError(f"reports[{n}].source", reason)))
            return False
    new = {key: given for key, given in settled.sources.items() if key not in cited}
    if not new:
        return True
    if stays:
        done.rejects.append((row, _otherwise()))
        return False
    cited.update((key, cite(given)) for key, given in new.items())
    done.sources |= new
    return True


def _otherwise() -> RejectedError:
    return RejectedError("key", "conflicts with the stored event")


def create_actors(
    db: Connection, unknown: dict[str, GivenActor], by: Writer, standing: Standing
) -> int:
    """Create unknown actors under the names or codes that the file has; returns their number."""
    made = []
    for asked, given in sorted(unknown.items()):
        if standing.world.find(asked, NEVER) is not None:  # created by an earlier name
            continue
        scheme, _, value = asked.partition(":")
        coded = bool(value) and scheme.isalnum() and scheme != "name"
        name = given.name if isinstance(given.name, str) and given.name else value or asked
        code = _free(fold(name), asked, standing)
        kind = given.kind if isinstance(given.kind, str) else CREATED_KIND
        codes = [{"scheme": scheme.lower(), "value": value}] if coded else []
        made.append(
            Actor.model_validate({"code": code, "kind": kind, "name": name[:200], "codes": codes})
        )
        names = [("code", code.lower()), ("name", fold(name))]
        names += [(scheme.lower(), value.lower())] if coded else []
        standing.world.add(code, name[:200], kind, names)
    write_actors(db, made, by)
    return len(made)


def _free(name: str, asked: str, standing: Standing) -> str:
    """Choose an unused code: a slug of the name, with the name in the file or a number added."""
    slug = "-".join(name.encode("ascii", "ignore").decode().split())[:80].strip("-")
    taken = {code for code in (slug, slug.upper()) if code in standing.world.codes}
    if len(slug) > 3 and not taken and ("code", slug) not in standing.world.names:
        return slug
    more = "-".join(fold(asked).encode("ascii", "ignore").decode().split())[:80]
    base = f"{slug}-{more}".strip("-") or "actor"
    number, code = 2, base
    while ("code", code) in standing.world.names:
        code, number = f"{base}-{number}", number + 1
    return code
