"""A file of a known format, ready to be read."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from app.ingest.formats.file_format import FileFormat
from app.ingest.readers.files import InputStream
from app.ingest.readers.rows import InputRow

RowReader = Callable[[InputStream | None], Iterator[InputRow]]


class RecognizedFile(NamedTuple):
    """A file of a known format; `read_rows` reads it from its beginning and may be called again."""

    format: FileFormat
    read_rows: RowReader
    is_rejects_file: bool = False
    """Whether it is a rejects file, in which each row names its format and dataset."""
