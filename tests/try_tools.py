"""Try programs of other people on the running service: what needs an environment of its own.

Run by `make tools`; needs the registries of Python and Node packages. Each line says what a program
found; it ends with 1 where one failed.
"""

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from openapi_document import DOCUMENT
from serving import serve_database

from app.bundled.load_bundled import load_bundled_data
from app.db.engine import Database
from app.db.migrate import upgrade_schema
from app.dumps.write import write_dumps

PACKAGES = (
    "openapi-python-client==0.29.1", "frictionless==5.21.0",
    "duckdb==1.4.4", "duckdb-ext-httpfs==1.4.4.20260205",
)  # fmt: skip
"""DuckDB of the version that its extensions are packaged for."""
OGC_CLIENT = "@camptocamp/ogc-client@1.3.0"
CALL = """
import sys
from datetime import date
from generated import Client
from generated.api.events import list_events
found = list_events.sync(client=Client(base_url=sys.argv[1]), actor=["ARM"], limit=1)
assert isinstance(found.data[0].start, date), found
print("list_events:", found.data[0].id, found.data[0].start)
"""
PACKAGE = """
import json, sys, urllib.request
from frictionless import Package, system
address = sys.argv[1] + "/v1/dumps/datapackage.json"
with system.use_context(trusted=True):
    package = Package(address)
    found = list(package.metadata_validate(json.load(urllib.request.urlopen(address))))
    assert not found, found
    print("data package:", len(package.resources), "resources, no finding")
"""
QUERY = """
import json, sys, urllib.request
from pathlib import Path
import duckdb
found = json.load(urllib.request.urlopen(sys.argv[1] + "/v1/dumps?dataset=realignments"))["data"]
file = next(one["href"] for one in found if one["format"] == "parquet")
address = file if file.startswith("http") else sys.argv[1] + file
with duckdb.connect() as db:
    folder = Path(duckdb.__file__).parents[1] / "duckdb_ext" / "extensions"
    db.execute(f"SET extension_directory = '{folder}'")
    db.execute("LOAD httpfs")
    asked = "SELECT count(*), min(start), max(participants[1].actor) FROM read_parquet(?)"
    print("httpfs", duckdb.__version__, db.execute(asked, [address]).fetchone())
"""
WALK = """
import { OgcApiEndpoint } from "@camptocamp/ogc-client";
const found = new OgcApiEndpoint(process.argv[2] + "/ogc");
const [{ name }] = await found.allCollections;
const items = await found.getCollectionItems(name, 5);
if (items.length !== 5) throw new Error(`${items.length} items`);
const one = await found.getCollectionItem(name, items[0].id);
const { crs, queryables } = await found.getCollectionInfo(name);
console.log("collection", name, "items", items.length, "one", one.id, "systems", crs.length,
  "queryables", queryables.length);
"""


def try_python_tools(folder: Path, address: str) -> list[int]:
    """Install programs of Python into an environment of their own, and try each."""
    venv.create(folder / "python", with_pip=True)
    python = str(folder / "python" / "bin" / "python")
    quiet = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([python, *quiet, *PACKAGES], check=True)
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    generate = [
        "generate",
        "--path",
        "openapi.json",
        "--meta",
        "none",
        "--output-path",
        "generated",
    ]
    made = subprocess.run([python, "-m", "openapi_python_client", *generate], cwd=folder)
    found = [made.returncode]
    for program in (CALL, PACKAGE, QUERY):
        done = subprocess.run([python, "-W", "ignore", "-c", program, address], cwd=folder)
        found.append(done.returncode)
    return found


def try_node_tools(folder: Path, address: str) -> list[int]:
    """Walk through the map service with the reference client of OGC API – Features."""
    (folder / "package.json").write_text('{"type": "module", "private": true}', encoding="utf-8")
    (folder / "walk.js").write_text(WALK, encoding="utf-8")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet, OGC_CLIENT], cwd=folder, check=True)
    return [subprocess.run(["node", "walk.js", address], cwd=folder).returncode]


TRIES: tuple[Callable[[Path, str], list[int]], ...] = (try_python_tools, try_node_tools)


def try_programs(folder: Path) -> int:
    """Serve the bundled data and its dumps, try every program, and return how many failed."""
    url = f"sqlite:///{folder}/tools.db"
    with closing(Database(url)) as database:
        upgrade_schema(database)
        load_bundled_data(database)
        list(write_dumps(database, folder / "dumps", ["realignments"]))
    with serve_database(url, dump_folder=str(folder / "dumps")) as address:
        found = [code for one in TRIES for code in one(folder, address)]
    sys.stdout.write(f"{len(found)} asked, {sum(map(bool, found))} failed\n")
    return sum(map(bool, found))


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        sys.exit(bool(try_programs(Path(place))))
