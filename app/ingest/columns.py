"""Events in columns: rows of parquet files."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow.parquet as parquet
from pyarrow import ArrowException

from app.events.again import exported, from_row
from app.ingest.format import Format, name_of
from app.ingest.formats import entente
from app.ingest.opened import Opened, Stream, UnreadableError
from app.ingest.reading import Reading
from app.ingest.row import Filled, Row


def reading(file: Opened, formats: Sequence[Format]) -> Reading:
    """The format of a file of parquet; raises `UnreadableError` where it is none of these."""
    if file.path is None:
        raise UnreadableError("is a parquet file in an archive; unpack it and load that")
    path = file.path
    try:
        with parquet.ParquetFile(path) as held:
            names = [name_of(name) for name in held.schema_arrow.names]
    except (ArrowException, OSError) as broken:
        raise UnreadableError(f"is a broken parquet file: {broken}") from broken
    fitting = (f for f in formats if any(needed <= set(names) for needed in f.header))
    format_ = next(fitting, None)
    if format_ is None:
        raise UnreadableError("is a parquet file whose columns are of no format known")
    nested = format_ is entente.TABLE and "participants" in names

    def rows(_: Stream | None) -> Iterator[Row]:
        number = 0
        try:
            with parquet.ParquetFile(path) as held:
                for batch in held.iter_batches(2000):
                    for values in batch.to_pylist():
                        number += 1
                        yield _row(number, values, nested, format_)
        except (ArrowException, OSError) as broken:
            raise UnreadableError(f"cannot be read after row {number}: {broken}") from broken

    return Reading(format_, rows)


def _row(number: int, values: dict[str, Any], nested: bool, format_: Format) -> Row:
    if nested and exported(values) and isinstance(values["participants"], str):
        return Row(number, msgspec.json.encode(from_row(values)), None, "", format_)
    if nested:
        given = {name_of(name): value for name, value in values.items() if value is not None}
        return Row(number, msgspec.json.encode(given, enc_hook=str), None, "", format_)
    cells = Filled((name_of(n), "" if v is None else str(v)) for n, v in values.items())
    return Row(number, cells, None, "", format_)
