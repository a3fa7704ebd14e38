"""Draw memberships over time: a bar for each period, a mark for each membership step. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypedDict

from app.charts.vega_lite import (
    INK,
    WIDTH,
    VegaSpec,
    build_day_axis,
    build_label_axis,
    complete_spec,
    day_channel,
    draw_message,
    name_channel,
)
from app.edtf import parse_edtf
from app.reader_words import write_edtf

COLUMNS = ("who", "role", "since", "until", "status", "signed", "ratified", "sources")
LABELS = {"in-force": "in force", "withdrawing": "leaving", "withdrawn": "left"}
"""How steps and states are labelled that readers would not read as they are coded."""
STEPS = ("signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn")
SHAPES = ("circle", "square", "triangle-up", "cross", "triangle-down", "diamond")
STATES = {"in force": "#4c7ba6", "suspended": "#dfe8f0", "withdrawing": "#a9c1d6"}
MAX_NAME = 26
"""Letters of a name; parties with a longer one go by their code."""
LASTING = {"in-force": "in force", "suspended": "suspended", "withdrawing": "withdrawing"}
"""The state of a membership from a step on, by step."""


class MembershipBar(TypedDict):
    """A row of the chart: one membership with its days."""

    who: str
    role: str
    since: str | None
    until: str | None
    status: str
    signed: str | None
    ratified: str | None
    sources: str
    steps: list[tuple[str, str]]
    """(first day, step), in order; a step may be taken more than once."""


def name_periods(rows: Sequence[MembershipBar], names: Mapping[str, str]) -> list[MembershipBar]:
    """Name the parties of some rows instead of their codes, where the names are short."""
    found: list[MembershipBar] = []
    for row in rows:
        code, gap, role = row["who"].partition(" ")
        name = names.get(code, code)
        found.append({**row, "who": f"{name if len(name) <= MAX_NAME else code}{gap}{role}"})
    return found


def list_actor_periods(body: VegaSpec) -> list[MembershipBar]:
    """List the membership periods of an actor, one row for each group."""
    chosen = [m for m in body["memberships"] if m["role"] in ("member", "observer", "partner")]
    return sorted(
        (_build_period(m["group"], m) for m in chosen or body["memberships"]), key=_period_order
    )


def list_group_periods(body: VegaSpec) -> list[MembershipBar]:
    """List the membership periods in a group, one row for each member."""
    return sorted((_build_period(m["actor"], m) for m in body["data"]), key=_period_order)


def _period_order(row: MembershipBar) -> tuple[str, str]:
    return row["since"] or "9999", row["who"]


def _build_period(party: str, membership: VegaSpec) -> MembershipBar:
    steps = sorted(
        ((expand_to_first_day(step["date"]), step["step"]) for step in membership["steps"]),
        key=lambda taken: (taken[0], STEPS.index(taken[1])),
    )
    first_days: dict[str, str] = {}
    for day, step in steps:
        first_days.setdefault(step, day)
    sources = [source for step in membership["steps"] for source in step.get("sources", [])]
    return {
        "who": party if membership["role"] == "member" else f"{party} ({membership['role']})",
        "role": membership["role"],
        "since": first_days.get("in-force"),
        "until": first_days.get("withdrawn"),
        "status": steps[-1][1],
        "signed": first_days.get("signed"),
        "ratified": first_days.get("ratified"),
        "sources": "; ".join(dict.fromkeys(sources)),
        "steps": steps,
    }


def expand_to_first_day(text: str) -> str:
    """Return the first day that an EDTF date can mean."""
    return parse_edtf(text).start.isoformat()


def _list_states(row: MembershipBar) -> list[tuple[str, str]]:
    """List the (first day, state) of a membership from its coming into force on."""
    states: list[tuple[str, str]] = []
    for day, step in row["steps"]:
        if row["since"] is None or day < row["since"] or step not in LASTING:
            continue
        if not states or states[-1][1] != LASTING[step]:
            states.append((day, LASTING[step]))
    return states


def tabulate_memberships(rows: list[MembershipBar]) -> list[dict[str, object]]:
    """Tabulate the membership periods that the chart draws."""
    return [{name: cell for name, cell in row.items() if name in COLUMNS} for row in rows]


def draw_memberships(
    body: VegaSpec, rows: list[MembershipBar], title: str, today: str, width: int = WIDTH
) -> VegaSpec:
    """Draw the chart; periods without an end run to `today`, and are fainter where suspended."""
    if not rows:
        bare = draw_message("no memberships are known")
        return complete_spec(bare, title, describe_memberships(rows), width, body)
    bars: list[VegaSpec] = []
    for row in rows:
        end = row["until"] or today
        for (begun, state), (ended, _) in pairwise([*_list_states(row), (end, "")]):
            if begun < ended:
                bars.append({"who": row["who"], "begun": begun, "ended": ended, "state": state})
    marks = [
        {"who": row["who"], "day": day, "step": step} for row in rows for day, step in row["steps"]
    ]
    begun = min((day for row in rows for day, _ in row["steps"]), default=today)
    last = max([today, *(mark["day"] for mark in marks)])
    x = build_day_axis(begun, last, width)
    names = [row["who"] for row in rows]
    y = name_channel("who", None, sort=names, axis=build_label_axis(names, 180))
    layers: list[VegaSpec] = [
        {
            "data": {"values": bars},
            "mark": {"type": "bar", "height": 12, "stroke": INK, "strokeWidth": 0.5},
            "encoding": {
                "x": day_channel("begun", x),
                "x2": {"field": "ended"},
                "y": y,
                "color": name_channel(
                    "state", None,
                    scale={"domain": list(STATES), "range": list(STATES.values())},
                    legend=_build_legend("top", _keep_present(STATES, bars, "state"), width),
                ),
                "tooltip": [{"field": n} for n in ("who", "state", "begun", "ended")],
            },
        },
        {
            "data": {"values": marks},
            "mark": {"type": "point", "fill": "white", "stroke": INK, "size": 50, "opacity": 1},
            "encoding": {
                "x": day_channel("day", x),
                "y": y,
                "shape": name_channel(
                    "step", None,
                    scale={"domain": list(STEPS), "range": list(SHAPES)},
                    legend=_build_legend("bottom", _keep_present(STEPS, marks, "step"), width),
                ),
                "tooltip": [{"field": n} for n in ("who", "step", "day")],
            },
        },
    ]  # fmt: skip
    drawn: VegaSpec = {"height": {"step": 22}, "layer": layers}
    drawn["resolve"] = {"legend": {"color": "independent", "shape": "independent"}}
    return complete_spec(drawn, title, describe_memberships(rows), width, body)


def _keep_present(names: Iterable[str], rows: list[VegaSpec], field: str) -> list[str]:
    there = {row[field] for row in rows}
    return [one for one in names if one in there]


def _build_legend(orient: str, shown: list[str], width: int) -> VegaSpec:
    """Build a legend of the values that occur, on as many lines as they need."""
    return {
        "orient": orient,
        "title": None,
        "values": shown,
        "labelExpr": f"{json.dumps(LABELS)}[datum.label] || datum.label",
        "columns": max(1, min(len(shown), (width - 40) // 116)),
    }


def write_since(since: str | None, until: str | None) -> str:
    """Write the days from which and until which a membership is in force."""
    begun = write_edtf(since) if since else "not in force"
    if until is None:
        return f"since {begun}" if since else begun
    return f"{begun} – {write_edtf(until)}"


def describe_memberships(rows: list[MembershipBar]) -> str:
    """Describe the chart in words."""
    if not rows:
        return "No memberships are known."
    periods = [
        f"{row['who']} {write_since(row['since'], row['until'])}"
        f" ({LABELS.get(row['status'], row['status'])})"
        for row in rows[:12]
    ]
    more = f"; and {len(rows) - 12} more" if len(rows) > 12 else ""
    return f"{len(rows)} memberships over time: {'; '.join(periods)}{more}."
