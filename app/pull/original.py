"""Another Entente as a source: its changes are read page by page, in the order of writing."""

import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from app.events.vocabulary import Status
from app.ingest.remote.address import parse_address
from app.ingest.remote.errors import DownloadError, InterruptedDownloadError
from app.pull.items import Fetch, PullError

PAGE_CHANGES, IDS_PER_REQUEST = 1000, 50
"""Changes on a page, and ids in one address: they must fit where an address has 8,000 bytes."""
WRONG_INPUT = 2
"""Exit code of what a person has to mend."""
LEFT_HISTORY = (
    "went back to an earlier state since (a backup was restored, or it is another database), so"
    " that what was taken from it may be gone there. --begin-again compares everything from the"
    " beginning, and retracts what is there no more"
)
ReplicatedKind = Literal["event", "actor", "membership", "source", "dataset"]


class OriginalChange(msgspec.Struct, frozen=True):
    """A change at the original, with the document of its revision."""

    seq: int
    action: str
    kind: str
    id: str
    by: str
    document: msgspec.Raw
    reason: str | None = None
    into: str | None = None
    at: str = ""
    revision: int = 0
    derived: bool = False
    change: str | None = None
    """What it is to a filter on events, where one is set."""


class _Meta(msgspec.Struct):
    version: int


class _Links(msgspec.Struct):
    next: str | None = None


class _ChangePage(msgspec.Struct):
    data: list[OriginalChange]
    meta: _Meta
    links: _Links


class _LastingLinks(msgspec.Struct):
    permalink: str


class _DocumentPage(msgspec.Struct):
    data: list[msgspec.Raw]
    links: _LastingLinks


_read_changes = msgspec.json.Decoder(_ChangePage).decode
_read_documents = msgspec.json.Decoder(_DocumentPage).decode
Question = list[tuple[str, str | int]]


class ClosedOriginalError(PullError):
    """The dataset is closed to this reader, as it was from the beginning or is by now."""


@dataclass(frozen=True, slots=True)
class Position:
    """A version of the original, and the lineage in which it was written."""

    seq: int
    lineage: str = ""

    @property
    def label(self) -> str:
        """Both, as the ledger keeps them."""
        return f"{self.seq}.{self.lineage}"

    @classmethod
    def parse_label(cls, label: str | None) -> "Position":
        """Read what the ledger keeps; the beginning where there is nothing."""
        seq, _, lineage = (label or "0.").partition(".")
        return cls(int(seq), lineage)


@dataclass(frozen=True, slots=True)
class Original:
    """A service that has a dataset, and how it is asked."""

    wire: Fetch
    base: str
    """Its address, without a slash at the end."""
    dataset: str = ""
    """The one that is followed."""
    key: str = field(default="", repr=False)
    key_setting: str = "ENTENTE_ORIGINAL_KEY"
    """The name of what has the key."""

    def ask(self, path: str, asked: Question) -> bytes:
        """Ask for a page; raises `PullError`, with exit code 1 for what may pass."""
        address = f"{self.base}{path}?{urlencode(asked)}"
        try:
            return self.wire.read(address, headers=self._headers)
        except InterruptedDownloadError as failed:
            raise PullError(f"{self.base} did not answer: {failed}") from failed
        except DownloadError as failed:
            raise self._explain_refusal(failed) from failed

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _explain_refusal(self, failed: DownloadError) -> PullError:
        said = _read_problem(failed.body)
        if failed.status == 410 or "later than the newest version" in said:
            return PullError(f"{self.base} {LEFT_HISTORY}. It says: {said or failed}", WRONG_INPUT)
        if failed.status == 401:
            wrong = f"{self.base} needs a key, in {self.key_setting}. It says: {said or failed}"
            return PullError(wrong, WRONG_INPUT)
        if failed.status == 403:
            wrong = f"{self.base} does not give this: {said or failed} The key is that in"
            return ClosedOriginalError(f"{wrong} {self.key_setting}", WRONG_INPUT)
        return PullError(f"{self.base}: {said or failed}", WRONG_INPUT if failed.status else 1)

    def find_documents(
        self, kind: ReplicatedKind, ids: Sequence[str], upto: int | None = None
    ) -> dict[str, OriginalChange]:
        """Find the last change of some documents, of those up to a version."""
        found: dict[str, OriginalChange] = {}
        for at in range(0, len(ids), IDS_PER_REQUEST):
            named: Question = [("id", ident) for ident in ids[at : at + IDS_PER_REQUEST]]
            feed = ChangeFeed(self, [("kind", kind), *named], Position(0))
            while not feed.is_done:
                feed.read_page()
                changes = feed.take_until(feed.upto.seq if upto is None else upto)
                found |= {change.id: change for change in changes}
        return found

    def read_newest(self) -> Position:
        """Read which version is the newest."""
        lasting = _read_documents(self.ask("/v1/datasets", [("limit", 1)])).links.permalink
        found = parse_qs(urlsplit(lasting).query)
        return Position(int(found["as_of"][0]), found["lineage"][0])

    def find_memberships(self, actor: str, group: str) -> list[msgspec.Raw]:
        """Find the memberships of an actor in a group."""
        asked: Question = [("actor", actor), ("group", group), ("limit", 1000)]
        return _read_documents(self.ask("/v1/memberships", asked)).data

    def list_keys(self) -> Iterable[str]:
        """List the keys of all events of the dataset, retracted ones too."""
        asked: Question = [("dataset", self.dataset), ("format", "ndjson")]
        asked += [("status", status) for status in get_args(Status)]
        address = parse_address(f"{self.base}/v1/events?{urlencode(asked)}")
        with TemporaryDirectory(prefix="entente-pull-") as folder:
            try:
                done = self.wire.fetch(address, Path(folder), headers=self._headers)
            except DownloadError as failed:
                raise self._explain_refusal(failed) from failed
            with done.path.open("rb") as lines:
                for line in lines:
                    yield str(json.loads(line)["id"]).partition(":")[2]


@dataclass(slots=True)
class ChangeFeed:
    """One list of changes, of which a page at a time is in memory."""

    original: Original
    narrowed: Question
    upto: Position
    """Up to where the list was read."""
    is_done: bool = False
    """Whether nothing newer was there when it was asked last."""
    _waiting: deque[OriginalChange] = field(default_factory=deque)

    def read_page(self) -> None:
        """Read the next page."""
        asked: Question = [*self.narrowed, ("document", "true"), ("derived", "true")]
        asked += [("limit", PAGE_CHANGES), ("after", self.upto.seq)]
        if self.upto.lineage:
            asked.append(("lineage", self.upto.lineage))
        body = self.original.ask("/v1/changes", asked)
        try:
            page = _read_changes(body)
            onward = parse_qs(urlsplit(page.links.next or "").query)
            if page.links.next is not None:
                self.upto = Position(int(onward["after"][0]), onward["lineage"][0])
        except (msgspec.MsgspecError, KeyError, ValueError) as wrong:
            raise PullError(f"{self.original.base} is no Entente: {wrong}", WRONG_INPUT) from wrong
        self.is_done = page.links.next is None or self.upto.seq >= page.meta.version
        self._waiting.extend(page.data)

    def take_until(self, seq: int) -> list[OriginalChange]:
        """Take the changes that were read, up to a `seq`."""
        found = []
        while self._waiting and self._waiting[0].seq <= seq:
            found.append(self._waiting.popleft())
        return found


def _read_problem(body: bytes) -> str:
    """Read what an answer with a problem says."""
    try:
        problem = json.loads(body)
        faults = problem.get("errors") or []
        said = [f"{fault['loc'][-1]} {fault['message']}" for fault in faults]
        return str(problem.get("detail") or "") + "".join(f" ({one})" for one in said)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
