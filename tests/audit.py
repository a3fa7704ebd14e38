"""Ask the package index for known vulnerabilities of what the lock installs: `make audit`.

The index is the one that pip is configured for: its JSON interface lists advisories by version.
Where none can be reached, that is said, and nothing fails; what is found fails.
"""

import argparse
import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pip._internal.models.index import PyPI

sys.path.insert(0, str(Path(__file__).parent))
from sbom import ROOT, list_components

LOCKS = ("requirements.lock", "requirements-dev.lock")
PATIENCE = 10.0
"""Seconds that the index has for an answer."""
FEW = 3
UNREACHED = "no advisory source could be reached: nothing is known of the locked packages"


class UnreachableError(Exception):
    """The index does not answer, or says nothing of vulnerabilities."""


def find_index() -> str:
    """Return the address of the JSON interface of the index that pip is configured for."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    simple = asked.stdout.strip().rstrip("/")
    return f"{simple.removesuffix('/simple')}/pypi" if simple else PyPI.pypi_url


def list_advisories(index: str, name: str, version: str) -> list[dict[str, Any]] | None:
    """List the advisories on a version of a package that were not withdrawn.

    None where the index does not know the version; raises `UnreachableError`.
    """
    try:
        with urllib.request.urlopen(f"{index}/{name}/{version}/json", timeout=PATIENCE) as answer:
            known = json.load(answer)["vulnerabilities"]
    except urllib.error.HTTPError as refused:
        if refused.code == 404:
            return None
        raise UnreachableError(str(refused)) from refused
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as failed:
        raise UnreachableError(str(failed)) from failed
    return [one for one in known if not one.get("withdrawn")]


def audit_packages(index: str, pins: list[tuple[str, str]], ignored: set[str]) -> Iterator[str]:
    """Yield a line for each advisory on one of the packages; raises `UnreachableError`.

    An index that does not know the first few has no such interface.
    """
    unknown: list[str] = []
    for n, (name, version) in enumerate(pins):
        known = list_advisories(index, name, version)
        if known is None:
            unknown.append(name)
            if len(unknown) > n >= FEW - 1:
                raise UnreachableError(f"the index does not know {', '.join(unknown)}")
        for one in known or ():
            names = {one["id"], *one.get("aliases", ())}
            if not names & ignored:
                mended = ", ".join(one.get("fixed_in", ())) or "no version yet"
                yield f"{name} {version}: {', '.join(sorted(names))}, mended in {mended}"


def read_pins(*locks: Path) -> list[tuple[str, str]]:
    """Read the names and versions of the packages in lock files, each once."""
    found = {
        (part["name"], part["version"])
        for lock in locks
        for part in list_components(lock.read_text("utf-8"))
    }
    return sorted(found)


def main(arguments: list[str] | None = None) -> int:
    """Audit the locks; returns 1 where an advisory is found that is not ignored."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--index", help="JSON interface of another index")
    parser.add_argument("--ignore", action="append", default=[], help="id of an advisory")
    asked = parser.parse_args(arguments)
    pins, found = read_pins(*(ROOT / name for name in LOCKS)), []
    try:
        for line in audit_packages(asked.index or find_index(), pins, set(asked.ignore)):
            found.append(line)
            print(line, flush=True)  # noqa: T201
    except UnreachableError as failed:
        print(f"{UNREACHED} ({failed})", file=sys.stderr)  # noqa: T201
        return 1 if found else 0
    print(f"{len(found)} advisories on {len(pins)} packages")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
