"""Shorten answers of the API for an assistant, which pays for every word it reads. Pure."""

import json
from typing import Any

Answer = dict[str, Any]
MAX_CHARACTERS = 16_000
"""Characters of one answer; rows beyond are left out, and the answer says how many."""
EVENT_FIELDS = ("id", "date", "title", "type", "intensity", "status", "independent_sources")
SHIFT_FIELDS = (
    "id", "sentence", "verdict", "direction", "onset", "onset_set", "magnitude", "at_least", "q",
    "reason", "provisional", "single_source",
)  # fmt: skip


def shorten_event(event: Answer) -> Answer:
    """Return the main fields of an event, who took part, and who reports it."""
    found = {name: event[name] for name in EVENT_FIELDS if event.get(name) is not None}
    found["participants"] = [
        f"{part['actor'] or part['native'] or '?'} ({part['role']})"
        for part in event.get("participants", ())
        if not part.get("via")
    ]
    found["sources"] = [shorten_report(report) for report in event.get("reports", ())]
    return found


def shorten_report(report: Answer) -> Answer:
    """Return what is needed to cite a report of an event or of evidence."""
    names = ("publisher", "title", "published", "url", "stance")
    return {name: report[name] for name in names if report.get(name)}


def shorten_shift(shift: Answer) -> Answer:
    """Return a shift as its sentence, with the numbers that it rests on."""
    return {name: shift[name] for name in SHIFT_FIELDS if shift.get(name) is not None}


def shorten_share(share: Answer) -> Answer:
    """Return an event of the evidence with its share and its sources."""
    found = {name: share[name] for name in ("event", "date", "title", "share", "speaks")}
    return found | {"sources": [shorten_report(source) for source in share.get("sources", ())]}


def shorten_membership(row: Answer) -> Answer:
    """Return a membership or tie without its steps, whose last one is its status."""
    return {name: value for name, value in row.items() if name != "steps" and value is not None}


def compose_answer(
    rows: list[Answer], answer: Answer, root: str, citations: list[str], **more: object
) -> Answer:
    """Compose what a tool answers: rows, how much is covered, and how to cite it.

    `root` makes the permalink absolute. An empty answer says why it is empty.
    """
    meta, links = answer.get("meta", {}), answer.get("links", {})
    permalink = links.get("permalink") or links.get("self") or ""
    composed: Answer = {"data": rows, **{k: v for k, v in more.items() if v not in (None, [])}}
    composed["version"] = meta.get("version")
    if meta.get("reason"):
        composed["reason"] = meta["reason"]
    if meta.get("remark"):
        composed["remark"] = meta["remark"]
    if meta.get("unsearched"):
        composed["unsearched"] = meta["unsearched"]
    if links.get("next"):
        composed["more"] = "There are more rows: narrow the question, or raise limit."
    composed["permalink"] = root + permalink
    composed["citation"] = [
        f"Entente, version {meta.get('version')}, {root}{permalink}",
        *citations,
    ]
    return cut_rows(composed)


def cut_rows(composed: Answer) -> Answer:
    """Leave out the last rows of an answer that would be too long, and say how many."""
    rows, left_out = composed["data"], 0
    while len(rows) > 1 and len(json.dumps(composed, ensure_ascii=False)) > MAX_CHARACTERS:
        keep = max(1, len(rows) * 2 // 3)
        left_out += len(rows) - keep
        rows = composed["data"] = rows[:keep]
        composed["left_out"] = left_out
    return composed


def describe_problem(problem: Answer) -> str:
    """Return a problem as text: what is wrong, where, and what to send instead."""
    parts = [str(problem.get("detail") or problem.get("title") or "The question was refused.")]
    for fault in problem.get("errors", ()):
        place = ".".join(map(str, fault.get("loc", ())[1:])) or "request"
        said = f"{place}: {fault.get('message', '')}"
        if fault.get("hint"):
            said += f" {fault['hint']}"
        if fault.get("suggestions"):
            said += f" Send instead: {', '.join(map(str, fault['suggestions'][:5]))}."
        parts.append(said)
    return "\n".join(parts)
