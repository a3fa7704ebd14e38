"""The key that signs cursors: made by the first process that can write, and read by all."""

import logging
import secrets

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from app.db.engine import Database
from app.db.tables import house
from app.errors import ReadOnlyServiceError

log = logging.getLogger("entente.cursors")
_FIND_KEY = select(house.c.value).where(house.c.name == "cursor_key")


def load_cursor_key(database: Database) -> bytes:
    """Load the key from the database, or create it there.

    Empty where there is none yet and the database cannot be written, as while a standby waits for
    the first start of a service on its primary.
    """
    with database.connect() as db:
        key = db.scalar(_FIND_KEY)
    if key is None:
        try:
            with database.write() as db:
                key = db.scalar(_FIND_KEY)  # another process may have created it meanwhile
                if key is None:
                    key = secrets.token_hex(32)
                    db.execute(insert(house).values(name="cursor_key", value=key))
        except (ReadOnlyServiceError, DBAPIError) as impossible:
            log.warning("there is no key for cursors yet: %s", impossible)
            return b""
    return key.encode()
