"""This module decodes the lines of a table, as UTF-8 or as Windows-1252, decided for the file."""

import re
from dataclasses import dataclass

from app.events.record import RejectedError
from app.ingest.readers.delimited import TextLine, decode_text_line, read_text_lines
from app.ingest.readers.files import InputFile

LEGACY_ENCODING = "cp1252"
_NOT_WESTERN = re.compile(rb"[\xc0-\xff]{3}|\xff|\xc3[\x80-\xbf]")
"""Cyrillic and Greek, which have three letters beyond ASCII in a row; no text; UTF-8."""


@dataclass(slots=True)
class LineDecoder:
    """A decoder of the lines of one file.

    A file of which no line is UTF-8 beyond ASCII, and which reads like Western text, is
    Windows-1252. In any other file a line that is not UTF-8 is rejected.
    """

    file: InputFile
    is_legacy: bool | None = None
    """Whether the file is Windows-1252; None until a line is not UTF-8."""

    def decode_line(self, line: TextLine) -> str:
        """Decode a line; raises `RejectedError`."""
        try:
            return decode_text_line(line)
        except RejectedError:
            if self.is_legacy is None:
                self.is_legacy = _is_western(self.file)
            if not self.is_legacy:
                raise
        return line.body.decode(LEGACY_ENCODING)

    def list_notes(self, text: str) -> tuple[tuple[str, str], ...]:
        """List what to warn about in a text that this decoder returned."""
        if not self.is_legacy or text.isascii():
            return ()
        return (("", "is not UTF-8; read as Windows-1252"),)


def _is_western(file: InputFile) -> bool:
    """Read a file to its end; return whether all its lines beyond ASCII are Windows-1252."""
    with file.open() as stream:
        for line in read_text_lines(stream):
            if line.wrong is not None or line.body.isascii():
                continue
            try:
                line.body.decode()
                return False
            except UnicodeDecodeError:
                pass
            try:
                line.body.decode(LEGACY_ENCODING)
            except UnicodeDecodeError:
                return False
            if _NOT_WESTERN.search(line.body):
                return False
    return True
