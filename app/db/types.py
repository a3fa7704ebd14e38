"""Column types that mean the same on both databases."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.types import TypeEngine

SEQUENCE: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def bytewise_text() -> TypeEngine[str]:
    """Return a text type that compares bytewise on both databases, as SQLite does by default."""
    return String().with_variant(String(collation="C"), "postgresql")


def document_text() -> TypeEngine[str]:
    """Return the type of a rendered JSON document, stored exactly as it is sent to readers."""
    return Text()


NO_END_DAY = "9999-12-31"
"""The last day of a period without an end, in columns that are compared."""
