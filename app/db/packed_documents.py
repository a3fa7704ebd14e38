"""Documents packed by zstd with dictionaries that were trained on documents of their kind.

A packed document is a standard zstd frame, whose header names its dictionary. zstd derives the id
of a dictionary from its content, so that an id means the same in every database (decision 030).
"""

import threading
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import accumulate, chain
from weakref import WeakKeyDictionary

import zstandard
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

LEVEL = 3
DICTIONARY_BYTES = 112_640
"""The largest size of a dictionary; zstd's own default."""
SAMPLE_SHARE = 8
"""A dictionary has at most this share of the bytes that it is trained on."""
_START = b"("
"""The first byte of a frame; a plain document begins with a brace."""
_ID = slice(5, 9)
"""Where a frame has the id of its dictionary, if its header is as `_USUAL_HEADER` says."""
_USUAL_HEADER = 0x23
"""The bits of a header with a size, no window and an id of four bytes."""


class MissingDictionaryError(Exception):
    """A document is packed with a dictionary that the database does not have."""


class DocumentDictionary:
    """A dictionary that documents are packed and unpacked with, in any thread."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.shared = zstandard.ZstdCompressionDict(content)
        self.shared.precompute_compress(level=LEVEL)
        self.id = self.shared.dict_id()

    def pack(self, document: bytes) -> bytes | None:
        """Pack a document; None where it would not become shorter."""
        packers = _OF_THREAD.packers
        pack = packers.get(self.id)
        if pack is None:
            made = zstandard.ZstdCompressor(level=LEVEL, dict_data=self.shared)
            pack = packers[self.id] = made.compress
        frame: bytes = pack(document)
        usual = frame[4] & _USUAL_HEADER == _USUAL_HEADER
        return frame if usual and len(frame) < len(document) else None


def train_dictionary(samples: Sequence[bytes]) -> DocumentDictionary | None:
    """Train a dictionary; None where the samples are too few or too small."""
    size = min(DICTIONARY_BYTES, sum(map(len, samples)) // SAMPLE_SHARE)
    try:
        return DocumentDictionary(zstandard.train_dictionary(size, list(samples)).as_bytes())
    except zstandard.ZstdError:
        return None


class _ThreadTools(threading.local):
    """What packs and unpacks in one thread, since neither may be used by two at a time."""

    def __init__(self) -> None:
        self.packers: dict[int, Callable[[bytes], bytes]] = {}
        self.unpackers: dict[bytes, zstandard.ZstdDecompressor] = {}


_OF_THREAD = _ThreadTools()
_KNOWN: dict[int, DocumentDictionary] = {}
_READERS: WeakKeyDictionary[Dialect, Callable[[], Iterable[bytes]]] = WeakKeyDictionary()


def register_dictionary_reader(dialect: Dialect, read: Callable[[], Iterable[bytes]]) -> None:
    """Say how the dictionaries of an engine are read, by the engine's own dialect object."""
    _READERS[dialect] = read


def add_dictionary(found: DocumentDictionary) -> None:
    """Add a dictionary to those that documents are unpacked with in this process."""
    _KNOWN.setdefault(found.id, found)


def find_dictionary(ident: int, dialect: Dialect) -> DocumentDictionary:
    """Find a dictionary; all those of the database are read where it is not known yet."""
    if ident not in _KNOWN and dialect in _READERS:
        for content in _READERS[dialect]():
            add_dictionary(DocumentDictionary(content))
    if ident not in _KNOWN:
        raise MissingDictionaryError(f"there is no dictionary {ident} to unpack a document with")
    return _KNOWN[ident]


def read_dictionary_id(frame: bytes) -> int:
    """Return the id of the dictionary that a document is packed with."""
    return int.from_bytes(frame[_ID], "little")


def unpack_document(stored: str | bytes | None, dialect: Dialect) -> str | None:
    """Return the text of a document from what the database has, which may be plain."""
    if stored is None or isinstance(stored, str):
        return stored
    if stored[:1] != _START:
        return stored.decode()
    return _find_unpacker(stored, dialect).decompress(stored).decode()


def unpack_columns(
    rows: Sequence[tuple[object, ...]], places: Sequence[int], dialect: Dialect
) -> list[tuple[object, ...]]:
    """Unpack the documents of rows, which are at some places of each."""
    done = list(rows)
    for place in places:
        texts = unpack_documents([row[place] for row in done], dialect)
        both = zip(done, texts, strict=True)
        done = [(*row[:place], text, *row[place + 1 :]) for row, text in both]
    return done


def unpack_documents(stored: Sequence[object], dialect: Dialect) -> list[object]:
    """Unpack documents, all of one dictionary at once.

    Each call of zstd lets go of the interpreter's lock: one for each document would cost more
    in changes of threads than in unpacking.
    """
    texts = list(stored)
    packed = [n for n, one in enumerate(stored) if isinstance(one, bytes) and one[:1] == _START]
    for n, one in enumerate(stored):
        if isinstance(one, bytes) and one[:1] != _START:
            texts[n] = one.decode()
    frames = [frame for n in packed if isinstance(frame := stored[n], bytes)]
    for n, document in zip(packed, _unpack_frames(frames, dialect), strict=True):
        texts[n] = document.decode()
    return texts


def unpack_joined(stored: bytes, lengths: Iterable[int], dialect: Dialect) -> bytes:
    """Unpack documents that are joined by commas, packed or plain; each with its length.

    They stay joined.
    """
    sizes = list(lengths)
    if stored[:1] == _START:
        unpacker = _find_unpacker(stored, dialect)
        begins = accumulate((size + 1 for size in sizes[:-1]), initial=0)
        bounds = array("Q", chain.from_iterable(zip(begins, sizes, strict=True))).tobytes()
        frames = zstandard.BufferWithSegments(stored, bounds)  # not cut: a sixth of the time
        # An error is of a document that is plain, or of another dictionary: rare on a page.
        with suppress(zstandard.ZstdError, ValueError):
            return b",".join(unpacker.multi_decompress_to_buffer(frames))  # type: ignore[arg-type]
    return _unpack_mixed(stored, sizes, dialect)


def _unpack_mixed(stored: bytes, lengths: Sequence[int], dialect: Dialect) -> bytes:
    found, end = list[bytes](), -1
    for length in lengths:
        begin, end = end + 1, end + 1 + length
        found.append(stored[begin:end])
    packed = [n for n, one in enumerate(found) if one[:1] == _START]
    frames = [found[n] for n in packed]
    for n, document in zip(packed, _unpack_frames(frames, dialect), strict=True):
        found[n] = document
    return b",".join(found)


def _unpack_frames(frames: Sequence[bytes], dialect: Dialect) -> list[bytes]:
    """Unpack packed documents, all of one dictionary at once, in their order."""
    idents = {frame[_ID] for frame in frames}
    if len(idents) == 1:  # as on nearly every page
        return _unpack_alike(frames, dialect)
    done: dict[int, bytes] = {}
    for ident in idents:
        numbers = [n for n, frame in enumerate(frames) if frame[_ID] == ident]
        found = _unpack_alike([frames[n] for n in numbers], dialect)
        done |= dict(zip(numbers, found, strict=True))
    return [done[n] for n in range(len(frames))]


def _unpack_alike(frames: Sequence[bytes], dialect: Dialect) -> list[bytes]:
    unpacker = _find_unpacker(frames[0], dialect)
    found = unpacker.multi_decompress_to_buffer([*frames])
    return [found[n].tobytes() for n in range(len(frames))]


def _find_unpacker(frame: bytes, dialect: Dialect) -> zstandard.ZstdDecompressor:
    known = _OF_THREAD.unpackers.get(frame[_ID])
    if known is None:
        found = find_dictionary(read_dictionary_id(frame), dialect)
        known = zstandard.ZstdDecompressor(dict_data=found.shared)
        _OF_THREAD.unpackers[frame[_ID]] = known
    return known


class PackedDocument(TypeDecorator[str]):
    """The type of a stored document, plain or packed, which is read as its text."""

    impl = LargeBinary
    cache_ok = True

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | bytes | None], str | None] | None:
        """Return what unpacks the values of a result."""
        del coltype
        return lambda stored: unpack_document(stored, dialect)
