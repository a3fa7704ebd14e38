"""The version of the program, which pyproject.toml alone states."""

from importlib.metadata import version


def read_program_version() -> str:
    """Read the version from the metadata of the installed package."""
    return version("entente")
