"""`make census` measures how plainly the code speaks, and exits with 1 where an aim is missed.

Everything is read from the syntax of `app/` alone: nothing is imported, so it takes a second.
`python tests/census.py names` lists what is behind the figures.
"""

import ast
import builtins
import io
import re
import sys
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

APP = Path(__file__).resolve().parents[1] / "app"

ALLOWED_DUPLICATES: dict[str, str] = {}
"""Public names that two modules may define, each with the reason."""

ALLOWED_DEFERRED: dict[tuple[str, str], str] = {
    ("ingest/command.py", "app.ingest.progress_bars"): "only a terminal shows them",
    ("ingest/load_files.py", "app.ingest.progress_bars"): "only a terminal shows them",
    ("ingest/load_files.py", "app.ingest.remote.download"): "80 ms, and most loads are of files",
    ("cli/serve.py", "app.cli.first_start"): "Alembic, and only the first start needs it",
    ("cli/serve.py", "app.main"): "a supervisor of several processes answers nothing itself",
    ("ingest/loading/key_index.py", "app.ingest.loading"): "NumPy takes long to import",
    ("ingest/loading/loader.py", "app.ingest.loading.preparers"): "most loads are of small files",
    ("start.py", "pydantic"): "`entente --help` must not wait for it",
    ("start.py", "app.db.failures"): "only a failed command asks whether trying again may help",
    ("start.py", "app.errors"): "only a failed command asks whether an extra is missing",
    ("start.py", "app.validation_words"): "only a wrong setting needs them",
    ("ingest/readers/recognize.py", "app.ingest.readers.parquet"): "Arrow takes long to import",
}
"""Imports inside functions, by module and what it imports, each with the reason."""

BANNED_NAME_WORDS = {
    "held", "hold", "holds", "told", "tell", "tells", "telling", "given", "stand", "stands",
    "standing", "stood", "somebody", "nobody", "whoever", "beside", "anew", "settle", "settles",
    "settled", "odd", "seen", "pinned", "bury",
}  # fmt: skip
"""Words that no function, class, parameter, variable or attribute may contain."""

ALLOWED_NAMES: dict[str, str] = {
    "tell": "the method of Python's files that returns the position",
    "odd_term": "a term of a continued fraction whose number is odd",
}
"""Names with a banned word that users or a framework know, each with the reason."""

BANNED_PROSE = re.compile(
    r"""\b(?:
        held | tell(?:s|ing)?\ of | told | stood | stands?(?!-|\ for\b|\ out\b) | standing |
        somebody | nobody | whoever | anew | at\ hand | odd | settled? | settles | buried | bury |
        as\ (?:it|they|he)\ (?:is|are|was|were)\ given | (?:is|are|was)\ what\ is\ given |
        as\ given | (?:the|a|what\ is|all|of)\ given(?=[\s]*(?:[.,;:)]|$))
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words that no docstring and no message may contain; "the given file" is plain English."""

MOST_WORDS = 20
"""Words in the first sentence of a docstring."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z`\"'(])|\n\s*\n|$")
_MARKER = re.compile(r"#\s*(?:noqa|type:|fmt:|mypy:|pragma)")


@dataclass(frozen=True)
class Finding:
    """Something that breaks a rule, and where."""

    place: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"app/{self.place}:{self.line}: {self.text}"


def split_words(name: str) -> list[str]:
    """The words of a name in snake case or camel case, in small letters."""
    return [word.lower() for word in _WORDS.findall(name)]


def first_sentence(docstring: str) -> str:
    """What a docstring says up to its first full stop, colon or empty line."""
    end = _SENTENCE_END.search(docstring.strip())
    return docstring.strip()[: end.start() if end else None]


class Module:
    """A module of the application, as its syntax shows it."""

    def __init__(self, path: Path) -> None:
        self.place = path.relative_to(APP).as_posix()
        self.source = path.read_text()
        self.tree = ast.parse(self.source)
        self.nodes = list(ast.walk(self.tree))
        self.line_count = self.source.count("\n")

    @property
    def has_code(self) -> bool:
        """Whether there is more than a docstring."""
        return any(_read_text(statement) is None for statement in self.tree.body)

    def list_functions(self) -> list[_Function]:
        """Functions, methods and nested functions, dunders left out."""
        return [
            node
            for node in self.nodes
            if isinstance(node, _Function) and not re.fullmatch("__.+__", node.name)
        ]

    def list_public(self) -> list[_Function | ast.ClassDef]:
        """Functions and classes at the top of the module whose names start with no underscore."""
        return [
            node
            for node in self.tree.body
            if isinstance(node, _Function | ast.ClassDef) and not node.name.startswith("_")
        ]

    def list_names(self) -> Iterator[tuple[int, str]]:
        """Names of functions, classes, parameters, variables and attributes where they are made."""
        for node in self.nodes:
            if isinstance(node, _Function | ast.ClassDef):
                yield node.lineno, node.name
            elif isinstance(node, ast.arg):
                yield node.lineno, node.arg
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.lineno, node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                yield node.lineno, node.attr
            elif isinstance(node, ast.alias) and node.asname:
                yield node.lineno, node.asname

    def list_docstrings(self) -> Iterator[tuple[int, str]]:
        """Docstrings, those below a constant or a field included."""
        for node in self.nodes:
            for statement in node.body if isinstance(node, _Documented) else []:
                if (text := _read_text(statement)) is not None:
                    yield statement.lineno, text

    def list_messages(self) -> Iterator[tuple[int, str]]:
        """Prose that users may meet: every string of two words or more that is no docstring."""
        ignored = {
            id(node.value)
            for node in self.nodes
            if isinstance(node, ast.Expr) and _read_text(node) is not None
        }
        for node in self.nodes:  # parents come before their children
            if isinstance(node, ast.JoinedStr):
                ignored.update(map(id, node.values))
                text = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if id(node) not in ignored and len(text.split()) > 1:
                yield node.lineno, text

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Comments that speak to people, not to tools."""
        if "#" not in self.source:
            return []
        tokens = tokenize.generate_tokens(io.StringIO(self.source).readline)
        return [
            (token.start[0], token.string)
            for token in tokens
            if token.type == tokenize.COMMENT and not _MARKER.match(token.string)
        ]

    def list_prose(self) -> Iterator[tuple[int, str]]:
        """Whatever people read: docstrings, messages and comments."""
        yield from self.list_docstrings()
        yield from self.list_messages()
        yield from self.comments

    def list_deferred(self) -> Iterator[tuple[int, str]]:
        """Imports inside functions, and what they import."""
        imports = [node for node in self.nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        if {id(node) for node in imports} <= {id(node) for node in self.tree.body}:
            return  # which most modules end with: to walk through every function takes long
        inside = {
            id(node): node
            for function in self.nodes
            if isinstance(function, _Function)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        for node in inside.values():
            if isinstance(node, ast.ImportFrom):
                yield node.lineno, "." * node.level + (node.module or "")
            else:
                yield from ((node.lineno, alias.name) for alias in node.names)


def _read_text(statement: ast.stmt) -> str | None:
    """The string that a statement consists of, as docstrings do."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return text
    return None


def read_modules() -> list[Module]:
    """The modules of the application."""
    return [Module(path) for path in sorted(APP.rglob("*.py"))]


def measure_one_word_share(modules: list[Module]) -> float:
    """The share of functions whose names are one word, in percent."""
    names = [node.name.strip("_") for module in modules for node in module.list_functions()]
    return 100 * sum("_" not in name for name in names) / len(names)


def find_one_word_names(modules: list[Module]) -> list[Finding]:
    """Functions whose names are one word."""
    return [
        Finding(module.place, node.lineno, node.name)
        for module in modules
        for node in module.list_functions()
        if "_" not in node.name.strip("_")
    ]


def list_shared_names(modules: list[Module]) -> dict[str, list[Finding]]:
    """Public functions and classes whose names several modules define, by name."""
    places = defaultdict(list)
    for module in modules:
        for node in module.list_public():
            places[node.name].append(Finding(module.place, node.lineno, node.name))
    return {name: found for name, found in places.items() if len(found) > 1}


def find_duplicates(modules: list[Module]) -> list[Finding]:
    """Public names that several modules define and that are not on the allow-list."""
    return [
        Finding(
            found[0].place,
            found[0].line,
            f"{name}, also in {', '.join(f.place for f in found[1:])}",
        )
        for name, found in list_shared_names(modules).items()
        if name not in ALLOWED_DUPLICATES
    ]


def find_banned_names(modules: list[Module]) -> list[Finding]:
    """Names that contain a banned word, each once in a module."""
    found = {
        (module.place, name): Finding(module.place, line, name)
        for module in modules
        for line, name in module.list_names()
        if name not in ALLOWED_NAMES and BANNED_NAME_WORDS.intersection(split_words(name))
    }
    return sorted(found.values(), key=lambda finding: (finding.place, finding.line))


def find_banned_prose(modules: list[Module]) -> list[Finding]:
    """Docstrings and messages that contain a banned word."""
    return [
        Finding(module.place, line, f"{match[0]!r} in {' '.join(text.split())!r:.90}")
        for module in modules
        for line, text in module.list_prose()
        for match in BANNED_PROSE.finditer(" ".join(text.split()))
    ]


def find_long_sentences(modules: list[Module]) -> list[Finding]:
    """Docstrings whose first sentence has too many words."""
    return [
        Finding(module.place, line, f"{length} words: {' '.join(first_sentence(text).split())}")
        for module in modules
        for line, text in module.list_docstrings()
        if (length := len(first_sentence(text).split())) > MOST_WORDS
    ]


def find_unknown_errors(modules: list[Module]) -> list[Finding]:
    """Errors that a docstring names and that no module defines or imports."""
    known = {name for name in dir(builtins) if name.endswith("Error")}
    for module in modules:
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                known.add(node.name)
            elif isinstance(node, ast.alias):
                known.add((node.asname or node.name).rpartition(".")[2])
    return [
        Finding(module.place, line, name)
        for module in modules
        for line, text in module.list_docstrings()
        for name in re.findall(r"`(\w+Error)`", text)
        if name not in known
    ]


def find_undocumented(modules: list[Module]) -> list[Finding]:
    """Public functions and classes at the top of a module without a docstring."""
    return [
        Finding(module.place, node.lineno, node.name)
        for module in modules
        for node in module.list_public()
        if not ast.get_docstring(node)
    ]


def find_any(modules: list[Module]) -> list[Finding]:
    """Uses of `Any`; imports are not counted."""
    return [
        Finding(module.place, node.lineno, "Any")
        for module in modules
        for node in module.nodes
        if isinstance(node, ast.Name) and node.id == "Any"
    ]


def find_deferred(modules: list[Module]) -> list[Finding]:
    """Imports inside functions that are not on the allow-list."""
    return [
        Finding(module.place, line, name)
        for module in modules
        for line, name in module.list_deferred()
        if (module.place, name) not in ALLOWED_DEFERRED
    ]


FINDINGS: dict[str, Callable[[list[Module]], list[Finding]]] = {
    "one-word": find_one_word_names,
    "duplicates": find_duplicates,
    "names": find_banned_names,
    "prose": find_banned_prose,
    "sentences": find_long_sentences,
    "undocumented": find_undocumented,
    "errors": find_unknown_errors,
    "any": find_any,
    "deferred": find_deferred,
}
"""What can be listed, by the word that asks for it."""


@dataclass(frozen=True)
class Figure:
    """A line of the table: what was measured, and the most that it may be."""

    label: str
    value: float
    aim: float | None = None
    list_name: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether the value is above the aim."""
        return self.aim is not None and self.value > self.aim


def find_all(modules: list[Module]) -> dict[str, list[Finding]]:
    """Whatever can be listed, by the word that asks for it."""
    return {name: find(modules) for name, find in FINDINGS.items()}


def measure(modules: list[Module], findings: dict[str, list[Finding]]) -> list[Figure]:
    """The figures of the census."""
    counts = {name: len(found) for name, found in findings.items()}
    written = [module for module in modules if module.has_code]
    lengths = [module.line_count for module in written]
    comments = sum(len(module.comments) for module in modules)
    lines = sum(module.line_count for module in modules)
    return [
        Figure("functions named by one word, %", measure_one_word_share(modules), 40, "one-word"),
        Figure("public names in two modules", len(list_shared_names(modules)), 10, "duplicates"),
        Figure("names with a banned word", counts["names"], 0, "names"),
        Figure("banned words in docstrings, messages, comments", counts["prose"], 0, "prose"),
        Figure("first sentences of more than 20 words", counts["sentences"], 0, "sentences"),
        Figure("public things without a docstring", counts["undocumented"], 0, "undocumented"),
        Figure("docstrings that name no known error", counts["errors"], 0, "errors"),
        Figure("comments per 1,000 lines", 1000 * comments / lines),
        Figure("files with code", len(written)),
        Figure("lines of a file, median", median(lengths), 120),
        Figure("lines of a file, 90th percentile", quantiles(lengths, n=10)[-1], 300),
        Figure("lines of a file, most", max(lengths), 500),
        Figure("uses of Any", counts["any"], 299, "any"),
        Figure("deferred imports with a reason", len(ALLOWED_DEFERRED)),
        Figure("deferred imports without one", counts["deferred"], 0, "deferred"),
    ]


def main(arguments: list[str]) -> int:
    """Print the table, or what is behind the figures that are named; 1 where an aim is missed."""
    modules = read_modules()
    if unknown := [name for name in arguments if name not in FINDINGS]:
        print(f"unknown list {unknown[0]!r}; known: {', '.join(FINDINGS)}", file=sys.stderr)
        return 2
    findings = find_all(modules)
    for name in arguments:
        print(*findings[name], sep="\n")
    figures = measure(modules, findings)
    if not arguments:
        print(f"{'':<48}{'found':>8}{'aim':>8}")
        for figure in figures:
            aim = "" if figure.aim is None else f"≤ {figure.aim:g}"
            missed = f"  missed: {figure.list_name}" if figure.is_missed else ""
            print(f"{figure.label:<48}{round(figure.value, 1):>8g}{aim:>8}{missed}")
    return int(any(figure.is_missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
