"""The calibration of the loaded corpus, kept as a document of the record with its revisions."""

from dataclasses import asdict

from pydantic import BaseModel
from sqlalchemy import Connection, select

from app.db.journal import Entry, Writer, append
from app.db.tables import revisions
from app.shifts.breaks import Null
from app.shifts.detect import Fitted

KIND, NAME = "calibration", "shifts"


class Stored(BaseModel):
    """The calibration as it is stored; docs/shifts.md explains the numbers."""

    null: dict[str, float]
    share: float
    datasets: list[str]
    dyads: int
    draws: int


def fitted(db: Connection, as_of: int | None = None) -> Fitted:
    """Read what `entente shifts calibrate` fitted, now or by a version.

    The published values apply where it has never run.
    """
    r = revisions.c
    rows = select(r.document).where(r.kind == KIND, r.id == NAME)
    if as_of is not None:
        rows = rows.where(r.seq <= as_of)
    body = db.scalar(rows.order_by(r.revision.desc()).limit(1))
    if body is None:
        return Fitted()
    document = Stored.model_validate_json(body)
    return Fitted(Null(**document.null), document.share)


def store(db: Connection, found: Fitted, datasets: list[str], dyads: int, draws: int) -> None:
    """Append a calibration to the record."""
    document = Stored(
        null=asdict(found.null), share=found.share, datasets=datasets, dyads=dyads, draws=draws
    )
    append(db, KIND, [Entry(NAME, document.model_dump_json())], Writer("entente", "calibrated"))
