"""The calibration of the loaded corpus, kept as a document of the record with its revisions."""

from dataclasses import asdict

from pydantic import BaseModel
from sqlalchemy import BigInteger, Connection, bindparam, select

from app.db.dialect.fast_statements import compile_prepared
from app.db.dialect.stored_document import document_of
from app.db.journal import NewRevision, Writer, append_revisions
from app.db.tables import revisions
from app.shifts.statistics.null_distribution import Calibration
from app.shifts.statistics.null_model import NullModel

DOCUMENT_KIND, DOCUMENT_ID = "calibration", "shifts"
LAST_VERSION = 2**63 - 1
"""Above every version."""


class CalibrationDocument(BaseModel):
    """The calibration as it is stored; docs/shifts.md explains the numbers."""

    null: dict[str, float]
    share: float
    datasets: list[str]
    dyads: int
    draws: int


_r = revisions.c
_NEWEST_UNTIL = (
    select(document_of(revisions))
    .where(_r.kind == DOCUMENT_KIND, _r.id == DOCUMENT_ID)
    .where(_r.seq <= bindparam("as_of", type_=BigInteger))
    .order_by(_r.revision.desc())
    .limit(1)
)


def read_calibration(db: Connection, as_of: int | None = None) -> Calibration:
    """Read what `entente shifts calibrate` fitted, now or by a version.

    The published values apply where it has never run.
    """
    run = compile_prepared(db.dialect.name, _NEWEST_UNTIL)
    found = run.fetch_rows(db, {"as_of": LAST_VERSION if as_of is None else as_of})
    if not found:
        return Calibration()
    document = CalibrationDocument.model_validate_json(found[0][0])
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
