"""HTTP routes for the W3C reconciliation protocol (0.2), which OpenRefine uses.

It matches a column of names to actors. The parameter or form field `queries` is a JSON object of
questions by keys that the client chooses; the answer has the candidates of each question.
"""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Connection

from app.actors import queries
from app.actors.schemas import ActorCandidate, ActorKind
from app.db.journal import read_version
from app.errors import Fault, InvalidBodyError, InvalidParameterError
from app.examples import example_responses, load_examples
from app.http.body import parse_json_body, receive_body, validate_part
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep, SettingsDep
from app.http.problems import COMMON_RESPONSES, UnreadableRequestError
from app.http.public_url import resolve_public_url
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import SingleDay
from app.query_models import StrictQuery as Parameters
from app.settings import Settings
from app.text import ShortText

router = APIRouter(
    prefix="/v1", tags=["actors"], responses=COMMON_RESPONSES, route_class=QueryRoute
)
FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_QUESTIONS = 50
"""The most questions in one request."""
AMBIGUOUS_SCORE = 75.0
"""The score of each of several actors that have the name."""
CODE_PROPERTIES = frozenset(
    {"code", "iso2", "iso3", "isonum", "cow", "gw", "cameo", "fips", "fifa", "wikidata"}
)
"""The properties of a question that are codes: an actor without the code is no match."""
ACTOR_KINDS: tuple[str, ...] = ActorKind.__args__  # type: ignore[attr-defined]


class ReconcileEntity(BaseModel):
    """A type of entity, with its id and name."""

    id: str
    name: str


class ReconcileView(BaseModel):
    """The pattern of the address that shows an actor."""

    url: str


class ReconcileManifest(BaseModel):
    """The service manifest of the reconciliation protocol."""

    versions: list[str] = ["0.2"]
    name: str = "Entente: states, alliances, organizations and persons"
    identifierSpace: str  # noqa: N815  the protocol's name
    schemaSpace: str  # noqa: N815
    view: ReconcileView
    defaultTypes: list[ReconcileEntity]  # noqa: N815


class ReconcileProperty(BaseModel):
    """A property that narrows a question: `on`, a day, or a code by its scheme, such as `iso3`.

    Other properties have no effect.
    """

    model_config = ConfigDict(extra="ignore")
    pid: ShortText
    v: object = None


class ReconcileQuestion(BaseModel):
    """One reconciliation question: a name, with a type and properties."""

    model_config = ConfigDict(extra="ignore")
    query: ShortText
    type: str | list[str] | None = None
    limit: int = Field(10, ge=1, le=1000)
    properties: list[ReconcileProperty] = Field([], max_length=20)


class ReconcileCandidate(BaseModel):
    """An actor that may answer a question."""

    id: str
    name: str
    score: float
    match: bool
    type: list[ReconcileEntity]
    description: str


class ReconcileResult(BaseModel):
    """The candidates of one question, best first."""

    result: list[ReconcileCandidate]


QUESTIONS_ADAPTER: TypeAdapter[dict[str, ReconcileQuestion]] = TypeAdapter(
    Annotated[dict[str, ReconcileQuestion], Field(min_length=1, max_length=MAX_QUESTIONS)]
)
DAY_ADAPTER: TypeAdapter[str] = TypeAdapter(SingleDay)


class ReconcileQuery(Parameters):
    """The reconciliation questions; without them the answer is the service manifest."""

    queries: str | None = Field(
        None,
        max_length=60_000,
        description='Questions by keys of your choice, as JSON: {"q0": {"query": "Armenia"}};'
        " `type` is a kind of actor; the property `on` is a day, `iso3`, `cow` and the like codes.",
    )


@router.get(
    "/reconcile",
    response_model=ReconcileManifest | dict[str, ReconcileResult],
    operation_id="describeReconciliation",
    responses=example_responses("describeReconciliation"),
)
def describe_reconciliation(
    asked: Annotated[ReconcileQuery, Query()],
    request: Request,
    database: DatabaseDep,
    chosen: SettingsDep,
) -> Response:
    """Returns the service manifest, or the candidates of each question."""
    with database.connect() as db:

        def render_answer() -> Response:
            if asked.queries is None:
                return Response(
                    encode_json(_render_manifest(request, chosen)), media_type="application/json"
                )
            try:
                return _answer_questions(db, asked.queries.encode("utf-8", "replace"))
            except (UnreadableRequestError, InvalidBodyError) as wrong:
                raise InvalidParameterError("queries", _describe_fault(wrong), _HINT) from wrong

        return respond_with_version_etag(
            request, read_version(db), render_answer, resolve_public_url(request, chosen)
        )


async def _read_form(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_MEDIA_TYPE:
        raise UnreadableRequestError(415, f"Send a form with the field queries: {FORM_MEDIA_TYPE}.")
    return await receive_body(request)


@router.post(
    "/reconcile",
    response_model=dict[str, ReconcileResult],
    operation_id="reconcile",
    responses=example_responses("reconcile"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM_MEDIA_TYPE: {
                    "schema": {
                        "type": "object",
                        "properties": {"queries": {"type": "string"}},
                        "required": ["queries"],
                    },
                    "example": load_examples()["reconcile"]["body"],
                }
            },
        }
    },
)
def reconcile_names(database: DatabaseDep, body: Annotated[bytes, Depends(_read_form)]) -> Response:
    """Returns the candidates of each question in a form."""
    try:
        form = parse_qs(
            body.decode("ascii"), strict_parsing=True, errors="strict", max_num_fields=9
        )
        sent = form["queries"][0].encode()
    except (ValueError, KeyError) as wrong:
        fault = Fault(loc=["body", "queries"], message="is required", hint=_HINT)
        raise InvalidBodyError([fault]) from wrong
    with database.connect() as db:
        return _answer_questions(db, sent)


_HINT = 'Such as {"q0": {"query": "Armenia", "type": "state", "limit": 3}}.'


def _describe_fault(wrong: UnreadableRequestError | InvalidBodyError) -> str:
    if isinstance(wrong, InvalidBodyError):
        fault = wrong.faults[0]
        return f"{'.'.join(map(str, fault.loc[1:]))}: {fault.message}".removeprefix(": ")
    return str(wrong).replace("The body", "it", 1)


def _render_manifest(request: Request, chosen: Settings) -> ReconcileManifest:
    here = resolve_public_url(request, chosen)
    types = [ReconcileEntity(id=kind, name=kind.replace("_", " ")) for kind in ACTOR_KINDS]
    return ReconcileManifest(
        identifierSpace=f"{here}/v1/actors/",
        schemaSpace=f"{here}/v1/actors?kind=",
        view=ReconcileView(url=f"{here}/v1/actors/{{{{id}}}}"),
        defaultTypes=types,
    )


def _answer_questions(db: Connection, sent: bytes) -> Response:
    asked = validate_part(QUESTIONS_ADAPTER, parse_json_body(sent), ["body"]).require_value()
    body = {
        name: ReconcileResult(result=_find_candidates(db, one)).model_dump()
        for name, one in asked.items()
    }
    return Response(encode_json(body), media_type="application/json")


def _find_candidates(db: Connection, asked: ReconcileQuestion) -> list[ReconcileCandidate]:
    """Find the actors that a name may mean; an unambiguous one that fits all codes is a match."""
    wanted = {asked.type} if isinstance(asked.type, str) else set(asked.type or ())
    day = _parse_day(asked)
    found: list[ActorCandidate] = []
    try:
        code = queries.resolve_actor_code(db, asked.query, day, near=0, kinds=wanted or None)
        found = queries.read_actor_candidates(db, [code], asked.query)
    except queries.AmbiguousActorError as several:
        found = list(several.near)
    except queries.UnknownActorError:
        pass
    coded = _find_coded_actors(db, asked, day)
    fitting = [c for c in found if all(c.code == code for code in coded)]
    sure = {c.code for c in fitting} if len(fitting) == 1 else set()
    known = {c.code for c in found}
    more = queries.find_similar_actors(db, asked.query, 1000 if wanted else asked.limit)
    found += [c for c in more if c.code not in known]
    found = [c for c in found if not wanted or c.kind in wanted]
    scored = [(_score_candidate(c, sure, known, coded), c) for c in found]
    scored.sort(key=lambda pair: -pair[0])
    return [
        ReconcileCandidate(
            id=c.code,
            name=c.name,
            score=score,
            match=c.code in sure,
            type=[ReconcileEntity(id=c.kind, name=c.kind.replace("_", " "))],
            description=f"{c.kind.replace('_', ' ')}, by {c.match}",
        )
        for score, c in scored[: asked.limit]
    ]


def _score_candidate(
    candidate: ActorCandidate, sure: set[str], named: set[str], coded: list[str | None]
) -> float:
    """Score a candidate: 100 for a match, less where the name is ambiguous or a code differs."""
    score = candidate.score
    if candidate.code in named and candidate.code not in sure:
        score = AMBIGUOUS_SCORE
    if any(code != candidate.code for code in coded):
        score /= 2
    return round(score, 1)


def _find_coded_actors(
    db: Connection, asked: ReconcileQuestion, day: str | None
) -> list[str | None]:
    """Find the actor that has each code among the properties; None for a code that none has."""
    found: list[str | None] = []
    for narrowing in asked.properties:
        if narrowing.pid not in CODE_PROPERTIES or not isinstance(narrowing.v, str | int):
            continue
        text = str(narrowing.v).strip().zfill(3 if narrowing.pid == "isonum" else 0)
        scheme = "" if narrowing.pid == "code" else f"{narrowing.pid}:"
        try:
            found.append(queries.resolve_actor_code(db, scheme + text, day, near=0))
        except queries.UnknownActorError:
            found.append(None)
    return found


def _parse_day(asked: ReconcileQuestion) -> str | None:
    for narrowing in asked.properties:
        if narrowing.pid == "on":
            return validate_part(
                DAY_ADAPTER, narrowing.v, ["body", "properties", "on"]
            ).require_value()
    return None
