"""The service as most teams would write it first: an ORM, pages by number, a total on every page.

Run by uvicorn on tables that `bench.peers` fills with the events that the service has. Plain
tables with keys and the usual indexes; objects that SQLAlchemy loads, answers that pydantic checks.
"""

import os
from collections.abc import Iterator
from datetime import date
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, Index, create_engine, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)


class Base(DeclarativeBase):
    """What the tables share."""


class Actor(Base):
    """A state."""

    __tablename__ = "actors"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)


class Source(Base):
    """A page that reports events."""

    __tablename__ = "sources"
    id: Mapped[int] = mapped_column(primary_key=True)
    publisher: Mapped[str]
    title: Mapped[str]
    url: Mapped[str] = mapped_column(unique=True)
    published: Mapped[date]


class Participation(Base):
    """An actor of an event, and what it did there."""

    __tablename__ = "participations"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("actors.id"))
    role: Mapped[str]
    day: Mapped[date]
    """That of the event, for the index that Datasette's second query reads."""
    actor: Mapped[Actor] = relationship()
    __table_args__ = (Index("ix_participations_actor_day", "actor_id", "day", "event_id"),)


class Report(Base):
    """A source of an event."""

    __tablename__ = "reports"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("sources.id"))
    source: Mapped[Source] = relationship()


class Event(Base):
    """What happened on a day."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    title: Mapped[str]
    day: Mapped[date] = mapped_column(index=True)
    type: Mapped[str]
    cameo: Mapped[str]
    quad: Mapped[int]
    country: Mapped[str]
    lat: Mapped[float]
    lon: Mapped[float]
    participants: Mapped[list[Participation]] = relationship()
    reports: Mapped[list[Report]] = relationship()


class Out(BaseModel):
    """What answers share: they are read from objects."""

    model_config = ConfigDict(from_attributes=True)


class ActorOut(Out):
    """An actor of an answer."""

    code: str


class ParticipantOut(Out):
    """A participant of an answer."""

    role: str
    actor: ActorOut


class SourceOut(Out):
    """A source of an answer."""

    publisher: str
    title: str
    url: str
    published: date


class ReportOut(Out):
    """A report of an answer."""

    source: SourceOut


class EventOut(Out):
    """An event of an answer."""

    id: int
    key: str
    title: str
    day: date
    type: str
    cameo: str
    quad: int
    country: str
    lat: float
    lon: float
    participants: list[ParticipantOut]
    reports: list[ReportOut]


class PageOut(BaseModel):
    """A page of events, and how many there are."""

    page: int
    size: int
    total: int
    items: list[EventOut]


app = FastAPI()
engine = create_engine(os.environ.get("ENTENTE_DATABASE_URL", "sqlite://"))
open_session = sessionmaker(engine)


def yield_session() -> Iterator[Session]:
    """Yield a session of the request."""
    with open_session() as session:
        yield session


@app.get("/events", response_model=PageOut)
def list_events(
    session: Annotated[Session, Depends(yield_session)],
    actor: str,
    since: date,
    until: date,
    page: int = 1,
    size: int = 50,
    total: bool = True,
) -> dict[str, object]:
    """Answer a page of an actor's events, newest first, with the total unless it is declined."""
    of_actor = select(Participation.event_id).join(Actor).where(Actor.code == actor)
    chosen = select(Event).where(Event.id.in_(of_actor), Event.day >= since, Event.day <= until)
    counted = select(func.count()).select_from(chosen.subquery())
    ordered = chosen.order_by(Event.day.desc(), Event.id).limit(size).offset((page - 1) * size)
    loaded = ordered.options(
        selectinload(Event.participants).selectinload(Participation.actor),
        selectinload(Event.reports).selectinload(Report.source),
    )
    items = session.scalars(loaded).all()
    found = session.scalar(counted) if total else len(items)
    return {"page": page, "size": size, "total": found, "items": items}
