"""What was fitted to the loaded corpus: a document of the record, with its revisions."""

from dataclasses import asdict

from pydantic import BaseModel
from sqlalchemy import Connection, select

from app.db.journal import Entry, Writer, append
from app.db.tables import revisions
from app.shifts.breaks import Null
from app.shifts.detect import Fitted

KIND, NAME = "calibration", "shifts"


class Stored(BaseModel):
    """The document."""

    null: dict[str, float]
    share: float
    datasets: list[str]
    dyads: int
    draws: int


def fitted(db: Connection, as_of: int | None = None) -> Fitted:
    """What `entente shifts calibrate` found by a version; the published values before it ran."""
    r = revisions.c
    rows = select(r.document).where(r.kind == KIND, r.id == NAME)
    if as_of is not None:
        rows = rows.where(r.seq <= as_of)
    body = db.scalar(rows.order_by(r.revision.desc()).limit(1))
    if body is None:
        return Fitted()
    held = Stored.model_validate_json(body)
    return Fitted(Null(**held.null), held.share)


def store(db: Connection, found: Fitted, datasets: list[str], dyads: int, draws: int) -> None:
    """Keep what was fitted."""
    held = Stored(
        null=asdict(found.null), share=found.share, datasets=datasets, dyads=dyads, draws=draws
    )
    append(db, KIND, [Entry(NAME, held.model_dump_json())], Writer("entente", "calibrated"))
