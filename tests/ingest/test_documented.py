"""The page on loading names what there is."""

import re
from pathlib import Path

from app import cli
from app.ingest.command import EXIT_REJECTED
from app.ingest.formats.entente import TEMPLATE
from app.ingest.load_files import EXIT_FAILED
from app.ingest.loading.stats import COUNT_NAMES
from app.ingest.readers.recognize import FORMATS
from app.settings import Settings
from app.sources.record import SourceRecord

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "loading.md").read_text("utf-8")


def test_every_format_has_its_section() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    assert {name for line in headings for name in line.split(", ")} == set(FORMATS)


def test_every_format_says_what_it_loses() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections if "*Lost" not in section] == []


def test_every_option_is_described() -> None:
    load = cli.LazyCommand("load", cli.COMMANDS["load"]).load()
    options = {o for p in load.params for o in p.opts if o.startswith("--")}
    assert {option for option in options if f"`{option}" not in PAGE} == set()


def test_counts_exit_codes_columns_and_settings_are_described() -> None:
    assert {name for name in COUNT_NAMES if f"`{name}`" not in PAGE} == set()
    assert f"| {EXIT_FAILED} |" in PAGE
    assert f"| {EXIT_REJECTED} |" in PAGE
    columns = {name for name in TEMPLATE if name.startswith(("source_", "publ", "url"))}
    assert {name for name in columns if f"`{name}`" not in PAGE} == set()
    assert {f for f in SourceRecord.__struct_fields__ if f'"{f}"' not in PAGE} == set()
    settings = {f"ENTENTE_{n.upper()}" for n in Settings.model_fields if "import" in n}
    assert {name for name in settings if name not in PAGE} == set()
