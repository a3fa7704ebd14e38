"""Names of families: a dataset, or several that are asked for together, joined by commas. Pure."""

from collections.abc import Collection

_SEPARATOR = ","
"""The code of a dataset contains none."""


def name_family(datasets: Collection[str]) -> str:
    """Name the family of all dyads of some datasets, whatever their order."""
    return _SEPARATOR.join(sorted(set(datasets)))


def split_family(family: str) -> tuple[str, ...]:
    """Split the name of a family into its datasets."""
    return tuple(family.split(_SEPARATOR))


def is_joint_family(family: str) -> bool:
    """Whether a family has the dyads of several datasets."""
    return _SEPARATOR in family
