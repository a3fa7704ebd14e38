"""Resolution of the record of a row, and the hash that tells whether the row says something new."""

import msgspec

from app.events.record import EventRecord, RejectedError
from app.events.resolve import ResolvedRecord, resolve_record
from app.ingest.formats.hashing import hash_to_int64
from app.ingest.loading.reference_cache import ReferenceCache

_encode = msgspec.json.Encoder().encode


def resolve_row_record(
    record: EventRecord, dataset: str, references: ReferenceCache
) -> ResolvedRecord:
    """Resolve the record of a row and hash it; raises `RejectedError` for the first problem."""
    resolved = resolve_record(record, dataset, references.actor_index, references.identify_source)
    if resolved.problems:
        path, message, _ = resolved.problems[0]
        raise RejectedError(_format_path(path), message)
    # It must be computed as the stored ones were: else every row would count as changed, and the
    # next load would undo edits made by hand.
    resolved.content_hash = hash_to_int64(_encode(record))
    return resolved


def _format_path(path: tuple[str | int, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")
