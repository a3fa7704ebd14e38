"""Hostile requests to every GET: a problem each time, and the same one on both databases."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from in_process_client import InProcessClient
from openapi_document import PATHS, resolve_schema
from serving import borrow_app
from soak import IN_FULL, choose_size

from app.events.output_formats import OUTPUT_FORMATS
from app.shifts.filter import SidesQuery
from app.shifts.shift_id import ShiftReference, pack_shift_id

pytestmark = [pytest.mark.slow, pytest.mark.soak]

LONG = 50_000
NEEDED = {
    "/v1/ties": "actor=ARM",
    "/v1/diff": "from=0",
    "/v1/facets": "by=type",
    "/v1/actors/resolve": "q=Armenia",
    "/v1/alignment": "actor=ARM&toward=GUAM",
    "/v1/brief": "actor=ARM&toward=GUAM",
    "/v1/citation": "view=view%3Devents",
    "/v1/similarity": "actors=ARM,RUS",
    "/v1/ideal-points": "actors=ARM,RUS",
    "/oembed": "url=http%3A%2F%2Ftestserver%2Fembed%2Ftimeline%3Factor%3DARM",
}
"""Parameters without which an address answers 422 to everything."""

EXISTING_IDS = {
    "source_id": "news-2023-10-13-putin-loses-another-ally",
    "dataset": "curated",
    "membership_id": "ARM:CSTO:member:1",
    "shift_id": pack_shift_id(
        ShiftReference(SidesQuery(actor="ARM", toward=["RUS"]), None, "named", "event_days", None)
    ),
}
"""What stands for the parameters of paths."""

ADDRESSES = tuple(
    sorted(
        p
        for p, verbs in PATHS.items()
        if "get" in verbs
        and not p.endswith("/stream")
        and not p.startswith(("/v1/imports/", "/v1/watches", "/v1/dumps/files/"))
    )
)
"""Every address that answers and ends; those below an import need one, see tests/ingest, watches
need a key, and files of dumps a dump."""

VALUES = (
    "", "%20", "Armenai", "2023-02-30", "2023-13", "0000", "0001-01-01", "9999-12-31", "99999",
    "99999-01-01", "2023-09/..", "../2023", "2023-10/2023-09", "%00", "ARM%00", "2023-10-13%00",
    "%ED%A0%80", "%FF%FE", "%zz", "%", "9" * 30, "-" + "9" * 30, "9" * 5000, "1e400", "-1e400",
    "nan", "inf", "-inf", "-1", "0", "1.5", "1_000", "0x10", "nan,nan,nan", "inf,0,1",
    "1e400,0,1,1", "0,0,0,0", "1,2,3", "179,-90,-179,90", "%D9%A1%D9%A2", "%EF%BC%92",
    "%EF%BC%92023-10-13", "%25", "_", "%25_%25", "'", "%22", "%5C", "'%20OR%201=1--", "%22a%22*",
    "NEAR(a%20b,2)", "a%20AND", "NOT", "a:b", "words:a", "a*", "(", "%26%7C!", "a%20%26%20!b",
    "cow:371", "iso2:", ":", ",", ",,,", "ARM,RUS", "%F0%9F%92%A3", "%E2%80%AE", "%0D%0AX-Y:1",
    "%EF%B7%BA" * 60, "a%20" * 99, "<script>", "true", "null", "[]", "..", "%2e%2e%2f", "%2F",
)  # fmt: skip
LARGE = ("a" * LONG, "%00" * (LONG // 3), "type," * (LONG // 5), "ARM," * (LONG // 4))


@dataclass(frozen=True, slots=True)
class Both:
    """The same service on both databases."""

    clients: dict[str, InProcessClient]

    def get(self, url: str) -> Any:
        """The answer of one, after both proved to be fit for a reader and alike."""
        answers = {kind: client.get(url) for kind, client in self.clients.items()}
        for answer in answers.values():
            check_answer(answer, url)
        found = {kind: answer.status_code for kind, answer in answers.items()}
        assert len(set(found.values())) == 1, (url[:300], found)
        return answers["sqlite"]

    def refused(self, url: str) -> Any:
        """The same where most is refused before a database is asked: one of them, by turns, is
        asked first, and the other where that did not refuse, or every fourth time."""
        turn = zlib.crc32(url.encode()) % 8
        first, second = self.clients if turn % 2 else reversed(self.clients)
        answer = self.clients[first].get(url)
        check_answer(answer, url)
        if answer.status_code < 400 or turn < 2:
            other = self.clients[second].get(url)
            check_answer(other, url)
            assert answer.status_code == other.status_code, (url[:300], first, second)
        return answer


def check_answer(answer: Any, url: str) -> None:
    """Never a fault of ours; JSON that anybody can read; an error is a problem."""
    shown = url[:300]
    assert answer.status_code < 500, (shown, answer.text[:500])
    kind = answer.headers.get("content-type", "")
    readable = answer.content and kind.endswith("json") and "ndjson" not in kind
    body = json.loads(answer.content.decode("utf-8")) if readable else None
    assert "set-cookie" not in answer.headers
    assert "x-y" not in answer.headers
    if answer.status_code < 400:
        return
    assert answer.headers["content-type"] == "application/problem+json", shown
    assert body["status"] == answer.status_code
    assert len(answer.content) < 20_000, shown
    if answer.status_code == 422:
        assert body["errors"], shown
        for fault in body["errors"]:
            assert len(fault["loc"]) >= 2, (shown, fault)
            assert fault["loc"][0] in ("query", "path"), (shown, fault)
            assert fault["message"], shown


@pytest.fixture(scope="module")
def both(bundled_urls: dict[str, str]) -> Iterator[Both]:
    """Both services, to be read only."""
    with (
        borrow_app(bundled_urls["sqlite"]) as one,
        borrow_app(bundled_urls["postgresql"]) as other,
        InProcessClient(one) as sqlite,
        InProcessClient(other) as postgresql,
    ):
        yield Both({"sqlite": sqlite, "postgresql": postgresql})


@pytest.fixture(scope="module")
def an_event(both: Both) -> str:
    """The id of some event."""
    return str(both.get("/v1/events?limit=1").json()["data"][0]["id"])


def fill_path(path: str, an_event: str) -> str:
    """An address that answers 200."""
    code = "CSTO" if path.startswith("/v1/alliances") else "ARM"
    fields = {"event_id": an_event, "code": code, **EXISTING_IDS}
    fields |= {"collection": "events", "item": an_event}
    found = path.format_map(fields)
    assert "{" not in found, f"say what stands for the parameter of {path}"
    return found


def make_query(path: str, *pairs: str, without: str = "") -> str:
    """A query with what the address needs."""
    needed = NEEDED.get(path, "")
    kept = [pair for pair in needed.split("&") if pair and pair.partition("=")[0] != without]
    return "?" + "&".join([*kept, *pairs])


def fill_parameter(path: str, name: str) -> set[str]:
    """A parameter, and what the address needs beside it."""
    return {name, NEEDED.get(path, "").partition("=")[0]}


def list_parameters(path: str) -> list[str]:
    """What may be asked of an address."""
    return [p["name"] for p in PATHS[path]["get"].get("parameters", []) if p["in"] == "query"]


EVERY = choose_size(len(VALUES), 1)
"""Of the hostile values, every so many are tried at a parameter that is read like one before it:
there half were tried. So each place has one, another at each; `make soak` tries all."""

ALIKE = (
    {"since", "until", "known_by"},
    {"as_of", "from", "to"},
    {
        "actor",
        "actors",
        "against",
        "between",
        "group",
        "initiator",
        "member_of",
        "target",
        "toward",
    },
    {"mode", "native", "publisher", "role", "source", "system", "tag"},
)
"""Parameters of one type each, which their schema does not tell: days, versions, actors, words."""


def classify(parameter: dict[str, Any]) -> str:
    """Name the type of a parameter, whose values one reader takes in."""
    schema = resolve_schema(parameter["schema"])
    [schema, *_] = [s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"]
    item = resolve_schema(schema.get("items", schema))
    if parameter["in"] == "path":
        return f"path {parameter['name']}"
    if "enum" in item or item["type"] != "string":
        return f"{schema['type']} {item['type']} {'enum' in item}"
    return next((min(names) for names in ALIKE if parameter["name"] in names), parameter["name"])


OWNERS: dict[str, tuple[str, str]] = {}
for _path in ("/v1/events", *ADDRESSES):
    for _parameter in PATHS[_path]["get"].get("parameters", []):
        OWNERS.setdefault(classify(_parameter), (_path, _parameter["name"]))
FULLY = set(OWNERS.values())
"""Of each type of parameter the first, with its address: there every value is tried, or half of
them in the suite."""


def choose_values(path: str, name: str) -> tuple[str, ...]:
    """Choose the hostile values that an address is asked for a parameter."""
    if (path, name) not in FULLY:
        return some(path, name)
    turn = zlib.crc32(name.encode()) % choose_size(2, 1)
    return (*VALUES[turn :: choose_size(2, 1)], *LARGE)


def some(where: str, name: str) -> tuple[str, ...]:
    """Choose some of the hostile values, others at each place."""
    return VALUES[zlib.crc32(f"{where} {name}".encode()) % EVERY :: EVERY]


def choose_repeated(path: str, name: str) -> tuple[str, ...]:
    """Choose what a parameter is, thousands of times in one request."""
    values = ("1", "", "10") if (path, name) in FULLY else ()
    turn = zlib.crc32(f"{path} {name}".encode()) % 3
    return values if IN_FULL else values[turn : turn + 1]


@pytest.mark.parametrize("path", ADDRESSES)
def test_hostile_parameter_values_are_200_or_422(both: Both, an_event: str, path: str) -> None:
    here = fill_path(path, an_event)
    assert both.get(here + make_query(path)).status_code == 200
    for name in list_parameters(path):
        for value in choose_values(path, name):
            answer = both.refused(here + make_query(path, f"{name}={value}", without=name))
            if name == "as_of" and answer.status_code in (404, 422):
                # Nothing was there yet, and so nothing had the names that are asked for.
                faults = answer.json()["errors"]
                assert answer.status_code == 404 or faults[0]["loc"][1] in fill_parameter(
                    path, name
                )
                continue
            if name in ("crs", "bbox-crs") and answer.status_code == 400:
                continue  # as part 2 of OGC API – Features asks
            if (path, name) == ("/oembed", "url") and answer.status_code == 404:
                continue  # as oEmbed says that an address has no embed
            assert answer.status_code in (200, 422), (path, name, value[:50])
            if answer.status_code == 422:
                named = {fault["loc"][1] for fault in answer.json()["errors"]}
                assert named == {name}, (path, name, value[:50], named)
        for value in choose_repeated(path, name):
            pair = f"{name}={value}&"
            both.refused(here + make_query(path, *[pair[:-1]] * (LONG // len(pair)), without=name))


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_values_in_every_form(both: Both, form: str) -> None:
    for name in ("actor", "between", "since", "bbox", "q", "cursor", "fields", "tag", "limit"):
        for value in some(form, name):
            answer = both.refused(f"/v1/events?format={form}&{name}={value}")
            assert answer.status_code in (200, 422), (form, name, value[:50])


UNFIT = ("%00", "%ED%A0%80", "%FF", "a" * LONG)
"""NUL, half of a surrogate pair, no UTF-8, 50 kB: nothing takes these."""


@pytest.mark.parametrize("path", ADDRESSES)
def test_unfit_values_are_422_naming_the_parameter(both: Both, an_event: str, path: str) -> None:
    here = fill_path(path, an_event)
    for name in list_parameters(path):
        everything = IN_FULL or (path, name) in FULLY
        turn = zlib.crc32(f"{path} {name}".encode()) % len(UNFIT)
        for value in UNFIT if everything else UNFIT[turn : turn + 1]:
            answer = both.refused(here + make_query(path, f"{name}={value}", without=name))
            assert answer.status_code == 422, (path, name, value[:50])
            assert {f["loc"][1] for f in answer.json()["errors"]} == {name}, (path, name)


@pytest.mark.parametrize("path", [path for path in ADDRESSES if "{" in path])
def test_a_path_that_is_not_utf8_is_refused(both: Both, path: str) -> None:
    before, _, after = path.partition("{")
    answer = both.get(before + "%ED%A0%80" + after.partition("}")[2])
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["path", "path"])
    assert both.get("/%ED%A0%80").status_code == 422


@pytest.mark.parametrize("path", [path for path in ADDRESSES if "{" in path])
def test_hostile_path_values_are_answered_without_error(both: Both, path: str) -> None:
    before, _, after = path.partition("{")
    name, _, after = after.partition("}")
    more = ("ARM%3Fx=1", "%C3%A9%0A", "ARM/../RUS", "%2F%2F")
    for value in (*choose_values(path, name), *more):
        if value in ("..", "%2e%2e%2f"):
            continue
        answer = both.get(before + value + after)
        assert answer.status_code in (200, 404, 422), (path, value[:50])


@pytest.mark.parametrize("path", ADDRESSES)
def test_unknown_parameters(both: Both, an_event: str, path: str) -> None:
    here = fill_path(path, an_event)
    for name in ("zzz", "%00", "%ED%A0%80", "%F0%9F%92%A3", "a" * LONG, "__proto__", "path"):
        answer = both.refused(here + make_query(path, f"{name}=1"))
        assert answer.status_code == 422, (path, name[:50])
        assert answer.json()["errors"][0]["hint"]
    for name in list_parameters(path):
        fault = both.refused(here + make_query(path, f"{name}x=1")).json()["errors"][0]
        assert fault["loc"] == ["query", f"{name}x"]
        assert fault["hint"].startswith("Did you mean "), fault
    if IN_FULL or zlib.crc32(path.encode()) % 4 == 0:  # which are not read by address
        many = both.refused(here + make_query(path, *(f"x{n}=1" for n in range(5000))))
        assert many.status_code == 422


@pytest.mark.parametrize("path", ADDRESSES)
def test_unsupported_methods_are_405(both: Both, an_event: str, path: str) -> None:
    here = fill_path(path, an_event) + make_query(path)
    first = zlib.crc32(path.encode()) % 2  # no database is asked which methods there are
    for client in list(both.clients.values())[slice(None) if IN_FULL else slice(first, first + 1)]:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"):
            if method.lower() in PATHS[path] or path == "/v1/actors/resolve":
                continue  # to other methods that is an actor like any other
            answer = client.request(method, here)
            assert answer.status_code == 405, (method, here)
            check_answer(answer, here)
            assert {"GET", "HEAD"} <= set(answer.headers["allow"].split(", "))
        full, head = client.get(here), client.head(here)
        assert head.status_code == 200
        assert head.content == b""
        for name in ("content-type", "content-length", "etag"):
            assert head.headers.get(name) == full.headers.get(name)


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path != "/ogc"])
def test_trailing_slash_is_404(both: Both, an_event: str, path: str) -> None:
    assert both.get(fill_path(path, an_event) + "/" + make_query(path)).status_code == 404


def test_unknown_addresses(both: Both) -> None:
    for path in (
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/events",
        "/%00",
        "/v1//events",
    ):
        assert both.get(path).status_code == 404, path
        for client in both.clients.values():
            assert client.head(path).status_code == 404
            assert client.head(path).content == b""


@pytest.mark.parametrize("path", ["/v1/events", "/v1/timeline", "/v1/facets"])
def test_fields_that_do_not_go_together(both: Both, path: str) -> None:
    for field, pairs in (
        ("since", ("since=2023-10", "until=2023-09")),
        ("min_intensity", ("min_intensity=5", "max_intensity=-5")),
    ):
        fault = both.get(path + make_query(path, *pairs)).json()["errors"][0]
        assert fault["loc"] == ["query", field]
        assert fault["hint"]


@pytest.mark.parametrize("size", ["day", "week", "month", "quarter", "year", "auto"])
def test_timelines_at_the_ends_of_time(both: Both, size: str) -> None:
    for since, until in (
        ("0001", "0001"), ("9999", "9999"), ("9999-12-31", "9999-12-31"), ("0001", "9999"),
        ("9999-01", "9999-11-30"), ("9999", ""), ("", "0001"),
    ):  # fmt: skip
        pairs = [f"{k}={v}" for k, v in (("since", since), ("until", until)) if v]
        answer = both.get(f"/v1/timeline?granularity={size}&{'&'.join(pairs)}")
        assert answer.status_code in (200, 422)
        if answer.status_code == 200 and since and until:
            body = answer.json()["data"]
            for one, other in pairwise(body):
                assert one["end"] < other["start"]


LISTS = ("/v1/events", "/v1/actors", "/v1/sources")


def cursor_of(both: Both, path: str) -> str:
    following = both.get(f"{path}?limit=1").json()["links"]["next"]
    assert following
    return str(following).partition("cursor=")[2]


@pytest.mark.parametrize("path", LISTS)
def test_hostile_cursors_are_422(both: Both, path: str) -> None:
    good = cursor_of(both, path)
    assert both.get(f"{path}?cursor={good}").status_code == 200
    half = len(good) // 2
    tampered = good[:half] + ("A" if good[half] != "A" else "B") + good[half + 1 :]
    foreign = [cursor_of(both, other) for other in LISTS if other != path]
    old = ["code:ARM", "id:a", "bnVsbA", "W10", "e30", "====", "%C3%A9", "A" * 1999]
    for bad in (tampered, good[:-4], good + "AAAA", "AAAA" + good, *foreign, *old):
        answer = both.get(f"{path}?cursor={bad}")
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["loc"] == ["query", "cursor"]
        assert answer.json()["errors"][0]["hint"]


@pytest.mark.parametrize("path", LISTS)
def test_every_row_once_over_all_pages(both: Both, path: str) -> None:
    for client in both.clients.values():
        whole = client.get(f"{path}?limit=1000").json()["data"][:40]
        collected: list[Any] = []
        url = f"{path}?limit=7"
        while url and len(collected) < len(whole):
            body = client.get(url).json()
            collected += body["data"]
            url = body["links"]["next"]
        assert collected[: len(whole)] == whole


def test_another_filter_refuses_the_cursor(both: Both) -> None:
    cursor = cursor_of(both, "/v1/actors")
    assert both.get(f"/v1/actors?kind=state&cursor={cursor}").status_code == 422
