"""What is given again without a thread is what a thread would answer."""

import make
import pytest
from examples import add_key
from serving import open_client

from app.db.dialect.commit_watch import CommitWatch
from app.db.engine import Database
from app.http.question_threads import QuestionThreads
from app.sources.changes import write_datasets
from app.sources.schemas import Dataset

QUESTION = "/v1/events?dataset=made"


@pytest.fixture
def content() -> str:
    """The bundled actors alone."""
    return "actors"


@pytest.fixture
def made(database: Database) -> Database:
    with database.write() as db:
        make.dataset(db)
        make.event(db, "ARM", "RUS", title="words " * 80, summary="more words " * 100)
    return database


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what ran in threads."""
    ran: list[str] = []
    run = QuestionThreads.run

    async def note(self: QuestionThreads, work: object, /, **values: object) -> object:
        ran.append(getattr(work, "__name__", ""))
        return await run(self, work, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(QuestionThreads, "run", note)
    return ran


def test_an_answer_is_given_again_in_every_form(made: Database, threads: list[str]) -> None:
    url = made.engine.url.render_as_string(hide_password=False)
    key = {"Authorization": f"Bearer {add_key(made)}"}
    with open_client(url) as api:
        for coding in ("identity", "gzip", "zstd", "gzip"):
            sent = {"Accept-Encoding": coding}
            first = api.get(QUESTION, headers=sent)
            before = len(threads)
            again = api.get(QUESTION, headers=sent)
            assert len(threads) == before
            assert again.content == first.content
            first.headers.pop("x-request-id"), again.headers.pop("x-request-id")
            assert again.headers == first.headers
            assert api.head(QUESTION, headers=sent).headers["etag"] == first.headers["etag"]
        tag = {"If-None-Match": first.headers["etag"]}
        for more, status in ((key, 200), (tag, 304), ({"Entente-Min-Version": "1"}, 200)):
            before = len(threads)
            assert api.get(QUESTION, headers=more).status_code == status
            assert len(threads) > before


def change_access(database: Database, access: str) -> None:
    """Close or open the dataset, not through the application."""
    fields = {"code": "made", "name": "made", "version": "1", "licence": "none", "citation": "made"}
    with database.write() as db:
        write_datasets(db, [Dataset.model_validate({**fields, "access": access})], make.BY)


def test_what_hides_a_dataset_is_noticed_at_once(made: Database) -> None:
    url = made.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        for _ in range(2):
            assert len(api.get(QUESTION).json()["data"]) == 1
        change_access(made, "closed")
        assert api.get(QUESTION).status_code == 403
        change_access(made, "open")
        assert api.get(QUESTION).status_code == 200


def test_a_commit_changes_the_state(database: Database) -> None:
    watch = CommitWatch(database.engine)
    before = watch.read_state()
    assert watch.read_state() == before
    with database.write() as db:
        make.dataset(db)
    if before is None:
        assert database.engine.dialect.name == "postgresql"
    else:
        assert watch.read_state() != before
    watch.close()
    assert (watch.read_state() is None) == (before is None)
    watch.close()
