"""Ask the linters of OpenAPI, and the generator of TypeScript, what they think of the document.

Run by `make openapi`; needs Node and a registry of its packages. The rules that need neither
are in test_openapi_rules.py.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from openapi_document import DOCUMENT

TOOLS = {
    "spectral": "@stoplight/spectral-cli@6.16.3",
    "redocly": "@redocly/cli@2.77.0",
    "openapi-typescript": "openapi-typescript@7.13.0",
    "typescript": "typescript@5.9.3",
    "openapi-fetch": "openapi-fetch@0.17.0",
}
CALL = """\
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Json = "application/json" | "application/problem+json";
const client = createClient<paths, Json>({ baseUrl: "http://127.0.0.1:8000" });
const { data, error } = await client.GET("/v1/events", { params: { query: { actor: ["ARM"] } } });
if (error) throw new Error(error.title);
export const first: components["schemas"]["Event"] | undefined = data.data[0];
"""
OPTIONS = ["--strict", "--noUncheckedIndexedAccess", "--noEmit", "--module", "nodenext",
           "--target", "es2022"]  # fmt: skip


def lint_document(folder: Path) -> int:
    """Return the number of tools that have a complaint; what they say is printed."""
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module", "private": true}', encoding="utf-8")
    (folder / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n', encoding="utf-8")
    (folder / "call.ts").write_text(CALL, encoding="utf-8")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet, *TOOLS.values()], cwd=folder, check=True)
    commands = (
        ["spectral", "lint", "openapi.json", "--fail-severity", "hint"],
        ["redocly", "lint", "openapi.json", "--extends", "recommended", "--max-problems", "50"],
        ["openapi-typescript", "openapi.json", "-o", "api.ts"],
        ["tsc", *OPTIONS, "call.ts", "api.ts"],
    )
    return sum(
        subprocess.run([f"node_modules/.bin/{tool}", *rest], cwd=folder).returncode != 0
        for tool, *rest in commands
    )


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        sys.exit(lint_document(Path(place)))
