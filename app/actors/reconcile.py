"""HTTP routes for the W3C reconciliation protocol (0.2), which OpenRefine uses.

It matches a column of names to actors. The parameter or form field `queries` is a JSON object of
questions by keys that the client chooses; the answer has the candidates of each question.
"""

from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import Connection

from app.actors import queries
from app.actors.schemas import Candidate, Kind
from app.db.journal import version_of
from app.examples import examples, shown
from app.http.answer import encode
from app.http.asked import Day
from app.http.base import base
from app.http.body import parsed, received, valid
from app.http.caching import cached
from app.http.database import Chosen, Held
from app.http.page import Query as Parameters
from app.http.problems import RESPONSES, Fault, InvalidBodyError, InvalidError, UnreadableError
from app.text import Word

router = APIRouter(prefix="/v1", tags=["actors"], responses=RESPONSES)
FORM = "application/x-www-form-urlencoded"
MOST = 50
"""The most questions in one request."""
KINDS: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]


class Named(BaseModel):
    """A type of entity, with its id and name."""

    id: str
    name: str


class View(BaseModel):
    """The pattern of the address that shows an actor."""

    url: str


class Manifest(BaseModel):
    """The service manifest of the reconciliation protocol."""

    versions: list[str] = ["0.2"]
    name: str = "Entente: states, alliances, organizations and persons"
    identifierSpace: str  # noqa: N815  the protocol's name
    schemaSpace: str  # noqa: N815
    view: View
    defaultTypes: list[Named]  # noqa: N815


class Property(BaseModel):
    """A property that narrows a question; only `on`, a day, has an effect."""

    model_config = ConfigDict(extra="ignore")
    pid: Word
    v: Any = None


class Asked(BaseModel):
    """One reconciliation question: a name, with a type and properties."""

    model_config = ConfigDict(extra="ignore")
    query: Word
    type: str | list[str] | None = None
    limit: int = Field(10, ge=1, le=1000)
    properties: list[Property] = Field([], max_length=20)


class Answer(BaseModel):
    """An actor that may answer a question."""

    id: str
    name: str
    score: float
    match: bool
    type: list[Named]
    description: str


class Answers(BaseModel):
    """The candidates of one question, best first."""

    result: list[Answer]


QUESTIONS: TypeAdapter[dict[str, Asked]] = TypeAdapter(
    Annotated[dict[str, Asked], Field(min_length=1, max_length=MOST)]
)
DAY: TypeAdapter[str] = TypeAdapter(Day)


class ReconcileQuery(Parameters):
    """The reconciliation questions; without them the answer is the service manifest."""

    queries: str | None = Field(
        None,
        max_length=60_000,
        description='Questions by keys of your choice, as JSON: {"q0": {"query": "Armenia"}};'
        " `type` is a kind of actor, the property `on` a day.",
    )


@router.get(
    "/reconcile",
    response_model=Manifest | dict[str, Answers],
    operation_id="describeReconciliation",
    responses=shown("describeReconciliation"),
)
def describe(
    asked: Annotated[ReconcileQuery, Query()], request: Request, database: Held, chosen: Chosen
) -> Response:
    """Returns the service manifest, or the candidates of each question."""
    with database.connect() as db:

        def make() -> Response:
            if asked.queries is None:
                return Response(encode(_manifest(request, chosen)), media_type="application/json")
            try:
                return _answered(db, asked.queries.encode("utf-8", "replace"))
            except (UnreadableError, InvalidBodyError) as wrong:
                raise InvalidError("queries", _told(wrong), _HINT) from wrong

        return cached(request, version_of(db), make, base(request, chosen))


async def _form(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise UnreadableError(415, f"Send a form with the field queries: {FORM}.")
    return await received(request)


@router.post(
    "/reconcile",
    response_model=dict[str, Answers],
    operation_id="reconcile",
    responses=shown("reconcile"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "properties": {"queries": {"type": "string"}},
                        "required": ["queries"],
                    },
                    "example": examples()["reconcile"]["body"],
                }
            },
        }
    },
)
def reconcile(database: Held, body: Annotated[bytes, Depends(_form)]) -> Response:
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
        return _answered(db, sent)


_HINT = 'Such as {"q0": {"query": "Armenia", "type": "state", "limit": 3}}.'


def _told(wrong: UnreadableError | InvalidBodyError) -> str:
    if isinstance(wrong, InvalidBodyError):
        fault = wrong.faults[0]
        return f"{'.'.join(map(str, fault.loc[1:]))}: {fault.message}".removeprefix(": ")
    return str(wrong).replace("The body", "it", 1)


def _manifest(request: Request, chosen: Any) -> Manifest:
    here = base(request, chosen)
    types = [Named(id=kind, name=kind.replace("_", " ")) for kind in KINDS]
    return Manifest(
        identifierSpace=f"{here}/v1/actors/",
        schemaSpace=f"{here}/v1/actors?kind=",
        view=View(url=f"{here}/v1/actors/{{{{id}}}}"),
        defaultTypes=types,
    )


def _answered(db: Connection, sent: bytes) -> Response:
    asked = valid(QUESTIONS, parsed(sent), ["body"]).good()
    body = {name: Answers(result=_candidates(db, one)).model_dump() for name, one in asked.items()}
    return Response(encode(body), media_type="application/json")


def _candidates(db: Connection, asked: Asked) -> list[Answer]:
    """Find the actors that a name may mean; an unambiguous one is a match."""
    wanted = {asked.type} if isinstance(asked.type, str) else set(asked.type or ())
    found: list[Candidate] = []
    sure: set[str] = set()
    try:
        sure = {queries.find(db, asked.query, _day(asked), near=0)}
        found = queries.candidates(db, sorted(sure), asked.query)
    except queries.AmbiguousActorError as several:
        found = list(several.near)
    except queries.UnknownActorError:
        pass
    known = {c.code for c in found}
    more = queries.resembling(db, asked.query, 1000 if wanted else asked.limit)
    found += [c for c in more if c.code not in known]
    found = [c for c in found if not wanted or c.kind in wanted]
    return [
        Answer(
            id=c.code,
            name=c.name,
            score=c.score,
            match=c.code in sure,
            type=[Named(id=c.kind, name=c.kind.replace("_", " "))],
            description=f"{c.kind.replace('_', ' ')}, by {c.match}",
        )
        for c in found[: asked.limit]
    ]


def _day(asked: Asked) -> str | None:
    for narrowing in asked.properties:
        if narrowing.pid == "on":
            return valid(DAY, narrowing.v, ["body", "properties", "on"]).good()
    return None
