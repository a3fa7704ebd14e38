"""Runs the examples of the documentation; as a command, rewrites their answers."""

import json
import math
import re
import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from fastapi import FastAPI
from fastapi.testclient import TestClient
from make import name_first_lineage

from app.access.keys import create_key
from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.dumps.write import write_dumps
from app.main import create_app
from app.settings import Settings

FILE = Path(__file__).parent.parent / "app" / "bundled" / "examples.json"
VOLATILE = {
    "version", "recorded_at", "at", "permalink", "created_at", "started_at", "finished_at",
    "sha256", "href", "filename", "read", "timeStamp", "footnote", "bibtex", "ris", "csl",
    "secret", "feeds", "seconds", "bytes",
}  # fmt: skip


def shorten_lists(value: Any) -> Any:
    """Shorten every list of an answer to two entries."""
    if isinstance(value, dict):
        return {name: shorten_lists(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shorten_lists(part) for part in value[:2]]
    return value


def drop_volatile(value: Any) -> Any:
    """Remove from an answer what differs from load to load."""
    if isinstance(value, dict):
        return {name: drop_volatile(part) for name, part in value.items() if name not in VOLATILE}
    if isinstance(value, list):
        return [drop_volatile(part) for part in value]
    return value


def round_floats(value: Any, digits: int = 6) -> Any:
    """Round the floats of an answer to digits in which no two processors differ."""
    if isinstance(value, dict):
        return {name: round_floats(part, digits) for name, part in value.items()}
    if isinstance(value, list):
        return [round_floats(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def is_nearly_equal(one: Any, other: Any) -> bool:
    """Return whether two answers are equal but for the last of six digits of their floats."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_nearly_equal(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_nearly_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=2e-5, abs_tol=1e-9)
    return bool(one == other)


def is_contained(shown: Any, real: Any) -> bool:
    """Return whether the real answer contains what is shown, in its order.

    Floats are compared to three decimals.
    """
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            name in real and is_contained(part, real[name]) for name, part in shown.items()
        )
    if isinstance(shown, list):
        rest = iter(real)
        return all(any(is_contained(one, other) for other in rest) for one in shown)
    if isinstance(shown, float) and isinstance(real, float):
        return math.isclose(shown, real, abs_tol=6e-4)
    return bool(shown == real)


def write_example_dumps(api: TestClient, example: dict[str, Any]) -> None:
    """Write the dumps that an example lists, if it lists any."""
    if codes := example.get("dumps"):
        state = cast(FastAPI, api.app).state
        list(write_dumps(state.database, state.settings.dump_path, codes))


METHODS = ("get", "stream", "post", "put", "patch", "delete")
AT = re.compile(r'"(at|recorded_at)":"[^"]*"')


def read_request(example: dict[str, Any]) -> tuple[str, str]:
    """Return the method and the address of an example."""
    return next((method, example[method]) for method in METHODS if method in example)


def run_example(api: TestClient, example: dict[str, Any], key: str = "") -> Any:
    """Send the request of an example, after the request that has to come before it.

    That one is the name of another example, or an example itself.
    """
    if before := example.get("before"):
        examples = json.loads(FILE.read_text(encoding="utf-8"))
        run_example(api, before if isinstance(before, dict) else examples[before], key)
    method, path = read_request(example)
    if method == "stream":
        return api.get(path)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= example.get("headers", {})
    body = example.get("body")
    sent = {"content": body} if isinstance(body, str) else {"json": body} if body else {}
    return api.request(method.upper(), path, headers=headers, **sent)


def freeze_times(stream: str) -> str:
    """Replace the times of a stream by a fixed one."""
    return AT.sub(r'"\1":"2026-11-24T09:00:00.000000Z"', stream)


def add_key(database: Database) -> str:
    """Create a key that may write."""
    with database.write() as db:
        return create_key(db, "an editor", "write")


def rewrite_examples(folder: Path) -> None:
    """Run every example on a new database with the bundled data, and store the answers."""
    with closing(Database(f"sqlite:///{folder}/bundled.db")) as database:
        upgrade_schema(database)
        name_first_lineage(database)
        load_bundled_data(database)
        key = add_key(database)
    examples = json.loads(FILE.read_text(encoding="utf-8"))
    for name, example in examples.items():
        url = f"sqlite:///{shutil.copy(folder / 'bundled.db', folder / f'{name}.db')}"
        with TestClient(create_app(Settings(database_url=url, cursor_key="test"))) as api:
            write_example_dumps(api, example)
            answer = run_example(api, example, key).raise_for_status()
            shown = (
                freeze_times(answer.text)
                if "stream" in example
                else round_floats(shorten_lists(answer.json()))
            )
            example["answer"] = shown
    FILE.write_text(json.dumps(examples, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        rewrite_examples(Path(place))
