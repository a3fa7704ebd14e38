"""A client of Entente, a sourced record of what states and alliances do to each other."""

from entente_client.changes import ChangeFeed
from entente_client.client import Entente
from entente_client.errors import DigestError, EntenteError, ProblemError, UnreachableError
from entente_client.listing import EventList, Listing
from entente_client.records import Actor, Change, Dump, Event, Participant, Report, Signal

__all__ = [
    "Actor",
    "Change",
    "ChangeFeed",
    "DigestError",
    "Dump",
    "Entente",
    "EntenteError",
    "Event",
    "EventList",
    "Listing",
    "Participant",
    "ProblemError",
    "Report",
    "Signal",
    "UnreachableError",
]
