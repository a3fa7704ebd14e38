"""Say beside the numbers of a chart what they leave out. Pure."""

from collections.abc import Sequence

from app.charts.vega_lite import VegaSpec

MAX_NAMED_DATASETS = 5
"""Datasets that a remark names; it counts the others."""


def list_chart_remarks(body: VegaSpec) -> list[str]:
    """List the remarks of the answer that is drawn, each in sentences.

    Those of an index are in words already; of other answers `meta` has codes.
    """
    meta = body.get("meta") or {}
    found = list(meta.get("remarks") or filter(None, [meta.get("remark")]))
    names, of = body.get("names", {}), body.get("dataset_names", {})
    if meta.get("closed"):
        found.append(describe_closed([of.get(code, code) for code in meta["closed"]]))
    if meta.get("unsearched"):
        found.append(describe_unsearched([of.get(code, code) for code in meta["unsearched"]]))
    # The remarks of an index say it themselves.
    if meta.get("partly_recorded") and not (meta.get("remarks") or meta.get("remark")):
        groups = ", ".join(names.get(code, code) for code in meta["partly_recorded"])
        found.append(
            f"Only some members of {groups} are recorded: what the others did is not counted."
        )
    if meta.get("members_recorded") == "some":
        found.append("Only some members are recorded: one that is not listed may be a member.")
    return found


def describe_unsearched(datasets: Sequence[str]) -> str:
    """Say in which datasets, by name or code, `q` does not search."""
    named = _name_datasets(datasets)
    return f"Words are not searched in the data of {named}: its events are not counted."


def describe_closed(datasets: Sequence[str]) -> str:
    """Say which datasets, by name or code, are left out because they are closed to the reader."""
    named = _name_datasets(datasets)
    return f"Left out, because closed to readers without a key: the data of {named}."


def _name_datasets(datasets: Sequence[str]) -> str:
    named = list(datasets[:MAX_NAMED_DATASETS])
    if len(datasets) > len(named):
        named.append(f"{len(datasets) - len(named)} more datasets")
    return ", ".join(named)
