"""Render briefs and embeds: HTML without a script, and PDF without a browser."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from html import escape
from importlib.resources import files
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from app.briefs.filter import PaperSize
from app.briefs.layout import BriefPage
from app.briefs.views import ViewDescription
from app.briefs.words import write_text
from app.extras import load_extra

PREVIEW_WIDTH = 600
"""Pixels of a chart in the preview of a link; its PNG has two for each."""


@dataclass(frozen=True, slots=True)
class EmbedPanel:
    """A picture of an embed with its words; `sources` are for narrow windows, by their width."""

    title: str
    alt: str
    """The title, and what the picture says below it."""
    text: str
    sources: list[tuple[int, str]]
    picture: str
    address: str


@cache
def load_templates() -> Environment:
    """Load the templates of pages; every value in them is escaped."""
    return Environment(
        loader=PackageLoader("app.briefs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def encode_picture(svg: str) -> str:
    """Encode a drawing for the address of an image; empty for none."""
    return b64encode(svg.encode()).decode()


def render_brief_html(page: BriefPage, svg: str, description: str) -> str:
    """Render a brief as an HTML page; an empty `svg` says that there is nothing to draw."""
    template = load_templates().get_template("brief.html")
    return template.render(page=page, picture=encode_picture(svg), description=description)


def render_embed_html(
    panels: Sequence[EmbedPanel], credit: str, version: int, base: str, address: str
) -> str:
    """Render a page of pictures to be framed; `base` is the public URL, `address` that of it."""
    template = load_templates().get_template("embed.html")
    texts = {
        "source": write_text("embed_source", credit=credit, version=version),
        "link": write_text("evidence_link"),
    }
    oembed = write_oembed_address(base, address)
    return template.render(panels=panels, base=base, oembed=oembed, **texts)


def write_frame(address: str, title: str, width: int, height: int) -> str:
    """Write the element that shows an embed in a page of others."""
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}" width="{width}"'
        f' height="{height}" loading="lazy" style="border:0;max-width:100%"></iframe>'
    )


def render_page_head(view: ViewDescription, base: str, address: str) -> str:
    """Render the head of a view's page; `base` is the public URL, `address` that of the page."""
    picture = None
    if view.picture is not None:
        joint = "&" if "?" in view.picture else "?"
        picture = f"{base}{view.picture}{joint}format=png&width={PREVIEW_WIDTH}"
    template = load_templates().get_template("head.html")
    oembed = write_oembed_address(base, address) if view.embed is not None else None
    return template.render(view=view, picture=picture, address=address, oembed=oembed)


def write_oembed_address(base: str, address: str) -> str:
    """Write the address that says how to embed the page at an address."""
    return f"{base}/oembed?{urlencode({'url': address, 'format': 'json'})}"


def render_brief_pdf(page: BriefPage, svg: str, description: str, paper: PaperSize) -> bytes:
    """Render a brief as a PDF of one page.

    Raises `MissingExtraError` where the extra `pdf` is not installed.
    """
    source = (files("app") / "briefs" / "templates" / "brief.typ").read_bytes()
    data = {"page": asdict(page), "svg": svg, "description": description, "paper": paper}
    made: bytes = _load_compiler()(source, json.dumps(data, ensure_ascii=False))
    return made


@cache
def _load_compiler() -> Callable[[bytes, str], bytes]:
    """Load the typesetter; its fonts are read once."""
    typst = load_extra("pdf")
    # Fonts of the system come after those of the package, for scripts that these do not have.
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)

    def compile_page(source: bytes, data: str) -> bytes:
        made: bytes = typst.compile(source, font_paths=fonts, sys_inputs={"data": data})
        return made

    return compile_page
