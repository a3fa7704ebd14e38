"""The pages of the documentation: where they are, how they are ordered, and a search over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.explorer.markdown import HelpPage, Section, render_help_text

APP = Path(__file__).resolve().parents[1]
GROUPS: Mapping[str, Sequence[str]] = {
    "help.begin": ("tutorial", "glossary", "shifts", "charts", "citing"),
    "help.reference": (
        "filters",
        "dictionary",
        "answer-formats",
        "dumps",
        "history",
        "scoring",
        "bundled",
        "problems",
    ),
    "help.loading": ("loading", "live", "load-format", "writing"),
}
"""Keys of the catalogue, each with the names of its pages; other pages are in a last group."""
LAST_GROUP = "help.inside"
MOST_FOUND = 30
SNIPPET = 220
"""Characters of a section that a result shows."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that a search found, with the beginning of its text."""

    page: HelpPage
    section: Section
    snippet: str


def find_docs() -> Path:
    """Find the folder of the documentation: inside the package, or next to it in a checkout.

    Raises `FileNotFoundError` if there is none.
    """
    for folder in (APP / "docs", APP.parent / "docs"):
        if (folder / "glossary.md").is_file():
            return folder
    raise FileNotFoundError(2, "no documentation is installed with the package", str(APP))


@cache
def read_help_page(name: str) -> HelpPage:
    """Read and render a page once; raises `OSError` for one that does not exist."""
    return render_help_text(name, (find_docs() / f"{name}.md").read_text("utf-8"))


@cache
def read_help_pages() -> dict[str, HelpPage]:
    """Read every page, by name."""
    folder = find_docs()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))
    return {name[:-3]: read_help_page(name[:-3]) for name in names}


def list_groups() -> list[tuple[str, list[HelpPage]]]:
    """List the pages in groups, in the order in which a newcomer reads them."""
    pages = read_help_pages()
    grouped = [
        (key, [pages[name] for name in names if name in pages]) for key, names in GROUPS.items()
    ]
    listed = {page.name for _, group in grouped for page in group}
    return [*grouped, (LAST_GROUP, [page for page in pages.values() if page.name not in listed])]


def search_help(text: str) -> list[Hit]:
    """Find the sections that contain every word, those with the words in their title first."""
    words = text.lower().split()
    if not words:
        return []
    found: list[tuple[int, int, Hit]] = []
    for page in read_help_pages().values():
        for section in page.sections:
            title, body = section.title.lower(), section.text.lower()
            if not all(word in title or word in body for word in words):
                continue
            in_title = sum(word in title for word in words)
            exact = title == " ".join(words)
            rank = 3 * exact + 2 * (in_title == len(words)) + in_title / len(words)
            count = sum(body.count(word) for word in words)
            found.append(
                (-round(100 * rank), -count, Hit(page, section, _cut_snippet(section, words)))
            )
    found.sort(key=lambda one: one[:2])
    return [hit for *_, hit in found[:MOST_FOUND]]


def _cut_snippet(section: Section, words: Sequence[str]) -> str:
    """Cut the text of a section around the first of the words."""
    text = " ".join(section.text.split())
    at = min((p for p in (text.lower().find(word) for word in words) if p >= 0), default=0)
    start = max(0, at - SNIPPET // 3)
    cut = text[start : start + SNIPPET]
    return f"{'… ' if start else ''}{cut}{' …' if start + SNIPPET < len(text) else ''}"


@cache
def read_terms() -> dict[str, dict[str, str]]:
    """Read the terms of the glossary by anchor: `term`, `text` without markup, and `href`."""
    return {
        section.anchor: {
            "term": section.title,
            "text": section.text,
            "href": f"/help/glossary#{section.anchor}",
        }
        for section in read_help_page("glossary").sections
        if section.level == 7
    }
