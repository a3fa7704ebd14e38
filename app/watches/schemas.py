"""JSON of watches: what is sent to keep one, and what is answered. Pure."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.events.filter import EventFilter, Words
from app.shifts.filter import SidesQuery
from app.text import JsonNumber, ShortText, require_storable
from app.watches.json_filter import WatchedFilter

WatchStateName = Literal["active", "paused", "suspended"]
DeliveryStateName = Literal["pending", "delivered", "dead", "kept"]
WatchedVerdict = Literal["strong", "shift", "weak", "watch"]
WatchName = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(require_storable)
]
Seq = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class WatchedEvents(WatchedFilter, EventFilter):
    """Which events a watch is about: the parameters of `/v1/events`, as JSON."""


class WatchedShift(WatchedFilter, SidesQuery):
    """Which shift a watch is about: the sides, as at `/v1/shifts`, and how certain it has to be."""

    actor: ShortText = Field(description="Who moves, by any name.", examples=["ARM"])
    toward: Annotated[Words, Field(min_length=1)] = Field(
        description="Toward whom: actors, or groups with their members of the day.",
        examples=[["RUS"]],
    )
    verdict: WatchedVerdict = Field(
        "shift", description="The verdict, or a more certain one, at which the watch speaks up."
    )
    direction: Literal["away", "toward"] | None = Field(
        None, description="Only changes in this direction."
    )


class WebhookInput(BaseModel):
    """Where a watch is sent."""

    model_config = ConfigDict(extra="forbid")
    url: Annotated[str, StringConstraints(min_length=8, max_length=2000)] = Field(
        description="Address that gets each message by POST; https, or http."
    )


EmailAddress = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$"),
]


class WatchBody(BaseModel):
    """A watch to keep: a question about events or about a shift, and where to say it."""

    model_config = ConfigDict(extra="forbid")
    name: WatchName = Field(description="What you call it.", examples=["Armenia and the CSTO"])
    events: WatchedEvents | None = Field(
        None, description="Events that it is about: the parameters of `/v1/events`."
    )
    shift: WatchedShift | None = Field(None, description="The shift that it is about.")
    webhook: WebhookInput | None = Field(
        None, description="Where to send what it says; without it, its feeds say it."
    )
    email: EmailAddress | None = Field(
        None,
        description="E-mail address to write to instead, where this service sends e-mails.",
        examples=["desk@news.example"],
    )
    after: Seq | None = Field(
        None,
        description="`seq` after which changes count, such as 0 for all; the newest by default.",
    )

    @model_validator(mode="after")
    def _check_question(self) -> "WatchBody":
        if (self.events is None) == (self.shift is None):
            raise ValueError("a watch has either events or shift")
        if self.webhook is not None and self.email is not None:
            raise ValueError("a watch has either webhook or email; keep two")
        if self.shift is not None and self.after is not None:
            raise ValueError("after goes with events; a shift is watched from now on")
        return self


class WatchPatch(BaseModel):
    """What can be changed of a watch; its question cannot: keep another one."""

    model_config = ConfigDict(extra="forbid")
    name: WatchName | None = Field(None, description="Another name.")
    state: Literal["active", "paused"] | None = Field(
        None, description="`paused` stops it where it is; `active` lets it go on from there."
    )
    after: Seq | None = Field(
        None, description="With `active`: go on after this `seq` instead of where it stopped."
    )
    webhook: WebhookInput | None = Field(
        None, description="Another address; null: none, its feeds say it."
    )
    rotate_secret: bool = Field(
        False,
        strict=True,
        description="Make a new secret. The old one signs along with it for `overlap_hours`.",
    )
    overlap_hours: JsonNumber = Field(
        24, ge=0, le=720, description="Hours for which the old secret stays valid."
    )
    rotate_feeds: bool = Field(
        False, strict=True, description="Give the feeds new addresses; the old ones end at once."
    )

    @model_validator(mode="after")
    def _check_after(self) -> "WatchPatch":
        if self.after is not None and self.state != "active":
            raise ValueError("after goes with the state active")
        return self


class Webhook(BaseModel):
    """Where a watch is sent, and with which secrets."""

    url: str = Field(description="Address that gets each message.")
    secrets: int = Field(description="Secrets that sign now: 2 while one is being replaced.")
    until: str | None = Field(description="When the older of two secrets ends.")


class WatchFeeds(BaseModel):
    """Addresses of the feeds of a watch; who has one may read it."""

    atom: str = Field(description="As Atom.")
    json_feed: str = Field(description="As JSON Feed.")


class Watch(BaseModel):
    """A watch: a saved question that speaks up when what is recorded changes its answer."""

    id: str = Field(description="Id of the watch.")
    name: str = Field(description="What its owner calls it.")
    owner: str = Field(description="Name of the key that keeps it.")
    state: WatchStateName = Field(
        description="`paused` by its owner; `suspended` for the `state_reason`."
    )
    state_reason: str | None = Field(description="Why it is suspended.")
    events: dict[str, Any] | None = Field(description="The filter of events, as asked.")
    shift: dict[str, Any] | None = Field(description="The question of the shift, as asked.")
    reached: bool | None = Field(
        description="Of a shift: whether the verdict is reached now; else null."
    )
    webhook: Webhook | None = Field(description="Where it is sent; null: its feeds say it.")
    email: str | None = Field(description="E-mail address that it is sent to instead.")
    feeds: WatchFeeds = Field(description="Its feeds.")
    position: int | None = Field(
        description="`seq` up to which changes were compared with it; null: like all others."
    )
    pending: int = Field(description="Messages that wait.")
    failures: int = Field(description="Attempts that failed since the last one that arrived.")
    next_attempt: str | None = Field(description="When the next attempt is made; null: no need.")
    created_at: str = Field(description="When it was made.")


class WatchWithSecret(Watch):
    """A watch with its new secret, which is shown this once."""

    secret: str | None = Field(
        None, description="The secret that signs, `whsec_…`; only where it was just made."
    )


class Delivery(BaseModel):
    """Something that a watch said, or has to say."""

    id: str = Field(description="The `webhook-id`, the same in each attempt.")
    seq: int = Field(description="Number of the change.")
    change: str = Field(description="What happened, such as `added` or `retracted`.")
    state: DeliveryStateName = Field(
        description="`pending`, `delivered`, `dead` (given up), or `kept` for feeds alone."
    )
    at: str = Field(description="When the change was compared with the watch.")
    attempts: int = Field(description="Attempts to send it.")
    sent_at: str | None = Field(description="When the last attempt was made.")
    status: int | None = Field(description="Status that the receiver answered last.")
    error: str | None = Field(description="What was wrong with the last attempt.")


class SentTest(BaseModel):
    """What became of a test message."""

    arrived: bool = Field(description="Whether the receiver took it.")
    status: int | None = Field(description="Status that the receiver answered.")
    error: str | None = Field(description="What was wrong.")
    seconds: float = Field(description="How long it took.")


class ReplayBody(BaseModel):
    """Which dead letters are tried again."""

    model_config = ConfigDict(extra="forbid")
    seq: Seq | None = Field(None, description="One of them; left out: all.")


class Replayed(BaseModel):
    """How many dead letters are tried again."""

    replayed: int = Field(description="Dead letters that wait again.")
