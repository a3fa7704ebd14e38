"""Column types that mean the same on both databases."""

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.types import TypeEngine

SEQUENCE: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def word() -> TypeEngine[str]:
    """Text that compares bytewise, as SQLite does by itself."""
    return String().with_variant(String(collation="C"), "postgresql")


def document() -> TypeEngine[str]:
    """A rendered JSON document, kept as the bytes that go out."""
    return Text()


NEVER = "9999-12-31"
"""The last day of what has no end, in columns that must compare."""
