"""The preconditions of a write: which revision of the document has to be current. Pure."""

import re
from dataclasses import dataclass

from app.errors import OutdatedError

_TAG = re.compile(r'(?<!W/)"([0-9]{1,18})(?:-[^"]*)?"')


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a request expects of the stored document, as its headers say it."""

    if_match: str | None
    """The revision that has to be current."""
    if_none_match: str
    """`*`: the document must not exist."""

    def require_match(self, seq: int | None, document: str | None) -> None:
        """Raise `OutdatedError` where the stored revision, or its absence, is not as expected."""
        if self.if_none_match.strip() == "*" and seq is not None:
            raise OutdatedError(f'"{seq}"', document)
        asked = self.if_match
        if asked is None or (asked.strip() == "*" and seq is not None):
            return
        wanted = {int(tag) for tag in _TAG.findall(asked)}
        if seq is None or seq not in wanted:
            raise OutdatedError(None if seq is None else f'"{seq}"', document)
