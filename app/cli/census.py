"""The command `entente census`."""

from dataclasses import asdict

from app.bundled.census import count_events, describe_census
from app.bundled.load_bundled import build_bundled_record
from app.cli.output import CsvOption, JsonOption, choose_form, print_data


def print_census(as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Count what the bundled record rests on: events, evidence, dates, stated signals."""
    form = choose_form(as_json, as_csv)
    record = build_bundled_record()
    if form == "table":
        for line in describe_census(record):
            print(line)
        return
    counts = [count_events(name, events, record.sources) for name, events in record.events.items()]
    print_data(form, [asdict(census) for census in counts])
