"""Draw memberships over time: a bar for each period, a mark for each membership step. Pure."""

from collections.abc import Iterable
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

COLUMNS = ("who", "role", "since", "until", "status", "signed", "ratified", "sources")
STEPS = ("signed", "ratified", "in-force", "suspended", "withdrawing", "withdrawn")
SHAPES = ("circle", "square", "triangle-up", "cross", "triangle-down", "diamond")
STATES = {"in force": "#4c7ba6", "suspended": "#dfe8f0", "withdrawing": "#a9c1d6"}
ENDS = ("withdrawn",)


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
    steps: dict[str, str]


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
    steps = {step["step"]: expand_to_first_day(step["date"]) for step in membership["steps"]}
    sources = [source for step in membership["steps"] for source in step.get("sources", [])]
    return {
        "who": party if membership["role"] == "member" else f"{party} ({membership['role']})",
        "role": membership["role"],
        "since": steps.get("in-force"),
        "until": next((steps[end] for end in ENDS if end in steps), None),
        "status": max(steps, key=lambda step: (steps[step], STEPS.index(step))),
        "signed": steps.get("signed"),
        "ratified": steps.get("ratified"),
        "sources": "; ".join(dict.fromkeys(sources)),
        "steps": steps,
    }


def expand_to_first_day(text: str) -> str:
    """Return the first day of a date that may be a year or a month."""
    return (text + "-01-01")[:10] if len(text) == 4 else (text + "-01")[:10]


def tabulate_memberships(rows: list[MembershipBar]) -> list[dict[str, object]]:
    """Tabulate the membership periods that the chart draws."""
    return [{name: cell for name, cell in row.items() if name in COLUMNS} for row in rows]


def draw_memberships(
    rows: list[MembershipBar], title: str, today: str, width: int = WIDTH
) -> VegaSpec:
    """Draw the chart; periods without an end run to `today`, and are fainter where suspended."""
    if not rows:
        return complete_spec(
            draw_message("no memberships are known"), title, describe_memberships(rows), width
        )
    bars: list[VegaSpec] = []
    for row in rows:
        if row["since"] is None:
            continue
        end = row["until"] or today
        cuts = [(row["since"], "in force")]
        later = (step for step in ("suspended", "withdrawing") if step in row["steps"])
        cuts += [(row["steps"][step], step) for step in later]
        for (begun, state), (ended, _) in zip(cuts, [*cuts[1:], (end, "")], strict=True):
            if begun < ended:
                bars.append({"who": row["who"], "begun": begun, "ended": ended, "state": state})
    marks = [
        {"who": row["who"], "day": day, "step": step}
        for row in rows
        for step, day in row["steps"].items()
    ]
    begun = min((day for row in rows for day in row["steps"].values()), default=today)
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
    return complete_spec(drawn, title, describe_memberships(rows), width)


def _keep_present(names: Iterable[str], rows: list[VegaSpec], field: str) -> list[str]:
    there = {row[field] for row in rows}
    return [one for one in names if one in there]


def _build_legend(orient: str, shown: list[str], width: int) -> VegaSpec:
    """Build a legend of the values that occur, on as many lines as they need."""
    return {
        "orient": orient,
        "title": None,
        "values": shown,
        "columns": max(1, min(len(shown), (width - 40) // 116)),
    }


def describe_memberships(rows: list[MembershipBar]) -> str:
    """Describe the chart in words."""
    if not rows:
        return "No memberships are known."
    periods = [
        f"{row['who']} {row['since'] or 'not in force'} to {row['until'] or 'now'}"
        f" ({row['status']})"
        for row in rows[:12]
    ]
    more = f"; and {len(rows) - 12} more" if len(rows) > 12 else ""
    return f"{len(rows)} memberships over time: {'; '.join(periods)}{more}."
