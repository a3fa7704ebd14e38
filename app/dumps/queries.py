"""Statements about what dumps contain."""

from sqlalchemy import Connection, and_, or_, select

from app.db.tables import revisions


def has_changed_since(db: Connection, dataset: str, version: int) -> bool:
    """Return whether an event of a dataset, or what is said of the dataset, changed since."""
    found = select(revisions.c.seq).where(
        revisions.c.seq > version,
        or_(
            and_(
                revisions.c.kind == "event",
                revisions.c.id.startswith(f"{dataset}:", autoescape=True),
            ),
            and_(revisions.c.kind == "dataset", revisions.c.id == dataset),
        ),
    )
    return db.execute(found.limit(1)).first() is not None
