"""The command `entente export`."""

from app.cli.terminal import open_current_database, report_input_errors
from app.feeds.command import build_export_command

export_events = build_export_command(open_current_database, report_input_errors)
