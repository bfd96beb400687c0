"""What later data must share with the data a model learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ...tables.panel import Panel


@dataclass(frozen=True)
class Schema:
    """The names of two columns, and the pace of time.

    target: empty where every series had a column of its own. frequency: alias, see `Frequency`. season: steps in
    one season.
    """

    time: str
    target: str
    frequency: str
    season: int

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """The schema of these series."""
        return cls(panel.time, panel.target, panel.frequency.alias, panel.season)

    def to_json(self) -> dict[str, object]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError for anything else."""
        texts = [record[name] for name in ("time", "target", "frequency")]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("the column names and the frequency are text")
        return cls(*texts, season=int(record["season"]))

    def disagreement(self, panel: Panel) -> str:
        """How the series differ from the schema, in words; empty where they do not."""
        for what, mine, theirs in (
            ("time column", self.time, panel.time),
            ("target column", self.target, panel.target),
            ("frequency", self.frequency, panel.frequency.alias),
        ):
            if mine and theirs and mine != theirs:
                return f"the model was made for the {what} {mine!r}, the data have {theirs!r}"
        return ""
