"""The bundled datasets: what each is about, whom it follows, and which days it covers."""

from app.sources.schemas import Dataset

LICENCE = "CC BY 4.0"
CASE_ACTORS = ["ARM", "ART"]
"""The states that `curated` follows in what they do and in what is done to them."""


def build_bundled_datasets() -> list[Dataset]:
    """Build the documents of the bundled datasets."""
    return [
        Dataset(
            code="curated",
            name="Entente: the Armenian case",
            version="2",
            licence=LICENCE,
            citation="Entente, curated events",
            scope="What Armenia does with its allies and neighbours and what they do with Armenia,"
            " from the revolution of 2018 to the election of June 2026. Events among others are"
            " here only where they bear on that case.",
            follows=CASE_ACTORS,
            first="2018-01-01",
            last="2026-06-07",
        ),
        Dataset(
            code="realignments",
            name="Entente: realignments since 2014",
            version="1",
            licence=LICENCE,
            citation="Entente, realignments",
            scope="The turning points of some forty realignments since 2014, each given by the acts"
            " that made it; not all that passed between the states concerned. Acts to which"
            " Armenia is a party are in `curated`.",
            follows=[],
            first="2014-03-01",
            last="2026-04-02",
        ),
        Dataset(
            code="antecedents",
            name="Entente: before the realignments",
            version="1",
            licence=LICENCE,
            citation="Entente, antecedents",
            scope="Acts before March 2014 from which realignments began, so far between Georgia and"
            " Russia; not all that passed between them. Of that time nothing else is recorded.",
            follows=[],
            first="2006-03-01",
            last="2014-02-28",
        ),
        Dataset(
            code="memberships",
            name="Entente: steps of memberships",
            version="1",
            licence=LICENCE,
            citation="Entente, steps of memberships",
            scope="One event for each dated step of the memberships that the record has. A step"
            " whose act is an event of another dataset leads there and is not repeated.",
            follows=[],
            first="1945-01-01",
            last="2026-06-07",
        ),
        Dataset(
            code="unga",
            name="Entente: emergency-session votes on Ukraine",
            version="1",
            licence=LICENCE,
            citation="Entente, votes of the eleventh emergency special session",
            scope="The resolutions of the eleventh emergency special session of the UN General"
            " Assembly. A state's vote is recorded where a list with it was seen; a state without"
            " a vote here is unknown, not absent. Votes make no signals.",
            follows=[],
            first="2022-03-02",
            last="2026-02-24",
        ),
    ]
