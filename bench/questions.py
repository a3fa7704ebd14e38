"""The questions that readers ask, as addresses with parameters that rotate."""

import random
from urllib.parse import urlencode

from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import events, participations

ADDRESSES = 400
"""Addresses of each question: more than a page cache of the processor keeps close."""
ROOTS = ("03", "04", "06", "07", "11", "12", "13", "14", "18")
WORDS = ("agree", "consult", "cooperate", "aid", "accuse", "reject", "threaten", "protest")
MEANINGS = {
    "A": "an actor's events in a range of one to three years",
    "A0": "all events in such a range",
    "A2": "A of one CAMEO root",
    "A3": "A of four to nine actors",
    "S": "events between two actors",
    "Q": "a word and an actor",
    "T": "an actor's timeline by month",
    "F": "an actor's events by type",
    "C": "alignment of two actors by month, ten years",
    "D": "the biggest shifts of all actors",
}


def build_questions(database: Database, seed: int = 1) -> dict[str, list[str]]:
    """Build the addresses of each question in `MEANINGS`, for the events of a database."""
    p, n = participations.c, func.count()
    with database.connect() as db:
        busy = select(p.actor).where(p.dataset == "bench").group_by(p.actor)
        actors = list(db.scalars(busy.order_by(n.desc(), p.actor).limit(100)))
        of_bench = select(func.min(events.c.start), func.max(events.c.start))
        first, last = db.execute(of_bench.where(events.c.dataset == "bench")).one()
    dice = random.Random(seed)
    years = range(int(first[:4]), int(last[:4]) + 1)
    found: dict[str, list[str]] = {name: [] for name in MEANINGS}
    for _ in range(ADDRESSES):
        span = dice.randint(1, 3)
        since = dice.choice(years[: -span or None])
        month = dice.randint(1, 12)
        window = {"since": f"{since}-{month:02}-01", "until": f"{since + span}-{month:02}-01"}
        one, other = dice.sample(actors[:60], 2)
        several = dice.sample(actors, dice.randint(4, 9))
        asked = {
            "A": ("events", {"actor": one, **window}),
            "A0": ("events", window),
            "A2": ("events", {"actor": one, "cameo": dice.choice(ROOTS), **window}),
            "A3": ("events", {"actor": several, **window}),
            "S": ("events", {"between": f"{one},{other}"}),
            "Q": ("events", {"q": dice.choice(WORDS), "actor": one}),
            "T": ("timeline", {"actor": one, "granularity": "month", **window}),
            "F": ("facets", {"by": "type", "actor": one, **window}),
            "C": ("alignment", {"actor": one, "toward": other, "dataset": "bench",
                                "granularity": "month"}),
            "D": ("shifts", {"dataset": "bench", "since": window["since"], "max_q": 1}),
        }  # fmt: skip
        for name, (path, parameters) in asked.items():
            found[name].append(f"/v1/{path}?{urlencode(parameters, doseq=True)}")
    return found
