"""HTTP routes for the history of documents, differences, and the change feed."""

from typing import Annotated

from fastapi import Query, Request, Response
from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import Connection
from starlette.responses import StreamingResponse

from app.actors.membership_queries import find_partly_recorded
from app.actors.membership_router import MembershipId
from app.actors.path_parameters import ActorName
from app.actors.queries import UnknownActorError, find_actor
from app.db.as_of import resolve_as_of
from app.db.keyset import PageKey, decode_page_cursor, encode_cursor
from app.db.lineage_table import read_version
from app.db.reader import list_closed
from app.db.request_versions import refuse_later_version
from app.errors import InvalidParameterError, NotFoundError, make_crossed_error
from app.events.filter import EventFilter
from app.events.queries import resolve_filter
from app.events.router import EventId
from app.events.word_index import list_unsearched_datasets
from app.examples import example_responses
from app.history import change_formats, read
from app.history.schemas import Change, Difference, DocumentKind, Revision
from app.http.accept import document_formats, negotiate_format
from app.http.caching import respond_with_version_etag
from app.http.dependencies import CursorKeyDep, DatabaseDep, get_readers_database
from app.http.export_limiter import stream_in_limited_threads
from app.http.page import build_page_links, render_page, rewrite_address
from app.http.path_ids import EVENT_PATH
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.lineages import Version
from app.page_models import Links, Meta, Page
from app.query_models import AsOf, LineageName, PagingQuery
from app.sources.citation import build_license_links, format_citation, read_cited_datasets
from app.sources.router import DatasetCode, SourceId

router = PrefixRouter(
    prefix="/v1", tags=["history"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
PagingParams = Annotated[PagingQuery, Query()]


def _answer_history(
    request: Request,
    database: DatabaseDep,
    kind: DocumentKind,
    name: str,
    asked: PagingQuery,
    secret: bytes,
) -> Response:
    with database.connect() as db:
        version = read_version(db)

        def render_answer() -> Response:
            ident = _resolve_document_id(db, kind, name)
            bound = f"history {kind} {ident}"
            after = decode_page_cursor(asked.cursor, bound, secret, version)
            from_ = 0 if after is None else int(after.value)
            found, more = read.read_document_revisions(db, kind, ident, from_, asked.limit)
            if not found and after is None:
                raise NotFoundError(f"No {kind} has or had that id.")
            cursor = (
                encode_cursor(PageKey(str(found[-1].revision), ""), bound, secret, version)
                if more
                else None
            )
            rows = [row.model_dump_json() for row in found]
            return render_page(rows, Meta(version=version), build_page_links(request, cursor))

        return respond_with_version_etag(request, version, render_answer)


def _resolve_document_id(db: Connection, kind: DocumentKind, name: str) -> str:
    """Resolve a path to the id of a document; a retracted one is found by its id alone."""
    if not name.isprintable():
        return ""
    if kind == "actor":
        try:
            row = find_actor(db, name[:200])
        except UnknownActorError:
            row = None
        return name if row is None else str(row.code)
    return name


@router.get(
    f"{EVENT_PATH}/history",
    response_model=Page[Revision],
    operation_id="getEventHistory",
    responses=example_responses("getEventHistory"),
)
def get_event_history(
    event_id: EventId,
    asked: PagingParams,
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the revisions of an event, oldest first: author, time, reason and changed fields."""
    return _answer_history(request, database, "event", event_id, asked, key)


@router.get(
    "/actors/{code}/history",
    response_model=Page[Revision],
    operation_id="getActorHistory",
    responses=example_responses("getActorHistory"),
)
def get_actor_history(
    code: ActorName, asked: PagingParams, request: Request, database: DatabaseDep, key: CursorKeyDep
) -> Response:
    """Lists the revisions of an actor, oldest first."""
    return _answer_history(request, database, "actor", code, asked, key)


@router.get(
    "/memberships/{membership_id}/history",
    response_model=Page[Revision],
    operation_id="getMembershipHistory",
    responses=example_responses("getMembershipHistory"),
)
def get_membership_history(
    membership_id: MembershipId,
    asked: PagingParams,
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the revisions of a membership, oldest first."""
    return _answer_history(request, database, "membership", membership_id, asked, key)


@router.get(
    "/sources/{source_id}/history",
    response_model=Page[Revision],
    operation_id="getSourceHistory",
    responses=example_responses("getSourceHistory"),
)
def get_source_history(
    source_id: SourceId,
    asked: PagingParams,
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the revisions of a source, oldest first."""
    return _answer_history(request, database, "source", source_id, asked, key)


@router.get(
    "/datasets/{dataset}/history",
    response_model=Page[Revision],
    operation_id="getDatasetHistory",
    responses=example_responses("getDatasetHistory"),
)
def get_dataset_history(
    dataset: DatasetCode,
    asked: PagingParams,
    request: Request,
    database: DatabaseDep,
    key: CursorKeyDep,
) -> Response:
    """Lists the revisions of a dataset, oldest first."""
    return _answer_history(request, database, "dataset", dataset, asked, key)


class DiffQuery(EventFilter, PagingQuery):
    """Parameters of a difference: a filter on events, and two versions."""

    from_: AsOf = Field(
        alias="from", description="A version, an instant, or the end of a day.", examples=["1"]
    )
    to: AsOf | None = Field(
        None,
        description="A version, an instant, or the end of a day; the current version by default.",
    )
    lineage: LineageName | None = Field(
        None, description="The lineage that `from` and `to` are of; left out, the first one."
    )

    @model_validator(mode="after")
    def _check_diff_versions(self) -> "DiffQuery":
        if self.as_of is not None:
            raise make_crossed_error("as_of", "does not go with a difference", "Use to= instead.")
        return self


@router.get(
    "/diff",
    response_model=Page[Difference],
    operation_id="getDifferences",
    responses=example_responses("getDifferences"),
)
def get_differences(
    asked: Annotated[DiffQuery, Query()], request: Request, database: DatabaseDep, key: CursorKeyDep
) -> Response:
    """Lists the events added, changed or retracted between two versions, with changed fields."""
    with database.connect() as db:
        newest = read_version(db)
        first = resolve_as_of(db, asked.from_, asked.lineage, "from") or 0
        until = resolve_as_of(db, asked.to, asked.lineage, "to")
        last = newest if until is None else Version(until, newest.ancestry)
        if first > last:
            raise InvalidParameterError("from", "lies after to", "Exchange the two.")

        def render_answer() -> Response:
            apart = {"cursor", "limit", "from_", "to", "lineage"}
            bound = f"diff {first} {last} {asked.model_dump_json(exclude=apart)}"
            after = decode_page_cursor(asked.cursor, bound, key, last)
            from_ = 0 if after is None else int(after.value)
            resolved = resolve_filter(db, asked, None)
            part = read.read_differences(db, resolved, first, last, from_, asked.limit)
            pins = {"from": str(first), "to": str(last), "lineage": last.lineage}
            where = Links(self=rewrite_address(request), permalink=rewrite_address(request, **pins))
            if not part.done:
                cursor = encode_cursor(PageKey(str(part.upto), ""), bound, key, last)
                where.next = rewrite_address(request, **pins, cursor=cursor)
            empty = not part.found and part.done
            known = Meta(
                version=last,
                reason="no_match" if empty else None,
                closed=list_closed(db),
                unsearched=list_unsearched_datasets(db, resolved) or None,
                partly_recorded=find_partly_recorded(db, resolved.member_of) or None,
            )
            rows = [row.model_dump_json() for row in part.found]
            return render_page(rows, known, where)

        return respond_with_version_etag(request, last, render_answer)


DocumentId = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class ChangesFilter(EventFilter):
    """Which changes to list; with a filter on events, those of events that match or did before."""

    kind: list[DocumentKind] = Field([], description="Changes of these kinds of document.")
    id: list[DocumentId] = Field(
        [], max_length=100, description="Changes of these documents of one `kind`, which is named."
    )
    derived: bool = Field(
        False,
        description="Also derived revisions, which follow from another change such as a renaming.",
    )
    document: bool = Field(False, description="Adds the document of the revision to each change.")
    lineage: LineageName | None = Field(
        None, description="The lineage that `after` is of; left out, the first one."
    )

    @model_validator(mode="after")
    def _check_changes_filter(self) -> "ChangesFilter":
        if self.as_of is not None:
            raise make_crossed_error("as_of", "does not go with changes", "Use after= instead.")
        if self.filters_events and self.kind and set(self.kind) != {"event"}:
            raise make_crossed_error(
                "kind", "must be event where a filter on events is set", "Leave kind out."
            )
        if self.id:
            self._check_ids()
        return self

    def _check_ids(self) -> None:
        kinds = sorted(set(self.kind))
        if not kinds:
            raise make_crossed_error(
                "id", "needs the kind of document that it names", "Add kind=event, or another."
            )
        if len(kinds) > 1:
            shown = " or ".join(f"kind={one}" for one in kinds)
            raise make_crossed_error(
                "id", "names documents of one kind, and several are asked for", f"Keep {shown}."
            )
        if self.filters_events:
            raise make_crossed_error(
                "id", "does not go with a filter on events", "Leave out one of them."
            )

    @property
    def filters_events(self) -> bool:
        """Whether any filter on events is set."""
        return bool(self.model_fields_set & (EventFilter.model_fields.keys() - {"lineage"}))

    def resolve_selection(self, db: Connection) -> read.ChangeSelection:
        """Resolve the names in the filter; the result is ready to be read."""
        resolved = resolve_filter(db, self, None) if self.filters_events else None
        kinds = ("event",) if self.filters_events else tuple(self.kind)
        return read.ChangeSelection(resolved, kinds, self.derived, self.document, tuple(self.id))


Seq = Annotated[int, Field(ge=0, le=2**53)]


class ChangesQuery(ChangesFilter):
    """Parameters of the change feed."""

    after: Seq = Field(0, description="The last `seq` that the reader has.")
    limit: int = Field(
        500, ge=1, le=1000, description="Changes on a page; without it `ndjson` and `csv` send all."
    )
    format: change_formats.ChangeFormat | None = Field(
        None, description="`ndjson`, `csv` or `atom`; without it `Accept` decides."
    )


@router.get(
    "/changes",
    response_model=Page[Change],
    operation_id="listChanges",
    responses=document_formats(example_responses("listChanges"), change_formats.CHANGE_MEDIA_TYPES),
)
def list_changes(
    asked: Annotated[ChangesQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Lists every change in order, each once; `links.next` leads to later ones.

    `links.next` is null only where there is no later change. Keep the last one that was not null:
    it can be requested again at any time.
    """
    with database.connect() as db:
        newest = read_version(db)
        require_existing_seq(asked.after, asked.lineage, newest)
        form = asked.format or negotiate_format(
            request.headers.get("accept"), change_formats.CHANGE_MEDIA_TYPES
        )

        def render_answer() -> Response:
            if form != "json":
                return _answer_in_format(form, asked, request, db, newest)
            wanted = asked.resolve_selection(db)
            part = read.read_changes(db, wanted, asked.after, asked.limit)
            upto = newest if part.done else part.upto
            where = build_page_links(request, None)
            if upto > asked.after:
                where.next = rewrite_address(request, **_pin_position(upto, newest))
            rows = [encode_json(change).decode() for change in part.found]
            known = Meta(
                version=newest, reason=None if rows else "no_match", closed=list_closed(db)
            )
            if wanted.resolved_filter is not None:
                known.unsearched = list_unsearched_datasets(db, wanted.resolved_filter) or None
                groups = wanted.resolved_filter.member_of
                known.partly_recorded = find_partly_recorded(db, groups) or None
            return render_page(rows, known, where)

        answer = respond_with_version_etag(request, newest, render_answer, form)
        answer.headers.add_vary_header("Accept")
        return answer


def _answer_in_format(
    form: change_formats.ChangeFormat,
    asked: ChangesQuery,
    request: Request,
    db: Connection,
    newest: Version,
) -> Response:
    """Answer with changes as NDJSON, CSV or Atom; `Link` has the next page and the licenses."""
    state, wanted = request.app.state, asked.resolve_selection(db)
    datasets = read_cited_datasets(db)
    headers: dict[str, str] = {}
    if form in change_formats.STREAMED_FORMATS and "limit" not in asked.model_fields_set:
        upto = int(newest)
        found = change_formats.read_change_batches(
            get_readers_database(request).without_time_limit(), wanted, asked.after, newest, None
        )
    else:
        part = read.read_changes(db, wanted, asked.after, asked.limit)
        upto, found = newest if part.done else part.upto, iter([part.found])
    onward = None
    if upto > asked.after:
        onward = rewrite_address(request, **_pin_position(upto, newest))
    link_headers = [f'<{onward}>; rel="next"'] if onward else []
    if form == "atom":
        here, rights = rewrite_address(request), [format_citation(d) for d in datasets]
        more = onward if upto < newest else None
        body = change_formats.render_change_feed(next(found), here, more, rights, newest.ancestry)
        return Response(
            body,
            200,
            headers | _link_header(link_headers),
            change_formats.CHANGE_MEDIA_TYPES[form][0],
        )
    headers |= _link_header([*link_headers, *build_license_links(datasets)])
    headers["Content-Disposition"] = f'attachment; filename="entente-changes.{form}"'
    parts = (
        change_formats.render_change_lines(found)
        if form == "ndjson"
        else change_formats.render_change_table(found, asked.document)
    )
    kind = change_formats.CHANGE_MEDIA_TYPES[form][0]
    kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return StreamingResponse(stream_in_limited_threads(state.exports, parts), 200, headers, kind)


def _link_header(links: list[str]) -> dict[str, str]:
    return {"Link": ", ".join(links)} if links else {}


def _pin_position(seq: int, newest: Version) -> dict[str, str]:
    return {"after": str(seq), "lineage": newest.ancestry.find_lineage(seq)}


def require_existing_seq(
    after: int, lineage: str | None, newest: Version, field: str = "after"
) -> None:
    """Refuse a `seq` beyond the newest: the reader has it from another database.

    Raises `StateGoneError` for one of a history that the database has left.
    """
    newest.ancestry.require_version(lineage, after)
    if after > newest:
        refuse_later_version(field, after, newest, "is later than the newest version")
