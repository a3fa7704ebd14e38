"""The command `entente census`."""

from app.bundled.census import describe_census
from app.bundled.load_bundled import build_bundled_record


def print_census() -> None:
    """Count what the bundled record rests on: events, evidence, dates, stated signals."""
    for line in describe_census(build_bundled_record()):
        print(line)
