"""The definition of every table; a file has those of one kind.

A revision is a stored document. The other tables are indexes of the documents; each of their rows
names the revision (`seq`) that it belongs to. A replaced row moves to the history table `past_…` of
the same name, whose column `gone` is the `seq` that replaced it. A read as of a version takes rows
with `seq <= version` from the table and rows with `seq <= version < gone` from its history table.

Days are ISO text (`2023-10-03`), which sorts as it means on both databases; a period is half-open,
[since, until).
"""

from app.db.tables.access_tables import attempts, keys
from app.db.tables.actor_tables import actor_names, actors, memberships
from app.db.tables.event_tables import (
    IS_RARE_ROLE,
    RARE_ROLES,
    RUNNING_CARRIES,
    day_sums,
    events,
    month_counts,
    pairs,
    participations,
    reports,
    role_days,
    signals,
    tags,
    volumes,
)
from app.db.tables.history_tables import HISTORY_TABLES
from app.db.tables.import_tables import import_names, import_rejects, imports
from app.db.tables.loading_tables import loaded, mentions, unresolved
from app.db.tables.naming import metadata
from app.db.tables.pull_tables import pull_items, pull_sources
from app.db.tables.record_tables import commits, dictionaries, house, lineages, moved, revisions
from app.db.tables.series_tables import act_counts, alliance_years, ideal_points
from app.db.tables.shift_tables import (
    dyad_months,
    dyad_votes,
    dyads,
    families,
    shifts,
    undated_dyads,
    wave_states,
)
from app.db.tables.source_tables import covered_slots, datasets, sources
from app.db.tables.watch_tables import watch_deliveries, watches

__all__ = [
    "HISTORY_TABLES",
    "IS_RARE_ROLE",
    "RARE_ROLES",
    "RUNNING_CARRIES",
    "act_counts",
    "actor_names",
    "actors",
    "alliance_years",
    "attempts",
    "commits",
    "covered_slots",
    "datasets",
    "day_sums",
    "dictionaries",
    "dyad_months",
    "dyad_votes",
    "dyads",
    "events",
    "families",
    "house",
    "ideal_points",
    "import_names",
    "import_rejects",
    "imports",
    "keys",
    "lineages",
    "loaded",
    "memberships",
    "mentions",
    "metadata",
    "month_counts",
    "moved",
    "pairs",
    "participations",
    "pull_items",
    "pull_sources",
    "reports",
    "revisions",
    "role_days",
    "shifts",
    "signals",
    "sources",
    "tags",
    "undated_dyads",
    "unresolved",
    "volumes",
    "watch_deliveries",
    "watches",
    "wave_states",
]
