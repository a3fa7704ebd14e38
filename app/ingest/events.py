"""Events: what of a batch is new, what changed, what is as it was; and the writing of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.actors.changes import write_actors
from app.actors.schemas import Actor
from app.db.journal import Writer
from app.ingest.finish import Cited, Finished, finish
from app.ingest.given import Given, GivenActor, GivenSource, RejectedError
from app.ingest.late import reports_of
from app.ingest.reading import Row, item, key, signature
from app.ingest.settle import Settled, settle
from app.ingest.sources import cited as cite
from app.ingest.standing import Standing
from app.ingest.store import Digests, digests, known, merged, store_events, store_sources
from app.ingest.tally import Tally
from app.text import fold

CREATED_KIND = "organization"
"""What an actor is taken for where the file does not tell."""


@dataclass(slots=True)
class Prepared:
    """A batch, compared with what is stored at one version of the database."""

    tally: Tally = field(default_factory=Tally)
    made: list[tuple[Finished, Digests]] = field(default_factory=list)
    sources: dict[str, GivenSource] = field(default_factory=dict)
    rejects: list[tuple[Row, RejectedError]] = field(default_factory=list)
    unknown: dict[str, GivenActor] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write."""
        return not self.made

    def write(self, db: Connection, by: Writer, standing: Standing) -> None:
        """Store what the batch says that is new."""
        if self.sources:
            store_sources(db, self.sources, by)
            for key, source in self.sources.items():
                standing.learn(key, source)
        store_events(db, self.made, by)


def prepare(
    db: Connection,
    rows: Sequence[Row],
    dataset: str,
    standing: Standing,
    *,
    only_new: bool = False,
) -> Prepared:
    """Compare a batch of rows with what is stored, and finish those that say something new.

    With `only_new`, a row that would change what is there is rejected.
    """
    done = Prepared()
    ids = [f"{dataset}:{key(row)}" for row in rows]
    held = digests(db, ids)
    settled: dict[str, tuple[Row, Settled]] = {}
    for k, row in zip(ids, rows, strict=True):
        if k in held and held[k].row == signature(row):
            done.tally.unchanged += 1
        elif (one := _settled(row, standing, done)) is not None:
            done.tally.duplicates += k in settled
            settled[k] = (row, one)
    new = {k: one for k, one in settled.items() if k not in held or held[k].said != one[1].digest}
    again = [k for k in new if k in held]
    gone = merged(db, again) if again else set()
    done.tally.unchanged += len(settled) - len(new) + len(gone)
    if only_new:
        for k in known(db, list(new)) - gone:
            there = RejectedError("key", "is there already, and says something else")
            done.rejects.append((new.pop(k)[0], there))
    _finish(db, {k: one for k, one in new.items() if k not in gone}, dataset, standing, done)
    changed = sum(event.id in held for event, _ in done.made)
    done.tally.changed += changed
    done.tally.new += len(done.made) - changed
    done.tally.reject(wrong for _, wrong in done.rejects)
    return done


def _settled(row: Row, standing: Standing, done: Prepared) -> Settled | None:
    try:
        given = item(row, lambda field, odd: done.tally.warnings.update((f"{field} {odd}",)))
        assert isinstance(given, Given)
        settled = settle(given, standing)
    except RejectedError as wrong:
        done.rejects.append((row, wrong.with_traceback(None)))
        return None
    for asked, actor in settled.unknown:
        done.unknown.setdefault(asked, actor)
        done.tally.unknown[asked] += 1
    return settled


def _finish(
    db: Connection,
    new: dict[str, tuple[Row, Settled]],
    dataset: str,
    standing: Standing,
    done: Prepared,
) -> None:
    """Finish events whose sources are there, or come along."""
    cited_ids = {r.source for _, s in new.values() for r in s.given.reports}
    waiting = reports_of(db, list(new))
    cited_ids |= {r.source for told in waiting.values() for r in told}
    cited = standing.look_up(db, cited_ids)  # type: ignore[arg-type]
    for ident, (row, settled) in new.items():
        for source, given in settled.sources.items():
            if source not in cited:
                cited[source] = cite(given)
                done.sources[source] = given
        try:
            _all_there(settled.given, cited)
        except RejectedError as wrong:
            done.rejects.append((row, wrong.with_traceback(None)))
            continue
        own = {r.source for r in settled.given.reports}
        more = [r for r in waiting.get(ident, ()) if r.source not in own]
        made = finish(settled.given, dataset, standing.world.known, cited, more)
        done.made.append((made, Digests(settled.digest, 0 if settled.unknown else signature(row))))


def _all_there(given: Given, cited: dict[str, Cited]) -> None:
    for n, report in enumerate(given.reports):
        if report.source not in cited:
            raise RejectedError(
                f"reports[{n}].source", f"no source has the id {str(report.source)[:100]!r}"
            )


def create_actors(
    db: Connection, unknown: dict[str, GivenActor], by: Writer, standing: Standing
) -> int:
    """Create the actors that nobody knows yet, each under the name or code it goes by."""
    made = []
    for asked, given in sorted(unknown.items()):
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
    """A slug that no actor has; one that is taken gets the code or name that was given."""
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
