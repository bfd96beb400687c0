"""What came of a run."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ....escape import plain_cell
from ....words import count
from .folder import Folder


@dataclass(frozen=True)
class ManyForecasts:
    """What `forecast_many` wrote.

    Attributes:
        folder: Where it stands: ``part-*.parquet`` with the columns of `Forecaster.predict` (ids as text),
            ``_manifest.json``, the model, and ``_set-aside.csv`` where series were refused or fell back.
        model: The name of the model that forecast.
        horizon: Steps ahead.
        frequency: Step between two times, a pandas alias.
        season: Steps in one season, 1 for none.
        series: How many were forecast.
        refused: How many series were not, by the reason.
        fell_back: How many were forecast by another model, by the reason.
        notes: Sentences about what was inferred from the sample that the model was chosen by.
        sha256: Of all forecasts: of the checksums of the parts, in their order.
    """

    folder: Path
    model: str
    horizon: int
    frequency: str
    season: int
    series: int
    refused: Mapping[str, int]
    fell_back: Mapping[str, int]
    notes: tuple[str, ...]
    sha256: str

    def __str__(self) -> str:
        left = sum(self.refused.values())
        refused = f", {count(left, 'series', 'series')} refused" if left else ""
        done = f"{count(self.series, 'series', 'series')} forecast by {self.model}"
        return f"{done}, {count(self.horizon, 'step')} ahead{refused}"

    @property
    def parts(self) -> list[Path]:
        """The files of forecasts, in order."""
        return sorted(self.folder.glob("part-*.parquet"))

    @property
    def totals(self) -> list[Path]:
        """The files of the sums of the horizon, in ``_totals``, with the columns that `Forecaster.predict` gives with
        ``total=True``; none where they were not asked for."""
        return sorted(Folder(self.folder).totals.glob("part-*.parquet"))

    @property
    def set_aside(self) -> Path:
        """The file of the ids that were refused or fell back, with the reason; only there where any were."""
        return Folder(self.folder).set_aside

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**asdict(self), "folder": str(self.folder), "notes": list(self.notes)}


def counted(records: Iterable[Mapping[str, Any]], what: str) -> dict[str, int]:
    """How many series by reason, the commonest reason first. what: the key of the records, see `worker`."""
    total: Counter[str] = Counter()
    for record in records:
        total.update({reason: len(names) for reason, names in record[what].items()})
    return dict(total.most_common())


def as_csv(records: Iterable[Mapping[str, Any]]) -> str:
    """``unique_id, what, reason``: a row for each series that was refused or fell back."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["unique_id", "what", "reason"])
    for record in records:
        for what, words in (("refused", "refused"), ("fell_back", "fell back")):
            rows = [(plain_cell(name), words, reason) for reason, names in record[what].items() for name in names]
            writer.writerows(sorted(rows))
    return text.getvalue()
