"""Remember whole answers while the database is unchanged (decision 016).

The key is the answer's weak ETag, which names the question and the version of the database that it
was answered at: a process that reads a newer version looks for another key. So whatever an answer
depends on has to be in its ETag, as for answers of 304.
"""

from collections import OrderedDict
from threading import Lock

from fastapi import Response

from app.http.compression import MIN_SIZE, choose_coding, compress_body

OVERHEAD = 1000
"""Bytes that an answer takes besides its bodies, roughly."""
UNCOMPRESSED_KINDS = ("image/png",)
LARGEST_SHARE = 16
"""An answer that takes more than one such part of the memory is not remembered."""


class RememberedAnswer:
    """An answer of status 200, with the compressed forms of its body that readers asked for."""

    __slots__ = ("bodies", "headers")

    def __init__(self, answer: Response) -> None:
        self.bodies = {"": bytes(answer.body)}
        self.headers = {
            name: value for name, value in answer.headers.items() if name != "content-length"
        }

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return OVERHEAD + sum(len(body) for body in self.bodies.values())

    def choose_coding(self, accepted: str) -> str:
        """Choose the preferred coding that `Accept-Encoding` allows; empty for none."""
        kind = self.headers.get("content-type", "")
        fits = len(self.bodies[""]) >= MIN_SIZE and not kind.startswith(UNCOMPRESSED_KINDS)
        return choose_coding(accepted) if fits else ""

    def build_response(self, accepted: str) -> Response:
        """Build the response in the preferred coding."""
        coding = self.choose_coding(accepted)
        body = self.bodies.get(coding)
        if body is None:
            body = self.bodies[coding] = compress_body(self.bodies[""], coding)
        answer = Response(body, headers=self.headers)
        if coding:  # to others the middleware adds `Vary`, unless they are too short
            answer.headers["content-encoding"] = coding
            answer.headers.add_vary_header("Accept-Encoding")
        return answer


class AnswerMemory:
    """Remembers the answers that were used last, in at most so many bytes; for all threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._answers = OrderedDict[str, tuple[RememberedAnswer, int]]()
        self._lock = Lock()

    @property
    def is_used(self) -> bool:
        """Whether any answer can be remembered."""
        return self._most > 0

    def find_answer(self, tag: str) -> RememberedAnswer | None:
        """Find the answer with an ETag."""
        with self._lock:
            found = self._answers.get(tag)
            if found is None:
                return None
            self._answers.move_to_end(tag)
            self._measure_answer(tag, found[0])  # a compressed form may have come since
        return found[0]

    def remember_answer(self, tag: str, answer: Response) -> RememberedAnswer | None:
        """Remember an answer unless it is too large, and forget those not used for longest."""
        if (OVERHEAD + len(answer.body)) * LARGEST_SHARE > self._most:
            return None
        made = RememberedAnswer(answer)
        with self._lock:
            self._measure_answer(tag, made)
        return made

    def _measure_answer(self, tag: str, answer: RememberedAnswer) -> None:
        before = self._answers.get(tag)
        size = answer.size
        if before is not None and before[1] == size:
            return
        self._size += size - (before[1] if before else 0)
        self._answers[tag] = answer, size
        while self._size > self._most:
            self._size -= self._answers.popitem(last=False)[1][1]
