"""Print a bill of materials (CycloneDX 1.6) of what the lock installs: `make sbom`."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"([a-z0-9._-]+)==([^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def list_components(lock: str) -> list[dict[str, Any]]:
    """List the packages of a lock file with the hashes of their files."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            name, version = pin.groups()
            found.append(
                {
                    "type": "library", "name": name, "version": version,
                    "bom-ref": f"pkg:pypi/{name}@{version}",
                    "purl": f"pkg:pypi/{name}@{version}",
                    "hashes": [],
                }
            )  # fmt: skip
        elif digest := _HASH.search(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest[1]})
    return found


def build_bill() -> dict[str, Any]:
    """Build the bill of materials of this checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = project["name"], project["version"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "name": name, "version": version,
                "bom-ref": name, "licenses": [{"expression": project["license"]}],
            }
        },
        "components": list_components((ROOT / "requirements.lock").read_text("utf-8")),
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(build_bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
