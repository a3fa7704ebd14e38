"""Documents may be packed with dictionaries. None is packed here: `entente db pack` does that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import delete, insert, select, update

from app.db.dialect import PACKING, PACKING_GUARD_DDL, PACKING_UNGUARD_DDL
from app.db.dialect.stored_document import document_of
from app.db.packed_documents import DocumentDictionary, add_dictionary
from app.db.tables import dictionaries, house, revisions
from app.db.types import bytewise_text

revision = "20261202_dictionaries"
down_revision = "20261201_closed"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dictionaries",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", bytewise_text(), nullable=False),
        sa.Column("dataset", bytewise_text()),
        sa.Column("at", bytewise_text(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dictionaries"),
    )
    # Neither database writes a row for a column without a default.
    op.add_column("revisions", sa.Column("packed", sa.LargeBinary()))
    for statement in PACKING_GUARD_DDL[op.get_context().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if not op.get_context().as_sql:
        _unpack_documents(op.get_bind())
    for statement in PACKING_UNGUARD_DDL[op.get_context().dialect.name]:
        op.execute(statement)
    op.drop_column("revisions", "packed")
    op.drop_table("dictionaries")


def _unpack_documents(db: sa.Connection) -> None:
    for content in db.scalars(select(dictionaries.c.content)):
        add_dictionary(DocumentDictionary(content))
    r = revisions.c
    packed = select(r.seq, document_of(revisions)).where(r.packed.is_not(None)).order_by(r.seq)
    db.execute(insert(house).values(name=PACKING, value=""))
    after = 0
    while rows := db.execute(packed.where(r.seq > after).limit(2_000)).all():
        for seq, document in rows:
            db.execute(update(revisions).where(r.seq == seq).values(plain=document, packed=None))
        after = rows[-1].seq
    db.execute(delete(house).where(house.c.name == PACKING))
