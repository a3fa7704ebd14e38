"""Pages of the most certain shifts: those of all findings, and read for what they show alone."""

import random
from typing import Any

import pytest
from acts import load_batches, make_acts
from sqlalchemy import Connection, update

from app.db.engine import Database
from app.db.tables import shifts
from app.shifts import ranking, serialize
from app.shifts.filter import ShiftQuery
from app.shifts.materialized import read, verify
from app.shifts.question import resolve_open_question
from app.shifts.statistics.null_distribution import Calibration

pytestmark = pytest.mark.slow

PEOPLE = ("NATO", "EU", "RUS", "FRA", "DEU", "USA", "AZE")
"""Two groups with members of each, and others."""
Place = tuple[Any, ...]


def choose_page(
    db: Connection, asked: ShiftQuery, after: Place | None
) -> tuple[list[object], Place | None]:
    """Choose a page as the route does; also the key of its last row where more follow."""
    question = resolve_open_question(db, asked, ())
    found = ranking.find_shifts_of_question(
        db, asked, question, Calibration(), None if after is None else after[0]
    )
    keyed = sorted((serialize.shift_sort_key(r, asked.sort), n) for n, r in enumerate(found.rows))
    keyed = [k for k in keyed if after is None or k[0] > after]
    chosen = keyed[: asked.limit]
    rows = [found.rows[n] for _, n in chosen]
    page = [(r.question, r.finding, r.q, r.checks, found.tests) for r in rows]
    return page, chosen[-1][0] if len(keyed) > asked.limit else None


def draw_query(dice: random.Random, dataset: str, days: list[str]) -> ShiftQuery:
    asked: dict[str, Any] = {"dataset": [dataset], "max_q": dice.choice([1, 1, 0.5])}
    asked["limit"] = dice.choice([1, 2, 4])
    asked["direction"] = dice.choice([None, None, "away", "toward"])
    since, until = sorted(dice.sample(days, 2))
    asked |= {"since": since} if dice.random() < 0.7 else {}
    asked |= {"until": until} if dice.random() < 0.4 else {}
    return ShiftQuery.model_validate(asked)


def test_pages_of_days_and_directions_are_those_of_all_findings(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_batches(database, [make_acts(31, people=PEOPLE, count=400)])
    dice, pages, narrowed = random.Random(7), 0, 0
    with database.connect() as db:
        whole = read.read_family(db, read.dataset_question(dataset), Calibration()).rows
        bounds = [row.finding.bounds_of_onset for row in whole]
        days = sorted({"1800-01-01", "2200-01-01", *(d for b in bounds if b for d in b)})
        days = [day for day in days if not day.endswith("-31")]
        for _ in range(25):
            asked, after = draw_query(dice, dataset, days), None
            for _ in range(4):
                found, following = choose_page(db, asked, after)
                with monkeypatch.context() as patched:
                    patched.setattr(read, "read_most_certain", lambda *_: None)
                    assert choose_page(db, asked, after) == (found, following), asked
                pages, narrowed = pages + 1, narrowed + (0 < len(found) < len(whole))
                if (after := following) is None:
                    break
    assert len(whole) > 8
    assert narrowed > 20


def test_a_page_decodes_no_more_findings_than_it_shows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_batches(database, [make_acts(5, count=400)])
    decoded: list[str] = []
    decode = read.decode_finding

    def decode_and_count(document: str, last: str) -> object:
        decoded.append(document)
        return decode(document, last)

    with database.connect() as db:
        everyone = read.read_family(db, read.dataset_question(dataset), Calibration()).rows
        monkeypatch.setattr(read, "decode_finding", decode_and_count)
        asked = ShiftQuery(dataset=(dataset,), max_q=1, limit=2, since="1900", direction="away")
        page, following = choose_page(db, asked, None)
        assert len(page) == 2
        assert len(decoded) == 3 < len(everyone)
        decoded.clear()
        assert choose_page(db, asked, following)[0]
        assert len(decoded) <= 4


@pytest.mark.parametrize(
    "harm", [{"onset_last": "1950-01-01"}, {"first_after": "9999-01-01"}, {"toward": None}]
)
def test_verify_finds_wrong_bounds_of_a_shift(database: Database, harm: dict[str, Any]) -> None:
    dataset = load_batches(database, [make_acts(5)])
    values = {name: ~shifts.c.toward if value is None else value for name, value in harm.items()}
    with database.write() as db:
        assert not list(verify.verify_stored_shifts(db))
        db.execute(update(shifts).where(shifts.c.dataset == dataset).values(values))
        assert any(dataset in fault for fault in verify.verify_stored_shifts(db))
        db.rollback()
