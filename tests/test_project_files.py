"""The files that a newcomer reads first name what there is."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs/glossary.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
TOP_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
CORE_TERMS = (
    "Event", "Actor", "State", "Code scheme", "Participant", "Role", "Dataset", "Source", "Report",
    "Admiralty grade", "Coverage", "EDTF", "Precision", "CAMEO", "PLOVER", "Goldstein", "QuadClass",
    "Membership", "Commitment ladder", "Membership period", "Revision", "seq", "Version", "as_of",
    "known_by", "Superseded", "Permalink", "Cursor", "ETag", "Import", "Reject", "Signal", "Score",
    "Mass", "Dyad", "Day sum", "Alignment", "Index", "Effective observation", "Shift", "Onset",
    "Onset set", "q", "Robust", "Verdict", "Materialized",
)  # fmt: skip
"""Terms that the glossary has at least, in the order in which a newcomer meets them."""


def list_folders() -> set[str]:
    """Name every folder of `app/` that has files of the project."""
    folders = {path.parent for path in APP.rglob("*") if path.is_file()}
    return {
        folder.relative_to(ROOT).as_posix()
        for folder in folders
        if "__pycache__" not in folder.parts
    }


def test_architecture_names_every_folder_and_no_other() -> None:
    table = ARCHITECTURE.partition("## The rooms")[2].partition("\n## ")[0]
    named = {name.rstrip("/") for name in re.findall(r"`(app/[a-z_/]*)`", table)}
    assert named == list_folders()


def test_every_path_in_the_architecture_exists() -> None:
    paths = re.findall(r"`((?:app|docs|tests|bench|migrations)/[\w./]*)`", ARCHITECTURE)
    drawn = re.findall(r"<br/>([a-z_/]+(?:\.py|/))\"", ARCHITECTURE)
    assert len(drawn) > 15
    missing = [p for p in paths if not (ROOT / p).exists()]
    assert missing + [p for p in drawn if not (APP / p).exists()] == []


def test_every_class_in_the_architecture_exists() -> None:
    named = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", ARCHITECTURE)) - {"GeoJSON"}
    code = "\n".join(path.read_text("utf-8") for path in APP.rglob("*.py"))
    defined = set(re.findall(r"^class (\w+)", code, re.M))
    known = {"FastAPI", "OpenAPI", "PostgreSQL", "SQLite"}
    assert named - known - defined == set()
    assert {"EventFilter", "StatementKey", "BoundQuery", "EventRecord"} <= named


def list_drawings(page: str) -> list[str]:
    return re.findall(r"```mermaid\n(.+?)\n```", page, re.S)


def test_the_three_ways_are_drawn() -> None:
    assert len(list_drawings(ARCHITECTURE)) == 3


NODE = re.compile(r'(?P<name>[a-z]+)(?:\["(?P<box>[^"]+)"\]|\{"(?P<choice>[^"]+)"\})?')
ARROW = re.compile(r' -->(?:\|(?:"[^"|]+"|[^"|(){}\[\]]+)\|)? ')


def test_the_model_is_a_well_formed_drawing() -> None:
    [drawing] = list_drawings(README)
    kind, *lines = drawing.splitlines()
    assert kind == "erDiagram"
    relation = re.compile(r' {4}[A-Z]+ (\|\||}o|}\|)--(\|\||o{|\|{) [A-Z]+ : "[^"]+"')
    assert [line for line in lines if not relation.fullmatch(line)] == []


@pytest.mark.parametrize("drawing", list_drawings(ARCHITECTURE))
def test_a_drawing_is_well_formed(drawing: str) -> None:
    """It is written in a small part of Mermaid that every version draws, and hangs together."""
    kind, *lines = drawing.splitlines()
    assert re.fullmatch(r"flowchart (TB|LR)", kind)
    texts: dict[str, str] = {}
    reached: set[str] = set()
    for number, line in enumerate(lines):
        nodes = [NODE.fullmatch(part) for part in ARROW.split(line.strip())]
        assert len(nodes) > 1, line
        assert all(nodes), line
        names = {node["name"] for node in nodes if node}
        assert number == 0 or names & reached, f"hangs in the air: {line}"
        reached |= names
        for node in nodes:
            assert node is not None
            if text := node["box"] or node["choice"]:
                assert node["name"] not in texts, f"has two texts: {line}"
                texts[node["name"]] = text


def test_glossary_has_the_core_terms_in_order() -> None:
    terms = re.findall(r"^- \*\*(.+?)\*\*: ", GLOSSARY, re.M)
    assert len(terms) == len(set(terms))
    # In the order of a first reading, not of the alphabet: a term builds on those before it.
    assert [term for term in terms if term in CORE_TERMS] == list(CORE_TERMS)


def test_every_term_is_explained_in_one_to_three_sentences() -> None:
    for entry in re.findall(r"^- \*\*.+?(?=^- \*\*|^$|\Z)", GLOSSARY, re.M | re.S):
        said = entry.partition("**: ")[2]
        assert 1 <= len(re.findall(r"[.](?=\s|$)", said)) <= 3, entry


def test_decisions_are_numbered_and_have_their_four_parts() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(page.name[:3]) for page in pages]
    assert len(set(numbers)) == len(numbers)
    for page in pages:
        text = page.read_text("utf-8").lower()
        for part in ("context", "choice", "cost", "revisit"):
            assert part in text, (page.name, part)


@pytest.mark.parametrize("name", TOP_PAGES)
def test_every_link_of_a_top_page_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text("utf-8")):
        if not re.match(r"https?:", target):
            assert Path(os.path.normpath(ROOT / target)).exists(), target


@pytest.mark.parametrize(
    "name",
    ["LICENSE", "LICENSE-DATA", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff",
     "docs/architecture.md", "docs/glossary.md"],
)  # fmt: skip
def test_readme_leads_to(name: str) -> None:
    assert f"]({name})" in README


def test_only_pyproject_states_the_version() -> None:
    assert VERSION is not None
    stating = [
        path.name
        for path in [*ROOT.glob("*"), *APP.rglob("*.py"), ROOT / ".ci/run"]
        if path.is_file()
        and path.suffix != ".lock"
        and re.search(rf"(?<![\w.]){re.escape(VERSION[1])}(?![\w.])", path.read_text("utf-8"))
    ]
    assert stating == ["pyproject.toml"]


def test_commit_hooks_run_without_network() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert "make check" in {hook["entry"] for hook in hooks}


@pytest.mark.slow
def test_no_file_names_a_package_registry() -> None:
    """The user who installs packages chooses where they come from."""
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows which files belong to it")
    hosts = re.compile(rb"\b(?:pypi\.org|pythonhosted\.org|npmjs\.|crates\.io|anaconda\.org)")
    # A container may own the checkout under another name, which git distrusts.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(files) > 100
    assert [path for path in files if path.is_file() and hosts.search(path.read_bytes())] == []
