"""Errors of the client."""

from typing import Any


class EntenteError(Exception):
    """What went wrong while the service was asked."""


class UnreachableError(EntenteError):
    """The service did not answer, or was too busy for as long as the client waits."""


class DigestError(EntenteError):
    """A downloaded file does not have the SHA-256 that the service lists."""


class ProblemError(EntenteError):
    """The service refused a request: `type` leads to a page that explains the way out."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.type: str = problem.get("type", "")
        self.title: str = problem.get("title", "")
        self.detail: str = problem.get("detail", "")
        self.faults: list[dict[str, Any]] = problem.get("errors", [])
        super().__init__(self._describe())

    @property
    def suggestions(self) -> list[str]:
        """What to send instead, such as the codes of actors with a similar name."""
        return [text for fault in self.faults for text in fault.get("suggestions") or ()]

    def _describe(self) -> str:
        lines = [f"{self.status} {self.title}: {self.detail}"]
        for fault in self.faults:
            place = ".".join(map(str, fault.get("loc", ())))
            hint = f" {fault['hint']}" if fault.get("hint") else ""
            lines.append(f"{place}: {fault.get('message', '')}.{hint}")
        return "\n".join(lines)
