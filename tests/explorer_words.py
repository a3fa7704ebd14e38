"""Find words for readers in the explorer's files, and the keys of the catalogue that they use."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "app" / "explorer" / "static"
CATALOGUE: dict[str, str | dict[str, str]] = json.loads(
    (STATIC / "strings" / "en.json").read_text("utf-8")
)
NEWLINE = "\n"
SCRIPTS = sorted(STATIC.rglob("*.js"))
TOKEN = re.compile(
    r"""/\*.*?\*/ | (?<![:"'])//[^\n]* | "((?:[^"\\\n]|\\.)*)" | '((?:[^'\\\n]|\\.)*)' | [`{}]""",
    re.DOTALL | re.VERBOSE,
)
"""Comments, the texts of a script, and what begins and ends templates and their values."""
PROSE = re.compile(r"[A-Z][a-z]{2,}|[a-z]{2,}[,:.]? [a-z]{2,}")
"""A word with a capital, or two words after each other."""
TECHNICAL = re.compile(
    r"""
    (Arrow|Page)(Up|Down|Left|Right) | Enter | Escape | Tab | Home | End | Backspace | Delete |
    Accept | Retry-After | Failed | Event | Entente | BibTeX | RIS\ \(.*\) | CSL-JSON | Python |
    entente\ actors\ alias.* | import\ .* | table\ <-.* | body\ <-.* | curl\ .* |
    (text|application|image)/.* | \(min-width.* | \(prefers.* | noopener.* | .*\[.*\].* | UTC |
    \#.* | script,\ .* | is\ not\ a\ parameter\ of\ this\ path
    """,
    re.VERBOSE,
)
"""Names of keys, formats and commands, selectors, words of the API: no language changes them."""


def find_literals(text: str) -> Iterator[tuple[int, str]]:
    """Find the texts of a script, each with its offset; a template gives the parts of its text."""
    depths: list[int] = []  # of the braces in each template that is open
    at = 0
    while at < len(text):
        if depths and depths[-1] == 0:
            end = re.compile(r"`|\$\{").search(text, at)
            assert end is not None, "a template without end"
            yield at, text[at : end.start()]
            at = end.end()
            if end[0] == "`":
                depths.pop()
            else:
                depths[-1] = 1
            continue
        token = TOKEN.search(text, at)
        if token is None:
            return
        at = token.end()
        if token[0] == "`":
            depths.append(0)
        elif token[0] in "{}":
            if depths:
                depths[-1] += 1 if token[0] == "{" else -1
        elif token[0][0] in "\"'":
            yield token.start(), token[0][1:-1]


def find_stray_words(path: Path) -> list[str]:
    """Find texts in a script that read as words and come from no catalogue, with their lines."""
    text = path.read_text("utf-8")
    return [
        f"{path.name}:{text.count(NEWLINE, 0, at) + 1}: {literal!r} belongs in strings/en.json"
        for at, literal in find_literals(text)
        if PROSE.search(literal)
        and not TECHNICAL.fullmatch(literal.strip())
        and not re.search(r"\b(class: |from |import\()$", text[:at])
    ]


def list_used_keys() -> set[str]:
    """Name the keys of the catalogue that a script or page uses, also by a made-up ending."""
    used: set[str] = set()
    for path in (
        *SCRIPTS,
        *STATIC.rglob("*.html"),
        *STATIC.parent.glob("*.py"),
        *STATIC.parents[1].glob("cli/*.py"),
    ):
        text = path.read_text("utf-8")
        used |= {key for key in CATALOGUE if f'"{key}"' in text or f"{{{{{key}}}}}" in text}
        for start in re.findall(r"(?:`|\bf\")([a-z_]+\.[a-z_]*)\$?\{", text):
            used |= {key for key in CATALOGUE if key.startswith(start)}
    return used
