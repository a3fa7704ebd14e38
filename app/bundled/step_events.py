"""Builds the events of the dataset `memberships`: one for each step that is no event elsewhere."""

import re

from app.actors.schemas import Actor, Membership, MembershipStep
from app.events.record import EventRecord, convert_record
from app.sources.schemas import Source

DATASET = "memberships"
_TREATY = re.compile(r"(Treaty|Agreement|Declaration|Charter on|Convention)(?! Organization)")
_TREATY_OF = {
    "CSTO": "the Collective Security Treaty",
    "ICC": "the Rome Statute",
    "NATO": "the North Atlantic Treaty",
}
"""What is signed and ratified to join some organizations."""
_OF_MEMBER = {
    "signed": "{actor} signs to join {group}",
    "ratified": "{actor} ratifies its accession to {group}",
    "in-force": "{actor} becomes a member of {group}",
    "suspended": "{actor}: membership of {group} suspended",
    "withdrawing": "{actor} announces that it leaves {group}",
    "withdrawn": "{actor} is no longer a member of {group}",
}
_OF_TREATY = {
    "signed": "{actor} signs {group}",
    "ratified": "{actor} ratifies {group}",
    "in-force": "{group} enters into force for {actor}",
    "suspended": "{group} is suspended for {actor}",
    "withdrawing": "{actor} gives notice of leaving {group}",
    "withdrawn": "{group} ends for {actor}",
}
_OF_OTHER_ROLE = {
    "signed": "{actor} signs as {role} of {group}",
    "ratified": "{actor} ratifies as {role} of {group}",
    "in-force": "{actor} becomes {role} of {group}",
    "suspended": "{actor}: suspended as {role} of {group}",
    "withdrawing": "{actor} announces that it ends as {role} of {group}",
    "withdrawn": "{actor} is no longer {role} of {group}",
}


def add_step_events(
    memberships: list[Membership], actors: dict[str, Actor], sources: dict[str, Source]
) -> tuple[list[Membership], list[EventRecord]]:
    """Build the missing events of steps, and the memberships whose steps lead to them.

    Offices of persons and bodies make no events. `sources` are all that steps cite, by id.
    """
    changed, events = [], []
    for membership in memberships:
        if actors[membership.actor].kind in ("person", "body"):
            changed.append(membership)
            continue
        steps, taken = [], set()
        for step in membership.steps:
            if step.event is None:
                event = _build_step_event(membership, step, step.step in taken, actors, sources)
                events.append(event)
                step = step.model_copy(update={"event": f"{DATASET}:{event.key}"})
            taken.add(step.step)
            steps.append(step)
        changed.append(membership.model_copy(update={"steps": steps}))
    return changed, events


def _build_step_event(
    membership: Membership,
    step: MembershipStep,
    repeated: bool,
    actors: dict[str, Actor],
    sources: dict[str, Source],
) -> EventRecord:
    """Build one event; a repeated step (in force a second time) is described by its note."""
    title = _compose_title(membership, step, actors)
    if repeated and step.note:
        first = step.note.split(". ")[0].rstrip(".")
        title = (
            f"{actors[membership.actor].name} in {_name_group(actors[membership.group])}: {first}"
        )
    day = re.sub(r"[~?%]", "", step.date)
    parts = (day, membership.actor, membership.group, membership.role, membership.spell, step.step)
    publishers = {sources[source].publisher.casefold() for source in step.sources}
    record: EventRecord = convert_record(
        {
            "key": "-".join(str(part).lower() for part in parts),
            "title": title[:500],
            "summary": step.note,
            "date": step.date,
            "native": f"{membership.role}: {step.step}",
            "status": "confirmed" if len(publishers) > 1 else "reported",
            "participants": [
                {"actor": membership.actor, "role": "initiator"},
                {"actor": membership.group, "role": "affected"},
            ],
            "tags": ["membership", step.step],
            "reports": [
                {
                    "source": source,
                    "reliability": sources[source].reliability,
                    "credibility": 2,
                }
                for source in step.sources
            ],
        }
    )
    return record


def _compose_title(membership: Membership, step: MembershipStep, actors: dict[str, Actor]) -> str:
    actor, group = actors[membership.actor], actors[membership.group]
    phrases = _OF_OTHER_ROLE
    if membership.role == "member":
        phrases = _OF_TREATY if _TREATY.search(group.name) else _OF_MEMBER
    name = _name_group(group)
    treaty = _TREATY_OF.get(group.code)
    if treaty and membership.role == "member" and step.step in ("signed", "ratified"):
        phrases, name = _OF_TREATY, treaty
    role = membership.role.replace("-", " ")
    article = "an" if role[:1] in "aeiou" else "a"
    title = phrases[step.step].format(actor=actor.name, group=name, role=f"{article} {role}")
    return title[0].upper() + title[1:]


def _name_group(group: Actor) -> str:
    """Name a group within a sentence: with its article, where it takes one."""
    return group.name if group.name.isupper() else f"the {group.name}"
