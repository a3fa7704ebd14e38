"""Thousands of made-up cases: what the service answers is what its document says, always."""

import pytest
from examples import add_key
from made_up_cases import Findings, send_made_up_cases
from openapi_document import PATHS
from serving import serve_database
from soak import IN_FULL, choose_size

from app.db.engine import Database
from app.ingest.remote.errors import DownloadError
from app.watches import sender

pytestmark = [
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.bundled,
    # of a large body, of which the one who makes the cases up keeps a description
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]
SETTINGS = {"max_body_bytes": 64 * 1024, "wrong_keys": 0}
"""A body is too large soon; wrong keys are refused as such, however many."""
OPERATIONS = {f"{verb.upper()} {path}" for path, verbs in PATHS.items() for verb in verbs}
BOUNDS = ("examples", "coverage") if IN_FULL else ("examples",)
"""Some 18,000 cases try every bound of every parameter, which only `make soak` does."""


@pytest.fixture
def _no_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no host have a number: made-up addresses of webhooks lead nowhere."""

    def refuse_host(host: str, port: int) -> list[str]:
        raise DownloadError(f"{host}:{port} is made up")

    monkeypatch.setattr(sender, "resolve_host", refuse_host)


def send_cases(database: Database, *, seed: int = 1, **more: object) -> Findings:
    """Serve a database, and send cases to the service."""
    key, url = add_key(database), database.engine.url.render_as_string(hide_password=False)
    with serve_database(url, in_background=IN_FULL, **SETTINGS) as address:
        return send_made_up_cases(address, key, seed=seed, **more)  # type: ignore[arg-type]


def describe_failures(found: Findings) -> str:
    """Write what was wrong, with the first request of each kind."""
    return "\n".join(
        f"{operation} | {check} | {message}\n  {exchange}"
        for (operation, check, message), exchange in found.failures.items()
    )


@pytest.mark.usefixtures("_no_hosts")
@pytest.mark.by_turns
def test_every_bound_of_every_parameter_is_kept(database: Database) -> None:
    found = send_cases(database, size=1, phases=BOUNDS)
    assert not found.failures, describe_failures(found)
    assert found.cases.total() > choose_size(200, 15_000), found.cases
    assert {200, 201, 404, 422} <= found.statuses.keys()


@pytest.mark.usefixtures("_no_hosts")
@pytest.mark.by_turns
@pytest.mark.parametrize("seed", range(1, choose_size(3, 6)))
def test_made_up_requests_and_sequences_are_answered_as_documented(
    database: Database, seed: int
) -> None:
    size = choose_size(1, 8)
    # The examples of the document are the same with each seed: the test above sends them.
    found = send_cases(database, seed=seed, size=size, phases=("fuzzing", "stateful"))
    assert not found.failures, describe_failures(found)
    assert found.operations == OPERATIONS
    assert {200, 201, 404, 422} <= found.statuses.keys()
