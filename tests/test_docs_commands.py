"""The commands of the documentation, carried out in order, answer as it says."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from examples import add_key, is_contained
from serving import open_client

from app.db.engine import Database

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"```sh\n(curl .*?)```\s+```json\n(.*?)```", re.DOTALL)


def send_command(command: str, fields: dict[str, str]) -> dict[str, Any]:
    """A `curl` command as a request."""
    for name, value in fields.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))[1:]
    found: dict[str, Any] = {"method": "GET", "headers": {}, "content": None}
    while words:
        word = words.pop(0)
        if word == "-X":
            found["method"] = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            found["headers"][name] = value
        elif word == "-d":
            found["content"] = words.pop(0)
        else:
            found["url"] = word.removeprefix("http://127.0.0.1:8000")
    return found


@pytest.mark.bundled
@pytest.mark.parametrize("name", ["history.md"])
def test_the_commands_answer_as_documented(database: Database, name: str) -> None:
    blocks = BLOCK.findall((DOCS / name).read_text("utf-8"))
    assert len(blocks) >= 4
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        before = str(api.get("/readyz").json()["version"])
        fields = {"KEY": add_key(database), "BEFORE": before}
        for command, message in blocks:
            answer = api.request(**send_command(command, fields))
            assert answer.status_code == 200, (command, answer.text)
            assert is_contained(json.loads(message), answer.json()), (command, answer.text)
