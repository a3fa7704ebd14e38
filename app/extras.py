"""Extras of the package: what is installed only where it is wanted."""

import importlib
from types import ModuleType
from typing import Literal

from app.errors import MissingExtraError

Extra = Literal["charts", "parquet", "pdf", "mcp", "otel"]
EXTRA_MODULES: dict[Extra, str] = {
    "charts": "vl_convert",
    "parquet": "pyarrow",
    "pdf": "typst",
    "mcp": "mcp",
    "otel": "opentelemetry.exporter.otlp.proto.http",
}
"""The library of each extra, by its name in `entente[…]`."""


def load_extra(extra: Extra) -> ModuleType:
    """Import the library of an extra; raises `MissingExtraError` where it is not installed."""
    name = EXTRA_MODULES[extra]
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        package = name.partition(".")[0]
        if missing.name is not None and missing.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(extra) from missing
