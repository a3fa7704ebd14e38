"""All sources by name, made from the settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.pull.acled import AcledSource
from app.pull.alliance_files import ALLIANCE_ARCHIVES, AllianceSource
from app.pull.dataverse import ARCHIVED_DATASETS, DataverseSource
from app.pull.gdelt import STREAMS, GdeltSource
from app.pull.gdelt1 import Gdelt1Source
from app.pull.gdelt_filter import GdeltFilter
from app.pull.items import PullError, PullSource
from app.pull.ucdp import UcdpSource
from app.settings import Settings
from app.sources.following import DATASET_OF_SOURCE


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a command says of a source beside the window."""

    streams: Sequence[str] = ()
    release: str = ""
    countries: str = ""
    where: Sequence[str] = ()
    """Which rows of GDELT are taken."""
    dataset: str = ""
    """The dataset that they go into."""


def _make_gdelt(settings: Settings, options: SourceOptions) -> PullSource:
    wrong = set(options.streams) - set(STREAMS)
    if wrong:
        raise PullError(f"--streams takes {', '.join(STREAMS)}, not {', '.join(sorted(wrong))}", 2)
    base, streams = settings.gdelt_url.rstrip("/"), tuple(options.streams)
    if not options.where:
        return GdeltSource(base, streams or STREAMS[:2])
    if any(stream.endswith("mentions") for stream in streams):
        raise PullError("--where is for events: mentions do not say what they are about", 2)
    if not options.dataset or options.dataset in DATASET_OF_SOURCE.values():
        raise PullError("--where needs --dataset: a part of GDELT goes into one of its own", 2)
    part = GdeltFilter.parse_words(options.where)
    return GdeltSource(base, streams or STREAMS[:1], part, options.dataset)


def _make_ucdp(settings: Settings, options: SourceOptions) -> PullSource:
    token = read_secret(settings.ucdp_token, settings.ucdp_token_file)
    files, api = settings.ucdp_files_url.rstrip("/"), settings.ucdp_url.rstrip("/")
    return UcdpSource(files, api, token, options.release)


def _make_acled(settings: Settings, options: SourceOptions) -> PullSource:
    password = read_secret(settings.acled_password, settings.acled_password_file)
    base = settings.acled_url.rstrip("/")
    return AcledSource(base, settings.acled_user, password, options.countries)


def _make_dataverse(name: str) -> Callable[[Settings, SourceOptions], PullSource]:
    def make(settings: Settings, _: SourceOptions) -> PullSource:
        key = read_secret(settings.dataverse_key, settings.dataverse_key_file)
        return DataverseSource(settings.dataverse_url.rstrip("/"), key, ARCHIVED_DATASETS[name])

    return make


SOURCES: Mapping[str, Callable[[Settings, SourceOptions], PullSource]] = {
    "gdelt": _make_gdelt,
    "gdelt1": lambda settings, _: Gdelt1Source(settings.gdelt_url.rstrip("/")),
    "ucdp": _make_ucdp,
    "acled": _make_acled,
    "polecat": _make_dataverse("polecat"),
    "icews": _make_dataverse("icews"),
    "un-votes": _make_dataverse("un-votes"),
    "cow": lambda s, _: AllianceSource(s.cow_url.rstrip("/"), ALLIANCE_ARCHIVES["cow"]),
    "atop": lambda s, _: AllianceSource(s.atop_url.rstrip("/"), ALLIANCE_ARCHIVES["atop"]),
}


def make_source(name: str, settings: Settings, options: SourceOptions) -> PullSource:
    """Make a source; raises `PullError` for an unknown one, or without its credentials."""
    if name not in SOURCES:
        raise PullError(f"{name} is no source; there are {', '.join(SOURCES)}", 2)
    return SOURCES[name](settings, options)


def read_secret(value: str, file: str) -> str:
    """Return a secret from the environment, else from the file that is named there."""
    if value or not file:
        return value
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as wrong:
        raise PullError(f"{file}: {wrong.strerror or wrong}", 2) from wrong
