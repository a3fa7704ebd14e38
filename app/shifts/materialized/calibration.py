"""The calibration of the loaded corpus, kept as a document of the record with its revisions."""

from dataclasses import asdict

from pydantic import BaseModel
from sqlalchemy import Connection, select

from app.db.journal import NewRevision, Writer, append_revisions
from app.db.tables import revisions
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.null_model import NullModel

DOCUMENT_KIND, DOCUMENT_ID = "calibration", "shifts"


class CalibrationDocument(BaseModel):
    """The calibration as it is stored; docs/shifts.md explains the numbers."""

    null: dict[str, float]
    share: float
    datasets: list[str]
    dyads: int
    draws: int


def read_calibration(db: Connection, as_of: int | None = None) -> Calibration:
    """Read what `entente shifts calibrate` fitted, now or by a version.

    The published values apply where it has never run.
    """
    r = revisions.c
    rows = select(r.document).where(r.kind == DOCUMENT_KIND, r.id == DOCUMENT_ID)
    if as_of is not None:
        rows = rows.where(r.seq <= as_of)
    body = db.scalar(rows.order_by(r.revision.desc()).limit(1))
    if body is None:
        return Calibration()
    document = CalibrationDocument.model_validate_json(body)
    return Calibration(NullModel(**document.null), document.share)


def save_calibration(
    db: Connection, found: Calibration, datasets: list[str], dyads: int, draws: int
) -> None:
    """Append a calibration to the record."""
    document = CalibrationDocument(
        null=asdict(found.null),
        share=found.prior_share,
        datasets=datasets,
        dyads=dyads,
        draws=draws,
    )
    append_revisions(
        db,
        DOCUMENT_KIND,
        [NewRevision(DOCUMENT_ID, document.model_dump_json())],
        Writer("entente", "calibrated"),
    )
