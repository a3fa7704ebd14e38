"""HTTP routes for the history of documents, differences, and the change feed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator
from sqlalchemy import Connection
from starlette.responses import StreamingResponse

from app.actors.memberships import MembershipId
from app.actors.path import Name
from app.actors.queries import UnknownActorError, called
from app.db.journal import version_of
from app.db.keyset import Key, pack
from app.events.filter import EventFilter
from app.events.queries import settle
from app.events.router import EventId
from app.examples import shown
from app.history import forms, read
from app.history.schemas import Change, Difference, Kind, Revision
from app.http.accept import accepted
from app.http.answer import encode
from app.http.asked import AsOf, version_at
from app.http.caching import cached
from app.http.database import CursorKey, Held
from app.http.pacing import paced_by
from app.http.page import Links, Meta, Page, Paging, address, links, page, resumed
from app.http.problems import RESPONSES, InvalidError, MissingError, crossed
from app.sources.citation import cited, license_links, sentence
from app.sources.router import DatasetCode, SourceId

router = APIRouter(prefix="/v1", tags=["history"], responses=RESPONSES)
Pages = Annotated[Paging, Query()]


def _history(
    request: Request, database: Held, kind: Kind, name: str, asked: Paging, secret: bytes
) -> Response:
    with database.connect() as db:
        version = version_of(db)

        def make() -> Response:
            ident = _ident(db, kind, name)
            bound = f"history {kind} {ident}"
            after = resumed(asked.cursor, bound, secret)
            from_ = 0 if after is None else int(after.value)
            found, more = read.revisions_of(db, kind, ident, from_, asked.limit)
            if not found and after is None:
                raise MissingError(f"No {kind} has or had that id.")
            cursor = pack(Key(str(found[-1].revision), ""), bound, secret) if more else None
            rows = [row.model_dump_json() for row in found]
            return page(rows, Meta(version=version), links(request, cursor))

        return cached(request, version, make)


def _ident(db: Connection, kind: Kind, name: str) -> str:
    """Resolve a path to the id of a document; a retracted one is found by its id alone."""
    if not name.isprintable():
        return ""
    if kind == "actor":
        try:
            row = called(db, name[:200])
        except UnknownActorError:
            row = None
        return name if row is None else str(row.code)
    return name


@router.get(
    "/events/{event_id}/history",
    response_model=Page[Revision],
    operation_id="getEventHistory",
    responses=shown("getEventHistory"),
)
def get_event_history(
    event_id: EventId, asked: Pages, request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the revisions of an event, oldest first: author, time, reason and changed fields."""
    return _history(request, database, "event", event_id, asked, key)


@router.get(
    "/actors/{code}/history",
    response_model=Page[Revision],
    operation_id="getActorHistory",
    responses=shown("getActorHistory"),
)
def get_actor_history(
    code: Name, asked: Pages, request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the revisions of an actor, oldest first."""
    return _history(request, database, "actor", code, asked, key)


@router.get(
    "/memberships/{membership_id}/history",
    response_model=Page[Revision],
    operation_id="getMembershipHistory",
    responses=shown("getMembershipHistory"),
)
def get_membership_history(
    membership_id: MembershipId, asked: Pages, request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the revisions of a membership, oldest first."""
    return _history(request, database, "membership", membership_id, asked, key)


@router.get(
    "/sources/{source_id}/history",
    response_model=Page[Revision],
    operation_id="getSourceHistory",
    responses=shown("getSourceHistory"),
)
def get_source_history(
    source_id: SourceId, asked: Pages, request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the revisions of a source, oldest first."""
    return _history(request, database, "source", source_id, asked, key)


@router.get(
    "/datasets/{dataset}/history",
    response_model=Page[Revision],
    operation_id="getDatasetHistory",
    responses=shown("getDatasetHistory"),
)
def get_dataset_history(
    dataset: DatasetCode, asked: Pages, request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the revisions of a dataset, oldest first."""
    return _history(request, database, "dataset", dataset, asked, key)


class DiffQuery(EventFilter, Paging):
    """Parameters of a difference: a filter on events, and two versions."""

    from_: AsOf = Field(
        alias="from", description="A version, an instant, or the end of a day.", examples=["1"]
    )
    to: AsOf | None = Field(
        None,
        description="A version, an instant, or the end of a day; the current version by default.",
    )

    @model_validator(mode="after")
    def _two_versions(self) -> "DiffQuery":
        if self.as_of is not None:
            raise crossed("as_of", "does not go with a difference", "Use to= instead.")
        return self


@router.get(
    "/diff",
    response_model=Page[Difference],
    operation_id="getDifferences",
    responses=shown("getDifferences"),
)
def get_differences(
    asked: Annotated[DiffQuery, Query()], request: Request, database: Held, key: CursorKey
) -> Response:
    """Lists the events added, changed or retracted between two versions, with changed fields."""
    with database.connect() as db:
        newest = version_of(db)
        first = version_at(db, asked.from_, "from") or 0
        until = version_at(db, asked.to, "to")
        last = newest if until is None else until
        if first > last:
            raise InvalidError("from", "lies after to", "Exchange the two.")

        def make() -> Response:
            apart = {"cursor", "limit", "from_", "to"}
            bound = f"diff {first} {last} {asked.model_dump_json(exclude=apart)}"
            after = resumed(asked.cursor, bound, key)
            from_ = 0 if after is None else int(after.value)
            part = read.differences(db, settle(db, asked), first, last, from_, asked.limit)
            pins = {"from": str(first), "to": str(last)}
            where = Links(self=address(request), permalink=address(request, **pins))
            if not part.done:
                cursor = pack(Key(str(part.upto), ""), bound, key)
                where.next = address(request, **pins, cursor=cursor)
            empty = not part.found and part.done
            known = Meta(version=last, reason="no_match" if empty else None)
            rows = [row.model_dump_json() for row in part.found]
            return page(rows, known, where)

        return cached(request, last, make)


class ChangesFilter(EventFilter):
    """Which changes to list; with a filter on events, those of events that match or did before."""

    kind: list[Kind] = Field([], description="Changes of these kinds of document.")
    derived: bool = Field(
        False,
        description="Also derived revisions, which follow from another change such as a renaming.",
    )
    document: bool = Field(False, description="Adds the document of the revision to each change.")

    @model_validator(mode="after")
    def _of_events(self) -> "ChangesFilter":
        if self.as_of is not None:
            raise crossed("as_of", "does not go with changes", "Use after= instead.")
        if self.narrows and self.kind and set(self.kind) != {"event"}:
            raise crossed(
                "kind", "must be event where a filter on events is set", "Leave kind out."
            )
        return self

    @property
    def narrows(self) -> bool:
        """Whether any filter on events is set."""
        return bool(self.model_fields_set & EventFilter.model_fields.keys())

    def wanted(self, db: Connection) -> read.Wanted:
        """Resolve the names in the filter; the result is ready to be read."""
        resolved = settle(db, self) if self.narrows else None
        kinds = ("event",) if self.narrows else tuple(self.kind)
        return read.Wanted(resolved, kinds, self.derived, self.document)


Seq = Annotated[int, Field(ge=0, le=2**53)]


class ChangesQuery(ChangesFilter):
    """Parameters of the change feed."""

    after: Seq = Field(0, description="The last `seq` that the reader has.")
    limit: int = Field(
        500, ge=1, le=1000, description="Changes on a page; without it `ndjson` and `csv` send all."
    )
    format: forms.Form | None = Field(
        None, description="`ndjson`, `csv` or `atom`; without it `Accept` decides."
    )


@router.get(
    "/changes",
    response_model=Page[Change],
    operation_id="listChanges",
    responses=forms.offered(shown("listChanges")),
)
def list_changes(
    asked: Annotated[ChangesQuery, Query()], request: Request, database: Held
) -> Response:
    """Lists every change in order, each once; `links.next` leads to later ones.

    `links.next` is null only where there is no later change. Keep the last one that was not null:
    it can be requested again at any time.
    """
    with database.connect() as db:
        newest = version_of(db)
        beyond(asked.after, newest)
        form = asked.format or accepted(request.headers.get("accept"), forms.MEDIA)

        def make() -> Response:
            if form != "json":
                return _changes_in_form(form, asked, request, db, newest)
            part = read.changes(db, asked.wanted(db), asked.after, asked.limit)
            upto = newest if part.done else part.upto
            where = links(request, None)
            if upto > asked.after:
                where.next = address(request, after=str(upto))
            rows = [encode(change).decode() for change in part.found]
            known = Meta(version=newest, reason=None if rows else "no_match")
            return page(rows, known, where)

        answer = cached(request, newest, make, form)
        answer.headers["Vary"] = "Accept"
        return answer


def _changes_in_form(
    form: forms.Form, asked: ChangesQuery, request: Request, db: Connection, newest: int
) -> Response:
    """Answer with changes as NDJSON, CSV or Atom; `Link` has the next page and the licenses."""
    state, wanted = request.app.state, asked.wanted(db)
    datasets = cited(db)
    headers = {"Entente-Version": str(newest)}
    if form in forms.STREAMS and "limit" not in asked.model_fields_set:
        upto = newest
        found = forms.parts(state.database, wanted, asked.after, newest, None)
    else:
        part = read.changes(db, wanted, asked.after, asked.limit)
        upto, found = newest if part.done else part.upto, iter([part.found])
    onward = address(request, after=str(upto)) if upto > asked.after else None
    link_headers = [f'<{onward}>; rel="next"'] if onward else []
    if form == "atom":
        here, rights = address(request), [sentence(d) for d in datasets]
        more = onward if upto < newest else None
        body = forms.feed(next(found), here, more, rights)
        return Response(body, 200, headers | _linked(link_headers), forms.MEDIA[form][0])
    headers |= _linked([*link_headers, *license_links(datasets)])
    headers["Content-Disposition"] = f'attachment; filename="entente-changes.{form}"'
    parts = forms.lines(found) if form == "ndjson" else forms.table(found, asked.document)
    kind = forms.MEDIA[form][0]
    kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return StreamingResponse(paced_by(state.exports, parts), 200, headers, kind)


def _linked(links: list[str]) -> dict[str, str]:
    return {"Link": ", ".join(links)} if links else {}


def beyond(after: int, newest: int, field: str = "after") -> None:
    """Refuse a `seq` beyond the newest: the reader has it from another database."""
    if after > newest:
        hint = f"Newest: {newest}. If the database was restored, start again with after=0."
        raise InvalidError(field, "is later than the newest version", hint)
