"""The preconditions of a write: which revision of the document has to be current. Pure."""

import re
from dataclasses import dataclass

from app.errors import OutdatedError
from app.lineages import Version

LEFT_HISTORY = (
    "The database went back to an earlier version since: the document that you read is of a history"
    " that it has left. Read it again before you write."
)
_TAG = re.compile(r'(?<!W/)"([0-9]{1,18})(?:\.([0-9a-f]+))?(?:-[^"]*)?"')


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a request expects of the stored document, as its headers say it."""

    if_match: str | None
    """The revision that has to be current."""
    if_none_match: str
    """`*`: the document must not exist."""

    def require_match(self, seq: Version | None, document: str | None) -> None:
        """Raise `OutdatedError` where the stored revision, or its absence, is not as expected.

        A tag without a lineage is of the first one.
        """
        if self.if_none_match.strip() == "*" and seq is not None:
            raise OutdatedError(f'"{seq.label}"', document)
        asked = self.if_match
        if asked is None or (asked.strip() == "*" and seq is not None):
            return
        if seq is None:
            raise OutdatedError(None, document)
        same = [named for number, named in _TAG.findall(asked) if int(number) == seq]
        first = seq.ancestry.lineages[0].lineage
        if seq.lineage in [named or first for named in same]:
            return
        message = LEFT_HISTORY if same else None
        raise OutdatedError(f'"{seq.label}"', document, message)
