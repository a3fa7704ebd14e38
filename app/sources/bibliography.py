"""Write sources and datasets as references: BibTeX, RIS, CSL-JSON, and CSV for tables. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.json_encoding import encode_json
from app.sources.schemas import Dataset, Source
from app.text import escape_formula

ReferenceFormat = Literal["bibtex", "ris", "csl", "csv"]
BibliographyFormat = Literal["json", "bibtex", "ris", "csl", "csv"]
"""The formats of a list that is also a bibliography."""
REFERENCE_MEDIA_TYPES: dict[ReferenceFormat, tuple[str, ...]] = {
    "bibtex": ("application/x-bibtex; charset=utf-8",),
    "ris": ("application/x-research-info-systems; charset=utf-8",),
    "csl": ("application/vnd.citationstyles.csl+json",),
    "csv": ("text/csv; charset=utf-8",),
}
_CSL_TYPES = {"news": "article-newspaper", "treaty": "treaty", "dataset": "dataset"}
_RIS_TYPES = {"news": "NEWS", "treaty": "STAT", "dataset": "DATA"}
_BIBTEX_SPECIAL = re.compile(r"[\\{}$&%#_~^]")
_BIBTEX_WORDS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A work as bibliographies name it; dates are EDTF."""

    key: str
    kind: str
    title: str
    publisher: str
    url: str | None = None
    published: str | None = None
    accessed: str | None = None
    language: str | None = None
    version: str | None = None
    note: str | None = None
    reliability: str | None = None
    licence: str | None = None


def refer_to_source(source: Source) -> Reference:
    """Return the reference to a source."""
    return Reference(
        source.id, source.kind, source.title or source.publisher, source.publisher, source.url,
        source.published, source.accessed, source.language,
        reliability=source.reliability, licence=source.licence,
    )  # fmt: skip


def refer_to_dataset(dataset: Dataset) -> Reference:
    """Return the reference to a dataset, with its own citation and licence as the note."""
    note = f"{dataset.citation} Licence: {dataset.licence}"
    return Reference(
        dataset.code, "dataset", dataset.name, dataset.name, version=dataset.version, note=note,
        licence=dataset.licence,
    )  # fmt: skip


def render_references(references: Iterable[Reference], form: ReferenceFormat) -> bytes:
    """Render references in a format; without any, an empty bibliography."""
    if form == "csv":
        return _write_table(references)
    if form == "csl":
        return encode_json([_to_csl(one) for one in references])
    write = _write_bibtex if form == "bibtex" else _write_ris
    return "\n".join(write(one) for one in references).encode()


COLUMNS = (
    "id", "kind", "title", "publisher", "url", "published", "accessed", "language", "version",
    "reliability", "licence", "note",
)  # fmt: skip
"""The columns of references as CSV: the fields of a source, and those that datasets have."""


def _write_table(references: Iterable[Reference]) -> bytes:
    out = io.StringIO(newline="")
    lines = csv.writer(out)
    lines.writerow(COLUMNS)
    for one in references:
        cells = (getattr(one, name if name != "id" else "key") for name in COLUMNS)
        lines.writerow([escape_formula(cell or "") for cell in cells])
    return out.getvalue().encode()


def _first_date(text: str | None) -> list[int]:
    """Return year, month and day of a date, as far as it has them; the first of an interval."""
    found = _DATE.match(text or "")
    parts = [int(part) for part in found.groups() if part] if found else []
    return parts if len(parts) < 2 or parts[1] <= 12 else parts[:1]  # a season has no month


def _to_csl(one: Reference) -> dict[str, object]:
    issued, accessed = (_first_date(day) for day in (one.published, one.accessed))
    found: dict[str, object | None] = {
        "id": one.key,
        "type": _CSL_TYPES.get(one.kind, "webpage" if one.url else "document"),
        "title": one.title,
        "publisher": one.publisher,
        "container-title": one.publisher if one.kind == "news" else None,
        "URL": one.url,
        "issued": {"date-parts": [issued]} if issued else None,
        "accessed": {"date-parts": [accessed]} if accessed else None,
        "language": one.language,
        "version": one.version,
        "note": one.note,
    }
    return {name: value for name, value in found.items() if value is not None}


def _write_fields(pattern: str, fields: Sequence[tuple[str, str | None]]) -> list[str]:
    return [pattern.format(name, " ".join(value.split())) for name, value in fields if value]


def _write_ris(one: Reference) -> str:
    slashed = [
        "/".join(f"{part:02}" for part in day) + "/" * (3 - len(day)) if day else None
        for day in (_first_date(one.published), _first_date(one.accessed))
    ]
    fields = [
        ("TY", _RIS_TYPES.get(one.kind, "ELEC" if one.url else "GEN")), ("ID", one.key),
        ("TI", one.title), ("PB", one.publisher), ("PY", (slashed[0] or "").partition("/")[0]),
        ("DA", slashed[0]), ("UR", one.url), ("Y2", slashed[1]), ("LA", one.language),
        ("ET", one.version), ("N1", one.note),
    ]  # fmt: skip
    return "\n".join([*_write_fields("{}  - {}", fields), "ER  - ", ""])


def _write_bibtex(one: Reference) -> str:
    published, accessed = (
        "-".join(f"{part:02}" for part in _first_date(day)) for day in (one.published, one.accessed)
    )
    texts = [
        ("author", one.publisher), ("title", one.title), ("language", one.language),
        ("version", one.version), ("note", one.note),
    ]  # fmt: skip
    fields = [(name, _escape_bibtex(value or "")) for name, value in texts]
    fields += [("year", published[:4]), ("date", published), ("urldate", accessed)]
    fields += [("url", (one.url or "").replace("{", "%7B").replace("}", "%7D"))]
    kind = "online" if one.url else "misc"
    key = re.sub(r"[^A-Za-z0-9:._-]", "-", one.key)
    # Names of publishers and titles keep their capitals by a second pair of braces.
    whole = {"author", "title"}
    lines = [
        f"  {name} = {{{{{' '.join(value.split())}}}}}," if name in whole
        else f"  {name} = {{{' '.join(value.split())}}},"
        for name, value in fields if value
    ]  # fmt: skip
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])


def _escape_bibtex(text: str) -> str:
    return _BIBTEX_SPECIAL.sub(lambda m: _BIBTEX_WORDS.get(m[0], "\\" + m[0]), text)
