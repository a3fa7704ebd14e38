"""Every knob with its default, read once from the environment (`ENTENTE_…`)."""

from pathlib import Path
from tempfile import gettempdir

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What can be set. A contradiction refuses to start."""

    model_config = SettingsConfigDict(env_prefix="ENTENTE_", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///entente.db",
        description="SQLAlchemy URL; `sqlite:///file` or `postgresql://user@host/name`.",
    )
    pool_size: int = Field(16, ge=1, le=200, description="Connections and worker threads.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+[^?#]*[^/?#])?$",
        description="Where readers reach the service, for links that must be absolute (OGC API);"
        " empty: as the request was addressed.",
    )
    cors_origins: tuple[str, ...] = Field(
        ("*",),
        description="Origins whose pages may ask from a browser, always without its cookies; `[]`:"
        " none.",
    )
    exports: int = Field(
        2, ge=1, le=64, description="Exports that are worked on at the same time; others wait."
    )
    cursor_key: str = Field(
        "", description="Key that signs page cursors; empty: one is made and kept in the database."
    )
    open_reading: bool = Field(
        True, description="Whether reading needs no key; writing always does."
    )
    max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=1024, description="Largest body of a write; imports have their own."
    )
    import_folder: str = Field(
        "",
        description="Where uploads wait; empty: beside the SQLite file, else the system's folder"
        " for temporary files.",
    )
    max_import_bytes: int = Field(8 << 30, ge=1, description="Largest upload of an import.")
    max_expanded_bytes: int = Field(
        64 << 30, ge=1, description="Bytes that a compressed upload may expand to."
    )
    alignment_datasets: tuple[str, ...] = Field(
        ("curated",), description="Datasets that alignment adds up unless told otherwise."
    )

    @model_validator(mode="after")
    def supported(self) -> "Settings":
        """Only the two databases that the tests run on."""
        if not self.database_url.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
            raise ValueError("ENTENTE_DATABASE_URL must begin with sqlite: or postgresql:")
        return self

    @property
    def imports(self) -> Path:
        """The folder of uploads."""
        if self.import_folder:
            return Path(self.import_folder)
        file = self.database_url.partition("sqlite:///")[2].partition("?")[0]
        return Path(f"{file}-imports") if file else Path(gettempdir()) / "entente-imports"


MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
