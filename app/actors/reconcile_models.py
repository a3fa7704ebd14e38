"""Questions and answers of the W3C reconciliation protocol (0.2). Pure."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.text import ShortText


class ReconcileEntity(BaseModel):
    """A type of entity, with its id and name."""

    id: str
    name: str


class ReconcileView(BaseModel):
    """The pattern of the address that shows an actor."""

    url: str


class ReconcileAddress(BaseModel):
    """The address of a part of the protocol."""

    service_url: str
    service_path: str


class ReconcileSuggest(BaseModel):
    """Where texts are completed to actors, types and properties."""

    entity: ReconcileAddress
    type: ReconcileAddress
    property: ReconcileAddress


class ReconcilePreview(BaseModel):
    """The pattern of the address of a small page on an actor, and its size in pixels."""

    url: str
    width: int = 430
    height: int = 180


class ReconcileSetting(BaseModel):
    """A setting of a property that is added."""

    name: str
    label: str
    type: str
    help_text: str


class ReconcileExtend(BaseModel):
    """Where properties are listed that can be added, and their settings."""

    propose_properties: ReconcileAddress
    property_settings: list[ReconcileSetting]


class ReconcileManifest(BaseModel):
    """The service manifest of the reconciliation protocol."""

    versions: list[str] = ["0.2"]
    name: str = "Entente: states, alliances, organizations and persons"
    identifierSpace: str  # noqa: N815  the protocol's name
    schemaSpace: str  # noqa: N815
    view: ReconcileView
    defaultTypes: list[ReconcileEntity]  # noqa: N815
    suggest: ReconcileSuggest
    extend: ReconcileExtend
    preview: ReconcilePreview


class ReconcileProperty(BaseModel):
    """A property that narrows a question: `on`, a day, or a code by its scheme, such as `iso3`.

    Other properties have no effect.
    """

    model_config = ConfigDict(extra="ignore")
    pid: ShortText
    v: object = None


class ReconcileQuestion(BaseModel):
    """One reconciliation question: a name, properties or both, with a type."""

    model_config = ConfigDict(extra="ignore")
    query: ShortText | None = None
    type: str | list[str] | None = None
    limit: int = Field(10, ge=1, le=1000)
    properties: list[ReconcileProperty] = Field([], max_length=20)

    @model_validator(mode="after")
    def require_name_or_property(self) -> "ReconcileQuestion":
        """Refuse a question that asks for nothing."""
        if self.query is None and not self.properties:
            raise ValueError("needs a query, or properties")
        return self


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


class SuggestedEntity(ReconcileEntity):
    """An actor that completes a text."""

    description: str
    notable: list[str]


class ExtendProperty(BaseModel):
    """A property to add, with its settings: `on`, the day on which a code is valid."""

    model_config = ConfigDict(extra="ignore")
    id: ShortText
    settings: dict[str, object] = {}


class ExtendQuestion(BaseModel):
    """Which properties to add to which actors."""

    model_config = ConfigDict(extra="ignore")
    ids: list[ShortText] = Field(max_length=1000)
    properties: list[ExtendProperty] = Field(min_length=1, max_length=20)


class ExtendColumn(BaseModel):
    """A property that was added."""

    id: str
    name: str


class ExtendedRows(BaseModel):
    """The values of properties, by actor and property."""

    meta: list[ExtendColumn]
    rows: dict[str, dict[str, list[dict[str, str]]]]
