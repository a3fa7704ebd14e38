"""Questions and answers of the W3C reconciliation protocol (0.2). Pure."""

from pydantic import BaseModel, ConfigDict, Field

from app.text import ShortText


class ReconcileEntity(BaseModel):
    """A type of entity, with its id and name."""

    id: str
    name: str


class ReconcileView(BaseModel):
    """The pattern of the address that shows an actor."""

    url: str


class ReconcileManifest(BaseModel):
    """The service manifest of the reconciliation protocol."""

    versions: list[str] = ["0.2"]
    name: str = "Entente: states, alliances, organizations and persons"
    identifierSpace: str  # noqa: N815  the protocol's name
    schemaSpace: str  # noqa: N815
    view: ReconcileView
    defaultTypes: list[ReconcileEntity]  # noqa: N815


class ReconcileProperty(BaseModel):
    """A property that narrows a question: `on`, a day, or a code by its scheme, such as `iso3`.

    Other properties have no effect.
    """

    model_config = ConfigDict(extra="ignore")
    pid: ShortText
    v: object = None


class ReconcileQuestion(BaseModel):
    """One reconciliation question: a name, with a type and properties."""

    model_config = ConfigDict(extra="ignore")
    query: ShortText
    type: str | list[str] | None = None
    limit: int = Field(10, ge=1, le=1000)
    properties: list[ReconcileProperty] = Field([], max_length=20)


class ReconcileCandidate(BaseModel):
    """An actor that may answer a question."""

    id: str
    name: str
    score: float
    match: bool
    type: list[ReconcileEntity]
    description: str


class ReconcileResult(BaseModel):
    """The candidates of one question, best first."""

    result: list[ReconcileCandidate]
