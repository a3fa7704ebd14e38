"""The examples of the documentation: run this file to write them again after the data changed."""

import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi.testclient import TestClient

from app.db.engine import Database
from app.db.migrate import upgrade
from app.ingest.bundled import load
from app.main import create_app
from app.settings import Settings

FILE = Path(__file__).parent.parent / "app" / "bundled" / "examples.json"
VOLATILE = {"version", "recorded_at", "permalink"}


def short(value: Any) -> Any:
    """The same answer with two entries at most in every list."""
    if isinstance(value, dict):
        return {name: short(held) for name, held in value.items()}
    if isinstance(value, list):
        return [short(held) for held in value[:2]]
    return value


def steady(value: Any) -> Any:
    """The same answer without what differs from load to load."""
    if isinstance(value, dict):
        return {name: steady(held) for name, held in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [steady(held) for held in value]
    return value


def within(shown: Any, real: Any) -> bool:
    """Whether all that is shown is in the real answer, in its order."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and within(held, real[name]) for name, held in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(real)
        return all(any(within(one, other) for other in rest) for one in shown)
    return bool(shown == real)


def rewrite(url: str) -> None:
    """Ask every address again, of a database made anew from the bundled data."""
    with closing(Database(url)) as database:
        upgrade(database)
        load(database)
    held = json.loads(FILE.read_text(encoding="utf-8"))
    with TestClient(create_app(Settings(database_url=url, cursor_key="test"))) as api:
        for example in held.values():
            example["answer"] = short(api.get(example["get"]).raise_for_status().json())
    FILE.write_text(json.dumps(held, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        rewrite(f"sqlite:///{folder}/examples.db")
