"""The command `entente mcp`, which answers an assistant over standard input and output."""

import os
from typing import Annotated

import anyio
import typer

from app.cli.terminal import open_current_database
from app.main import create_app
from app.mcp.endpoint import load_assistant_server
from app.settings import Settings


def answer_assistant(
    url: Annotated[
        str, typer.Option(help="Address of a running service; by default its database is opened.")
    ] = "",
) -> None:
    """Answer an assistant over standard input and output (Model Context Protocol).

    Where reading needs a key, ENTENTE_KEY has it.
    """
    built = load_assistant_server()
    key = os.environ.get("ENTENTE_KEY", "")
    sent = f"Bearer {key}" if key else ""
    if url:
        anyio.run(built.answer_over_stdio, url.rstrip("/"), sent, None)
        return
    open_current_database().close()
    settings = Settings()
    root = settings.public_url or "http://127.0.0.1:8000"
    app = create_app(settings, in_background=False)  # it ends with the assistant's session
    anyio.run(built.answer_over_stdio, root, sent, app)
