"""The code speaks plain English; `make census` shows the figures, and its lists what is behind."""

import re
from pathlib import Path

import census
import explorer_words
import pytest
from explorer_words import find_stray_words

STATIC = census.APP / "explorer" / "static"
EXPLORER = sorted(p for p in STATIC.rglob("*") if p.suffix in (".js", ".html", ".css"))


@pytest.fixture(scope="module")
def modules() -> list[census.Module]:
    """The modules of the application, read once."""
    return census.read_modules()


@pytest.fixture(scope="module")
def findings(modules: list[census.Module]) -> dict[str, list[census.Finding]]:
    """Whatever is found in them, found once."""
    return census.find_all(modules)


def test_no_figure_of_the_census_misses_its_aim(
    modules: list[census.Module], findings: dict[str, list[census.Finding]]
) -> None:
    assert [figure for figure in census.measure(modules, findings) if figure.is_missed] == []


@pytest.mark.parametrize(
    "rule", ["duplicates", "names", "prose", "sentences", "undocumented", "errors", "deferred"]
)
def test_no_rule_of_language_is_broken(
    rule: str, findings: dict[str, list[census.Finding]]
) -> None:
    assert [str(finding) for finding in findings[rule]] == []


@pytest.mark.parametrize("path", EXPLORER, ids=lambda path: path.name)
def test_the_explorer_uses_plain_words(path: Path) -> None:
    words = set(re.findall(r"[a-z]+", path.read_text("utf-8").lower()))
    assert words & census.BANNED_NAME_WORDS - {"holds"} == set()


def test_words_for_readers_are_in_the_catalogue_alone() -> None:
    stray = [word for path in explorer_words.SCRIPTS for word in find_stray_words(path)]
    page = re.sub(r"<[^>]*>|\{\{.*?\}\}|[·?\s]", "", (STATIC / "index.html").read_text("utf-8"))
    assert (stray, page) == ([], "")


def test_every_key_of_the_catalogue_is_used() -> None:
    assert set(explorer_words.CATALOGUE) - explorer_words.list_used_keys() == set()


def test_a_stray_word_is_noticed(tmp_path: Path) -> None:
    script = tmp_path / "made.js"
    script.write_text(
        'h("p", { class: "state failure" }, n ? "Loading" : `of ${h("b", {}, "two words")}`)'
    )
    found = [line.partition(" belongs")[0] for line in find_stray_words(script)]
    assert found == ["made.js:1: 'Loading'", "made.js:1: 'two words'"]


def test_styles_have_no_left_and_right() -> None:
    """Sides are named by the direction of the text, so that they change with the language."""
    sides = re.compile(
        r"(?<![\w-])((max-|min-)?(width|height)|((margin|padding|border|scroll-\w+)-)?"
        r"(left|right|top|bottom)(-\w+)?):|text-align: (left|right)|float:"
    )
    lines = [line for css in STATIC.glob("*.css") for line in css.read_text("utf-8").splitlines()]
    assert [line for line in lines if sides.search(line) and not line.startswith("@media")] == []


def test_every_exception_is_needed(modules: list[census.Module]) -> None:
    deferred = {(module.place, name) for module in modules for _, name in module.list_deferred()}
    names = {name for module in modules for _, name in module.list_names()}
    assert deferred >= census.ALLOWED_DEFERRED.keys()
    assert names >= census.ALLOWED_NAMES.keys()
    assert census.list_shared_names(modules).keys() >= census.ALLOWED_DUPLICATES.keys()
    assert len(census.ALLOWED_DUPLICATES) <= 10


def test_names_are_split_into_words() -> None:
    assert census.split_words("_read_HTTPBodyOf2") == ["read", "http", "body", "of", "2"]


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("One sentence.", "One sentence."),
        ("One, e.g. this. And two.", "One, e.g. this."),
        ("One\nin two lines. Two.", "One\nin two lines."),
        ("A heading\n\nand more.", "A heading"),
    ],
)
def test_the_first_sentence_is_found(docstring: str, sentence: str) -> None:
    assert census.first_sentence(docstring) == sentence


@pytest.mark.parametrize(
    "text",
    ["the given file", "a stand-alone server", "BUILD stands for build", "the event given here"],
)
def test_plain_words_are_let_through(text: str) -> None:
    assert not census.BANNED_PROSE.search(text)


@pytest.mark.parametrize(
    "text",
    ["is held here", "as it stands", "what is given.", "as given", "nobody asked", "done anew"],
)
def test_banned_words_are_found(text: str) -> None:
    assert census.BANNED_PROSE.search(text)
