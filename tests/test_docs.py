"""The documentation names what there is."""

from pathlib import Path

import pytest
from census import BANNED_PROSE

from app.bundled.load_bundled import BUNDLED_FILES
from app.events.schemas import EventInput, Location, ParticipantInput, ReportInput
from app.events.vocabulary import ROLES, STANCES, STATUSES

ROOT = Path(__file__).resolve().parents[1]
FORMAT = (ROOT / "docs" / "load-format.md").read_text("utf-8")


@pytest.mark.parametrize("model", [EventInput, ReportInput, Location, ParticipantInput])
def test_every_field_of_the_format_is_documented(model: type[EventInput]) -> None:
    fields = set(model.model_fields) - {"via"}  # derived, ignored on input
    assert {name for name in fields if f"`{name}`" not in FORMAT} == set()


def test_every_word_of_the_vocabularies_is_documented() -> None:
    words = (*ROLES, *STANCES, *STATUSES)
    assert {word for word in words if word not in FORMAT} == set()


def test_every_bundled_file_is_described() -> None:
    text = (ROOT / "docs" / "bundled.md").read_text("utf-8")
    assert {name for name in BUNDLED_FILES if name not in text} == set()


@pytest.mark.parametrize(
    "page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda page: page.name
)
def test_pages_use_plain_words(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert [line for line in lines if BANNED_PROSE.search(line)] == []
