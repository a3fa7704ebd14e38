"""Builds the events of the dataset `unga`: one resolution each, with the votes that were seen."""

from app.bundled.tables import TableRow, read_bundled_table, split_list
from app.events.record import EventRecord, convert_record

DATASET = "unga"
VOTES = ("yes", "no", "abstain", "absent")


def build_resolution_events(grades: dict[str, str | None]) -> list[EventRecord]:
    """Build one event per resolution; `grades` has the reliability of each source by id."""
    votes: dict[str | None, list[TableRow]] = {}
    for row in read_bundled_table("unga_votes.csv"):
        votes.setdefault(row["resolution"], []).append(row)
    return [
        _build_resolution_event(row, votes.get(row["resolution"], []), grades)
        for row in read_bundled_table("unga_resolutions.csv")
    ]


def _build_resolution_event(
    row: TableRow, votes: list[TableRow], grades: dict[str, str | None]
) -> EventRecord:
    resolution, date = str(row["resolution"]), str(row["date"])
    symbol = f" (A/RES/{resolution})" if "/" in resolution else ""
    participants: list[dict[str, str | None]] = [{"actor": "UN", "role": "affected"}]
    participants += [
        {
            "actor": vote["actor"],
            "role": "absent" if vote["vote"] == "absent" else "participant",
            "native": vote["vote"],
        }
        for vote in votes
    ]
    record: EventRecord = convert_record(
        {
            "key": f"{date}-{resolution.lower().replace('/', '-').removesuffix(f'-{date}')}",
            "title": f"{row['title']}{symbol}",
            "summary": _describe_votes(row, votes),
            "date": date,
            "native": "vote",
            "status": "confirmed" if len(split_list(row["sources"])) > 1 else "reported",
            "participants": participants,
            "location": {
                "name": "New York", "country": "USA", "lat": 40.75, "lon": -73.97,
                "precision": "city",
            },
            "tags": ["vote", "ukraine"],
            "reports": [
                {"source": source, "reliability": grades.get(source), "credibility": 2}
                for source in split_list(row["sources"])
            ],
        }
    )  # fmt: skip
    return record


def _describe_votes(row: TableRow, votes: list[TableRow]) -> str:
    """Describe the result, and how much of the roll call was seen."""
    totals = [f"{row[vote]} {words}" for vote, words in zip(
        VOTES, ("in favour", "against", "abstaining", "absent"), strict=True
    ) if row[vote]]  # fmt: skip
    whole = split_list(row["groups_listed"])
    result = f"The vote: {', '.join(totals)}." if totals else "Accounts of the totals differ."
    recorded = (
        f" {len(votes)} votes are recorded here; complete lists: {', '.join(whole) or 'none'}."
    )
    return result + recorded
