"""The HTTP route that gives an actor another name, also in stored events."""

from fastapi import Depends, Response
from pydantic import BaseModel, Field, TypeAdapter
from sqlalchemy import Connection

from app.access.authorize import BEARER_SCHEME
from app.actors.parameters import resolve_path_actor
from app.actors.path_parameters import ActorName
from app.editing.aliases import Alias, AliasConflictError, AliasError, add_alias
from app.editing.apply_names import apply_alias_in_part
from app.editing.execute import WriteCallDep, execute_write
from app.editing.outcome import Outcome, build_writer
from app.editing.router import WriteParameters
from app.editing.schemas import Reason
from app.errors import ConflictError, Fault, InvalidBodyError
from app.examples import example_request_body, example_responses
from app.http.body import parse_json_body
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.validation import validate_part

router = PrefixRouter(
    prefix="/v1",
    tags=["writing"],
    responses=COMMON_RESPONSES,
    route_class=QueryRoute,
    dependencies=[Depends(BEARER_SCHEME)],
)


class AliasBody(Alias):
    """The body of an alias: the name, its period, and whether stored events get it."""

    apply: bool = Field(
        False, description="Resolve its names in stored events too, in some 1,000 by one request."
    )
    reason: Reason | None = Field(None, description="Why; stored with the revisions.")


class AliasAdded(BaseModel):
    """A name that an actor has now."""

    actor: str
    name: str
    is_new: bool = Field(description="False where the actor had the name already.")
    changed: int = Field(description="Events that name the actor now.")
    remaining: int = Field(
        description="Events with its names that were not reached: send the request again."
    )


ALIAS_BODY = TypeAdapter(AliasBody)


@router.post(
    "/actors/{code}/aliases",
    response_model=AliasAdded,
    operation_id="createAlias",
    responses=example_responses("createAlias"),
    openapi_extra=example_request_body("createAlias", AliasBody),
)
def create_alias(code: ActorName, asked: WriteParameters, call: WriteCallDep) -> Response:
    """Give an actor a name or code that files use; a name that another actor has then is a 409.

    With `apply` the name is resolved in stored events too, as derived revisions.
    """
    sent = validate_part(ALIAS_BODY, parse_json_body(call.body), ["body"]).require_value()
    by = build_writer(call.holder, asked.reason or sent.reason)

    def write_alias(db: Connection) -> Outcome:
        actor = resolve_path_actor(db, code)
        try:
            made = add_alias(db, sent, actor, by)
        except AliasConflictError as conflict:
            raise ConflictError(f"{conflict}.") from conflict
        except AliasError as wrong:
            raise InvalidBodyError([Fault(loc=["body", "name"], message=str(wrong))]) from wrong
        done = apply_alias_in_part(db, made.actor.code, by) if sent.apply else None
        answer = AliasAdded(
            actor=made.actor.code,
            name=sent.plain_name,
            is_new=made.is_new,
            changed=done.changed if done else 0,
            remaining=done.remaining if done else 0,
        )
        return Outcome(200, answer.model_dump_json())

    return execute_write(call, write_alias)
