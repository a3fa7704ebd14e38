"""The tools of the Model Context Protocol server, on its official SDK; all of them only read."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec
from urllib.parse import quote

from fastapi import FastAPI
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import ToolAnnotations
from pydantic import Field
from starlette.types import Receive, Scope, Send

from app.mcp import shorten
from app.mcp.asking import ApiReader, QuestionRefusedError, StatefulApp
from app.mcp.assistant_server import AssistantServer
from app.mcp.shorten import Answer, compose_answer
from app.version import read_program_version

P = ParamSpec("P")
INSTRUCTIONS = """A sourced record of what states and alliances do to each other.
Actors go by code (ARM, RUS, CSTO) or any name. Days are ISO 8601; 2023-09 is its month.
Every answer has a permalink that answers the same for ever: cite it with the sources of the rows.
An empty answer has a reason: no_match is not not_recorded, partly_covered, outside_coverage,
not_yet_covered or out_of_scope; closed names data that a key would show; not_searched and
`unsearched` name datasets that words do not find.
Alignment is an estimate with an interval: quote the sentence of a shift with its verdict."""
READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
Names = Annotated[list[str], Field(max_length=20)]
Text = Annotated[str, Field(max_length=200)]
Rows = Annotated[int, Field(ge=1, le=50, description="Rows at most.")]
Day = Annotated[str, Field(max_length=64, description="A day, month or year (EDTF).")]


def build_assistant_server(api: ApiReader) -> MCPServer[Any]:
    """Build the server; its tools ask the API through a reader."""
    server = AssistantServer(
        "entente", title="Entente", instructions=INSTRUCTIONS, version=read_program_version()
    )

    def add_tool(tool: Callable[P, Awaitable[Answer]]) -> None:
        @wraps(tool)
        async def call_tool(*args: P.args, **kwargs: P.kwargs) -> Answer:
            try:
                return await tool(*args, **kwargs)
            except QuestionRefusedError as refused:
                raise ToolError(str(refused)) from refused

        server.add_tool(call_tool, annotations=READ_ONLY, structured_output=False)

    async def find_actors(name: Text, on: Day = "") -> Answer:
        """Find the code of a state, alliance, body or person by any name or code, best first."""
        answer = await api.read_answer("/v1/actors/resolve", q=name, on=on, limit=8)
        return compose_answer(answer["data"], answer, api.root, [])

    async def search_events(
        actor: Names | None = None,
        between: Names | None = None,
        role: Literal["", "initiator", "target", "host", "mediator", "absent"] = "",
        since: Day = "",
        until: Day = "",
        type: Names | None = None,  # noqa: A002  the name of the parameter
        words: Text = "",
        dataset: Names | None = None,
        known_by: Day = "",
        limit: Rows = 10,
    ) -> Answer:
        """List events, newest first, with participants and the sources that report them.

        `actor`: any of these; `between`: all of these; `type`: PLOVER, such as AGREE or SANCTION.
        """
        answer = await api.read_answer(
            "/v1/events", actor=actor, between=",".join(between or ()), role=role, since=since,
            until=until, type=type, q=words, dataset=dataset, known_by=known_by, limit=limit,
            count="estimate",
        )  # fmt: skip
        rows = [shorten.shorten_event(event) for event in answer["data"]]
        cited = await api.read_citations({event["dataset"] for event in answer["data"]})
        return compose_answer(rows, answer, api.root, cited, count=answer["meta"].get("count"))

    async def get_event(event_id: Annotated[str, Field(max_length=500)]) -> Answer:
        """Return one event in full: every report with its quote, grades and claims, and signals."""
        path = f"/v1/events/{quote(event_id, safe=':')}"
        event = await api.read_answer(path)
        newest = await api.read_answer("/v1/coverage")
        version = newest["meta"]["version"]
        query = newest["links"]["permalink"].partition("?")[2]
        links = {"permalink": f"{path}?{query}"}
        cited = await api.read_citations({event["dataset"]})
        return compose_answer(
            [event], {"meta": {"version": version}, "links": links}, api.root, cited
        )

    async def get_timeline(
        actor: Names | None = None,
        between: Names | None = None,
        since: Day = "",
        until: Day = "",
        granularity: Literal["auto", "day", "week", "month", "quarter", "year"] = "auto",
    ) -> Answer:
        """Count events by period, with the weightiest ones; `covered` false: 0 means unknown."""
        answer = await api.read_answer(
            "/v1/timeline", actor=actor, between=",".join(between or ()), since=since, until=until,
            granularity=granularity, top=2,
        )  # fmt: skip
        kept = ("start", "end", "count", "cooperation", "conflict", "mean_intensity", "covered")
        rows = [
            {name: bucket[name] for name in kept}
            | {"top": [f"{event['date']} {event['title']}" for event in bucket["top"]]}
            for bucket in answer["data"]
            if bucket["count"] or not bucket["covered"]
        ]
        return compose_answer(
            rows, answer, api.root, [], note="Covered periods without events are left out."
        )

    async def get_alignment(
        actor: Text,
        toward: Names,
        against: Names | None = None,
        since: Day = "",
        until: Day = "",
        granularity: Literal["month", "quarter", "year"] = "year",
    ) -> Answer:
        """Return the index of alignment (−1 … +1) of an actor toward others, with its interval."""
        answer = await api.read_answer(
            "/v1/alignment", actor=actor, toward=",".join(toward), against=",".join(against or ()),
            since=since, until=until, granularity=granularity,
        )  # fmt: skip
        kept = ("start", "end", "index", "low", "high", "n", "sources", "covered")
        rows = [{name: point[name] for name in kept} for point in answer["data"]]
        cited = await api.read_citations(set(answer["meta"]["datasets"]))
        return compose_answer(rows, answer, api.root, cited)

    async def find_shifts(
        actor: Text = "",
        toward: Names | None = None,
        against: Names | None = None,
        since: Day = "",
        until: Day = "",
        direction: Literal["", "away", "toward"] = "",
        limit: Rows = 5,
    ) -> Answer:
        """List changes of alignment, most certain first; without a pair, the greatest of all.

        `since` and `until` bound when the change began. `id` leads to the evidence.
        """
        answer = await api.read_answer(
            "/v1/shifts", actor=actor, toward=",".join(toward or ()),
            against=",".join(against or ()), since=since, until=until, direction=direction,
            limit=limit,
        )  # fmt: skip
        rows = [shorten.shorten_shift(shift) for shift in answer["data"]]
        cited = await api.read_citations(set(answer["meta"]["datasets"]))
        partly = answer["meta"]["partly_recorded"]
        return compose_answer(rows, answer, api.root, cited, partly_recorded=partly)

    async def get_shift_evidence(shift_id: Annotated[str, Field(max_length=4000)]) -> Answer:
        """Return the events that made a shift, each with its share and its sources."""
        path = f"/v1/shifts/{quote(shift_id, safe='')}"
        shift = await api.read_answer(path)
        links = {"permalink": path}
        known = {"meta": {"version": shift["version"]}, "links": links}
        rows = [shorten.shorten_share(share) for share in shift["evidence"][:25]]
        more = {name: shift[name] for name in ("partly_recorded", "suspended") if shift[name]}
        cited = await api.read_citations(set(shift["datasets"]))
        return compose_answer(
            rows, known, api.root, cited, shift=shorten.shorten_shift(shift), **more
        )

    async def list_ties(actor: Text = "", group: Text = "", on: Day = "") -> Answer:
        """List the ties of an actor, or the members of a group, on a day (today by default).

        `members_recorded` "some": one that is not listed may be a member. `partly_recorded` names
        such groups, to which the actor may belong.
        """
        if bool(actor) == bool(group):
            raise QuestionRefusedError("Send either actor or group.")
        if actor:
            answer = await api.read_answer("/v1/ties", actor=actor, on=on)
        else:
            path = f"/v1/alliances/{quote(group, safe='')}/members"
            answer = await api.read_answer(path, on=on)
        rows = [shorten.shorten_membership(row) for row in answer["data"]]
        known = ("members_recorded", "partly_recorded", "summary")
        more = {name: answer["meta"].get(name) for name in known}
        return compose_answer(rows, answer, api.root, [], **more)

    async def list_changes(
        after: Annotated[int, Field(ge=0, description="A version that was read before.")],
        limit: Rows = 20,
    ) -> Answer:
        """List what was created, changed, merged or retracted after a version of the record."""
        answer = await api.read_answer("/v1/changes", after=after, limit=limit)
        kept = ("seq", "at", "action", "kind", "id", "reason")
        rows = [{n: row[n] for n in kept if row.get(n) is not None} for row in answer["data"]]
        return compose_answer(rows, answer, api.root, [])

    async def get_coverage() -> Answer:
        """Return the days that each dataset covers, its events, and how to cite it."""
        answer = await api.read_answer("/v1/coverage")
        cited = await api.read_citations({row["dataset"] for row in answer["data"]})
        return compose_answer(answer["data"], answer, api.root, cited)

    for tool in (
        find_actors, search_events, get_event, get_timeline, get_alignment, find_shifts,
        get_shift_evidence, list_ties, list_changes, get_coverage,
    ):  # fmt: skip
        add_tool(tool)
    return server


async def answer_request(
    root: str, key: str, max_bytes: int, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer one HTTP request with JSON; nothing is kept for a next one.

    Questions are asked of the application in `scope`, with `key` as their `Authorization`.
    """
    asked = StatefulApp(scope["app"], scope.get("state", {}))
    server = build_assistant_server(ApiReader(root, asked, key))
    manager = StreamableHTTPSessionManager(
        server._lowlevel_server,
        json_response=True,
        stateless=True,
        max_request_body_size=max_bytes,
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)


async def answer_over_stdio(root: str, key: str, app: FastAPI | None) -> None:
    """Answer over standard input and output, from an application or the service at `root`."""
    if app is None:
        await build_assistant_server(ApiReader(root, key=key)).run_stdio_async()
        return
    async with app.router.lifespan_context(app) as state:
        asked = StatefulApp(app, state or {})
        await build_assistant_server(ApiReader(root, asked, key)).run_stdio_async()
