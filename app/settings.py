"""Settings of the service with their defaults, read from the environment (`ENTENTE_…`)."""

import re
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.logs import LogFormat, LogLevel
from app.processors import count_processors

_SECRETS_IN_URL = (
    re.compile(r"(//[^/:@]*:)[^@]*(?=@)"),
    re.compile(r"([?&]\w*password=)[^&]*"),
)
MAX_WORKERS = 8
"""Most processes that answer, unless the setting names more."""
STREAM_READS = 4
"""Batches of change streams that are read at the same time, in each process."""
BACKGROUND_TASKS = 8
"""Connections of one process's background work.

Shifts and watches with the leadership of each, two imports, deliveries, a listener.
"""

WATCH_MESSAGE_BYTES = 256 << 10
"""Bytes of a message of a watch; of an event that is larger, only its id and address are sent."""
WATCH_ANSWER_SECONDS = 15.0
"""Seconds that a receiver has for one message, from looking up its name to its answer."""
WATCH_ATTEMPTS = 10
"""Attempts to deliver a message, the first one included."""

FRAME_ANCESTOR = r"^(https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?|\*)$"
"""An origin, or all of the hosts below one, as a content security policy writes it."""
BASE_ADDRESS = r"^https?://[^/?#\s]+[^?#\s]*$"
"""An address that paths are added to."""


class _Environment(EnvSettingsSource):
    """Reads the variables of the environment; where there is none, without a look for each."""

    def __call__(self) -> dict[str, Any]:
        # The search for a hundred settings takes 5 ms, and background work asks for them often.
        prefix = self.env_prefix.lower()
        return super().__call__() if any(n.startswith(prefix) for n in self.env_vars) else {}


class Settings(BaseSettings):
    """All settings; values that are not valid stop the service at start."""

    model_config = SettingsConfigDict(env_prefix="ENTENTE_", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource, **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Take settings from arguments and the environment, and from no files."""
        return init_settings, _Environment(settings_cls)

    database_url: str = Field(
        "sqlite:///entente.db",
        description="SQLAlchemy URL; `sqlite:///file` or `postgresql://user@host/name`.",
    )
    read_url: str = Field(
        "",
        description="URL of PostgreSQL standbys to read from, of one host or several"
        " (`?host=a:5432&host=b:5432`); empty: read where it is written.",
    )
    max_lag: float = Field(
        30,
        ge=0,
        description="Seconds that a standby may be behind before `/readyz` says that the service"
        " is not ready; 0: any.",
    )
    writer_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+[^?#]*[^/?#])?$",
        description="URL of a service that takes writes, which one with a standby alone names"
        " where one is sent.",
    )
    workers: int = Field(
        0, ge=0, le=64,
        description="Processes that answer; 0: one on SQLite, on PostgreSQL one for each processor,"
        " at most 8.",
    )  # fmt: skip
    threads: int = Field(
        0, ge=0, le=200,
        description="Threads that answer, in each process; 0: 2 on SQLite, 4 on PostgreSQL.",
    )  # fmt: skip
    pool_size: int = Field(
        0, ge=0, le=400,
        description="Connections to the database, in each process; 0: one for each thread, export,"
        " reader of a stream's batch and background task. On PostgreSQL one more asks for the"
        " version of remembered answers.",
    )  # fmt: skip
    fast_statements: bool = Field(
        True,
        description="Whether small statements skip SQLAlchemy on their way to the driver; `false`"
        " shows whether that is the cause of a fault.",
    )
    pack_loads: bool | None = Field(
        None,
        description="Whether the first write of a thousand events of a dataset trains a dictionary"
        " for it, so that its documents are packed from then on. By default on PostgreSQL alone: on"
        " SQLite a page takes a fifth more CPU then. Datasets that have as many events already"
        " stay as they are until `entente db pack`.",
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+[^?#]*[^/?#])?$",
        description="URL where readers reach the service, for links that must be absolute (OGC"
        " API); empty: from the request.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Names that a request may call the service by, without a port; `[]`: any.",
    )
    cors_origins: tuple[str, ...] = Field(
        ("*",),
        description="Origins whose pages may call the API from a browser, without cookies; `[]`:"
        " none.",
    )
    frame_ancestors: tuple[Annotated[str, StringConstraints(pattern=FRAME_ANCESTOR)], ...] = Field(
        (),
        description="Origins whose pages may show `/embed/…`, and previews of reconciliation, in a"
        " frame, such as `https://news.example`; `*`: all; `[]`: none. Nothing else ever is;"
        " previews also are by programs on the reader's own computer.",
    )
    exports: int = Field(
        2, ge=1, le=64,
        description="Exports that run at the same time, in all processes together; others wait.",
    )  # fmt: skip
    cursor_key: str = Field(
        "",
        json_schema_extra={"secret": True},
        description="Key that signs page cursors; empty: one is made and stored in the database.",
    )
    open_reading: bool = Field(
        True, description="Whether reading needs no key; writing always does."
    )
    max_body_bytes: int = Field(
        32 * 1024 * 1024, ge=1024, description="Largest body of a write; imports have their own."
    )
    key_rate: int = Field(
        0,
        ge=0,
        description="Requests a minute that each key may send, to all processes together; 0: no"
        " limit.",
    )
    address_rate: int = Field(
        0,
        ge=0,
        description="Requests a minute without a key that each address may send, to all processes"
        " together; 0: no limit.",
    )
    wrong_keys: int = Field(
        10,
        ge=0,
        description="Wrong keys a minute from an address, after which others of its keys have to"
        " wait; 0: no limit.",
    )
    query_seconds: float = Field(
        30,
        ge=0,
        le=3600,
        description="Seconds that the database may read for a question, exports and streams"
        " excepted; 0: no limit.",
    )
    question_events: int = Field(
        10_000_000,
        ge=0,
        description="Events that a question may have counted one by one, by an estimate before any"
        " is read, exports and streams excepted; 0: no limit.",
    )
    shared_cache_seconds: int = Field(
        10,
        ge=0,
        le=86400,
        description="Seconds for which shared caches (proxies) may answer with the current state,"
        " where no key was sent; 0: they ask each time.",
    )
    dump_folder: str = Field(
        "",
        description="Where dumps are; empty: next to the SQLite file, else `entente-dumps` in the"
        " working folder.",
    )
    answer_memory_bytes: int = Field(
        64 << 20,
        ge=0,
        description="Bytes of answers that each process remembers while the database is unchanged;"
        " 0: none.",
    )
    import_folder: str = Field(
        "",
        description="Where uploads wait; empty: next to the SQLite file, else the system's folder"
        " for temporary files.",
    )
    max_import_bytes: int = Field(8 << 30, ge=1, description="Largest upload of an import.")
    max_expanded_bytes: int = Field(
        64 << 30, ge=1, description="Bytes that a compressed upload may expand to."
    )
    log_format: LogFormat = Field(
        "auto",
        description="Log lines as `json` or `text`; `auto`: text on a terminal, JSON else.",
    )
    log_level: LogLevel = Field(
        "info",
        description="Least grave lines that are logged; `warning` leaves out the lines of requests"
        " that succeed.",
    )
    allow_private_addresses: bool = Field(
        False,
        description="Whether files may be loaded from hosts of private networks by their address.",
    )
    import_addresses: bool = Field(
        False,
        description="Whether keys of the scope `admin` may let the service fetch files for"
        " imports.",
    )
    contact: str = Field(
        "",
        pattern=r"^[\x21-\x7e]*$",
        max_length=200,
        description="Address or e-mail of who runs this, sent to the hosts that files are loaded"
        " from.",
    )
    watches_per_key: int = Field(
        100, ge=0, description="Watches that each key may keep; 0: none at all."
    )
    watch_key: str = Field(
        "",
        pattern=r"^(.{16,200})?$",
        json_schema_extra={"secret": True},
        description="Key that secrets of webhooks are derived from, so that the database does not"
        " have them; empty: they are stored in full.",
    )
    watch_private_addresses: bool = Field(
        False,
        description="Whether watches may be sent to hosts of private networks.",
    )
    gdelt_url: str = Field(
        "https://data.gdeltproject.org",
        pattern=BASE_ADDRESS,
        description="Where GDELT's files are.",
    )
    ucdp_url: str = Field(
        "https://ucdpapi.pcr.uu.se/api", pattern=BASE_ADDRESS, description="UCDP's API."
    )
    ucdp_files_url: str = Field(
        "https://ucdp.uu.se/downloads", pattern=BASE_ADDRESS, description="Where UCDP's files are."
    )
    acled_url: str = Field(
        "https://acleddata.com", pattern=BASE_ADDRESS, description="ACLED's API."
    )
    dataverse_url: str = Field(
        "https://dataverse.harvard.edu",
        pattern=BASE_ADDRESS,
        description="The Dataverse with POLECAT, ICEWS and the UN votes.",
    )
    cow_url: str = Field(
        "https://correlatesofwar.org", pattern=BASE_ADDRESS, description="Where COW's files are."
    )
    atop_url: str = Field(
        "http://www.atopdata.org", pattern=BASE_ADDRESS, description="Where ATOP's files are."
    )
    ucdp_token: str = Field(
        "", json_schema_extra={"secret": True}, description="Token of UCDP's API; empty: its files."
    )
    ucdp_token_file: str = Field("", description="File with the token of UCDP's API.")
    acled_user: str = Field("", description="E-mail address of an account at ACLED.")
    acled_password: str = Field(
        "", json_schema_extra={"secret": True}, description="Password of that account."
    )
    acled_password_file: str = Field("", description="File with that password.")
    dataverse_key: str = Field(
        "", json_schema_extra={"secret": True}, description="Key of the Dataverse; may be empty."
    )
    dataverse_key_file: str = Field("", description="File with the key of the Dataverse.")
    original_key: str = Field(
        "",
        json_schema_extra={"secret": True},
        description="Key at the Entente whose dataset is followed; may be empty.",
    )
    original_key_file: str = Field("", description="File with that key.")
    pull_pause: float = Field(
        0.5, ge=0, le=60, description="Least seconds between two requests to a source."
    )
    smtp_host: str = Field(
        "", description="Mail server that sends e-mails of watches; empty: there are none."
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is encrypted."
    )
    smtp_user: str = Field("", description="User at the mail server; empty: no login.")
    smtp_password: str = Field(
        "", json_schema_extra={"secret": True}, description="Password at the mail server."
    )
    smtp_from: str = Field(
        "entente@localhost",
        pattern=r"^[^\s@]+@[^\s@]+$",
        description="Sender of e-mails of watches.",
    )
    alignment_datasets: tuple[str, ...] = Field(
        ("curated", "realignments"),
        description="Datasets that alignment counts by default.",
    )
    shift_waves: bool = Field(
        True,
        description="Whether a month in which other partners of an actor seem to move is a likelier"
        " onset of a shift; `false` leaves every dyad to itself.",
    )

    @model_validator(mode="after")
    def check_database_url(self) -> "Settings":
        """Refuse databases other than SQLite and PostgreSQL, which the tests run on."""
        if not self.database_url.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
            raise ValueError("ENTENTE_DATABASE_URL must begin with sqlite: or postgresql:")
        if self.read_url and (
            not self.read_url.startswith(("postgresql:", "postgresql+psycopg:"))
            or self.database_url.startswith("sqlite:")
        ):
            raise ValueError("ENTENTE_READ_URL is for PostgreSQL, as ENTENTE_DATABASE_URL then is")
        return self

    def list_masked(self) -> dict[str, tuple[object, bool]]:
        """Return each variable's value, secrets masked, and whether it differs from the default."""
        found: dict[str, tuple[object, bool]] = {}
        for name, field in type(self).model_fields.items():
            value = shown = getattr(self, name)
            if name in ("database_url", "read_url"):
                for secret in _SECRETS_IN_URL:
                    shown = secret.sub(r"\1***", shown)
            elif isinstance(field.json_schema_extra, dict) and field.json_schema_extra["secret"]:
                shown = "***" if value else ""
            found[f"ENTENTE_{name.upper()}"] = (shown, value != field.default)
        return found

    @property
    def worker_count(self) -> int:
        """The number of processes that answer."""
        uses_sqlite = self.database_url.startswith("sqlite:")
        return self.workers or (1 if uses_sqlite else min(count_processors(), MAX_WORKERS))

    @property
    def thread_count(self) -> int:
        """The number of threads that answer, in each process."""
        # More threads on SQLite wait for each other: with 16 a page of 50 cost twice the CPU at 32
        # connections, and /healthz took 57 ms instead of 3. On PostgreSQL they wait for its answer.
        return self.threads or (2 if self.database_url.startswith("sqlite:") else 4)

    @property
    def quick_threads(self) -> int:
        """The threads that answer at once while answers are quick (decision 037)."""
        return 1 if self.database_url.startswith("sqlite:") else self.thread_count

    @property
    def connection_count(self) -> int:
        """The number of connections to the database, in each process."""
        return self.pool_size or (
            self.thread_count + self.share_of(self.exports) + STREAM_READS + BACKGROUND_TASKS
        )

    def share_of(self, limit: int) -> int:
        """Return the share of one process in a limit that all have together, at least 1."""
        return -(-limit // self.worker_count)

    @property
    def dump_path(self) -> Path:
        """The folder of dumps."""
        if self.dump_folder:
            return Path(self.dump_folder)
        file = self.database_url.partition("sqlite:///")[2].partition("?")[0]
        return Path(f"{file}-dumps" if file else "entente-dumps")

    @property
    def upload_folder(self) -> Path:
        """The folder where uploads wait to be imported."""
        if self.import_folder:
            return Path(self.import_folder)
        file = self.database_url.partition("sqlite:///")[2].partition("?")[0]
        return Path(f"{file}-imports") if file else Path(gettempdir()) / "entente-imports"
