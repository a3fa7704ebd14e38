"""Print code that nothing uses, as vulture finds it: `python tests/dead_code.py`; exit 1 if any.

Fields of models, typed dictionaries and tuples count as used: answers encode them by name. What
else is used from outside is listed in `pyproject.toml`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from vulture import Vulture
from vulture.config import make_config


def list_fields(folder: Path) -> Iterator[str]:
    """List the names of the annotated fields of all classes in a folder."""
    for file in folder.rglob("*.py"):
        for kind in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(kind, ast.ClassDef):
                for part in kind.body:
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                        yield part.target.id


def main() -> int:
    """Print each piece of dead code; return the exit code."""
    config = make_config([])
    fields = {name for path in config["paths"] for name in list_fields(Path(path))}
    search = Vulture(
        ignore_names=config["ignore_names"], ignore_decorators=config["ignore_decorators"]
    )
    search.scavenge(config["paths"])
    found = [item for item in search.get_unused_code() if item.name not in fields]
    for item in found:
        sys.stdout.write(f"{item.get_report()}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
