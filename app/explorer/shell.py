"""The head, header and foot that the pages without a view share with the explorer."""

import re
from html import escape

from app.explorer.router import read_explorer_files
from app.explorer.strings import find_words


def wrap_page(title: str, body: str, *, script: str, address: str, head: str = "") -> str:
    """Wrap a body in the page of the explorer, with a script of its own, and what it needs before.

    `address` is that of the page, which the navigation marks as the current one.
    """
    page = read_explorer_files()["index.html"][1].decode()
    page = re.sub(r'<details class="clock".*?</details>\n', "", page, flags=re.DOTALL)
    page = page.replace("/explorer/main.js", f"/explorer/{script}")
    page = page.replace(
        f'<li><a href="{address}">', f'<li><a href="{address}" aria-current="page">'
    )
    page = page.replace('<script type="module"', f'{head}<script type="module"')
    name = find_words("app.name")
    page = re.sub(r"<title>.*?</title>", lambda _: f"<title>{escape(title)} – {name}</title>", page)
    main = f'<main id="content" tabindex="-1" class="help-page">\n{body}\n</main>'
    return re.sub(r"<main.*?</main>", lambda _: main, page, flags=re.DOTALL)
