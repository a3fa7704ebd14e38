"""Ask the API for an assistant: the service of this process, or one at an address.

Questions take the same way as those of any client, so that keys, limits, strict parameters and
problems are the same too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from app.mcp.shorten import Answer, describe_problem

Value = str | int | float | bool | Sequence[str] | None
SECONDS = 60.0
"""Seconds that a question may take."""


class QuestionRefusedError(Exception):
    """The API answers with a problem; the text says what is wrong and what to send instead."""


@dataclass(frozen=True, slots=True)
class StatefulApp:
    """An application that is called within this process, with the state of its lifespan."""

    app: ASGIApp
    state: Mapping[str, object]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self.app({**scope, "state": dict(self.state)}, receive, send)


@dataclass(frozen=True, slots=True)
class ApiReader:
    """Reads answers of the API."""

    root: str
    """The public address, which permalinks begin with."""
    app: StatefulApp | None = None
    """The application to ask; None: the service at `root`."""
    key: str = ""
    """Sent as `Authorization`, where there is one."""

    async def read_answer(self, path: str, **asked: Value) -> Answer:
        """Return the answer to a question; raises `QuestionRefusedError` for a problem."""
        values: dict[str, Any] = {
            name.rstrip("_"): value for name, value in asked.items() if value not in (None, "", [])
        }
        headers = {"Accept": "application/json"}
        if self.key:
            headers["Authorization"] = self.key
        # Errors of the service are answers too: a problem with status 500.
        way = httpx2.ASGITransport(self.app, raise_app_exceptions=False) if self.app else None
        async with httpx2.AsyncClient(
            transport=way, base_url=self.root, timeout=SECONDS, follow_redirects=True
        ) as client:
            try:
                answer = await client.get(path, params=values, headers=headers)
            except httpx2.HTTPError as failed:
                raise QuestionRefusedError(f"The service cannot be reached: {failed}.") from failed
        body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if answer.status_code != 200:
            raise QuestionRefusedError(describe_problem(body))
        found: Answer = body
        return found

    async def read_citations(self, codes: set[str]) -> list[str]:
        """Return how the datasets with some codes want to be cited, with their licences."""
        if not codes:
            return []
        answer = await self.read_answer("/v1/datasets", limit=1000)
        return [
            f"{row['citation']} Licence: {row['licence']}"
            for row in answer["data"]
            if row["code"] in codes
        ]
