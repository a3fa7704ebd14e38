"""What is wrong with a value of a record, in plain words; msgspec's are for programmers. Pure."""

import re
from collections.abc import Callable

_KINDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false",
    "array": "a list", "object": "an object", "null": "null",
}  # fmt: skip
_Found = re.Match[str]


def _name_kinds(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")


def _say_length(found: _Found) -> str:
    most, unit = int(found[3]), "entries" if found[1] == "array" else "characters"
    if found[2] == ">=":
        return "is empty" if most == 1 else f"has fewer than {most} {unit}"
    return f"has more than {most:,} {unit}"


_PATTERNS = {
    "^[0-9]{2,4}$": "is not a code of CAMEO, which has two to four digits, such as 057",
    "^(gdelt|schrodt)$": "is neither gdelt nor schrodt",
}
"""What a text that does not match a pattern of the record is not."""
_WORDS: tuple[tuple[str, Callable[[_Found], str]], ...] = (
    (r"expected `(str|array|object)` of length (>=|<=) (\d+)", _say_length),
    (
        r"expected `str` matching regex ['\"](.*)['\"]",
        lambda found: _PATTERNS.get(found[1], f"does not match {found[1]}"),
    ),
    (
        r"expected `(?:int|float)(?: \| null)?` (>=|<=) (-?[\d.]+?)(?:\.0)?",
        lambda found: f"is {'less' if found[1] == '>=' else 'more'} than {found[2]}",
    ),
    (
        r"expected `([\w |]+)`, got `(\w+)`",
        lambda found: f"is {_KINDS.get(found[2], found[2])}, not {_name_kinds(found[1])}",
    ),
    (r"invalid enum value (.*)", lambda found: f"{found[1]} is none of the values known"),
    (r"object contains unknown field `.*`", lambda _: "is not a field here"),
    (r"object missing required field `.*`", lambda _: "is missing"),
)


def describe_record_error(message: str) -> str:
    """Say in plain words what msgspec says of a value; any other message is returned as it is."""
    message = message[:1].lower() + message[1:]
    for pattern, write in _WORDS:
        if (found := re.fullmatch(pattern, message, re.DOTALL)) is not None:
            return write(found)
    return message
