"""What is wrong with a value, in plain words: pydantic's messages are for programmers. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

Context = Mapping[str, Any]
PATTERNS = {
    r"^[0-9]{2,4}$": "must be a code of CAMEO, two to four digits such as 057",
    r"^https?://[^\s]+$": "must be an address such as https://news.example/story, without blanks",
    r"^[^\s/?#%]+$": "must be an id without blanks and / ? # %, such as news-2023-09-01",
    r"^\d{4}-\d\d-\d\d$": "must be a day such as 2023-09-19",
    r"^[0-9]{1,16}(\.[0-9a-f]{8})?$": "must be a version, perhaps with its lineage, such as 1201 or"
    " 1201.3f9c2a7e",
    r"^[0-9a-f]{8}$": "must be a lineage as answers name it, eight digits and letters such as"
    " 3f9c2a7e",
    r"^(https?://[^/?#]+[^?#]*[^/?#])?$": "must be an address without a slash, a query or a"
    " fragment at its end, such as https://events.example",
    r"^https?://[^/?#\s]+[^?#\s]*$": "must be an address without a query or a fragment, such as"
    " https://files.example/data",
    r"^[^\s@]+@[^\s@]+$": "must be an e-mail address, such as desk@news.example",
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$": "must be an e-mail address in ASCII, such"
    " as desk@news.example",
    r"^(https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?|\*)$": "must list origins such as"
    " https://news.example or https://*.news.example, or be *",
    r"^(.{16,200})?$": "must have 16 to 200 characters, such as those that openssl rand -base64 32"
    " prints",
    r"^[\x21-\x7e]*$": "must be an address or e-mail without blanks, in ASCII, such as"
    " desk@news.example",
    r"^[^\x00]*$": "must be an id without the character U+0000, such as curated:0001",
}
"""What a text has to be that matches a pattern, with an example. A test knows every pattern."""


def _count(number: object, unit: str) -> str:
    return f"{number:,} {unit}" + ("" if number == 1 else "s")


def _say_limit(kind: str, unit: str) -> dict[str, Callable[[Context], str]]:
    def say_short(ctx: Context) -> str:
        least = ctx["min_length"]
        return "must not be empty" if least == 1 else f"must have at least {_count(least, unit)}"

    return {
        f"{kind}too_long": lambda ctx: f"must have at most {_count(ctx['max_length'], unit)}",
        f"{kind}too_short": say_short,
    }


def _list_choices(ctx: Context) -> str:
    return f"must be {ctx['expected']}"


_WORDS: Mapping[str, Callable[[Context], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "is not known here",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be {ctx['ge']} or more",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be {ctx['le']} or less",
    "literal_error": _list_choices,
    "enum": _list_choices,
    "string_pattern_mismatch": lambda ctx: PATTERNS.get(
        ctx["pattern"], f"must match the pattern {ctx['pattern']}"
    ),
    "string_unicode": lambda _: "must be text in UTF-8",
    **_say_limit("string_", "character"),
    **_say_limit("", "entry"),
}
"""By type of error: what a value has to be."""
_KINDS = {
    "int": "must be a whole number, such as 10",
    "float": "must be a number, such as 2.5",
    "finite_number": "must be a number, such as 2.5",
    "decimal": "must be a number, such as 2.5",
    "bool": "must be true or false",
    "string": "must be a text",
    "list": "must be a list",
    "tuple": "must be a list",
    "set": "must be a list",
    "frozen_set": "must be a list",
    "iterable": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
    "date": "must be a day such as 2023-09-19",
    "datetime": "must be an instant such as 2023-09-19T12:00:00Z",
    "time": "must be a time of day such as 12:00",
    "url": "must be an address such as https://news.example/story",
    "json": "must be JSON",
    "none": "must be null",
}
"""By kind of value, which the type of an error begins with: what the value has to be."""
_KIND_ENDINGS = re.compile(
    r"_(?:attributes_)?(?:type|parsing|from_float|parsing_size|invalid|required|from_date_parsing"
    r"|from_datetime_parsing|from_datetime_inexact|scheme|syntax_violation|too_long|inexact)$"
)


def describe_invalid_value(error: ErrorDetails) -> str:
    """Say in plain words what a value has to be; messages of the program's own stay as they are."""
    kind, context = error["type"], error.get("ctx", {})
    if (write := _WORDS.get(kind)) is not None:
        return write(context).replace("entrys", "entries")
    of_kind = _KINDS.get(kind) or _KINDS.get(_KIND_ENDINGS.sub("", kind))
    return of_kind or str(error["msg"]).removeprefix("Value error, ")


def describe_invalid_setting(error: ErrorDetails) -> str:
    """Say which setting is wrong and what it has to be; the program's own messages name it."""
    message = describe_invalid_value(error)
    if error["type"] == "value_error" or not error["loc"]:
        return message
    return f"ENTENTE_{str(error['loc'][0]).upper()} {message}"
