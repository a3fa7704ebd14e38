"""The terms of a source: accepted once, and stored with its dataset."""

from app.db.engine import Database
from app.db.journal import Writer
from app.events.word_index import write_datasets_with_words
from app.pull import ledger
from app.pull.items import PullError, PullSource
from app.sources.covered import read_dataset_document


def require_terms(database: Database, source: PullSource, accepts: bool, now: str) -> str:
    """Return when the terms were accepted; raises `PullError` if they are not."""
    with database.connect() as db:
        state = ledger.read_source(db, source.name)
    if state.terms_accepted is None and not accepts:
        raise PullError(
            f"{source.name} has terms: {source.terms}\nAccept them once with --accept-terms.", 2
        )
    accepted = state.terms_accepted or now
    said = f"{source.terms} Accepted on {accepted[:10]}."
    with database.connect() as db:
        stored = read_dataset_document(db, source.dataset.code)
    if state.terms_accepted is None or stored is None or stored.terms != said:
        with database.write() as db:
            state.terms_accepted = accepted
            ledger.write_source(db, state)
            stored = read_dataset_document(db, source.dataset.code) or source.dataset
            update = {"terms": said}
            write_datasets_with_words(
                db, [stored.model_copy(update=update)], Writer(f"entente pull {source.name}")
            )
    return accepted
