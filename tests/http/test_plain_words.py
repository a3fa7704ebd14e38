"""Messages about wrong values are the program's own: what is expected, with an example."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.settings import Settings
from app.validation_words import PATTERNS, describe_invalid_setting, describe_invalid_value

WRONG = ("%00", "x" * 300, "-99999999", "99999999", "1.5e400", "maybe", "", "[]", "%F0%9F%92%A9 ?")
LIBRARY_WORDS = re.compile(
    r"\b(?:Input|String|List|Tuple|Value|Field|Extra|Dictionary|Object|Datetime|Date|URL)"
    r" (?:should|error|required|inputs)|valid (?:integer|number|string|boolean)|\bparse|got an? "
)


def walk_parts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from walk_parts(inner)


def test_every_pattern_has_words(api: TestClient) -> None:
    schemas = [api.get("/openapi.json").json(), Settings.model_json_schema()]
    used = {
        part["pattern"]
        for schema in schemas
        for part in walk_parts(schema)
        if isinstance(part.get("pattern"), str)
    }
    assert len(used) >= 4
    assert {pattern for pattern in used if pattern not in PATTERNS} == set()


@pytest.mark.by_turns
def test_no_parameter_is_refused_in_words_of_a_library(api: TestClient) -> None:
    document = api.get("/openapi.json").json()
    shared = document["components"]["parameters"]
    asked, found = 0, set()
    for path, operations in document["paths"].items():
        if "get" not in operations or "{" in path or path.endswith("/stream"):
            continue
        listed = [
            shared.get(parameter.get("$ref", "").rpartition("/")[2], parameter)
            for parameter in operations["get"].get("parameters", ())
        ]
        names = [known["name"] for known in listed if known["in"] == "query"]
        for value in WRONG if names else ():
            # All at once: hardly any question is then right by chance, and computed.
            query = "&".join(f"{name}={value}" for name in names)
            answer = api.get(f"{path}?{query}", follow_redirects=False)
            assert answer.status_code < 500, (path, value)
            if answer.status_code == 422:
                asked += 1
                found |= {fault["message"] for fault in answer.json()["errors"]}
    assert asked > 100
    assert {message for message in found if LIBRARY_WORDS.search(message)} == set()


class Form(BaseModel, extra="forbid"):
    """One field of each kind."""

    whole: int = Field(0, ge=1, le=10, multiple_of=1)
    number: float = Field(0, gt=0, lt=1, allow_inf_nan=False)
    text: str = Field("", min_length=2, max_length=3)
    code: str = Field("", pattern=r"^[0-9]{2,4}$")
    truth: bool = False
    choice: Literal["a", "b"] = "a"
    names: list[str] = Field([], max_length=1)
    one: tuple[int, int] = (1, 1)
    inner: dict[str, int] = {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"whole": "x"}, "must be a whole number, such as 10"),
        ({"whole": 1.5}, "must be a whole number, such as 10"),
        ({"whole": None}, "must be a whole number, such as 10"),
        ({"whole": "9" * 5000}, "must be a whole number, such as 10"),
        ({"whole": 11}, "must be 10 or less"),
        ({"whole": 0}, "must be 1 or more"),
        ({"number": "x"}, "must be a number, such as 2.5"),
        ({"number": "nan"}, "must be a number, such as 2.5"),
        ({"number": 0}, "must be more than 0.0"),
        ({"number": 1}, "must be less than 1.0"),
        ({"text": 5}, "must be a text"),
        ({"text": "x"}, "must have at least 2 characters"),
        ({"text": "xxxx"}, "must have at most 3 characters"),
        ({"code": "x"}, "must be a code of CAMEO, two to four digits such as 057"),
        ({"truth": "x"}, "must be true or false"),
        ({"truth": []}, "must be true or false"),
        ({"choice": "c"}, "must be 'a' or 'b'"),
        ({"names": "x"}, "must be a list"),
        ({"names": ["x", "y"]}, "must have at most 1 entry"),
        ({"one": 5}, "must be a list"),
        ({"inner": 5}, "must be an object"),
        ({"more": 5}, "is not known here"),
        (5, "must be an object"),
    ],
)
def test_each_kind_of_error_has_words(value: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Form).validate_python(value)
    [error] = caught.value.errors()
    assert describe_invalid_value(error) == words


def test_wrong_setting_is_named_with_what_it_has_to_be() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(public_url="events.example", contact="a b", port="x")  # type: ignore[arg-type]
    words = [describe_invalid_setting(error) for error in caught.value.errors()]
    assert any(line.startswith("ENTENTE_PUBLIC_URL must be an address") for line in words)
    assert any(line.startswith("ENTENTE_CONTACT must be an address or e-mail") for line in words)
    assert not any(map(LIBRARY_WORDS.search, words))
