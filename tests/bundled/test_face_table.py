"""What a regional expert would expect of the bundled record, asked over HTTP."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

Row = dict[str, Any]


def ask(api: TestClient, path: str, **parameters: Any) -> list[Row]:
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    rows: list[Row] = answer.json()["data"]
    return rows


def by_year(api: TestClient, actor: str, toward: str) -> dict[str, Row]:
    rows = ask(
        api, "/v1/alignment", actor=actor, toward=toward, since="2020-01", until="2025-12",
        granularity="year",
    )  # fmt: skip
    return {row["start"][:4]: row for row in rows}


@pytest.mark.parametrize(("actor", "toward"), [("AZE", "ARM"), ("ARM", "AZE")])
def test_war_blockade_and_exodus_are_no_friendship(
    api: TestClient, actor: str, toward: str
) -> None:
    years = by_year(api, actor, toward)
    assert all(years[year]["index"] < 0 for year in ("2020", "2021", "2022", "2023"))
    worst = sorted(years, key=lambda year: years[year]["negative"])[-2:]
    assert set(worst) == {"2020", "2023"}
    assert years["2025"]["index"] > years["2024"]["index"] > years["2023"]["index"]


def test_fighting_at_the_kyrgyz_tajik_border_is_conflict_until_a_treaty(api: TestClient) -> None:
    years = by_year(api, "KGZ", "TJK")
    assert all(years[year]["index"] < 0 for year in ("2021", "2022"))
    assert years["2025"]["index"] > 0


def test_october_2023_between_armenia_and_russia_is_conflict(api: TestClient) -> None:
    [month] = ask(
        api, "/v1/timeline", between="ARM,RUS", since="2023-10", until="2023-10",
        granularity="month",
    )  # fmt: skip
    assert month["conflict"] >= month["cooperation"]
    assert month["mean_intensity"] < 0


def test_september_2023_in_karabakh_is_negative(api: TestClient) -> None:
    [month] = ask(
        api, "/v1/timeline", actor="ART", since="2023-09", until="2023-09", granularity="month"
    )
    assert month["mean_intensity"] < 0


def test_armenia_moved_away_from_the_csto(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="CSTO")
    assert row["direction"] == "away"
    assert row["verdict"] in ("shift", "strong")
    assert "2021-05" <= row["onset"][:7] <= "2023-10"


def test_armenia_moved_away_from_russia(api: TestClient) -> None:
    rows = ask(api, "/v1/shifts", actor="ARM", toward="RUS")
    assert {row["direction"] for row in rows} == {"away"}
    assert {row["verdict"] for row in rows} <= {"watch", "weak", "shift", "strong"}


def test_a_shift_says_what_it_is_without_stated_scores(api: TestClient) -> None:
    for row in ask(api, "/v1/shifts", actor="ARM", toward="RUS"):
        assert 0 < row["stated_share"] < 1
        assert row["without_stated"] in ("watch", "weak", "shift", "strong")
        assert "scores that an analyst stated" in row["sentence"]


@pytest.mark.parametrize("group", ["EAEU", "BRICS", "SCO"])
def test_what_russia_did_is_a_move_away_from_a_group(api: TestClient, group: str) -> None:
    for row in ask(api, "/v1/shifts", actor="ARM", toward=group):
        assert row["verdict"] not in ("strong", "shift")
        assert row["carried_by"][0]["actor"] == "RUS"
        assert group in {carrier["actor"] for carrier in row["carried_by"]}
        assert "of the change passed with Russia" in row["label"]
        assert "moved" not in row["label"] + row["sentence"]


def test_an_exclusion_is_missing_beside_what_passed(api: TestClient) -> None:
    [row] = [
        row
        for row in ask(api, "/v1/shifts", actor="RUS", toward="COE")
        if row["direction"] == "away"
    ]
    steps = {step["step"]: step for step in row["memberships"]}
    assert list(steps) == ["suspended", "withdrawing", "withdrawn"]
    assert steps["withdrawn"]["date"] == "2022-03-16"
    assert api.get(f"/v1/events/{steps['withdrawn']['event']}").status_code == 200
    assert "Russia ceased to be a member on 16 March 2022" in steps["withdrawn"]["sentence"]
    assert "and ceased to be a member on 16 March 2022." in row["sentence"]
    for turned in ask(api, "/v1/shifts", actor="COE", toward="RUS", acts="theirs"):
        assert [step["step"] for step in turned["memberships"]] == list(steps)


@pytest.mark.parametrize(
    ("actor", "group", "said"),
    [
        ("SWE", "NATO", "Sweden became a member on 7 March 2024."),
        ("FIN", "NATO", "Finland became a member on 4 April 2023."),
        ("TUR", "NATO", "Turkey became a member on 18 February 1952."),
        ("SRB", "EU", "Serbia became a candidate on 1 March 2012."),
    ],
)
def test_what_ties_two_is_said_where_no_change_is_claimed(
    api: TestClient, actor: str, group: str, said: str
) -> None:
    [row] = ask(api, "/v1/shifts", actor=actor, toward=group)
    assert row["verdict"] in ("no_evidence", "insufficient_data")
    assert said in row["sentence"]
    assert "ceased to be" not in row["sentence"]  # a partner, by becoming a member


def test_no_step_is_known_before_it_was_taken(api: TestClient) -> None:
    for row in ask(api, "/v1/shifts", actor="SWE", toward="NATO", known_by="2024-03-01"):
        assert {step["role"] for step in row["memberships"]} == {"partner"}
        assert "2024" not in row["sentence"]


def test_a_step_of_a_membership_is_another_one(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="CSTO")
    assert "22 February 2024: participation frozen in practice" in row["sentence"]
    assert "became a member" not in row["sentence"]
    [row] = ask(api, "/v1/shifts", actor="RUS", toward="ICC")
    assert "ceased to be a member" not in row["sentence"]


def test_what_both_did_is_told_of_one(api: TestClient) -> None:
    for actor, toward in (("ARM", "RUS"), ("RUS", "ARM")):
        for row in ask(api, "/v1/shifts", actor=actor, toward=toward):
            assert row["direction"] == "away"
            assert "moved apart" in row["label"]
            assert " moved apart between" in row["sentence"]
    for asked in ({"acts": "own"}, {"against": "FRA"}):
        for row in ask(api, "/v1/shifts", actor="ARM", toward="RUS", **asked):
            assert "apart" not in row["sentence"] + row["label"]


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("one", "other", "day"),
    [
        ("GEO", "RUS", "2019-12"),
        ("RUS", "MDA", "2023-12"),
        ("BFA", "FRA", "2024-04"),
        ("FRA", "BFA", "2023-01"),
        ("FRA", "NER", "2023-09"),
        ("COD", "RWA", "2025-12"),
        ("RWA", "COD", "2025-02"),
        ("ETH", "ERI", "2026-02"),
        ("SAU", "IRN", "2017-11"),
    ],
)
def test_those_at_odds_are_at_odds_in_what_each_did(
    api: TestClient, one: str, other: str, day: str
) -> None:
    [month] = ask(
        api, "/v1/alignment", actor=one, toward=other, acts="own", since=day, until=day,
        granularity="month",
    )  # fmt: skip
    assert month["index"] < 0


@pytest.mark.parametrize("window", [{"until": "2021"}, {}])
@pytest.mark.parametrize("partner", ["EU", "USA"])
def test_steady_friends_have_too_little_data(
    api: TestClient, partner: str, window: dict[str, str]
) -> None:
    [row] = ask(api, "/v1/shifts", actor="ARM", toward=partner, **window)
    assert row["verdict"] == "steady"
    assert row["label"].startswith("steady at +0.")
    assert row["onset"] is None
    assert row["after"]["index"] > 0.7


@pytest.mark.parametrize("window", [{"until": "2021"}, {}])
def test_a_few_visits_make_france_hostile(api: TestClient, window: dict[str, str]) -> None:
    """Effective observations: eight, too few on the sides of any date to call it steady."""
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="FRA", **window)
    assert row["verdict"] in ("steady", "insufficient_data")
    assert row["after"]["low"] > 0


@pytest.mark.parametrize("pair", [("KGZ", "TJK"), ("BLR", "RUS"), ("KAZ", "TJK")])
def test_exercises_alone_make_two_allies_steady(api: TestClient, pair: tuple[str, str]) -> None:
    [row] = ask(api, "/v1/shifts", actor=pair[0], toward=pair[1])
    assert row["verdict"] in ("no_evidence", "insufficient_data")


@pytest.mark.parametrize(("actor", "group"), [("TUR", "EU"), ("TUR", "ICC"), ("RUS", "ICC")])
def test_what_a_few_members_did_is_a_move_toward_a_group(
    api: TestClient, actor: str, group: str
) -> None:
    [row] = ask(api, "/v1/shifts", actor=actor, toward=group)
    assert row["verdict"] == "no_evidence"
    assert re.search(r"% of the change passed with \w+ and \w+$", row["label"])
    assert "moved" not in row["label"] + row["sentence"]


def test_a_steady_level_hides_since_when_acts_are_recorded(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="UKR", toward="RUS")
    assert row["verdict"] == "steady"
    assert "in what is recorded from March 2014 to" in row["sentence"]


def test_a_steady_level_hides_that_it_is_one_of_members(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="UKR", toward="CIS")
    assert re.search(r"passed with members: Russia \(\d+\), ", row["sentence"])
    assert api.get(f"/v1/shifts/{row['id']}").json()["sentence"] == row["sentence"]


def test_nato_has_too_little_data(api: TestClient) -> None:
    """Its best date has a p between 0.05 and 0.2: neither a shift nor steady."""
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="NATO", until="2021")
    assert row["verdict"] in ("steady", "no_evidence")
    assert row["after"]["index"] > 0.85


def test_the_tilt_to_the_west_was_unknown_in_october_2023(api: TestClient) -> None:
    rows = ask(
        api, "/v1/shifts", actor="ARM", toward="EU,USA", against="RUS", known_by="2023-10-31"
    )
    [row] = [r for r in rows if r["verdict"] in ("shift", "strong")]
    assert row["direction"] == "toward"
    first, last = row["onset_set"][0]["start"], row["onset_set"][-1]["end"]
    assert first <= "2023-05-31"
    assert last >= "2022-09-01"


def test_a_court_binds_its_members_to_defence(api: TestClient) -> None:
    asked = {"actor": "ARM", "toward": "ICC", "known_by": "2023-10-13"}
    for row in (
        *ask(api, "/v1/shifts", **asked),
        *ask(api, "/v1/shifts", actor="ARM", toward="ICC"),
    ):
        assert row["expected"] is None or row["expected"]["why"] != "bound to defend each other"


def test_the_article_alone_dates_a_shift(api: TestClient) -> None:
    source = "news-2023-10-13-putin-loses-another-ally"
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="RUS", source=source)
    assert (row["verdict"], row["onset"]) == ("insufficient_data", None)
    assert -0.9 < row["after"]["index"] < -0.5
    assert row["expected"]["why"] == "bound to defend each other"


@pytest.mark.parametrize("treaty", ["AZE-TUR-2010", "AZE-TUR-2021"])
def test_treaties_of_azerbaijan_and_turkey_are_in_force(api: TestClient, treaty: str) -> None:
    ties = ask(api, "/v1/ties", actor="AZE", on="2023-10-13")
    assert {t["group"]: t["status"] for t in ties}[treaty] == "in-force"


def test_the_sick_give_no_signal(api: TestClient) -> None:
    event = api.get("/v1/events/curated:2024-12-25-informal-cis-summit-without-pashinyan").json()
    sides = {signal[side] for signal in event["signals"] for side in ("from", "toward")}
    assert sides.isdisjoint({"ARM", "AZE"})
    assert {p["actor"] for p in event["participants"] if p["excused"]} >= {"ARM", "AZE"}


def test_the_european_communities_of_1960_had_no_defence_clause(api: TestClient) -> None:
    def read_obligations(day: str) -> list[str]:
        ties = ask(api, "/v1/ties", actor="FRA", on=day)
        obligations: list[str] = next(t["obligations"] for t in ties if t["group"] == "EU")
        return obligations

    assert "defense" not in read_obligations("1960-01-01")
    assert "defense" in read_obligations("2010-01-01")


def test_the_un_has_its_193_members(api: TestClient) -> None:
    assert len(ask(api, "/v1/alliances/UN/members", on="2023-10-13")) == 193


@pytest.mark.parametrize("group", ["AFRICAN-UNION", "OTTAWA-CONVENTION", "UNHRC"])
def test_a_group_with_few_of_its_members_says_so(api: TestClient, group: str) -> None:
    for part in ("members", "history"):
        answer = api.get(f"/v1/alliances/{group}/{part}", params={"on": "2024-01-01"}).json()
        assert re.search(r"[Oo]nly the .* recorded here", answer["meta"]["summary"])


@pytest.mark.parametrize(
    ("path", "parameters", "reason"),
    [
        ("/v1/events", {"actor": "KOR", "since": "2023-09", "until": "2023-09"}, "out_of_scope"),
        ("/v1/alignment", {"actor": "KOR", "toward": "NGA"}, "out_of_scope"),
        ("/v1/events", {"actor": "ARM", "since": "2027"}, "not_yet_covered"),
        ("/v1/events", {"actor": "ARM", "until": "2010", "dataset": "curated"}, "outside_coverage"),
        ("/v1/events", {"actor": "ARM", "type": "MOBILIZE", "since": "2025"}, "no_match"),
    ],
)
def test_an_empty_answer_says_which_kind_of_empty(
    api: TestClient, path: str, parameters: dict[str, str], reason: str
) -> None:
    body = api.get(path, params=parameters).json()
    assert body["meta"]["reason"] == reason


ASK_FOR_IRAN = "What Ali Khamenei did for Iran counts as an act of Iran: ask for IRN."


def test_alignment_of_a_leader_says_which_state_to_ask_for(api: TestClient) -> None:
    asked = {"actor": "ali-khamenei", "toward": "USA"}
    meta = api.get("/v1/alignment", params=asked).json()["meta"]
    assert meta["remarks"][0] == ASK_FOR_IRAN
    silent = api.get("/v1/alignment", params={"actor": "KOR", "toward": "NGA"}).json()["meta"]
    assert silent["remark"] is None


def test_alignment_with_a_leader_among_the_sides_says_it_beside_numbers(api: TestClient) -> None:
    asked = {"actor": "USA", "toward": "RUS,ali-khamenei"}
    answer = api.get("/v1/alignment", params=asked).json()
    assert answer["data"]
    assert answer["meta"]["remarks"][0] == ASK_FOR_IRAN


def test_shifts_of_a_leader_say_which_state_to_ask_for(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="USA", toward="ali-khamenei")
    assert ASK_FOR_IRAN in row["sentence"]
    answer = api.get("/v1/shifts", params={"actor": "ali-khamenei"}).json()
    assert (answer["data"], answer["meta"]["remark"]) == ([], ASK_FOR_IRAN)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/timeline"])
def test_events_of_a_leader_who_is_named_in_none_say_it_too(api: TestClient, path: str) -> None:
    meta = api.get(path, params={"between": "liz-truss,SRB"}).json()["meta"]
    assert meta["remark"] == (
        "What Liz Truss did for the United Kingdom counts as an act of the United Kingdom:"
        " ask for GBR."
    )
    assert "remark" not in api.get(path, params={"between": "GBR,NER"}).json()["meta"]


def test_a_leader_of_a_group_acts_for_the_group(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="SRB", toward="ursula-von-der-leyen")
    assert "counts as an act of the European Union: ask for EU." in row["sentence"]


@pytest.mark.parametrize(
    ("actor", "group", "reason"),
    [
        ("RUS", "OTTAWA-CONVENTION", "of the members that are recorded, which are not all"),
        ("TUR", "UN", "none of it passed with the United Nations itself"),
        ("ARM", "ANZUS", "100 % of it passed with the United States"),
    ],
)
def test_few_members_are_no_level_of_their_group(
    api: TestClient, actor: str, group: str, reason: str
) -> None:
    [row] = ask(api, "/v1/shifts", actor=actor, toward=group)
    assert row["verdict"] == "no_evidence"
    assert reason in row["sentence"]
    assert api.get(f"/v1/shifts/{row['id']}").json()["verdict"] == "no_evidence"


@pytest.mark.parametrize(("actor", "group"), [("RUS", "NATO"), ("KAZ", "CSTO"), ("ARM", "EU")])
def test_most_members_or_the_body_itself_are(api: TestClient, actor: str, group: str) -> None:
    [row] = ask(api, "/v1/shifts", actor=actor, toward=group)
    assert row["verdict"] == "steady"


def test_a_question_after_a_change_is_answered_with_the_change(api: TestClient) -> None:
    """The level of all days is no answer: it adds up what was before and after."""
    [row] = ask(api, "/v1/shifts", actor="ARM", toward="CSTO", since="2024")
    assert row["verdict"] == "no_evidence"
    assert "was asked for. Armenia and the Collective Security Treaty" in row["headline"]
    assert "moved apart between April 2022" in row["headline"]
    assert "the sign of the level" not in row["headline"]


def test_a_level_of_all_days_is_called_one_of_the_days_asked_for(api: TestClient) -> None:
    [row] = ask(api, "/v1/shifts", actor="JPN", toward="KOR", since="2027")
    assert "over all days even the sign of the level is open" in row["sentence"]


def test_who_joined_a_group_after_the_last_act_is_a_member(api: TestClient) -> None:
    def read_remark(**window: str) -> str:
        asked = {"actor": "FIN", "toward": "NATO", **window}
        remark: str = api.get("/v1/alignment", params=asked).json()["meta"]["remark"]
        return remark

    assert "a member on 4 April 2023" in read_remark()
    assert "a member on" not in read_remark(until="2022")


def test_members_without_an_act_in_the_window_are_not_named(api: TestClient) -> None:
    asked = {"actor": "BLR", "toward": "EU", "since": "2023-12"}
    assert "(0)" not in api.get("/v1/alignment", params=asked).json()["meta"]["remark"]


def test_a_window_without_an_act_says_when_there_are_some(api: TestClient) -> None:
    asked = {"actor": "SAU", "toward": "IRN", "until": "2005"}
    answer = api.get("/v1/alignment", params=asked).json()
    assert answer["data"] == []
    assert "What is recorded between them is from January 2016 to" in answer["meta"]["remark"]


def test_votes_make_no_signals(api: TestClient) -> None:
    event = api.get("/v1/events/unga:2022-03-02-es-11-1").json()
    assert event["signals"] == []
    votes = {p["actor"]: (p["role"], p["native"]) for p in event["participants"]}
    assert votes["ARM"] == ("participant", "abstain")
    assert votes["AZE"] == ("absent", "absent")


def test_ecowas_moved_against_its_members_after_coups(api: TestClient) -> None:
    """What is lifted later does not outweigh what was put on; Guinea is taken back in 2026."""
    mali = by_year(api, "ECOWAS", "MLI")
    assert all(mali[year]["negative"] > mali[year]["positive"] for year in ("2020", "2021", "2022"))
    assert mali["2021"]["index"] < mali["2022"]["index"] < 0
    assert by_year(api, "ECOWAS", "NER")["2023"]["index"] < 0
    assert by_year(api, "ECOWAS", "GIN")["2021"]["index"] < 0
    [row] = ask(
        api, "/v1/alignment", actor="ECOWAS", toward="GIN", since="2026-01", until="2026-03",
        granularity="year",
    )  # fmt: skip
    assert row["index"] > 0


def test_wars_and_broken_relations_are_recorded_on_both_sides_of_their_repair(
    api: TestClient,
) -> None:
    broken = ask(
        api, "/v1/alignment", actor="SAU", toward="IRN", since="2016", until="2022",
        granularity="year",
    )  # fmt: skip
    assert broken[0]["index"] < 0  # relations were broken off in January 2016
    assert all(row["index"] < 0 for row in broken)
    war = by_year(api, "RUS", "UKR")
    assert all(war[year]["index"] < -0.6 and war[year]["n"] for year in ("2022", "2023", "2025"))
    assert by_year(api, "USA", "IRN")["2025"]["index"] < 0
    assert by_year(api, "ISR", "IRN")["2024"]["index"] < 0


def test_members_that_are_not_recorded_are_no_empty_group(api: TestClient) -> None:
    answers = {
        group: api.get(f"/v1/alliances/{group}/members", params={"on": day}).json()
        for group, day in (("UNHRC", "2025-06-01"), ("AES", "2023-01-01"), ("isw", "2023-10-13"))
    }
    known = {g: (a["meta"]["members_recorded"], a["meta"]["reason"]) for g, a in answers.items()}
    assert known == {
        "UNHRC": ("some", "not_recorded"),  # 47 states are
        "AES": ("all", "no_match"),  # before its charter
        "isw": ("none", "out_of_scope"),
    }
    assert [a["data"] for a in answers.values()] == [[], [], []]
    observers = api.get(
        "/v1/alliances/AES/members", params={"on": "2025-01-29", "role": "observer"}
    )
    assert observers.json()["meta"]["reason"] == "not_recorded"
    history = api.get("/v1/alliances/AFRICAN-UNION/history").json()
    assert (history["meta"]["members_recorded"], history["meta"]["recorded"]) == ("some", 14)


def test_ties_name_the_groups_that_they_may_lack(api: TestClient) -> None:
    answer = api.get("/v1/ties", params={"actor": "KEN", "on": "2023-10-13"}).json()
    assert {"AFRICAN-UNION", "OTTAWA-CONVENTION"} <= set(answer["meta"]["partly_recorded"])
    assert "CSTO" not in answer["meta"]["partly_recorded"]
    assert {tie["members_recorded"] for tie in answer["data"]} == {"all"}
    colony = api.get("/v1/ties", params={"actor": "KEN", "on": "1950-01-01"}).json()
    assert (colony["data"], colony["meta"]["reason"]) == ([], "not_recorded")


def test_a_research_institute_is_no_alliance(api: TestClient) -> None:
    groups = {row["code"]: row for row in ask(api, "/v1/alliances", on="2023-10-13")}
    assert "isw" not in groups
    assert ask(api, "/v1/alliances", q="Study of War") == []
    assert {code for code, row in groups.items() if row["members_recorded"] == "some"} == {
        "AFRICAN-UNION", "ARM-EU-CEPA", "IAEA", "OIC", "OTTAWA-CONVENTION", "RIO-TREATY", "UNHRC",
    }  # fmt: skip
    assert all(row["members_recorded"] in ("all", "some") for row in groups.values())


def test_an_index_of_acts_says_that_a_suspension_is_in_force(api: TestClient) -> None:
    asked = {"actor": "ECOWAS", "toward": "GIN", "granularity": "year"}
    answer = api.get("/v1/alignment", params=asked | {"since": "2024", "until": "2024"}).json()
    assert answer["data"][0]["index"] > 0  # one act: sanctions were lifted
    assert [step["step"] for step in answer["memberships"]] == ["suspended"]
    assert "acts alone" in answer["meta"]["remark"]
    assert "Guinea was suspended as a member on 8 September 2021" in answer["meta"]["remark"]
    before = api.get("/v1/alignment", params=asked | {"since": "2021", "until": "2021-06"}).json()
    assert "suspended" not in before["meta"]["remark"].partition(". ")[2]
    known = api.get("/v1/alignment", params={"actor": "ARM", "toward": "RUS"}).json()
    assert (known["memberships"], known["meta"]["remark"]) == ([], None)


def test_an_index_of_few_acts_says_that_it_is_no_finding(api: TestClient) -> None:
    asked = {"actor": "SAU", "toward": "IRN", "granularity": "year"}
    later = api.get("/v1/alignment", params=asked | {"since": "2023", "until": "2023"}).json()
    assert later["data"][0]["effective"] < 4
    assert "thin" in later["meta"]["remark"]
    assert "nor is its sign" in later["meta"]["remark"]
    assert "All acts that are recorded in these days are friendly" in later["meta"]["remark"]
    [row] = ask(api, "/v1/shifts", actor="SAU", toward="IRN")
    assert "even the sign of the level is open" in row["sentence"]


def test_an_index_that_fades_where_nothing_is_recorded_is_no_neutrality(api: TestClient) -> None:
    asked = {"actor": "FRA", "toward": "RUS", "since": "2024", "until": "2024"}
    faded = api.get("/v1/alignment", params=asked).json()
    assert abs(faded["data"][0]["index"]) < 0.1
    assert "not because they were neutral" in faded["meta"]["remark"]


def test_an_index_toward_a_group_names_the_members_that_carry_it(api: TestClient) -> None:
    asked = {"actor": "ARM", "toward": "CSTO", "since": "2023", "until": "2024"}
    remarks = api.get("/v1/alignment", params=asked).json()["meta"]["remarks"]
    [said] = [one for one in remarks if one.startswith("Acts with members of a group count too")]
    assert re.search(r"of \d+ signals \d+ passed with members, Russia \(\d+\),", said)


def test_questions_about_a_group_say_that_not_all_its_members_are_recorded(
    api: TestClient,
) -> None:
    toward = {"actor": "SDN", "toward": "AFRICAN-UNION"}
    index = api.get("/v1/alignment", params=toward).json()["meta"]
    assert "Only some members of the African Union are recorded" in index["remark"]
    shifts = api.get("/v1/shifts", params=toward).json()["meta"]
    events = {"member_of": "AFRICAN-UNION", "since": "2023", "until": "2024"}
    timeline = api.get("/v1/timeline", params=events).json()["meta"]
    for meta in (index, shifts, timeline):
        assert meta["partly_recorded"] == ["AFRICAN-UNION"]
    whole = api.get("/v1/timeline", params=events | {"member_of": "CSTO"}).json()["meta"]
    assert "partly_recorded" not in whole
    assert api.get("/v1/shifts?actor=ARM&toward=CSTO").json()["meta"]["partly_recorded"] is None


def test_a_question_about_a_group_says_that_not_all_members_are_recorded(api: TestClient) -> None:
    for path in ("/v1/events", "/v1/timeline", "/v1/facets"):
        for group, expected in (("AFRICAN-UNION", ["AFRICAN-UNION"]), ("ECOWAS", None)):
            asked = {"member_of": group, "since": "2021", "until": "2021"}
            known = api.get(path, params={**asked, "by": "type"} if "facets" in path else asked)
            assert known.json()["meta"].get("partly_recorded") == expected
    asked = {"member_of": "AFRICAN-UNION", "dataset": "realignments", "limit": 1}
    export = api.get("/v1/events", params={**asked, "format": "csv"})
    assert export.headers["Entente-Partly-Recorded"] == "AFRICAN-UNION"
    changes = api.get("/v1/changes", params=asked).json()
    assert changes["meta"]["partly_recorded"] == ["AFRICAN-UNION"]
    [row, *_] = ask(api, "/v1/shifts", actor="MLI", toward="AFRICAN-UNION")
    detail = api.get(f"/v1/shifts/{row['id']}").json()
    assert detail["partly_recorded"] == ["AFRICAN-UNION"]
    assert "NER" in {one["actor"] for one in detail["suspended"]}


@pytest.mark.parametrize("actor", ["NER", "MLI", "BFA"])
def test_suspended_neighbours_bring_nobody_nearer_to_the_group_that_they_leave(
    api: TestClient, actor: str
) -> None:
    asked = {"actor": actor, "toward": "ECOWAS", "granularity": "year"}
    answer = api.get("/v1/alignment", params=asked).json()
    years = {row["start"][:4]: row for row in answer["data"]}
    assert (years["2024"]["n"], years["2024"]["index"] < 0) == (2 if actor == "NER" else 1, True)
    others = {"NER", "MLI", "BFA", "GIN"} - {actor}
    assert others <= {one["actor"] for one in answer["meta"]["suspended"]}
    assert "does not count toward the Economic Community" in answer["meta"]["remark"]


BROKEN_AND_MENDED = (
    ("DEU", "RUS"), ("JPN", "KOR"), ("AUS", "FRA"), ("TUR", "USA"), ("CUB", "USA"), ("USA", "CHN"),
    ("PHL", "CHN"), ("AUS", "CHN"), ("VEN", "COL"), ("EGY", "TUR"), ("ISR", "TUR"), ("IND", "PAK"),
    ("KOR", "PRK"), ("RWA", "COD"), ("DZA", "FRA"), ("PAK", "AFG"), ("PAK", "USA"), ("IRQ", "USA"),
    ("ETH", "ERI"), ("MDV", "IND"), ("PRK", "USA"), ("CZE", "RUS"), ("SWE", "RUS"), ("EST", "RUS"),
    ("BGR", "RUS"), ("MDA", "RUS"), ("VEN", "USA"), ("TUR", "GRC"),
)  # fmt: skip


@pytest.mark.parametrize(("one", "other"), BROKEN_AND_MENDED)
def test_dyads_that_broke_and_mended_have_acts_of_both_sides(
    api: TestClient, one: str, other: str
) -> None:
    asked = {"actor": one, "toward": other, "granularity": "year"}
    answer = api.get("/v1/alignment", params=asked).json()
    assert {row["actor"] for row in answer["moved"]} == {one, other}
    assert any(row["negative"] for row in answer["data"])
    assert any(row["positive"] for row in answer["data"])


def test_members_of_the_americas_that_were_suspended(api: TestClient) -> None:
    for group, actor, day, status, count in (
        ("MERCOSUR", "PRY", "2012-07-31", "suspended", 5),
        ("MERCOSUR", "PRY", "2014-01-01", "in-force", 5),
        ("MERCOSUR", "VEN", "2026-01-01", "suspended", 6),
        ("OAS", "HND", "2010-01-01", "suspended", 35),
        ("OAS", "VEN", "2018-01-01", "withdrawing", 35),
        ("OAS", "CUB", "2024-01-01", "suspended", 33),
    ):
        rows = ask(api, f"/v1/alliances/{group}/members", on=day)
        assert {row["actor"]: row["status"] for row in rows}[actor] == status
        assert len(rows) == count


def test_the_war_between_russia_and_georgia_is_told_and_added_up_where_it_is_asked_for(
    api: TestClient,
) -> None:
    told = ask(api, "/v1/events", between="GEO,RUS", until="2014-02", limit=50)
    assert "2008-08-08/2008-08-12" in {event["date"] for event in told}
    asked = {
        "actor": "RUS", "toward": "GEO", "since": "2008", "until": "2008", "granularity": "year",
    }  # fmt: skip
    [named] = ask(api, "/v1/alignment", dataset=["antecedents", "realignments"], **asked)
    assert named["index"] < -0.5
    [default] = ask(api, "/v1/alignment", **asked)
    assert default["n"] == 0
    assert not default["covered"]


def test_the_war_of_one_member_does_not_tell_a_group(api: TestClient) -> None:
    for row in ask(api, "/v1/shifts", actor="RUS", toward="CIS"):
        assert row["direction"] != "toward" or row["verdict"] == "no_evidence"
