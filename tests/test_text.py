"""Words are found the same way in whole texts and in parts of them."""

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from app.text import MAX_CACHED_LENGTH, fold_text, split_words


def by_the_rule(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", kept)


@given(st.text())
@example("Türkiye → Côte d’Ivoire: ﬁne ½ ΣΊΣΥΦΟΣ e\u0301 ¨x ™")
@example("Ä" * (MAX_CACHED_LENGTH + 5) + " b\x1cc\x85d")
def test_words_are_those_of_the_whole(text: str) -> None:
    assert split_words(text) == by_the_rule(text)


def test_accents_and_case_are_no_matter() -> None:
    assert fold_text("  Ständige Vertretung (ČR) ") == "standige vertretung cr"
