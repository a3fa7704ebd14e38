"""What passed between two actors, for answers outside alignment: the same numbers as its points."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import Connection, select

from app.actors.pair_sums import PairSums, Stretch
from app.db.dialect.fast_statements import compile_prepared
from app.db.reader import leave_out_hidden
from app.db.tables import datasets
from app.db.types import NO_END_DAY
from app.events.resolved_filter import ResolvedFilter
from app.shifts.inputs import DailyInputs, MonthlyInputs, read_inputs
from app.shifts.materialized.calibration import read_calibration
from app.shifts.question import AlignmentQuestion, DyadFlow, read_flows
from app.shifts.side_periods import ALWAYS


def read_pair_sums(
    db: Connection,
    resolved: ResolvedFilter,
    pair: tuple[str, str],
    size: str,
    stretches: Sequence[Stretch],
) -> tuple[list[PairSums], list[str]]:
    """Read what passed between two actors by the events of a filter, and the datasets it is of.

    The filter is resolved; its window and its `between` do not narrow what counts, unless `effect`
    does, which is on the two of `between`. The stretches are consecutive buckets of a size.
    """
    wanted = _list_wanted_datasets(db, resolved.dataset)
    # The window and `between` bound which events are listed, not which signals count.
    between = resolved.between if resolved.effect else ()
    chosen = replace(
        resolved, between=between, since=None, until=None, match="possible", dataset=()
    )
    plain = chosen == ResolvedFilter(as_of=resolved.as_of)
    question = _ask_partners(
        pair[0], pair[1:], wanted, None if plain else replace(chosen, dataset=wanted),
        resolved.as_of,
    )  # fmt: skip
    ends = (stretches[0][0], stretches[-1][1]) if stretches else (None, None)
    inputs = read_inputs(db, question, size, *ends)
    share = read_calibration(db, resolved.as_of).prior_share
    return _measure_stretches(inputs, stretches, share), list(wanted)


def read_partner_sums(
    db: Connection,
    actor: str,
    wanted: Sequence[str],
    as_of: int | None,
    stretches: Mapping[str, Sequence[Stretch]],
) -> dict[str, list[PairSums]]:
    """Read what passed between an actor and each of some partners, by all events of datasets."""
    question = _ask_partners(actor, list(stretches), _list_wanted_datasets(db, wanted), None, as_of)
    flows: dict[str, list[DyadFlow]] = defaultdict(list)
    for flow in read_flows(db, question):
        flows[flow.partner].append(flow)
    share = read_calibration(db, as_of).prior_share
    found = {}
    for partner, some in stretches.items():
        inputs = DailyInputs(flows[partner], question)
        known = inputs.ends
        closed = [_close_stretch(one, known) for one in some]
        found[partner] = _measure_stretches(inputs, closed, share)
    return found


def _list_wanted_datasets(db: Connection, wanted: Sequence[str]) -> tuple[str, ...]:
    """List the datasets asked for, or all of them, but those whose sums are closed."""
    run = compile_prepared(db.dialect.name, _ALL_DATASETS)
    every = tuple(wanted) or tuple(code for (code,) in run.fetch_rows(db, {}))
    return leave_out_hidden(db, every, "sums")


_ALL_DATASETS = select(datasets.c.code).order_by(datasets.c.code)


def _close_stretch(stretch: Stretch, known: Stretch | None) -> Stretch:
    """Replace open ends by those of what is known, so that the index is that of its last day."""
    first, last = stretch
    if known is None:
        return stretch
    return first if first > NO_START_DAY else known[0], last if last < NO_END_DAY else known[1]


NO_START_DAY = "0001-01-01"


def _ask_partners(
    actor: str,
    partners: Sequence[str],
    wanted: tuple[str, ...],
    chosen: ResolvedFilter | None,
    as_of: int | None,
) -> AlignmentQuestion:
    """Ask about an actor and others, each alone: a group does not act for its members."""
    periods = dict.fromkeys(partners, ALWAYS)
    return AlignmentQuestion(actor, tuple(partners), (), "both", wanted, periods, chosen, as_of)


def _measure_stretches(
    inputs: DailyInputs | MonthlyInputs, stretches: Sequence[Stretch], share: float
) -> list[PairSums]:
    if not stretches:
        return []
    starts, ends = np.array(stretches, "datetime64[D]").T
    values = (np.round(inputs.value_at_ends(ends, share), 6) + 0.0).tolist()
    inside, before = inputs.sums_inside(starts, ends)
    return [
        PairSums(positive / 1000, negative / 1000, value if earlier else None)
        for value, (_, positive, negative), earlier in zip(
            values, inside.tolist(), before.tolist(), strict=True
        )
    ]
