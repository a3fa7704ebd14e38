"""What is in deploy/ and compose.yaml is valid, names what exists, and works together."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import fill_with_actors
from examples import add_key
from postgres import find_free_port
from replication import Replication, run_replication
from soak import IN_FULL

from app.db.engine import Database
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
PROXY = (ROOT / "deploy/nginx.conf").read_text("utf-8")
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
ACT = {
    "key": "k", "title": "An act", "date": "2020-01-01",
    "participants": [{"actor": "ARM", "role": "initiator"}],
}  # fmt: skip


@pytest.mark.slow
def test_compose_file_is_valid() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(ROOT / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_compose_file_names_settings_and_files_that_exist() -> None:
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            known = variable.removeprefix("ENTENTE_").lower() in Settings.model_fields
            assert known or not variable.startswith("ENTENTE_"), (name, variable)
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            there = (
                (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            )
            assert there, (name, volume)
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys(), name
        assert set(service.get("depends_on", ())) <= SERVICES.keys(), name
    for url in (SERVICES["web"]["environment"][f"ENTENTE_{n}_URL"] for n in ("DATABASE", "READ")):
        assert set(re.findall(r"host=(\w+):5432", url)) == {"postgres", "standby"}
        Settings(database_url=url)
    assert set(re.findall(r"server (\w+):8000", PROXY)) == {"entente", "web"}


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda p: p.name)
def test_scripts_can_be_read_by_a_shell(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0


def write_proxy_settings(folder: Path, ports: dict[str, int]) -> Path:
    """Write the settings of the proxy with the ports and files of this machine."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    request += ["-subj", "/CN=localhost", "-keyout", "tls_key", "-out", "tls_certificate"]
    subprocess.run(request, cwd=folder, check=True, capture_output=True)
    text = PROXY.replace("/run/secrets/", f"{folder}/").replace(
        "listen 443 ssl", f"listen 127.0.0.1:{ports['proxy']} ssl"
    )
    text = text.replace("listen 80;", f"listen 127.0.0.1:{ports['plain']};")
    for name in ("entente", "web"):
        text = text.replace(f"{name}:8000", f"127.0.0.1:{ports[name]}")
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    written = folder / "nginx.conf"
    written.write_text(text.replace("http {\n", f"http {{\n{places}", 1))
    return written


def choose_ports() -> dict[str, int]:
    return {name: find_free_port() for name in ("entente", "web", "proxy", "plain")}


def list_proxy_command(settings: Path) -> list[str]:
    files = f"pid {settings.parent}/pid; error_log {settings.parent}/log; daemon off;"
    return ["nginx", "-c", str(settings), "-p", str(settings.parent), "-g", files]


@pytest.mark.slow
@needs_nginx
def test_the_proxy_accepts_its_settings(tmp_path: Path) -> None:
    settings = write_proxy_settings(tmp_path, choose_ports())
    command = [*list_proxy_command(settings), "-t"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def read_environment(name: str, replication: Replication) -> dict[str, str]:
    """The environment of a service, with the addresses of this machine's servers."""
    made = dict(SERVICES[name]["environment"])
    for variable, value in made.items():
        for host, server in (("postgres", "primary"), ("standby", "standby")):
            value = value.replace(
                f"host={host}:5432", f"host=127.0.0.1:{replication.ports[server]}"
            )
        made[variable] = value.replace("entente@/entente", "postgres@/replicated")
    return made


@contextmanager
def run_as_composed(folder: Path) -> Iterator[tuple[dict[str, int], Replication, str]]:
    """Run the servers, services and proxy of the profile `scaled`, with the settings there."""
    ports = choose_ports()
    with run_replication(fill_with_actors) as replication, ExitStack() as stack:
        with closing(Database(replication.url("primary"))) as database:
            key = add_key(database)
        for name in ("entente", "web"):
            _, _, served = SERVICES[name]["command"][2].partition(" exec entente ")
            arguments = served.replace("8000", str(ports[name])).split()
            environment = (
                os.environ | read_environment(name, replication) | {"ENTENTE_WORKERS": "1"}
            )
            service = subprocess.Popen(
                [sys.executable, "-m", "app", *arguments], cwd=ROOT, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(service.wait, 20)
            stack.callback(service.terminate)
        proxy = subprocess.Popen(list_proxy_command(write_proxy_settings(folder, ports)))
        stack.callback(proxy.wait, 20)
        stack.callback(proxy.terminate)
        for port in ports.values():
            await_port(port)
        yield ports, replication, key


def await_port(port: int) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("a process did not start")


class ProxyClient:
    """Asks the proxy over TLS, each time on a connection of its own."""

    def __init__(self, port: int, certificate: Path) -> None:
        self._port, self._trusted = port, ssl.create_default_context(cafile=str(certificate))

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Send a request, and return status, JSON and headers of the answer."""
        client = http.client.HTTPSConnection(
            "localhost", self._port, timeout=30, context=self._trusted
        )
        with closing(client):
            sent = None if body is None else json.dumps(body).encode()
            client.request(method, path, sent, {"Content-Type": "application/json"} | headers)
            answer = client.getresponse()
            text = answer.read()
            shown = json.loads(text) if "json" in answer.headers.get("content-type", "") else text
            return answer.status, shown, {k.lower(): v for k, v in answer.getheaders()}


@needs_nginx
@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.skipif(not IN_FULL, reason="two servers, two services and a proxy: in `make soak`")
def test_what_compose_starts_works_together(tmp_path: Path) -> None:
    with run_as_composed(tmp_path) as (ports, replication, key):
        proxy = ProxyClient(ports["proxy"], tmp_path / "tls_certificate")
        bearer = {"Authorization": f"Bearer {key}"}
        for number in range(30):
            name = f"act-{number}"
            status, _, headers = proxy.ask("POST", "/v1/events", [{**ACT, "key": name}], **bearer)
            assert status == 201
            newest = headers["entente-version"]
            asked = {"Entente-Min-Version": newest}
            assert proxy.ask("GET", f"/v1/events/curated:{name}", **asked)[0] == 200
        assert proxy.ask("GET", "/metrics")[0] == proxy.ask("GET", "/readyz")[0] == 404
        assert proxy.ask("GET", "/ogc")[1]["links"][0]["href"].startswith("https://localhost")
        for port, role in ((ports["entente"], "primary"), (ports["web"], "standby")):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            with closing(client):
                client.request("GET", "/readyz")
                assert json.loads(client.getresponse().read())["role"] == role
        first = proxy.ask("GET", f"/v1/changes/stream?after={int(newest) - 1}&limit=1")
        assert b"event: change" in first[1]
        replication.stop("primary")
        replication.promote()
        until = time.monotonic() + 30
        while True:
            sent = {**ACT, "key": "after"}
            status, _, headers = proxy.ask("POST", "/v1/events", [sent], **bearer)
            if status == 201:
                break
            assert time.monotonic() < until, status
            time.sleep(0.1)
        asked = {"Entente-Min-Version": headers["entente-version"]}
        for _ in range(8):
            assert proxy.ask("GET", "/v1/events/curated:after", **asked)[0] == 200
