"""Cite a view or its sources: a footnote, and references for bibliographies."""

from collections.abc import Sequence

from pydantic import BaseModel, Field
from sqlalchemy import Connection, Select, select

from app.briefs.views import ViewDescription
from app.briefs.words import write_text
from app.db.dialect.stored_document import document_of
from app.db.tables import revisions, sources
from app.db.versioning import Columns, select_current_or_as_of
from app.page_models import Links, Meta
from app.reader_words import write_edtf
from app.sources.bibliography import Reference, refer_to_source, render_references
from app.sources.citation import read_cited_datasets
from app.sources.schemas import Source

MAX_NAMED = 3
"""Datasets that a citation names; of more it says how many."""


class CitationLink(BaseModel):
    """The same answer in another form."""

    media_type: str
    address: str


class CitationDocument(BaseModel):
    """How to cite a view, and where its answer is in other forms; addresses are relative."""

    title: str
    description: str = Field(description="The answer in a sentence or two.")
    permalink: str = Field(description="Absolute address of the view at this version.")
    read: str = Field(description="The day of access, ISO.")
    footnote: str
    bibtex: str
    ris: str
    csl: str = Field(description="CSL-JSON, as text.")
    picture: str | None = Field(description="Takes `format=png` or `svg`, and `width`.")
    embed: str | None = Field(description="A page to be shown in a frame.")
    data: list[CitationLink]
    sources: bool = Field(description="Whether the sources can be cited too (`of=sources`).")


class CitationAnswer(BaseModel):
    """A citation and the version that it is of."""

    data: CitationDocument
    meta: Meta
    links: Links


def build_citation(
    db: Connection, view: ViewDescription, as_of: int | None, base: str, day: str
) -> CitationDocument:
    """Build the citation of a view that is read on a day; `base` is the service's public URL."""
    credit = write_credit(db, view, as_of)
    url = base + view.address
    note = write_text("cite_note", credit=credit, version=view.version)
    reference = Reference(
        key=f"entente-{view.version}",
        kind="web",
        title=view.title,
        publisher="Entente",
        url=url,
        published=day[:4],
        accessed=day,
        version=str(view.version),
        note=note,
    )
    text = write_text(
        "cite_text",
        year=day[:4],
        title=view.title,
        credit=credit,
        version=view.version,
        url=url,
        day=write_edtf(day),
    )
    bibtex, ris, csl = (
        render_references([reference], form).decode() for form in ("bibtex", "ris", "csl")
    )
    return CitationDocument(
        title=view.title,
        description=view.description,
        permalink=url,
        read=day,
        footnote=text,
        bibtex=bibtex,
        ris=ris,
        csl=csl,
        picture=view.picture,
        embed=view.embed,
        data=[CitationLink(media_type=link.media_type, address=link.address) for link in view.data],
        sources=any(part is not None for part in (view.event, view.shift, view.events)),
    )


def write_credit(db: Connection, view: ViewDescription, as_of: int | None) -> str:
    """Write the datasets of a view with their versions and licences."""
    if not view.datasets:
        return write_text("cite_record")
    found = read_cited_datasets(db, view.datasets, as_of)
    named = [
        write_text("cite_dataset", citation=d.citation, version=d.version, licence=d.licence)
        for d in found[:MAX_NAMED]
    ]
    if len(found) > MAX_NAMED:
        named.append(write_text("and_more", n=len(found) - MAX_NAMED))
    return "; ".join(named)


def read_references(db: Connection, ids: Sequence[str], as_of: int | None) -> list[Reference]:
    """Read some sources as references, ordered by id."""
    wanted = list(ids)

    def select_rows(s: Columns) -> Select[int, str]:
        return select(s.seq, s.id).where(s.id.in_(wanted))

    found = select_current_or_as_of(as_of, sources, select_rows).subquery()
    rows = select(document_of(revisions)).join(found, found.c.seq == revisions.c.seq)
    documents = db.scalars(rows.order_by(found.c.id))
    return [refer_to_source(Source.model_validate_json(document)) for document in documents]
