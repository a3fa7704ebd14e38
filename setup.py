"""Lists the packages of the wheel: those of `app`, and `migrations/` as `app.migrations`.

The rest of the metadata is in pyproject.toml. Only this file can give a package another folder than
its name says: `migrations/` stays at the top of the checkout, next to `app/`.
"""

from setuptools import find_namespace_packages, setup

# Folders of data count as packages too: setuptools warns about those that it finds unlisted.
found = find_namespace_packages(include=["app", "app.*"], exclude=["*.__pycache__"])

setup(
    packages=[*found, "app.migrations", "app.migrations.versions"],
    package_dir={"app.migrations": "migrations", "app.migrations.versions": "migrations/versions"},
)
