"""The same queries give the same bodies on SQLite and on PostgreSQL."""

import random
import re
from pathlib import Path

import pytest
from conftest import copy_database
from serving import open_client

pytestmark = pytest.mark.slow

CHOICES: dict[str, tuple[str, ...]] = {
    "actor": ("ARM", "rus", "Armenia", "cow:371", "CSTO", "nikol-pashinyan", "fips:AM", "USA"),
    "between": ("ARM,RUS", "ARM,AZE", "AZE,TUR"),
    "member_of": ("CSTO", "NATO", "EU", "CIS"),
    "role": ("absent", "initiator", "affected", "host"),
    "since": ("2018", "2020-09", "2022-12-31", "2023-09"),
    "until": ("2023-09", "2023-10-13", "2024", "2025-24"),
    "type": ("AGREE", "CONSULT", "REJECT", "ASSAULT"),
    "quad": ("1", "4"),
    "min_intensity": ("-4", "0", "3.5"),
    "q": ("rome statute", "Pashinyan", "Bishkek summit", "peacekeepers"),
    "near": ("40.18,44.51,50", "55.75,37.61,200"),
    "bbox": ("43,38,47,42", "170,-90,-170,90"),
    "known_by": ("2022-12-31", "2023-09-30", "2023-10-13"),
    "min_reliability": ("A", "B"),
    "tag": ("founding-case", "csto"),
    "sort": ("date", "-date"),
    "limit": ("1", "7", "50"),
    "count": ("exact",),
}
PATHS = (
    "/v1/actors?limit=300",
    "/v1/actors/ARM",
    "/v1/actors/ARM/relations",
    "/v1/actors/resolve?q=Armenai",
    "/v1/alliances?on=2023-10-13",
    "/v1/alliances/ICC/history",
    "/v1/ties?actor=ARM&on=2023-10-13",
    "/v1/sources",
    "/v1/datasets",
    "/v1/coverage",
    "/v1/alignment?actor=ARM&toward=RUS",
    "/v1/alignment?actor=ARM&toward=EU,USA&against=RUS,CSTO&granularity=week&since=2022",
    "/v1/alignment?actor=AZE&toward=ARM&acts=own&min_reliability=B&granularity=year",
    "/v1/shifts?max_q=1",
    "/v1/shifts?actor=ARM&max_q=1&sort=-onset",
    "/v1/shifts?actor=ARM&toward=RUS,CSTO&known_by=2023-10-13",
    "/v1/shifts?actor=ARM&toward=EU,USA&against=RUS",
    "/v1/similarity?actors=ARM,RUS,AZE&since=1992&until=2024&measure=tau_b",
    "/v1/ideal-points?actors=ARM,RUS",
)
ELSEWHERE = ("sort", "limit", "count")


def make_queries() -> list[str]:
    """Two hundred queries, the same at every run."""
    rng = random.Random(20231013)
    made = list(PATHS)
    while len(made) < 200:
        path = rng.choice(("events", "events", "timeline", "facets"))
        names = rng.sample(sorted(CHOICES), rng.randint(1, 4))
        pairs = [
            f"{n}={rng.choice(CHOICES[n])}" for n in names if path == "events" or n not in ELSEWHERE
        ]
        pairs += ["by=type,actor,country"] if path == "facets" else []
        made.append(f"/v1/{path}?{'&'.join(pairs)}")
    return made


def test_two_hundred_queries_answer_the_same_on_both_databases(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    answers = []
    for kind in ("sqlite", "postgresql"):
        url = copy_database(kind, "same", tmp_path, request)
        with open_client(url) as api:
            found = [(q, r.status_code, r.text) for q in make_queries() for r in (api.get(q),)]
        answers.append([(q, s, re.sub(r'"recorded_at":"[^"]*"', "", b)) for q, s, b in found])
    assert len({q for q, _, _ in answers[0]}) > 150
    assert sum(s == 200 for _, s, _ in answers[0]) > 150
    for one, other in zip(*answers, strict=True):
        assert one == other
