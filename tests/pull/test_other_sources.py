"""UCDP, ACLED, a Dataverse, and files of alliances, pulled from the stand-in."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina
from ingest.loading import read_coverage, read_document
from ingest.rows import UCDP, make_row, make_table
from pull.pulling import drop_waits, list_events, list_states, run_round
from pull.stand_in import Request, Sources, pack, run_sources

from app.db.engine import Database
from app.ingest.formats.acled import ACLED_COLUMNS
from app.pull import acled, ucdp
from app.pull.acled import narrow_countries
from app.pull.items import PullError, PullWindow
from app.pull.ledger import read_open_items, read_source
from app.pull.sources import SourceOptions

pytestmark = pytest.mark.slow

NOW = datetime(2026, 9, 22, 12, tzinfo=UTC)
TOKEN = "t0ken-of-ours"
ACCOUNT = {"acled_user": "desk@example.org", "acled_password": "pa55word-of-ours"}


@pytest.fixture
def sources() -> Iterator[Sources]:
    """The stand-in, on a day of September."""
    drop_waits()
    with run_sources(NOW) as found:
        yield found
    stamina.set_testing(False)


# ── UCDP ──────────────────────────────────────────────────────────────────────────────────────
def make_ucdp_rows(days: dict[str, str]) -> list[dict[str, str]]:
    return [{"id": key, "date_start": day, "date_end": day} for key, day in days.items()]


def serve_pages(
    sources: Sources, versions: dict[str, list[dict[str, str]]], *, grows: bool = False
) -> None:
    """Serve releases page by page, for a token; `grows`: a row appears during the first walk."""
    walks: dict[str, int] = {}

    def answer(request: Request) -> None:
        version = request.path.partition("?")[0].rpartition("/")[2]
        if request.headers.get("x-ucdp-access-token") != TOKEN:
            request.send_body(401, b"API token required. Add header: x-ucdp-access-token: <token>")
            return
        rows, page = list(versions.get(version, [])), int(request.query["page"])
        size = int(request.query["pagesize"])
        walks[version] = walks.get(version, 0) + 1
        if grows and walks[version] > 1:
            rows.insert(0, {"id": "900", "date_start": "2026-08-01", "date_end": "2026-08-01"})
        total = -(-len(rows) // size)
        if rows and page >= total:
            request.send_body(500, b"no such page")
            return
        following = f"{sources.url}/gedevents/{version}?page={page + 1}"
        found = [
            {k: (v or None) for k, v in (UCDP | row).items()}
            for row in rows[page * size : (page + 1) * size]
        ]
        request.send_json(
            {"TotalCount": len(rows), "TotalPages": total, "Result": found, "PreviousPageUrl": "",
             "NextPageUrl": following if page + 1 < total else ""}
        )  # fmt: skip

    sources.answers["/gedevents/"] = answer


def list_downloads(sources: Sources, *names: str) -> None:
    links = "".join(f'<a href="candidateged/{name}">{name}</a>' for name in names)
    sources.objects["/index.html"] = f"<html>{links}</html>".encode()


@pytest.mark.parametrize("grows", [False, True])
def test_a_release_is_read_page_by_page(
    database: Database, sources: Sources, monkeypatch: pytest.MonkeyPatch, grows: bool
) -> None:
    monkeypatch.setattr(ucdp, "PAGE_ROWS", 2)
    rows = make_ucdp_rows({str(n): f"2026-08-{n:02}" for n in range(1, 6)})
    serve_pages(sources, {"26.0.8": rows}, grows=grows)
    options = SourceOptions(release="26.0.8")
    report = run_round(database, sources, "ucdp", options=options, ucdp_token=TOKEN)
    assert report.outcomes == {"loaded": 1}
    assert len(list_events(database, "ucdp-ged")) == 5 + grows
    assert read_coverage(database, "ucdp-ged") == ("2026-08-01", "2026-08-31")


def test_releases_are_pulled_as_files_and_a_new_one_retracts(
    database: Database, sources: Sources
) -> None:
    names = ("GEDEvent_v26_0_7.csv", "GEDEvent_v26_0_8.csv")
    for name, day in zip(names, ("2026-07-02", "2026-08-02"), strict=True):
        rows = make_ucdp_rows({day: day, f"{day}-b": day})
        sources.objects[f"/candidateged/{name}"] = make_table("ucdp-ged", rows).encode()
    list_downloads(sources, *names)
    assert run_round(database, sources, "ucdp").outcomes == {"loaded": 2}
    assert len(list_events(database, "ucdp-ged")) == 4
    quarterly = "GEDEvent_v26_07_26_09.csv"
    rows = make_ucdp_rows({"2026-07-02": "2026-07-02", "n": "2026-09-01"})
    sources.objects[f"/candidateged/{quarterly}"] = make_table("ucdp-ged", rows).encode()
    list_downloads(sources, *names, quarterly)
    assert run_round(database, sources, "ucdp").retracted == 3
    assert list_events(database, "ucdp-ged") == ["2026-07-02", "n"]
    for name in names:
        assert sources.count_requests(name) == 1
    sources.requests.clear()
    assert run_round(database, sources, "ucdp").rows == 0
    assert sources.requests[-1][1]["If-None-Match"]
    sources.objects[f"/candidateged/{quarterly}"] = make_table("ucdp-ged", rows[:1]).encode()
    assert run_round(database, sources, "ucdp").retracted == 1  # published again


@pytest.mark.by_turns
def test_a_missing_release_a_wrong_token_and_a_used_up_day_are_told(
    database: Database, sources: Sources
) -> None:
    serve_pages(sources, {"26.0.8": make_ucdp_rows({"1": "2026-08-01"})})
    for version, token in (("26.0.9", TOKEN), ("26.0.8", "wrong")):
        options = SourceOptions(release=version)
        if token == TOKEN:
            report = run_round(database, sources, "ucdp", options=options, ucdp_token=token)
            assert report.outcomes == {"late": 1}
        else:
            with pytest.raises(PullError, match="ENTENTE_UCDP_TOKEN"):
                run_round(database, sources, "ucdp", options=options, ucdp_token=token)
    sources.break_next("26.0.8", "429 for a day")
    options = SourceOptions(release="26.0.8")
    report = run_round(database, sources, "ucdp", options=options, ucdp_token=TOKEN)
    assert report.stopped == "UCDP's requests of today are used up"
    assert list_events(database, "ucdp-ged") == []


# ── ACLED ─────────────────────────────────────────────────────────────────────────────────────
class AcledApi:
    """ACLED's API with some rows, tokens that end, and pages with a cursor."""

    def __init__(self, sources: Sources) -> None:
        self.rows: list[dict[str, Any]] = []
        self.gone: list[dict[str, Any]] = []
        self.asked: list[dict[str, str]] = []
        self.tokens: list[dict[str, str]] = []
        self.embargo: str | None = None
        self.lifetime = 1000
        self._left = 0
        self.cursors = True
        sources.answers |= {"/oauth/token": self.give_token, "/api/": self.answer}

    def give_token(self, request: Request) -> None:
        form = request.read_form()
        self.tokens.append(form)
        if form["grant_type"] == "password" and form["password"] != ACCOUNT["acled_password"]:
            request.send_json({"error": "invalid_grant"}, 400)
            return
        self._left = self.lifetime
        named = {"access_token": f"access-{len(self.tokens)}", "refresh_token": "refresh-1"}
        request.send_json({"token_type": "Bearer", "expires_in": 86400, **named})

    def answer(self, request: Request) -> None:
        if (
            request.headers.get("Authorization") != f"Bearer access-{len(self.tokens)}"
            or not self._left
        ):
            request.send_body(401, b"{}")
            return
        self._left -= 1
        asked, page = request.query, int(request.query.get("cursor", "0"))
        self.asked.append({"path": request.path.partition("?")[0], **asked})
        rows = self.gone if "/deleted/" in request.path else self.rows
        if "event_date" in asked:
            since, until = asked["event_date"].split("|")
            rows = [row for row in rows if since <= row["event_date"] <= until]
        for name in ("timestamp", "deleted_timestamp"):
            if name in asked:
                rows = [row for row in rows if int(row[name]) >= int(asked[name])]
        size = int(asked["limit"])
        part = rows[page * size : (page + 1) * size]
        more: dict[str, Any] = {}
        if self.cursors:
            more["next_cursor"] = str(page + 1) if (page + 1) * size < len(rows) else None
        if self.embargo is not None:
            recency = {"quantity": 12, "unit": "Months", "date": self.embargo}
            more["data_query_restrictions"] = {"date_recency": recency}
        request.send_json({"status": 200, "success": True, "data": part, **more})


@pytest.fixture
def api(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> AcledApi:
    """ACLED with five rows, two a page."""
    monkeypatch.setattr(acled, "PAGE_ROWS", 2)
    found = AcledApi(sources)
    for n in range(1, 6):
        row = dict(zip(ACLED_COLUMNS, make_row("acled"), strict=True))
        row |= {
            "event_id_cnty": f"UKR{n}",
            "event_date": f"2026-0{n}-10",
            "timestamp": 1_780_000_000 + n,
        }
        found.rows.append({**row, "fatalities": n})
    return found


WINDOW = PullWindow(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 30, 23, 59, tzinfo=UTC))


def test_a_window_of_acled_comes_by_its_cursor_and_covers_its_days(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    report = run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    assert report.outcomes == {"loaded": 1}
    assert list_events(database, "acled") == [f"UKR{n}" for n in range(1, 6)]
    assert read_coverage(database, "acled") == ("2026-01-01", "2026-06-30")
    assert [t["grant_type"] for t in api.tokens] == ["password"]
    with database.connect() as db:
        mark = read_source(db, "acled").mark
    assert mark == datetime.fromtimestamp(1_780_000_005, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_changes_since_the_mark_and_deletions_are_applied(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    later = 1_780_000_000 + 86_400
    api.rows[0] |= {"timestamp": later, "fatalities": 7}
    api.gone = [
        {"event_id_cnty": "UKR2", "deleted_timestamp": later},
        {"event_id_cnty": "UKR1", "deleted_timestamp": later - 9},  # it came back since
        {"event_id_cnty": "XXX1", "deleted_timestamp": later},
    ]
    report = run_round(database, sources, "acled", **ACCOUNT)
    assert (report.changed, report.retracted) == (1, 1)
    assert list_events(database, "acled") == ["UKR1", "UKR3", "UKR4", "UKR5"]
    assert "7" in json.dumps(read_document(database, "acled:UKR1"))
    again = run_round(database, sources, "acled", **ACCOUNT)
    assert (again.new, again.changed, again.retracted) == (0, 0, 0)


@pytest.mark.by_turns
def test_a_token_that_ends_in_a_walk_is_renewed(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    api.lifetime = 2
    report = run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    assert report.outcomes == {"loaded": 1}
    assert [t["grant_type"] for t in api.tokens] == ["password", "refresh_token"]
    assert len(list_events(database, "acled")) == 5


@pytest.mark.by_turns
def test_rows_of_countries_that_were_not_asked_for_are_refused(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    """As where the service took one number of several, or none."""
    for row in api.rows:
        row |= {"iso": 51, "country": "Armenia"}
    options = SourceOptions(countries="ARM,AZE")
    report = run_round(database, sources, "acled", options=options, window=WINDOW, **ACCOUNT)
    assert (report.outcomes, report.new) == ({"loaded": 1}, 5)
    assert api.asked[-1]["iso"] == "51|31"
    api.rows[-1]["iso"] = 804
    report = run_round(database, sources, "acled", options=options, window=WINDOW, **ACCOUNT)
    assert report.outcomes == {"bad": 1}
    with database.connect() as db:
        [item] = read_open_items(db, "acled")
    assert "the iso 804" in str(item.error)


@pytest.mark.by_turns
def test_what_an_account_may_not_see_is_no_zero(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    api.rows, api.embargo = api.rows[:2], "2026-03-15"
    run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    assert read_coverage(database, "acled") == ("2026-01-01", "2026-03-15")
    with database.connect() as db:
        assert read_source(db, "acled").restriction == "2026-03-15"


@pytest.mark.by_turns
def test_a_full_page_without_a_cursor_is_not_taken_for_all(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    api.cursors = False
    assert run_round(database, sources, "acled", window=WINDOW, **ACCOUNT).outcomes == {"bad": 1}
    assert list_events(database, "acled") == []


@pytest.mark.by_turns
def test_a_refused_account_is_told_and_not_asked_again(
    database: Database, sources: Sources, api: AcledApi
) -> None:
    sources.break_next("/api/", "403", 9)
    run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    with database.connect() as db:
        [item] = read_open_items(db, "acled")
    assert item.state == "refused"
    assert "terms are accepted" in str(item.error)
    assert sources.count_requests("/api/") == 1
    with pytest.raises(PullError, match="name and password"):
        run_round(database, sources, "acled", window=WINDOW, **ACCOUNT | {"acled_password": "x"})
    with pytest.raises(PullError, match="ENTENTE_ACLED_USER"):
        run_round(database, sources, "acled", window=WINDOW)
    assert api.asked == []


# ── Dataverse ─────────────────────────────────────────────────────────────────────────────────
def list_dataverse(sources: Sources, *files: dict[str, Any]) -> None:
    def answer(request: Request) -> None:
        request.send_json({"status": "OK", "data": [
            {"label": f["label"], "restricted": f.get("restricted", False), "dataFile": {
                "id": n, "filesize": len(f["body"]), "creationDate": "2026-01-0" + str(n % 9 + 1),
                "checksum": {"type": "SHA-1", "value": hashlib.sha1(f["body"]).hexdigest()},
            }}
            for n, f in enumerate(files, 1)
        ]})  # fmt: skip

    sources.answers["/api/datasets/"] = answer


def test_files_of_a_dataverse_come_by_a_signed_address_without_the_key(
    database: Database, sources: Sources
) -> None:
    body = make_table("polecat", [{"event_id": "P1"}, {"event_id": "P2"}]).encode()
    label = "ngecEvents.20260106111842.Release700.DV.txt"
    other = {"label": "ngecEvents.20260113.DV.txt", "body": b"x", "restricted": True}
    list_dataverse(sources, {"label": label, "body": body}, other)
    with run_sources(NOW) as store:
        store.objects["/signed"] = body
        sources.answers["/api/access/datafile/1"] = lambda r: r.send_body(
            303, b"", Location=f"{store.url}/signed?X-Amz-Expires=60"
        )
        report = run_round(database, sources, "polecat", dataverse_key="k3y-of-ours")
        assert not any("X-Dataverse-key" in headers for _, headers in store.requests)
    assert report.outcomes == {"loaded": 1}
    assert all(h["X-Dataverse-key"] == "k3y-of-ours" for _, h in sources.requests)
    assert list_events(database, "polecat") == ["P1", "P2"]
    assert list_states(database, "polecat") == {
        f"1 {label}": "loaded", "2 ngecEvents.20260113.DV.txt": "refused",
    }  # fmt: skip
    sources.requests.clear()
    assert run_round(database, sources, "polecat").requests == 1


@pytest.mark.parametrize(
    ("fault", "state"),
    [("403", "refused"), ("challenge", "bad"), ("page", "bad"), ("other", "bad")],
)
def test_what_a_dataverse_answers_in_place_of_a_file_is_no_data(
    database: Database, sources: Sources, fault: str, state: str
) -> None:
    body = make_table("icews").encode()
    list_dataverse(sources, {"label": "Events.2017.csv", "body": body})
    sources.objects["/api/access/datafile/1"] = body
    sources.break_next("datafile", fault)
    run_round(database, sources, "icews")
    assert list_states(database, "icews") == {"1 Events.2017.csv": state}
    assert list_events(database, "icews") == []
    sources.now += timedelta(days=1, minutes=1)
    assert run_round(database, sources, "icews").outcomes == {"loaded": 1}


# ── alliances and votes ───────────────────────────────────────────────────────────────────────
@pytest.mark.by_turns
def test_archives_of_alliances_are_pulled_once(database: Database, sources: Sources) -> None:
    head = "version4id,ccode1,state_name1,ccode2,state_name2,dyad_st_day,dyad_st_month,dyad_st_year"
    head += ",dyad_end_day,dyad_end_month,dyad_end_year,left_censor,right_censor,defense,neutrality"
    text = head + ",nonaggression,entente,year,version\n"
    text += "1,371,Armenia,365,Russia,15,5,1992,,,,0,1,1,0,0,1,1993,4.1\n"
    path = "/wp-content/uploads/version4.1_csv.zip"
    sources.objects[path] = pack("version4.1_csv/alliance_v4.1_by_directed_yearly.csv", text)
    report = run_round(database, sources, "cow")
    assert (report.outcomes, report.rejected) == ({"loaded": 1}, 0)
    assert run_round(database, sources, "cow").outcomes == {}
    assert sources.count_requests("version4") == 1


@pytest.mark.by_turns
def test_the_newest_table_of_votes_is_pulled(database: Database, sources: Sources) -> None:
    head = "ccode,session,IdealPointAll,Q5%All,Q95%All,iso3c,Countryname\n"
    old, new = (f"{head}371,{n},0.5,0.4,0.6,ARM,Armenia\n".encode() for n in (78, 79))
    list_dataverse(
        sources,
        {"label": "IdealpointestimatesAll_Jun2025.csv", "body": old},
        {"label": "IdealpointestimatesAll_Jul2026.csv", "body": new},
    )
    sources.objects["/api/access/datafile/2"] = new
    report = run_round(database, sources, "un-votes", window=WINDOW)
    assert (report.outcomes, report.rows) == ({"loaded": 1}, 1)


# ── GDELT 1.0 ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.by_turns
def test_gdelt_1_is_a_dataset_of_its_own_with_its_gaps(
    database: Database, sources: Sources
) -> None:
    sums, sizes = [], ["1093 GDELT.MASTERREDUCEDV2.1979-2013.zip"]
    for day in ("20140122", "20140126"):
        name = f"{day}.export.CSV"
        body = pack(name, make_table("gdelt-v1", [{"globaleventid": day, "dateadded": day}]))
        sources.objects[f"/events/{name}.zip"] = body
        sums.append(f"{hashlib.md5(body).hexdigest()}  {name}.zip")
        sizes.append(f"{len(body)} {name}.zip")
    sources.objects["/events/md5sums"] = "\n".join(sums).encode()
    sources.objects["/events/filesizes"] = "\n".join(sizes).encode()
    window = PullWindow(datetime(2014, 1, 22, tzinfo=UTC), datetime(2014, 1, 26, tzinfo=UTC))
    report = run_round(database, sources, "gdelt1", window=window)
    assert report.outcomes["loaded"] == 2
    assert list_events(database, "gdelt1") == ["20140122", "20140126"]
    assert list_events(database) == []
    states = list_states(database, "gdelt1")
    assert sorted(n[:8] for n, state in states.items() if state == "missing") == [
        "20140123", "20140124", "20140125",
    ]  # fmt: skip


# ── secrets ───────────────────────────────────────────────────────────────────────────────────
def test_no_secret_is_stored_or_logged(
    database: Database, sources: Sources, api: AcledApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    serve_pages(sources, {"26.0.8": make_ucdp_rows({"1": "2026-08-01"})})
    sources.break_next("/api/acled", "500", 2)
    run_round(database, sources, "acled", window=WINDOW, **ACCOUNT)
    sources.break_next("gedevents", "500", 9)
    options = SourceOptions(release="26.0.8")
    run_round(database, sources, "ucdp", options=options, ucdp_token=TOKEN)
    with database.connect() as db:
        stored = repr([read_open_items(db, name) for name in ("ucdp", "acled")])
        stored += repr([read_source(db, name) for name in ("ucdp", "acled")])
    assert api.tokens
    for secret in (TOKEN, ACCOUNT["acled_password"], "access-1", "refresh-1"):
        assert secret not in stored
        assert secret not in caplog.text


def test_countries_of_acled_are_names_or_codes() -> None:
    assert narrow_countries("") == {}
    assert narrow_countries("Armenia, Red Sea") == {"country": "Armenia|Red Sea"}
    assert narrow_countries("ARM,AZE,BHS") == {"iso": "51|31|44"}
    for wrong in ("ARM,Azerbaijan", "ARM,XYZ"):
        with pytest.raises(PullError, match="--countries"):
            narrow_countries(wrong)
