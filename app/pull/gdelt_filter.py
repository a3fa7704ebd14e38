"""A part of GDELT: the rows of its files that are taken, chosen before they are loaded."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.bundled.tables import read_bundled_table
from app.ingest.formats.gdelt import COLUMNS_2
from app.pull.items import PullError

_ROOTS = {f"{number:02}" for number in range(1, 21)}
_ACTORS = [COLUMNS_2.index(name) for name in ("actor1countrycode", "actor2countrycode")]
_PLACE, _ROOT = COLUMNS_2.index("actiongeo_countrycode"), COLUMNS_2.index("eventrootcode")


@dataclass(frozen=True, slots=True)
class GdeltFilter:
    """Which rows of events are taken; where both are named, a row has to pass both."""

    countries: tuple[str, ...] = ()
    """Codes of ISO 3166: an actor is of one of them, or the place is in it."""
    roots: tuple[str, ...] = ()
    """Root codes of CAMEO."""

    @classmethod
    def parse_words(cls, words: Sequence[str]) -> "GdeltFilter":
        """Parse words such as `country=ARM,AZE` and `root=18,19`; raises `PullError`."""
        found: dict[str, tuple[str, ...]] = {}
        for word in words:
            name, _, values = word.partition("=")
            if name not in ("country", "root") or name in found or not values:
                raise PullError(f"--where takes country=ARM,AZE and root=18,19, not {word}", 2)
            found[name] = tuple(sorted({value.strip() for value in values.split(",")}))
        made = cls(found.get("country", ()), found.get("root", ()))
        _list_codes(made.countries)
        if wrong := set(made.roots) - _ROOTS:
            raise PullError(f"--where root= takes 01 to 20, not {', '.join(sorted(wrong))}", 2)
        return made

    @property
    def description(self) -> str:
        """The filter in words, for the description of the dataset."""
        said = []
        if self.countries:
            said.append(f"with an actor of, or a place in, {' or '.join(self.countries)}")
        if self.roots:
            said.append(f"with the root code {' or '.join(self.roots)}")
        return f"rows {' and '.join(said)}"

    def keep_rows(self, path: Path, folder: Path) -> Path:
        """Write an archive with the rows that pass, under the same names."""
        actors, places = _list_codes(self.countries)
        target = folder / f"part-{path.name}"
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w") as made:
            [name] = archive.namelist()
            with archive.open(name) as rows, made.open(name, "w") as out:
                for row in rows:
                    if self._passes(row.decode("utf-8", "replace").split("\t"), actors, places):
                        out.write(row)
        return target

    def _passes(self, cells: list[str], actors: set[str], places: set[str]) -> bool:
        if len(cells) != len(COLUMNS_2):
            return True  # the loader says what is wrong with it
        if self.roots and cells[_ROOT] not in self.roots:
            return False
        if not self.countries:
            return True
        return cells[_PLACE] in places or any(cells[at] in actors for at in _ACTORS)


def _list_codes(countries: Sequence[str]) -> tuple[set[str], set[str]]:
    """List the codes that GDELT has for countries: CAMEO's of actors, and those of places."""
    rows = read_bundled_table("state_codes.csv")
    states = {row["value"]: row["actor"] for row in rows if row["scheme"] == "iso3"}
    if unknown := [code for code in countries if code not in states]:
        raise PullError(f"--where country= takes codes of ISO 3166, not {', '.join(unknown)}", 2)
    wanted = {states[code] for code in countries}
    found: dict[str, set[str]] = {"cameo": set(), "fips": set()}
    for row in rows:
        if row["actor"] in wanted and row["scheme"] in found and row["value"] is not None:
            found[row["scheme"]].add(row["value"])
    return found["cameo"], found["fips"]
