"""The definition of every table.

A revision is a stored document. The other tables are indexes of the documents; each of their rows
names the revision (`seq`) that it belongs to. A replaced row moves to the history table `past_…` of
the same name, whose column `gone` is the `seq` that replaced it. A read as of a version takes rows
with `seq <= version` from the table and rows with `seq <= version < gone` from its history table.

Days are ISO text (`2023-10-03`), which sorts as it means on both databases; a period is half-open,
[since, until).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
    literal_column,
    true,
)

from app.db.types import NO_END_DAY, SEQUENCE, bytewise_text, document_text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ── the record ────────────────────────────────────────────────────────────────────────────────
revisions = Table(
    "revisions",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("id", bytewise_text(), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False, key="own_instant"),
    Column("by", String, nullable=False),
    Column("reason", String),
    Column("document", document_text(), nullable=False, key="plain"),
    Column("derived", Boolean, nullable=False),
    Column("packed", LargeBinary),
    UniqueConstraint("kind", "id", "revision").ddl_if(dialect="sqlite"),
)
"""Every revision of every document. A `derived` revision is not an edit: it follows from the change
of another document that this one shows.

`packed` is the document packed with one of `dictionaries`; the column `document` is empty then.
They are read by `app.db.dialect.stored_document` alone, and so the text is `plain` here.

The instant `at` is empty where it is that of the commit, which `instant_of` in
`app.db.revision_rows` reads; only revisions of older programs have one of their own.

On PostgreSQL revisions of events and sources are sought by a hash of the id, which takes a third of
the bytes of their key. That no number occurs twice follows from the one writer and from the key
`seq`, and `entente verify` looks for it (decision 040)."""
Index("ix_revisions_id", revisions.c.id, postgresql_using="hash").ddl_if(dialect="postgresql")
Index(
    "ix_revisions_edited",
    revisions.c.kind,
    revisions.c.id,
    revisions.c.revision,
    unique=True,
    postgresql_where=revisions.c.kind.not_in(("event", "source")),
).ddl_if(dialect="postgresql")

dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text()),
    Column("at", bytewise_text(), nullable=False),
    Column("documents", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The dictionaries that documents are packed with, kept for as long as any document is packed.

`documents` is the number of those that it was trained on, of one kind and, of events, of one
dataset. The newest of a kind and dataset packs what is written."""

commits = Table(
    "commits",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    Column("at", bytewise_text(), nullable=False, unique=True),
)
"""The last `seq` of each transaction and its instant, by which an instant resolves to a version."""

lineages = Table(
    "lineages",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("lineage", bytewise_text(), nullable=False, unique=True),
    Column("parent", bytewise_text()),
    Column("forked_at", SEQUENCE, nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("reason", String, nullable=False),
)
"""The lineages that led to the present, numbered from 1; none is changed (`app.lineages`)."""

moved = Table(
    "moved",
    metadata,
    Column("kind", bytewise_text(), nullable=False),
    Column("id", bytewise_text(), nullable=False),
    Column("into", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("kind", "id"),
)
"""Merged documents: a request for `id` is answered with `into`."""

house = Table(
    "house",
    metadata,
    Column("name", bytewise_text(), primary_key=True),
    Column("value", String, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("name", bytewise_text(), nullable=False),
    Column("digest", bytewise_text(), nullable=False),
    Column("scope", bytewise_text(), nullable=False),
    Column("created", bytewise_text(), nullable=False),
    Column("expires", bytewise_text()),
    Column("revoked", bytewise_text()),
    Column("used", bytewise_text()),
    Column("reads", String),
    Column("writes", String),
)
"""API keys. `reads` are the closed datasets that a key may read, and `writes` the only ones that it
may write to: codes joined by commas, `*` for all; null for none, and for no limit."""

attempts = Table(
    "attempts",
    metadata,
    Column("writer", bytewise_text(), nullable=False),
    Column("key", bytewise_text(), nullable=False),
    Column("request", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", String, nullable=False),
    Column("body", document_text(), nullable=False),
    PrimaryKeyConstraint("writer", "key"),
    Index(None, "at"),
)
"""Stored answers to requests with an `Idempotency-Key`, which a repeated request receives again."""

# ── watches ───────────────────────────────────────────────────────────────────────────────────
watches = Table(
    "watches",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("owner", bytewise_text(), nullable=False),
    Column("name", String, nullable=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("question", document_text(), nullable=False),
    Column("codes", document_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("reason", String),
    Column("url", String),
    Column("email", String),
    Column("secrets", document_text(), nullable=False),
    Column("token", bytewise_text(), nullable=False),
    Column("created_at", bytewise_text(), nullable=False),
    Column("edition", BigInteger, nullable=False),
    Column("position", SEQUENCE),
    Column("pending", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("due_at", bytewise_text()),
    Column("touched", SEQUENCE),
    Column("checked", SEQUENCE),
    Column("finding", document_text()),
    Index(None, "owner", "created_at"),
    Index(None, "edition"),
)
"""Watches: saved questions whose owner hears of changes that match.

`codes` is the question with its names resolved. `edition` grows with every change of any watch.
`position` is the `seq` up to which changes were compared with this watch alone; it is null where
the watch goes along with the others, whose position is the row `watches` of `house`. `pending`
counts the deliveries that wait, `failures` the attempts that failed since the last one that
succeeded, and before `due_at` no attempt is made. `touched`, `checked` and `finding` are of a watch
on a shift: the last change between its sides, the version it was computed at, and what was found.
"""
Index(
    "ix_watches_due",
    watches.c.due_at,
    sqlite_where=watches.c.due_at.is_not(None),
    postgresql_where=watches.c.due_at.is_not(None),
)

watch_deliveries = Table(
    "watch_deliveries",
    metadata,
    Column("watch", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    Column("change", bytewise_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("at", bytewise_text(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", bytewise_text()),
    Column("status", Integer),
    Column("error", String),
    Column("document", document_text()),
    PrimaryKeyConstraint("watch", "seq"),
    sqlite_with_rowid=False,
)
"""What each watch has to say, by the `seq` of the change: to be sent, sent, or given up.

`document` is what is said of a shift; of an event it is made from its revision when it is sent."""

# ── actors ────────────────────────────────────────────────────────────────────────────────────
actors = Table(
    "actors",
    metadata,
    Column("code", bytewise_text(), primary_key=True),
    Column("kind", bytewise_text(), nullable=False),
    Column("name", String, nullable=False),
    Column("since", bytewise_text()),
    Column("until", bytewise_text()),
    Column("merged_into", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
)

actor_names = Table(
    "actor_names",
    metadata,
    Column("scheme", bytewise_text(), nullable=False),
    Column("value", bytewise_text(), nullable=False),
    Column("actor", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("since", bytewise_text(), nullable=False),
    Column("until", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("scheme", "value", "actor", "since"),
    Index(None, "actor"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("actor", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("group", bytewise_text(), ForeignKey("actors.code"), nullable=False),
    Column("role", bytewise_text(), nullable=False),
    Column("since", bytewise_text()),
    Column("until", bytewise_text(), nullable=False),
    Column("signed", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
    Column("suspended", bytewise_text()),
    Index(None, "actor", "group", "role", "since"),
    Index(None, "group", "role", "since"),
)
"""Memberships; `suspended` has the periods `since/until` in which one is suspended, or null.

A suspended member is still a member, but what passes with it does not count for its group.
"""

# ── sources ───────────────────────────────────────────────────────────────────────────────────
sources = Table(
    "sources",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("kind", bytewise_text(), nullable=False),
    Column("title", String, nullable=False),
    Column("publisher", String, nullable=False),
    Column("url", String),
    Column("published", bytewise_text()),
    Column("reliability", bytewise_text()),
    Column("seq", SEQUENCE, nullable=False),
)

datasets = Table(
    "datasets",
    metadata,
    Column("code", bytewise_text(), primary_key=True),
    Column("name", String, nullable=False),
    Column("first", bytewise_text()),
    Column("last", bytewise_text()),
    Column("signals", bytewise_text(), nullable=False),
    Column("mirrored_visits", Boolean, nullable=False),
    Column("access", bytewise_text(), nullable=False, server_default="open"),
    Column("searched", Boolean, nullable=False, server_default=true()),
    Column("seq", SEQUENCE, nullable=False),
)

covered_slots = Table(
    "covered_slots",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("day", bytewise_text(), nullable=False),
    Column("slots", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("dataset", "day"),
    sqlite_with_rowid=False,
)
"""Days of which a part is covered, slot by slot. Other days are covered whole or not at all.

`slots` has a bit for each of the 96 slots, in 24 hexadecimal digits; the lowest is midnight's."""

# ── events ────────────────────────────────────────────────────────────────────────────────────
events = Table(
    "events",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("seq", SEQUENCE, nullable=False, unique=True),
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("type", bytewise_text()),
    Column("mode", bytewise_text()),
    Column("cameo", bytewise_text()),
    Column("native", bytewise_text()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", bytewise_text(), nullable=False),
    Column("country", bytewise_text()),
    Column("lat", Float),
    Column("lon", Float),
    Column("x", Float),
    Column("y", Float),
    Column("z", Float),
    Column("independent_sources", Integer, nullable=False),
    Column("recorded_at", bytewise_text(), nullable=False),
    Index(None, "start", "id"),
    Index(None, "recorded_at", "id"),
    Index(None, "dataset", "start"),
    Index(None, "type", "start"),
    Index(None, "quad", "start"),
    Index(None, "cameo", "start"),
    # SQLite goes on to the event's row; on PostgreSQL it has what a participation is found by.
    Index(None, "country", "start", postgresql_include=["seq"]),
)
Index(
    "ix_events_running",
    events.c.end,
    sqlite_where=events.c.end != events.c.start,
    postgresql_where=events.c.end != events.c.start,
)

participations = Table(
    "participations",
    metadata,
    Column("actor", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("role", bytewise_text(), nullable=False),
    Column("via", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("type", bytewise_text()),
    Column("intensity", Float),
    Column("quad", Integer),
    Column("status", bytewise_text(), nullable=False),
    Column("cameo", bytewise_text()),
    PrimaryKeyConstraint(
        "actor",
        "start",
        "event",
        "role",
        "via",
        # SQLite keeps the row in its key; on PostgreSQL the key carries what pages read, numbers
        # last: each begins at a multiple of its size.
        postgresql_include=[
            "end",
            "dataset",
            "type",
            "status",
            "cameo",
            "quad",
            "seq",
            "intensity",
        ],
    ),
    Index(None, "event"),
    sqlite_with_rowid=False,
)
RUNNING_CARRIES = (
    "start", "event", "role", "via", "dataset", "type", "status", "cameo", "quad", "seq",
    "intensity",
)  # fmt: skip
"""What the index of lasting events has on PostgreSQL besides, as the key of participations has.

Else the server, which does not know how few events last, would walk all events of the actor in the
key, as soon as it may read the key alone (decision 044)."""
Index(
    "ix_participations_running",
    participations.c.actor,
    participations.c.end,
    sqlite_where=participations.c.end != participations.c.start,
    postgresql_where=participations.c.end != participations.c.start,
    postgresql_include=RUNNING_CARRIES,
)
RARE_ROLES = ("participant", "host", "affected", "mediator", "absent")
"""The roles that most participations do not have, which have an index."""
IS_RARE_ROLE = participations.c.role.not_in(
    [literal_column("'initiator'"), literal_column("'target'")]
)
"""The condition of that index, as a statement has to have it."""
Index(
    "ix_participations_role",
    participations.c.actor,
    participations.c.role,
    participations.c.start,
    sqlite_where=IS_RARE_ROLE,
    postgresql_where=IS_RARE_ROLE,
)

pairs = Table(
    "pairs",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("roles", Integer, nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("one", "other", "start", "event", postgresql_include=["roles", "seq"]),
    sqlite_with_rowid=False,
)
"""Current events by each two of their actors, of which `one` sorts first; not retracted ones.

An event of more than `MAX_PAIRED` actors (`app/events/index_rows.py`) has a row for each of them
instead, whose `other` is empty. `roles` has bits for the roles of the two (`role_bits`). There is
no history: what is asked as of a version is not looked for here."""

tags = Table(
    "tags",
    metadata,
    Column("tag", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("tag", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)

reports = Table(
    "reports",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("source", bytewise_text(), ForeignKey("sources.id"), nullable=False),
    Column("publisher", bytewise_text(), nullable=False),
    Column("published", bytewise_text()),
    Column("reliability", bytewise_text()),
    Column("credibility", Integer),
    Column("stance", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("event", "number"),
    Index(None, "source"),
    Index(None, "publisher"),
    sqlite_with_rowid=False,
)

signals = Table(
    "signals",
    metadata,
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("event", bytewise_text(), nullable=False),
    Column("origin", bytewise_text(), nullable=False),
    Column("rule", bytewise_text(), nullable=False),
    Column("score", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("quad", Integer, nullable=False),
    Column("weight", Float, nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("seq", SEQUENCE, nullable=False),
    PrimaryKeyConstraint("from", "toward", "start", "event"),
    Index(None, "event"),
    sqlite_with_rowid=False,
)
"""Signals, each spread over the days from `start` to `end`; what lasts weighs more."""

day_sums = Table(
    "day_sums",
    metadata,
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("day", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    *(Column(f"q{quad}", Integer, nullable=False) for quad in (1, 2, 3, 4)),
    PrimaryKeyConstraint("from", "toward", "dataset", "day"),
    sqlite_with_rowid=False,
)
"""Sums of the signals by day, as they are spread.

`positive`, `negative` and the classes `q1` to `q4` are in thousandths; `n` counts each signal once,
on its first day."""

volumes = Table(
    "volumes",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("size", bytewise_text(), nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("dataset", "size", "start"),
    sqlite_with_rowid=False,
)
"""Signals of a dataset by all actors together, counted by `day` and by `month`."""

month_counts = Table(
    "month_counts",
    metadata,
    Column("actor", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("month", bytewise_text(), nullable=False),
    Column("type", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("cooperation", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("scored", Integer, nullable=False),
    Column("intensity", BigInteger, nullable=False),
    Column("lasting", Integer, nullable=False),
    Column("peak", BigInteger, nullable=False),
    Column("at_peak", Integer, nullable=False),
    PrimaryKeyConstraint("actor", "dataset", "month", "type"),
    sqlite_with_rowid=False,
)
"""Counts of the events that are not retracted, by the month in which they began.

Each event counts once for each of its actors, and once for the empty actor, which stands for all;
an event of no type has the empty one. `cooperation` and `conflict` count by quad, `scored` those
with an intensity, `lasting` those of more than a day. `intensity` sums intensities in millionths.
`peak` is the greatest absolute intensity of all that were ever counted in the row, in millionths,
and `at_peak` the number of events that are left of it, which can be none.
"""

# ── bulk loading ──────────────────────────────────────────────────────────────────────────────
loaded = Table(
    "loaded",
    metadata,
    Column("event", bytewise_text(), primary_key=True),
    Column("digest", BigInteger, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("parties", Integer),
    Column("unresolved", Integer, nullable=False, server_default="0"),
    Column("rank", Integer),
    sqlite_with_rowid=False,
)
"""Hashes of each loaded event, so that loading the same row again changes nothing.

`digest` is the hash of the row's values with actors resolved to codes, `row` that of the row as
written. `unresolved` counts the names of the row that no actor has: as long as there are any, the
row is read at each load, since they may be known then. `parties` counts the participants for which
the row names an actor; it is null for older loads, whose `row` is 0 where a name was unknown.
`rank` is that of the highest release which has the row; a lower one does not change the event. It
is null where no release was known.
"""

unresolved = Table(
    "unresolved",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("part", Integer, nullable=False),
    Column("name", bytewise_text(), nullable=False),
    Column("shown", bytewise_text()),
    Column("native", String),
    Column("label", String),
    PrimaryKeyConstraint("event", "part"),
    sqlite_with_rowid=False,
)
"""The names in loaded events that no actor has, so that they can be resolved without their file.

`part` is the number of the participant among the stated ones, or -1 for the country of the place.
`name` is what the row names, such as `acled:Some Militia`, and `shown` how reports show it, where
that differs; `native` the source's own code of the participant, and `label` its name for it.
"""

mentions = Table(
    "mentions",
    metadata,
    Column("event", bytewise_text(), nullable=False),
    Column("source", bytewise_text(), nullable=False),
    Column("locator", String),
    Column("claims", document_text()),
    Column("digest", BigInteger, nullable=False),
    PrimaryKeyConstraint("event", "source"),
    sqlite_with_rowid=False,
)
"""Articles that mention an event; the event itself may be loaded later or never."""

act_counts = Table(
    "act_counts",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("from", bytewise_text(), nullable=False),
    Column("toward", bytewise_text(), nullable=False),
    Column("date", bytewise_text(), nullable=False),
    Column("class", Integer, nullable=False),
    Column("start", bytewise_text(), nullable=False),
    Column("end", bytewise_text(), nullable=False),
    Column("n", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    *(Column(f"q{quad}", Integer, nullable=False) for quad in (1, 2, 3, 4)),
    PrimaryKeyConstraint("dataset", "from", "toward", "date", "class"),
    sqlite_with_rowid=False,
)
"""Acts that were counted elsewhere and have no events here; `day_sums` contains them.

`class` is the quad class of the row, 0 if it has none. Masses and classes are in thousandths."""

alliance_years = Table(
    "alliance_years",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("actor", bytewise_text(), nullable=False),
    Column("partner", bytewise_text(), nullable=False),
    Column("year", Integer, nullable=False),
    Column("defense", Integer),
    Column("offense", Integer),
    Column("neutrality", Integer),
    Column("nonaggression", Integer),
    Column("consultation", Integer),
    PrimaryKeyConstraint("dataset", "actor", "partner", "year"),
    sqlite_with_rowid=False,
)
"""Alliance obligations between states by year: 1, 0, or null where the dataset has no column."""

ideal_points = Table(
    "ideal_points",
    metadata,
    Column("dataset", bytewise_text(), ForeignKey("datasets.code"), nullable=False),
    Column("actor", bytewise_text(), nullable=False),
    Column("session", Integer, nullable=False),
    Column("year", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    PrimaryKeyConstraint("dataset", "actor", "session"),
    sqlite_with_rowid=False,
)
"""Ideal points of states from votes in the General Assembly, with a 90 % interval."""

imports = Table(
    "imports",
    metadata,
    Column("id", bytewise_text(), primary_key=True),
    Column("state", bytewise_text(), nullable=False),
    Column("by", String, nullable=False),
    Column("created_at", bytewise_text(), nullable=False),
    Column("started_at", bytewise_text()),
    Column("finished_at", bytewise_text()),
    Column("seen_at", bytewise_text()),
    Column("options", document_text(), nullable=False),
    Column("counts", document_text(), nullable=False),
    Column("file", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("error", String),
    Column("names", document_text()),
    Index(None, "state", "created_at"),
)
"""Import jobs and their progress; `done` counts the rows that are accounted for.

`names` has the most frequent unresolved names, of which `import_names` has all."""

import_rejects = Table(
    "import_rejects",
    metadata,
    Column("import", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("reject", document_text(), nullable=False),
    PrimaryKeyConstraint("import", "number"),
    sqlite_with_rowid=False,
)

import_names = Table(
    "import_names",
    metadata,
    Column("import", bytewise_text(), nullable=False),
    Column("kind", bytewise_text(), nullable=False),
    Column("name", bytewise_text(), nullable=False),
    Column("label", String),
    Column("times", BigInteger, nullable=False),
    Column("first", bytewise_text(), nullable=False),
    Column("last", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("import", "kind", "name"),
    sqlite_with_rowid=False,
)
"""The names that an import could not resolve: how often, and on which days first and last."""

pull_sources = Table(
    "pull_sources",
    metadata,
    Column("source", bytewise_text(), primary_key=True),
    Column("terms_accepted", bytewise_text()),
    Column("mark", bytewise_text()),
    Column("newest", bytewise_text()),
    Column("restriction", String),
    Column("lists", document_text(), nullable=False),
    Column("last_round", bytewise_text()),
    Column("last_success", bytewise_text()),
    Column("error", String),
)
"""The sources that files are pulled from, and how far that has come.

`mark` is the latest instant of change whose rows are all here, for a source that is asked by it.
`newest` is the latest slot or day that is loaded.
`restriction` is what the source said that it does not show. `lists` has the entity tags of its
lists."""

pull_items = Table(
    "pull_items",
    metadata,
    Column("source", bytewise_text(), nullable=False),
    Column("stream", bytewise_text(), nullable=False),
    Column("item", bytewise_text(), nullable=False),
    Column("url", String, nullable=False),
    Column("stamp", bytewise_text(), nullable=False),
    Column("state", bytewise_text(), nullable=False),
    Column("size", BigInteger),
    Column("checksum", bytewise_text()),
    Column("etag", String),
    Column("last_modified", String),
    Column("tries", Integer, nullable=False),
    Column("next_try", bytewise_text()),
    Column("first_listed", bytewise_text(), nullable=False),
    Column("loaded_at", bytewise_text()),
    Column("publications", Integer, nullable=False),
    Column("rows", BigInteger),
    Column("rejected", BigInteger),
    Column("error", String),
    PrimaryKeyConstraint("source", "stream", "item"),
    Index(None, "source", "state", "next_try"),
    Index(None, "source", "stream", "stamp"),
    sqlite_with_rowid=False,
)
"""The ledger: each file, slot or release that a source has or should have, and what became of it.

`stamp` is the slot or day that it is of, and `checksum` that of the version which is loaded, or is
to be. `publications` counts the versions that were loaded."""


# ── history tables ────────────────────────────────────────────────────────────────────────────
def _define_history_table(table: Table, *indexes: tuple[str, ...]) -> Table:
    """Define the history table of a table: superseded rows, each with the `seq` that ended it."""
    key = [column.name for column in table.primary_key]
    key += [] if "seq" in key else ["seq"]
    carried = table.primary_key.dialect_options["postgresql"]["include"] or ()
    rest = [name for name in carried if name not in key] + ["gone"]
    clustered = table.dialect_options["sqlite"]["with_rowid"] is False
    return Table(
        f"past_{table.name}",
        metadata,
        *(Column(c.name, c.type, nullable=c.nullable) for c in table.columns),
        Column("gone", SEQUENCE, nullable=False),
        PrimaryKeyConstraint(*key, postgresql_include=rest if carried else None),
        *(Index(None, *names) for names in indexes),
        sqlite_with_rowid=not clustered,
    )


HISTORY_TABLES: dict[Table, Table] = {
    actors: _define_history_table(actors),
    actor_names: _define_history_table(actor_names, ("actor",)),
    memberships: _define_history_table(memberships, ("actor", "group"), ("group", "role")),
    sources: _define_history_table(sources),
    datasets: _define_history_table(datasets),
    events: _define_history_table(events, ("seq",), ("start", "id"), ("recorded_at", "id")),
    participations: _define_history_table(participations, ("event", "seq")),
    tags: _define_history_table(tags, ("event", "seq")),
    reports: _define_history_table(reports, ("source", "event")),
    signals: _define_history_table(signals, ("event", "seq")),
}
for _table, _first, _carried in (
    (events, (), ()),
    (participations, ("actor",), (*RUNNING_CARRIES, "gone")),
):
    _columns = [HISTORY_TABLES[_table].c[name] for name in (*_first, "end")]
    _where = HISTORY_TABLES[_table].c.end != HISTORY_TABLES[_table].c.start
    Index(
        f"ix_past_{_table.name}_running",
        *_columns,
        sqlite_where=_where,
        postgresql_where=_where,
        postgresql_include=_carried,
    )

# ── alignment ─────────────────────────────────────────────────────────────────────────────────
dyads = Table(
    "dyads",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("changed", Integer, nullable=False),
    Column("segmented", Integer, nullable=False),
    Column("since", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("one", "other", "dataset"),
    sqlite_with_rowid=False,
)
"""Pairs of actors (`one` sorts before `other`) and whether their materialized shifts are current.

`dataset` is one, or several that are kept together, joined by commas.

`changed` counts the writes that touched their day sums; `segmented` is the value of `changed` at
which `dyad_months` and `shifts` were computed last. A dyad is stale where the two differ, and
`since` is the first day that changed since then."""
Index(
    "ix_dyads_stale",
    dyads.c.dataset,
    dyads.c.since,
    sqlite_where=dyads.c.changed != dyads.c.segmented,
    postgresql_where=dyads.c.changed != dyads.c.segmented,
)

dyad_months = Table(
    "dyad_months",
    metadata,
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("dataset", bytewise_text(), nullable=False),
    Column("first", bytewise_text(), nullable=False),
    Column("last", bytewise_text(), nullable=False),
    Column("dispersion", Float, nullable=False),
    Column("months", LargeBinary, nullable=False),
    Column("index", LargeBinary, nullable=False),
    PrimaryKeyConstraint("one", "other", "dataset"),
)
"""Months of a busy dyad with its first and last day, and the dispersion φ of its masses.

`months` is an array of little-endian 64-bit integers, with a row for each of `MONTH_COLUMNS` in
`app/shifts/materialized/months.py`, `index` one of 64-bit floats, for each of `INDEX_COLUMNS`."""

shifts = Table(
    "shifts",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("p", Float, nullable=False),
    Column("q", Float, nullable=False),
    Column("at_least", Float, nullable=False),
    Column("magnitude", Float, nullable=False),
    Column("robust", Boolean),
    Column("checks", document_text()),
    Column("weight", Float, nullable=False),
    Column("finding", document_text(), nullable=False),
    Column("onset_last", bytewise_text(), nullable=False, server_default=NO_END_DAY),
    Column("first_after", bytewise_text(), nullable=False, server_default=""),
    Column("toward", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("dataset", "one", "other", "number"),
    Index("ix_shifts_ranked", "dataset", "at_least", "q", "onset_last", "first_after", "toward"),
    Index(None, "dataset", "other"),
)
"""Shifts in every dyad with enough data, from the acts of both sides together.

`dataset` is as in `dyads`.

`weight` is that of the wave which a shift belongs to, where q is computed. `onset_last` is the last
day of the onset, and `first_after` the first day after the change: the one after and the other
before all days where no date can be claimed. `toward` says whether the index grew. The index has
all that a ranking is narrowed to."""

undated_dyads = Table(
    "undated_dyads",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    PrimaryKeyConstraint("dataset", "one", "other"),
    Index(None, "dataset", "other"),
    sqlite_with_rowid=False,
)
"""Dyads that were tested, but whose best date leaves too little on a side: tests without a shift.

`dataset` is as in `dyads`."""

dyad_votes = Table(
    "dyad_votes",
    metadata,
    Column("dataset", bytewise_text(), nullable=False),
    Column("one", bytewise_text(), nullable=False),
    Column("other", bytewise_text(), nullable=False),
    Column("first", Integer, nullable=False),
    Column("flags", LargeBinary, nullable=False),
    PrimaryKeyConstraint("dataset", "one", "other"),
    Index(None, "dataset", "other"),
)
"""Months in which a dyad seems to change: a byte of flags for each month from `first` on.

`app/shifts/statistics/waves.py` has the flags. They rest on the days of the dyad alone."""

wave_states = Table(
    "wave_states",
    metadata,
    Column("dataset", bytewise_text(), primary_key=True),
    Column("used", Boolean, nullable=False),
    Column("writes", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Whether shifts of a dataset were computed with waves, and how often its votes were written."""

families = Table(
    "families",
    metadata,
    Column("dataset", bytewise_text(), primary_key=True),
    Column("tests", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The number of tests that the false discovery rate q was computed over.

`dataset` is as in `dyads`: a row says which datasets are kept together."""
