"""The examples of the documentation: run this file to write them again after the data changed."""

import json
import math
import re
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi.testclient import TestClient

from app.access.keys import create_key
from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.main import create_app
from app.settings import Settings

FILE = Path(__file__).parent.parent / "app" / "bundled" / "examples.json"
VOLATILE = {
    "version", "recorded_at", "at", "permalink", "created_at", "started_at", "finished_at",
}  # fmt: skip


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


def rounded(value: Any, digits: int = 6) -> Any:
    """The same answer with floats of some significant digits: no processor differs in those."""
    if isinstance(value, dict):
        return {name: rounded(held, digits) for name, held in value.items()}
    if isinstance(value, list):
        return [rounded(held, digits) for held in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def alike(one: Any, other: Any) -> bool:
    """Whether two answers are equal but for the last of six digits of their floats."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=2e-5, abs_tol=1e-9)
    return bool(one == other)


def within(shown: Any, real: Any) -> bool:
    """Whether all that is shown is in the real answer, in its order; floats to three decimals."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and within(held, real[name]) for name, held in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(real)
        return all(any(within(one, other) for other in rest) for one in shown)
    if isinstance(shown, float) and isinstance(real, float):
        return math.isclose(shown, real, abs_tol=6e-4)
    return bool(shown == real)


METHODS = ("get", "stream", "post", "put", "patch", "delete")
AT = re.compile(r'"(at|recorded_at)":"[^"]*"')


def asked(example: dict[str, Any]) -> tuple[str, str]:
    """The method and the address of an example."""
    return next((method, example[method]) for method in METHODS if method in example)


def answered(api: TestClient, example: dict[str, Any], key: str = "") -> Any:
    """The answer to an example, and to the one that has to come before it, which is another
    example or stands there itself."""
    if before := example.get("before"):
        held = json.loads(FILE.read_text(encoding="utf-8"))
        answered(api, before if isinstance(before, dict) else held[before], key)
    method, path = asked(example)
    if method == "stream":
        return api.get(path)
    headers = {} if method == "get" else {"Authorization": f"Bearer {key}"}
    headers |= example.get("headers", {})
    body = example.get("body")
    sent = {"content": body} if isinstance(body, str) else {"json": body} if body else {}
    return api.request(method.upper(), path, headers=headers, **sent)


def timeless(stream: str) -> str:
    """A stream at a time that does not pass."""
    return AT.sub(r'"\1":"2026-11-24T09:00:00.000000Z"', stream)


def key_of(database: Database) -> str:
    """A new key to write with."""
    with database.write() as db:
        return create_key(db, "an editor", "write")


def rewrite(folder: Path) -> None:
    """Ask every address again, of a database made anew from the bundled data."""
    with closing(Database(f"sqlite:///{folder}/bundled.db")) as database:
        upgrade_schema(database)
        load_bundled_data(database)
        key = key_of(database)
    held = json.loads(FILE.read_text(encoding="utf-8"))
    for name, example in held.items():
        url = f"sqlite:///{shutil.copy(folder / 'bundled.db', folder / f'{name}.db')}"
        with TestClient(create_app(Settings(database_url=url, cursor_key="test"))) as api:
            answer = answered(api, example, key).raise_for_status()
            told = timeless(answer.text) if "stream" in example else rounded(short(answer.json()))
            example["answer"] = told
    FILE.write_text(json.dumps(held, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        rewrite(Path(place))
