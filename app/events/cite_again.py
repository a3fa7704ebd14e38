"""Events that were built with other particulars of their sources than are stored by now. Pure."""

from collections.abc import Mapping

from app.events.index_rows import COLUMNS_BY_TABLE, EventRows, parse_last_day_cached
from app.events.render import decode_normalized_event, encode_event_body, replace_event_reports
from app.sources.record import CitedSource

_COUNT = COLUMNS_BY_TABLE["events"].index("independent_sources")


def cite_sources_again(rows: EventRows, cited: Mapping[str, CitedSource]) -> None:
    """Build the documents and reports again that cite some sources, by id.

    The reliability of these sources must be as it was: a report may state one of its own.
    """
    touched = {row[-1] for row in rows.reports if row[2] in cited}
    for n, (seq, ident, status, text) in enumerate(rows.bodies):
        if seq not in touched:
            continue
        body = decode_normalized_event(text + b"}")
        for report in body.reports:
            if (source := cited.get(report.source)) is not None:
                report.title, report.publisher = source.title, source.publisher
                report.url, report.published = source.url, source.published
        body = replace_event_reports(body, body.reports)
        rows.bodies[n] = (seq, ident, status, encode_event_body(body))
        event = rows.events[n]
        rows.events[n] = (*event[:_COUNT], body.independent_sources, *event[_COUNT + 1 :])
    rows.reports = [
        row if (source := cited.get(row[2])) is None else (
            *row[:3], source.publisher,
            parse_last_day_cached(source.published) if source.published else None, *row[5:],
        )
        for row in rows.reports
    ]  # fmt: skip
