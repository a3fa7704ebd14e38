"""Select stored documents as their text: the one way in which they are read."""

from sqlalchemy import FromClause, Label
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.packed_documents import PackedDocument


class _StoredDocument(FunctionElement[str]):
    """The packed document, or else the plain one, as bytes or as text."""

    name = "stored_document"
    type = PackedDocument()
    inherit_cache = True


@compiles(_StoredDocument, "sqlite")
def _compile_for_sqlite(found: _StoredDocument, compiler: SQLCompiler, **more: object) -> str:
    return f"coalesce({compiler.process(found.clauses, **more)})"


@compiles(_StoredDocument, "postgresql")
def _compile_for_postgresql(found: _StoredDocument, compiler: SQLCompiler, **more: object) -> str:
    packed, plain = (compiler.process(column, **more) for column in found.clauses)
    return f"coalesce({packed}, convert_to({plain}, 'UTF8'))"


def document_of(revision: FromClause, name: str = "document") -> Label[str]:
    """Select the document of `revisions`, or of an alias of it, under a name."""
    return _StoredDocument(revision.c.packed, revision.c.plain).label(name)
