"""The words of shifts: the label of a verdict, its sentence and its reasons, in one catalogue."""

from collections.abc import Mapping, Sequence

from app.edtf import parse_edtf
from app.reader_words import write_long_day, write_signed
from app.shifts.detect import DetectedShift
from app.shifts.formal_steps import FormalStep
from app.shifts.statistics.levels import IndexLevel
from app.shifts.statistics.verdicts import (
    MIN_SIZE,
    OWN_SHARE,
    STRENGTH,
    Check,
    Verdict,
    is_capped,
    list_carriers,
)

CHECK_WORDS: dict[Check, str] = {
    "months": "without its two most influential months",
    "publisher": "without its top source",
    "places": "without the place of most of it, all of one source",
    "days": "without the tenth of its days that supports it most, all of one source",
    "within_publishers": "within the publishers that report both before and after",
}
"""Where a change is not found that fails a check."""
VERDICT_WORDS: dict[Verdict, str] = {
    "strong": "a shift with strong evidence",
    "shift": "a shift",
    "weak": "weak signs of a shift",
    "watch": "worth watching",
    "steady": "steady",
    "no_evidence": "no evidence of a shift",
    "insufficient_data": "too little to tell",
}
"""What is left of a shift without some of its evidence."""
STEP_WORDS = {
    "signed": "signed to become {role}",
    "ratified": "ratified to become {role}",
    "in-force": "became {role}",
    "suspended": "was suspended as {role}",
    "withdrawing": "gave notice of leaving",
    "withdrawn": "ceased to be {role}",
}
"""What an actor did, or was done to it, in a group."""
_LEADING_SHARE = 0.5
NAMED_MEMBERS = 3
"""Most members that a sentence names."""


def label_verdict(row: DetectedShift, names: Mapping[str, str]) -> str:
    """Return the verdict in a few words."""
    moved = "moved toward" if row.finding.change > 0 else "moved away"
    signs = f"a {moved.replace('moved', 'move')}"
    if row.is_mutual:
        moved = "moved closer" if row.finding.change > 0 else "moved apart"
        signs = f"having {moved}"
    level = row.finding.after
    known = level is not None and level.mass > 0
    found = {
        "strong": f"{moved}, strong evidence",
        "shift": moved,
        "weak": f"weak signs of {signs}",
        "watch": "worth watching, no shift yet",
        "steady": f"steady at {write_signed(level.index)}" if level else "steady",
        "no_evidence": "no evidence of a shift",
        "insufficient_data": "level, no dated shift" if known else "no data",
    }[row.verdict]
    carried = _describe_carrier(row, names)
    return f"{found}; {carried}" if carried else found


def explain_verdict(row: DetectedShift, names: Mapping[str, str]) -> str | None:
    """Explain why there is no shift; None where there is one."""
    finding, checks = row.finding, row.checks
    if row.verdict in ("strong", "shift"):
        return None
    if finding.after is None or finding.after.mass == 0:
        return "no signal between them in the events that match"
    if row.excluded:
        return "no change has the onset or the direction that was asked for"
    if row.verdict == "insufficient_data":
        return "no date leaves four effective observations on both sides, or no baseline"
    if row.verdict == "steady":
        return "no date divides the days better than chance does, and the level is known"
    part = row.group_part
    unclaimed = part is not None and part.says_nothing
    if unclaimed and finding.span is None:
        return _explain_group_part(row, names)
    if finding.span is None:
        return (
            "no date divides the days better than chance does, and the level is known too roughly"
            " to be called steady"
        )
    if not finding.enough:
        return "fewer than four effective observations on a side of the best date"
    if row.q > 0.05:
        return f"a change this large also occurs by chance: p = {finding.p:.3g}, q = {row.q:.3g}"
    if unclaimed and not _is_capped(row):
        return _explain_group_part(row, names)
    found = []
    if checks is not None and checks.failed:
        found.append(
            f"not robust: absent {join_names([CHECK_WORDS[c] for c in checks.failed], 'or')}"
        )
    if abs(finding.change) < MIN_SIZE:
        found.append(f"the index changed by less than {MIN_SIZE}")
    if checks is not None and checks.without_carrier is not None and _is_capped(row):
        found.append(_explain_cap(row, names))
    return "; ".join(found)


def _explain_group_part(row: DetectedShift, names: Mapping[str, str]) -> str:
    """Explain why what passed with members says nothing about their group."""
    case, part = row.question, row.group_part
    assert part is not None
    groups = join_names([names[c] for c in (*case.toward, *case.against) if c in case.groups])
    own = _percent(part.own) if part.own >= 0.005 else "none"
    found = [f"{own} of it passed with {groups} itself"]
    if not part.all_recorded:
        found.append(
            f"{part.acted} of the members that are recorded, which are not all, had a part"
        )
    elif 2 * part.acted < part.members:
        found.append(f"{part.acted} of {part.members} members had a part in it")
    if part.leading is not None and part.is_led:
        found.append(f"{_percent(part.leading[1])} of it passed with {names[part.leading[0]]}")
    return join_names(found)


def _describe_carrier(row: DetectedShift, names: Mapping[str, str]) -> str | None:
    """Say how much of a change is the member of a group that carries most of it.

    None where none does, or where nothing is claimed anyway.
    """
    claims = row.verdict in ("strong", "shift", "weak") or _is_capped(row)
    if row.checks is None or row.checks.without_carrier is None or not claims:
        return None
    share, carriers = _name_carriers(row, names)
    return f"{share} of the change passed with {carriers}"


def _name_carriers(row: DetectedShift, names: Mapping[str, str]) -> tuple[str, str]:
    """Return the share of a change that members carry, and their names."""
    assert row.checks is not None
    found = list_carriers(row.checks.carried_by, {*row.question.toward, *row.question.against})
    share = min(sum(one.share for one in found), 1.0)
    return _percent(share), join_names([names[one.actor] for one in found])


def _explain_cap(row: DetectedShift, names: Mapping[str, str], changed: str = "the change") -> str:
    """Explain which member of a group carries its change, and what is left without it."""
    assert row.checks is not None
    assert row.checks.without_carrier is not None
    share, carrier = _name_carriers(row, names)
    left = VERDICT_WORDS[row.checks.without_carrier]
    return (
        f"{share} of {changed} passed with {carrier}; for the other members and the body itself"
        f" the verdict is: {left}"
    )


def _is_capped(row: DetectedShift) -> bool:
    return is_capped(row.finding, row.q, row.checks)


def compose_sentence(row: DetectedShift, names: Mapping[str, str]) -> str:
    """Compose the sentence that an analyst would sign: who, how, when, and why.

    Where acts show no change, the formal steps that are known come first.
    """
    headline, remarks = compose_headline(row, names), list_remarks(row, names)
    members = _list_members_that_act(row, names)
    if row.steps and row.verdict not in STRENGTH:
        acts = f"As for their acts, {headline[0].lower()}{headline[1:]}"
        return " ".join([*remarks, acts, *row.acted_for, *members])
    return " ".join([headline, *row.acted_for, *remarks, *members])


def compose_headline(row: DetectedShift, names: Mapping[str, str]) -> str:
    """Compose the first sentence of a verdict: who, how and when."""
    finding, case = row.finding, row.question
    who, sides = names[case.actor], join_names([names[c] for c in case.toward])
    rather = join_names([names[c] for c in case.against])
    moved = _describe_move(row, names)
    between = f"between {who} and {sides}"
    if rather:
        between = f"in how {who} leans, to {sides} or to {rather},"
    reason = explain_verdict(row, names)
    if row.excluded and row.others:
        last = max(row.others, key=lambda one: one.finding.onset or "")
        found = f"No change {between} has the onset or the direction that was asked for."
        found += f" {compose_headline(last, names)}"
    elif _is_capped(row):
        signs = "are weak signs" if row.verdict == "weak" else "is no evidence"
        changed = _explain_cap(row, names, f"what changed {describe_onset(row)}")
        found = f"{between.removesuffix(',')} there {signs} of a shift: {changed}."
    elif row.verdict in ("strong", "shift"):
        sure = "; the evidence is strong" if row.verdict == "strong" else ""
        found = f"{moved} {describe_onset(row)}{_describe_levels(row)}{sure}."
    elif row.verdict == "weak":
        found = (
            f"There are weak signs that {moved} {describe_onset(row)}"
            f"{_describe_levels(row)}: {reason}."
        )
    elif row.verdict == "watch":
        found = (
            f"The last months {between} differ from the years before them;"
            " no change can be dated yet."
        )
    elif row.verdict == "steady":
        found = f"No change {between} stands out{_describe_days(row)}: steady at"
        found += f" {_describe_level(finding.after)}."
    elif row.verdict == "insufficient_data":
        found = f"Too little is recorded {between} to date a change: {reason}"
        known = finding.after is not None and finding.after.mass > 0
        found += f"; {_describe_open_level(finding.after)}." if known else "."
    elif row.finding.span is None or row.excluded:
        found = f"There is no evidence of a shift {between}: {reason}"
        known = finding.after is not None and finding.after.mass > 0
        days = "over all days " if row.excluded else ""
        found += f"; {days}{_describe_open_level(finding.after)}." if known else "."
    else:
        found = f"There is no evidence that {moved}: {reason}."
    return found[0].upper() + found[1:]


def list_index_remarks(steps: Sequence[FormalStep], names: Mapping[str, str]) -> list[str]:
    """Say that an index counts acts alone, and which formal steps are not in it."""
    if not steps:
        return []
    counted = (
        "The index counts acts alone: that a membership, a suspension or an exclusion is in force"
        " is no act."
    )
    return [counted, *describe_all_steps(steps, names)]


def describe_steps(steps: Sequence[FormalStep], names: Mapping[str, str]) -> str:
    """Describe steps of one actor in one group, in sentences.

    A step that was taken before, such as in force a second time, is described by its note.
    """
    group, actor = names[steps[0].group], names[steps[0].actor]
    begun = {step.date for step in steps if step.step == "in-force"}
    # Who becomes a member ceases to be a candidate or partner by that alone.
    steps = [s for s in steps if s.step != "withdrawn" or s.role == "member" or s.date not in begun]
    noted = [step for step in steps if step.step in step.before and step.note]
    parts = [
        f"{_describe_step(step)} {_describe_date(step)}" for step in steps if step not in noted
    ]
    found = [f"In {group}, {actor} {join_names(parts, 'and')}."] if parts else []
    for step in noted:
        note = (step.note or "").split(". ")[0].rstrip(".")
        found.append(f"{actor} in {group}, {_describe_date(step)}: {note[0].lower()}{note[1:]}.")
    return " ".join(one[0].upper() + one[1:] for one in found)


def _describe_step(step: FormalStep) -> str:
    role = step.role.replace("-", " ")
    role = f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
    if step.step == "withdrawn" and "in-force" not in step.before:
        return f"withdrew without having become {role}"
    return STEP_WORDS[step.step].format(role=role)


def describe_all_steps(steps: Sequence[FormalStep], names: Mapping[str, str]) -> list[str]:
    """List what is to be said of each actor and group between which formal steps were taken."""
    together: dict[tuple[str, str], list[FormalStep]] = {}
    for step in steps:
        together.setdefault((step.actor, step.group), []).append(step)
    return [describe_steps(some, names) for some in together.values()]


def _describe_date(step: FormalStep) -> str:
    """Say when a step was taken, as exactly as it is known."""
    known = parse_edtf(step.date)
    about = "about " if known.approximate or known.uncertain else ""
    day = write_long_day(step.first_day, monthly=known.precision != "day")
    if known.precision in ("day", "month"):
        return f"{'on' if known.precision == 'day' else 'in'} {about}{day}"
    return f"in {about}{step.date.rstrip('~?%')}"


def compose_title(row: DetectedShift, names: Mapping[str, str]) -> str:
    """Compose a title of a few words, without numbers: who moved and when, or the verdict."""
    case = row.question
    if row.verdict in ("strong", "shift") and not _is_capped(row):
        found = f"{_describe_move(row, names)}, {_write_onset(row, ' – ') or 'at an unknown date'}"
    else:
        sides = [names[code] for code in (case.actor, *case.toward, *case.against)]
        found = f"{join_names(sides)}: {VERDICT_WORDS[row.verdict].removeprefix('a ')}"
    return found[0].upper() + found[1:]


def _describe_move(row: DetectedShift, names: Mapping[str, str]) -> str:
    case, toward = row.question, row.finding.change > 0
    who, sides = names[case.actor], join_names([names[c] for c in case.toward])
    rather = join_names([names[c] for c in case.against])
    if row.is_mutual:
        return f"{who} and {sides} moved {'closer' if toward else 'apart'}"
    moved = f"{who} moved toward {sides}" if toward else f"{who} moved away from {sides}"
    if not rather:
        return moved
    return f"{moved} rather than {rather}" if toward else f"{moved} and toward {rather}"


def describe_onset(row: DetectedShift) -> str:
    """Describe the range of the onset in words."""
    written = _write_onset(row, " and ")
    if written is None:
        return "at an unknown date"
    if " and " in written:
        return f"between {written}"
    return f"in {written}" if _is_monthly(row) else f"on {written}"


def _is_monthly(row: DetectedShift) -> bool:
    return row.finding.method != "event_days"


def _write_onset(row: DetectedShift, between: str) -> str | None:
    """Write the first and the last month or day of the onset; one where they are the same."""
    ranges = row.finding.onset_set
    if not ranges:
        return None
    ends = [write_long_day(day, monthly=_is_monthly(row)) for day in (ranges[0][0], ranges[-1][1])]
    return between.join(dict.fromkeys(ends))


def _describe_levels(row: DetectedShift) -> str:
    before, after = row.finding.before, row.finding.after
    if before is None or after is None:
        return ""
    return f", from {write_signed(before.index)} to {write_signed(after.index)}"


def _describe_level(level: IndexLevel | None) -> str:
    if level is None:
        return "unknown"
    low, high = write_signed(level.low), write_signed(level.high)
    return f"{write_signed(level.index)} ({low} to {high})"


def _describe_open_level(level: IndexLevel | None) -> str:
    """Describe a level whose sign may be open: what the interval leaves open is no finding."""
    written = _describe_level(level)
    is_open = level is not None and level.low <= 0 <= level.high
    return f"{'even the sign of the level is open:' if is_open else 'the level is'} {written}"


def list_remarks(row: DetectedShift, names: Mapping[str, str]) -> list[str]:
    """List what has to be said with a verdict that claims a change, and formal steps with any."""
    checks, found = row.checks, []
    if checks is None or row.verdict not in ("strong", "shift", "weak"):
        return describe_all_steps(row.steps, names)
    silent = checks.part is not None and checks.part.own < OWN_SHARE
    if checks.carried_by and (silent or checks.carried_by[0].share >= _LEADING_SHARE):
        parts = [f"{names[c.actor]} {_percent(c.share)}" for c in checks.carried_by[:3]]
        own = [c for c in checks.carried_by[3:] if c.actor in row.question.toward]
        parts += [f"{names[c.actor]} itself {_percent(c.share)}" for c in own]
        found.append(f"Of the change: {', '.join(parts)}.")
    if row.named_publisher is not None:
        found.append(f"All rests on one source: {row.named_publisher}.")
    if checks.without_stated is not None and checks.stated_share > 0:
        rest = VERDICT_WORDS[checks.without_stated]
        found.append(
            f"{_percent(checks.stated_share)} of the evidence has scores that an analyst stated;"
            f" without these: {rest}."
        )
    if row.finding.provisional:
        found.append("Fewer than six months follow it.")
    return found + describe_all_steps(row.steps, names)


def _describe_days(row: DetectedShift) -> str:
    """Describe from when to when acts are recorded: what was before is no part of a level."""
    if row.acts is None:
        return ""
    ends = [write_long_day(day, monthly=True) for day in (row.acts.first, row.acts.last)]
    return f" in what is recorded from {ends[0]} to {ends[1]}"


def _list_members_that_act(row: DetectedShift, names: Mapping[str, str]) -> list[str]:
    """Say of a level of a group that most of it passed with members, and with whom."""
    if row.acts is None or not row.acts.with_members:
        return []
    members, count = row.acts.with_members, sum(n for _, n in row.acts.with_members)
    if not count or 2 * count <= row.acts.n:
        return []
    parts = [f"{names[code]} ({n})" for code, n in members[:NAMED_MEMBERS]]
    if len(members) > len(parts):
        parts.append(f"{len(members) - len(parts)} more")
    which = f"All {count} signals that count"
    if count < row.acts.n:
        which = f"Of the {row.acts.n} signals that count {count}"
    elif count <= 2:
        which = ["The only signal that counts", "Both signals that count"][count - 1]
    return [f"{which} passed with members: {join_names(parts)}."]


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def join_names(parts: Sequence[str], word: str = "and") -> str:
    """Join names with commas, and a word before the last."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
