"""The command `entente serve`, which runs the HTTP service."""

from contextlib import closing
from socket import socket
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from app.bundled.load_bundled import load_bundled_data
from app.cli.terminal import console, open_configured_database, open_current_database
from app.db.migrate import upgrade_schema
from app.db.schema import HEAD, read_schema_version
from app.editing.rerender import apply_signal_rules
from app.http.server import BoundedHttpConnection as HttpConnection
from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings
from app.shifts.materialized.rebuild import rebuild_stale_dyads


def run_service(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    first_start: Annotated[
        bool, typer.Option("--first-start", help="Migrate and load the bundled data first.")
    ] = False,
) -> None:
    """Run the HTTP service."""
    if first_start:
        prepare_first_start()
    open_current_database().close()
    console.print(f"Entente answers on http://{host}:{port}/docs", highlight=False)
    settings = Settings()
    configure_logs(settings.log_format, settings.log_level)
    app = create_app(settings)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, ws="none",
        http=HttpConnection, timeout_graceful_shutdown=10,
    )  # fmt: skip
    GracefulServer(config, app).run()


class GracefulServer(uvicorn.Server):
    """A server that ends change streams at shutdown, before it waits for other requests to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End the change streams, then shut down."""
        self._app.state.change_notifier.dismiss_followers()
        await super().shutdown(sockets)


def prepare_first_start() -> None:
    """Migrate the database, load the bundled data if it is missing, and compute shifts."""
    with closing(open_configured_database()) as database:
        if read_schema_version(database) != HEAD:
            upgrade_schema(database)
        apply_signal_rules(database)
        load_bundled_data(database)
        rebuild_stale_dyads(database)
