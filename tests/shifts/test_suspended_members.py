"""A member that is suspended does not count for its group, and is a member all the same."""

from typing import Any

import make
from acts import add_dataset
from serving import open_client
from sqlalchemy import select, update

from app.actors.changes import write_memberships
from app.actors.schemas import Membership
from app.actors.verify import find_membership_faults
from app.db.engine import Database
from app.db.lineage_table import read_version
from app.db.migrate import downgrade_schema, upgrade_schema
from app.db.tables import HISTORY_TABLES, memberships
from app.events.changes import write_events
from app.events.record import convert_record
from app.shifts import families
from app.shifts.materialized import read, verify
from app.shifts.materialized.rebuild import rebuild_stale_dyads
from app.shifts.statistics.null_distribution import Calibration

BEFORE = "20261203_lasting"
STEPS = [("2000-01-01", "in-force"), ("2010-01-01", "suspended"), ("2013-01-01", "in-force")]


def make_membership(actor: str, steps: list[tuple[str, str]]) -> Membership:
    return Membership.model_validate(
        {
            "actor": actor, "group": "SCO", "role": "member", "spell": 1,
            "steps": [{"date": day, "step": step} for day, step in steps],
        }
    )  # fmt: skip


def make_act(year: int, month: int, partner: str, score: float) -> Any:
    return convert_record(
        {
            "key": f"{partner}-{year}-{month}", "title": "act", "date": f"{year}-{month:02d}-10",
            "intensity": score, "quad": 1 if score > 0 else 3,
            "participants": [
                {"actor": "CHL", "role": "initiator"}, {"actor": partner, "role": "target"},
            ],
        }
    )  # fmt: skip


def write_case(database: Database) -> str:
    """Write a friendly member that is suspended for years, one that never is, and their group."""
    scores = {"PER": 6.0, "BOL": -4.0}
    acts = [
        make_act(year, month, partner, score)
        for year in range(2008, 2016)
        for month in range(1, 13)
        for partner, score in scores.items()
    ]
    acts += [make_act(year, 6, "SCO", -4.0) for year in range(2008, 2016)]
    with database.write() as db:
        found = [make_membership("PER", STEPS), make_membership("BOL", STEPS[:1])]
        write_memberships(db, found, make.BY)
        dataset = add_dataset(db)
        write_events(db, acts, dataset, make.BY)
    rebuild_stale_dyads(database)
    return dataset


def read_both_families(database: Database, dataset: str) -> list[list[Any]]:
    """Read the family of all dyads from the stored rows, and detect it."""
    asked, known = read.dataset_question(dataset), Calibration()
    with database.connect() as db:
        found = read.read_family(db, asked, known), families.detect_family(db, asked, known)
    return [[(r.question.actor, r.question.toward, r.finding, r.q) for r in f.rows] for f in found]


def test_acts_with_a_suspended_member_count(database: Database) -> None:
    dataset = write_case(database)
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        asked = {"actor": "CHL", "toward": "SCO", "dataset": dataset, "granularity": "year"}
        answer = api.get("/v1/alignment", params=asked).json()
        years = {row["start"][:4]: row for row in answer["data"]}
        assert [years[y]["n"] for y in ("2009", "2010", "2012", "2013")] == [25, 13, 13, 25]
        assert [years[y]["positive"] for y in ("2009", "2010", "2012", "2013")] == [7.2, 0, 0, 7.2]
        assert years["2012"]["index"] < -0.5 < 0 < years["2009"]["index"]
        period = {"group": "SCO", "actor": "PER", "since": "2010-01-01", "until": "2013-01-01"}
        meta = answer["meta"]
        assert meta["suspended"] == [period]
        assert meta["remark"] == " ".join(meta["remarks"])
        assert any(
            "Peru (1 January 2010 until 1 January 2013)" in one
            and "does not count toward the Shanghai" in one
            for one in meta["remarks"]
        )
        # In other days nothing is said, and the actor's own suspension is none of a partner.
        for other in ({"since": "2014"}, {"until": "2009"}, {"actor": "PER", "toward": "SCO"}):
            meta = api.get("/v1/alignment", params=asked | other).json()["meta"]
            assert meta["suspended"] is None
        # It is a member all the same, with its status.
        rows = api.get("/v1/alliances/SCO/members", params={"on": "2011-05-01"}).json()["data"]
        status = {row["actor"]: row["status"] for row in rows}
        assert (status["PER"], status["BOL"]) == ("suspended", "in-force")
        listed = {"member_of": "SCO", "dataset": dataset, "since": "2011", "until": "2011"}
        found = api.get("/v1/events", params=listed).json()["data"]
        assert {p["actor"] for e in found for p in e["participants"]} == {"CHL", "PER", "BOL"}
        named = {name: asked[name] for name in ("actor", "toward", "dataset")}
        [row, *_] = api.get("/v1/shifts", params=named).json()["data"]
        detail = api.get(f"/v1/shifts/{row['id']}").json()
        assert (detail["suspended"], detail["partly_recorded"]) == ([period], None)


def test_a_suspension_that_becomes_known_leaves_the_stored_rows_as_they_were(
    database: Database,
) -> None:
    dataset = write_case(database)
    stored, detected = read_both_families(database, dataset)
    assert stored == detected
    with database.connect() as db:
        then = read_version(db)
        assert list(verify.verify_stored_shifts(db)) == []
    with database.write() as db:  # it was never suspended
        write_memberships(db, [make_membership("PER", STEPS[:1])], make.BY)
    stale, again = read_both_families(database, dataset)
    assert stale == again != detected
    with database.connect() as db:
        assert read.has_stale_dyads(db)
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert not read.has_stale_dyads(db)
        assert list(verify.verify_stored_shifts(db)) == []
    assert read_both_families(database, dataset) == [again, again]
    url = database.engine.url.render_as_string(hide_password=False)
    with open_client(url) as api:
        asked = {"actor": "CHL", "toward": "SCO", "dataset": dataset, "granularity": "year"}
        now = api.get("/v1/alignment", params=asked).json()
        before = api.get("/v1/alignment", params=asked | {"as_of": int(then)}).json()
    assert [row["n"] for row in now["data"]] == [25] * 8
    assert [row["n"] for row in before["data"]] == [25, 25, 13, 13, 13, 25, 25, 25]
    assert (now["meta"]["suspended"], len(before["meta"]["suspended"])) == (None, 1)


def test_an_older_schema_is_brought_up_without_its_suspensions(database: Database) -> None:
    dataset = write_case(database)
    with database.write() as db:  # one revision is past
        write_memberships(db, [make_membership("BOL", STEPS[:2])], make.BY)
        write_memberships(db, [make_membership("BOL", STEPS[:1])], make.BY)
    rebuild_stale_dyads(database)

    def read_suspended() -> list[list[Any]]:
        tables = (memberships, HISTORY_TABLES[memberships])
        with database.connect() as db:
            return [
                [tuple(row) for row in db.execute(select(t.c.id, t.c.suspended).order_by(t.c.seq))]
                for t in tables
            ]

    with database.write() as db:  # rows that were written otherwise are found
        m = memberships.c
        assert list(find_membership_faults(db)) == []
        row = update(memberships).where(m.id == "PER:SCO:member:1")
        db.execute(row.values(suspended=None))
        [fault] = find_membership_faults(db)
        assert fault == "membership 'PER:SCO:member:1': its row differs from its document"
        db.execute(row.values(suspended="2010-01-01/2013-01-01"))
    kept = read_suspended()
    [written] = [suspended for ident, suspended in kept[0] if ident == "PER:SCO:member:1"]
    assert written == "2010-01-01/2013-01-01"
    assert kept[1] == [
        ("BOL:SCO:member:1", None), ("BOL:SCO:member:1", "2010-01-01/9999-12-31"),
    ]  # fmt: skip
    downgrade_schema(database, BEFORE)
    upgrade_schema(database)
    assert read_suspended() == kept
    with database.connect() as db:
        waiting = read.read_stale_pairs(db, dataset)
        assert list(waiting) == [("CHL", "SCO")]
    rebuild_stale_dyads(database)
    with database.connect() as db:
        assert list(verify.verify_stored_shifts(db)) == []
