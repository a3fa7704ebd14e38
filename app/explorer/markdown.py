"""Turn a page of the documentation into HTML with anchors, and into sections for a search."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.explorer.strings import find_words

ANCHOR = "/help/"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page below a heading, or a term of the glossary."""

    anchor: str
    level: int
    title: str
    text: str
    """Plain text without markup."""


@dataclass(frozen=True, slots=True)
class HelpPage:
    """A page of the documentation; `name` is its address below `/help/`."""

    name: str
    title: str
    body: str
    """HTML, from the heading on."""
    sections: Sequence[Section]


PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_help_text(name: str, text: str) -> HelpPage:
    """Render a page whose links to other pages are relative, as in the files."""
    tokens = PARSER.parse(re.sub(r"\A<!--.*?-->\n+", "", text))
    used: dict[str, int] = {}
    heading, header, cell = "", list[str](), 0
    for at, token in enumerate(tokens):
        inline = tokens[at + 1] if at + 1 < len(tokens) else token
        if token.type == "heading_open":
            heading = read_plain_text(inline)
            token.attrSet("id", choose_anchor(heading, used))
        elif token.type == "list_item_open" and (term := read_term(tokens, at)):
            token.attrSet("id", choose_anchor(term, used))
        elif token.type == "table_open":
            token.meta["label"], header = heading, []
        elif token.type == "th_open":
            header.append(read_plain_text(inline))
        elif token.type == "tr_open":
            cell = 0
        elif token.type == "td_open":
            token.attrSet("data-label", header[cell])
            cell += 1
        elif token.type == "inline":
            _lead_links(name, token)
    sections = list(_split_sections(tokens))
    title = next((s.title for s in sections if s.level == 1), name)
    body = PARSER.renderer.render(list(_replace_tokens(tokens)), PARSER.options, {})
    return HelpPage(name, title, body, sections)


def _replace_tokens(tokens: Sequence[Token]) -> Iterator[Token]:
    """Put tables in regions that scroll, and the text of a drawing behind words that say so."""
    for token in tokens:
        is_drawing = token.type == "fence" and token.info.strip() == "mermaid"
        if token.type == "table_open":
            label = escape(str(token.meta["label"]))
            yield _make_html(f'<div class="wide" tabindex="0" role="region" aria-label="{label}">')
        if is_drawing:
            summary = escape(find_words("help.drawing"))
            code = escape(token.content)
            yield _make_html(
                f"<details><summary>{summary}</summary><pre><code>{code}</code></pre></details>"
            )
        else:
            yield token
        if token.type == "table_close":
            yield _make_html("</div>")


def _make_html(html: str) -> Token:
    return Token("html_block", "", 0, content=html)


def read_plain_text(token: Token) -> str:
    """Read the text of an inline token without its markup."""
    parts = token.children or []
    return "".join(
        p.content if p.type in ("text", "code_inline") else " " * (p.type == "softbreak")
        for p in parts
    )


def read_term(tokens: Sequence[Token], at: int) -> str | None:
    """Read the term that a list item of the glossary defines; None for another item."""
    inline = next((token for token in tokens[at + 1 : at + 3] if token.type == "inline"), None)
    found = re.match(r"\*\*(.+?)\*\*: ", inline.content) if inline else None
    return found[1] if found else None


def choose_anchor(heading: str, used: dict[str, int]) -> str:
    """Choose the anchor of a heading as code hosts do; a repeated one gets a number."""
    slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    used[slug] = used.get(slug, -1) + 1
    return f"{slug}-{used[slug]}" if used[slug] else slug


def _lead_links(name: str, inline: Token) -> None:
    """Lead relative links to the pages that are served, and mark those that leave them."""
    for token in inline.children or []:
        if (
            token.type == "image"
        ):  # the program comes without the pictures, so their words are shown
            token.type, token.content = "html_inline", f"<em>{escape(token.content)}</em>"
        if token.type != "link_open":
            continue
        target = str(token.attrGet("href"))
        if re.match(r"\w+:", target):
            token.attrSet("rel", "noopener noreferrer external")
        elif not target.startswith(("#", "/")):
            path, _, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            page = path.removesuffix(".md")
            token.attrSet("href", f"{ANCHOR}{page}" + (f"#{anchor}" if anchor else ""))


def _split_sections(tokens: Sequence[Token]) -> Iterator[Section]:
    """Split a page at its headings and at the terms of the glossary."""
    anchor, level, title, parts = "", 1, "", list[str]()
    for at, token in enumerate(tokens):
        begins = token.type in ("heading_open", "list_item_open") and token.attrGet("id")
        if begins:
            if title:
                yield Section(anchor, level, title, " ".join(parts))
            is_heading = token.type == "heading_open"
            anchor, level, parts = str(begins), int(token.tag[1]) if is_heading else 7, []
            title = read_plain_text(tokens[at + 1]) if is_heading else str(read_term(tokens, at))
        elif token.type == "inline":
            text = read_plain_text(token)
            parts.append(text.removeprefix(f"{title}: ") if level == 7 else text)
        elif token.type == "fence":
            parts.append(token.content)
    if title:
        yield Section(anchor, level, title, " ".join(parts).removeprefix(title).strip())
