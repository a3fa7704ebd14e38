"""The answers of OGC API – Features, as its standard names their fields."""

from pydantic import BaseModel, Field


class Link(BaseModel):
    """A link with an absolute address, which clients of this standard need."""

    href: str
    rel: str
    type: str
    title: str | None = None


class Landing(BaseModel):
    """The landing page: links to the other resources of the standard."""

    title: str
    description: str
    links: list[Link]


class Conformance(BaseModel):
    """The conformance classes of the standard that the service implements."""

    conformsTo: list[str]  # noqa: N815  the standard's name


class Collection(BaseModel):
    """A collection of features: its extent in space and time, and its attribution."""

    id: str
    title: str
    description: str
    itemType: str  # noqa: N815  the standard's name
    crs: list[str]
    storageCrs: str  # noqa: N815  the standard's name
    extent: dict[str, object]
    attribution: str
    links: list[Link]


class Collections(BaseModel):
    """The list of collections, which has one entry."""

    collections: list[Collection]
    links: list[Link]


class Feature(BaseModel):
    """An event as a GeoJSON feature."""

    type: str
    id: str
    geometry: dict[str, object] | None
    properties: dict[str, object]
    links: list[Link] = []


class Features(BaseModel):
    """A page of features."""

    type: str
    features: list[Feature]
    links: list[Link]
    timeStamp: str  # noqa: N815  the standard's name
    numberReturned: int  # noqa: N815
    numberMatched: int | None = Field(  # noqa: N815
        None, description="Features of all pages; on the first page."
    )
