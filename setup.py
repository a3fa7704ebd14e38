"""Lists the packages of the wheel: those of `app`, `migrations/` and `docs/` as parts of it.

The rest of the metadata is in pyproject.toml. Only this file can give a package another folder than
its name says: `migrations/` and `docs/` stay at the top of the checkout, next to `app/`.
"""

from setuptools import find_namespace_packages, setup

# Folders of data count as packages too: setuptools warns about those that it finds unlisted.
found = find_namespace_packages(include=["app", "app.*"], exclude=["*.__pycache__"])

FOLDERS = {
    "app.docs": "docs",
    "app.docs.decisions": "docs/decisions",
    "app.migrations": "migrations",
    "app.migrations.versions": "migrations/versions",
}
setup(packages=[*found, *FOLDERS], package_dir=FOLDERS)
