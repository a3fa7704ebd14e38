"""Give a remembered answer again on the event loop, while nothing is committed (decision 035).

The memory of answers (decision 016) is asked in a thread, which reads the version first. Where the
database can say that nothing was committed since a question was answered, its answer is still the
one of the version now, and no thread is needed. Guards run before, as for any answer. PostgreSQL is
asked for the version, once for all requests that wait (decision 035).
"""

from collections import OrderedDict
from typing import NamedTuple

from fastapi import Request, Response
from starlette.datastructures import State
from starlette.types import Scope

from app.db.dialect.commit_watch import CommitWatch
from app.db.dialect.shared_question import SharedQuestion
from app.db.lineage_table import name_database_state, read_open_state
from app.http.answer_memory import AnswerMemory
from app.http.raw_headers import RawHeaders
from app.lineages import Version

MAX_QUESTIONS, MAX_QUESTION_BYTES = 2048, 1000
"""Questions of which the place in the memory is known, and the longest of them."""
_APART = frozenset(
    (b"authorization", b"if-none-match", b"if-match", b"if-range", b"range", b"entente-min-version")
)
"""Headers with which a question is answered in a thread, where they are looked at."""
_STATE = "recallable"

Question = tuple[str, bytes, bytes, bytes]
"""Path, query, `Accept` and `Accept-Encoding`."""


class RecalledAnswer(Response):
    """A whole answer with headers that are ready to send."""

    def __init__(self, body: bytes, headers: RawHeaders) -> None:
        super().__init__(body)
        self.raw_headers = [*headers]  # which the layers change


DatabaseState = int | str
"""A number that changes with each commit, or the name of a state in which nothing is closed."""


class _Place(NamedTuple):
    state: DatabaseState
    tag: str
    coding: str
    headers: RawHeaders


class RecalledAnswers:
    """Knows the places of answers in the memory by their questions; used on the event loop only."""

    def __init__(self, watch: CommitWatch, version: SharedQuestion | None, state: State) -> None:
        self._watch, self._version, self._state = watch, version, state
        self._places = OrderedDict[Question, _Place]()

    @property
    def _memory(self) -> AnswerMemory:
        memory: AnswerMemory = self._state.answers
        return memory

    def find_answer(self, question: Question, state: DatabaseState) -> Response | None:
        """Find the answer to a question, if it was given in this state of the database."""
        place = self._places.get(question)
        if place is None or place.state != state:
            return None
        known = self._memory.find_answer(place.tag)
        body = None if known is None else known.bodies.get(place.coding)
        return None if body is None else RecalledAnswer(body, place.headers)

    async def read_state(self, question: Question) -> DatabaseState | None:
        """Return the state of the database; None where nothing says it, or no answer is known."""
        if not self._memory.is_used:
            return None
        if self._version is None:
            return self._watch.read_state()
        if question not in self._places or self._state.database.route.has_standbys:
            return None
        row = await self._version.ask_database()
        return None if row is None else read_open_state(row)

    def note_answer(
        self, request: Request, question: Question, before: DatabaseState | None, made: Response
    ) -> None:
        """Note where the answer to a question is, if it is remembered.

        PostgreSQL's state is the version of the answer; of SQLite's none is known but the one
        before, so that nothing may have been committed since.
        """
        remembered: _Remembered | None = request.scope["state"].pop(_STATE, None)
        if remembered is None or not self._memory.is_used:
            return
        state: DatabaseState | None = remembered.state
        if self._version is None:
            state = before if self._watch.read_state() == before else None
        if state is None:
            return
        self._places[question] = _Place(
            state, remembered.tag, remembered.coding, [*made.raw_headers]
        )
        self._places.move_to_end(question)
        if len(self._places) > MAX_QUESTIONS:
            self._places.popitem(last=False)


def read_question(scope: Scope) -> Question | None:
    """Read all that a remembered answer depends on besides the database; None for others."""
    accept = coding = b""
    for name, value in scope["headers"]:
        if name in _APART:
            return None
        if name == b"accept":
            accept = value
        elif name == b"accept-encoding":
            coding = value
    found = scope["path"], scope["query_string"], accept, coding
    return found if sum(map(len, found)) <= MAX_QUESTION_BYTES else None


class _Remembered(NamedTuple):
    tag: str
    coding: str
    state: str


def note_remembered(request: Request, tag: str, coding: str, version: Version) -> None:
    """Note in a thread that the answer to a request, of a version, is in the memory."""
    request.scope["state"][_STATE] = _Remembered(tag, coding, name_database_state(version))


def get_recalled(state: State) -> RecalledAnswers | None:
    """Return the answers that an application may recall; None without a running service."""
    found: RecalledAnswers | None = getattr(state, "recalled", None)
    return found
