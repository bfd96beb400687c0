"""What a detector says of the rows of a table, and the files that can be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import notebook
from ...escape import json_ascii, json_number
from ...files import written
from ...tables.csv_text import csv_text
from ..forecast.results import ids_of
from .results import CAUSES, Alert, Findings, alert_columns
from .watch import KINDS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Anomalies(Findings):
    """Every row of a table with its score, and the alerts.

    Attributes:
        panel: The S series as they were read, a `Panel`.
        verdicts: What is said of the rows of each, S `Verdicts`.
        budget: How many alerts were asked for.
        notes: Sentences about what was inferred or left out.
        source: What the data are called.
        command: The command line that makes this again; empty where there is none.
        version: The version of gatewise.
    """

    def __str__(self) -> str:
        return f"{self.source}: {self.verdict}"

    def _repr_html_(self) -> str:
        """The verdict and the alerts, as a notebook shows them."""
        heads, cells = zip(*alert_columns(self), strict=True)
        table = notebook.table(heads, zip(*cells, strict=True)) if self.alerts else ""
        return notebook.paragraph(str(self)) + table

    def to_pandas(self) -> pd.DataFrame:
        """All rows.

        Returns:
            A data frame with a row for each series and time: ``unique_id``, ``ds``, ``y`` (NaN where nothing was
            observed), ``expected`` (the median), ``lo-95``, ``hi-95``, ``surprise`` (decades), ``level`` (what the
            surprise was to exceed), ``score`` (0 to 1), ``alert`` (whether one begins) and ``kind`` (of the alert that
            the row belongs to, else ``""``).
        """
        import pandas as pd

        panel, verdicts = self.panel, self.verdicts
        expected = np.concatenate([one.expected for one in verdicts])
        names = np.array([*KINDS, ""], object)
        return pd.DataFrame(
            {
                "unique_id": np.repeat(ids_of(panel), panel.lengths),
                "ds": np.concatenate(panel.times),
                "y": np.concatenate(panel.observed),
                "expected": expected[:, 1],
                "lo-95": expected[:, 0],
                "hi-95": expected[:, 2],
                "surprise": np.concatenate([one.surprise for one in verdicts]),
                "level": np.concatenate([one.level for one in verdicts]),
                "score": np.concatenate([one.score for one in verdicts]),
                "alert": np.concatenate([one.begins for one in verdicts]),
                "kind": names[np.concatenate([one.kind for one in verdicts])],
            }
        )

    def to_csv(self, path: str | Path | None = None) -> str:
        """The table of `to_pandas` as CSV; an id that a spreadsheet would run as a formula is led by an apostrophe.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text.

        Raises:
            InputError: The file cannot be written.
        """
        frame = self.to_pandas()
        frame["level"] = frame["level"].where(np.isfinite(frame["level"]))
        return written(path, csv_text(frame))

    def to_json(self, path: str | Path | None = None) -> str:
        """The alerts as one line of JSON, the document of ``gatewise detect --json``.

        Its keys are ``version``, ``source``, ``frequency`` (a pandas alias), ``series``, ``rows``, ``budget``,
        ``verdict``, ``notes`` and ``alerts``, a list with ``unique_id``, ``begin``, ``end``, ``peak`` (ISO 8601, or a
        counter), ``rows``, ``kind``, ``cause`` (in words), ``value``, ``expected``, ``lo-95`` and ``hi-95`` (at the
        peak) and ``score``. What is undefined is null.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text, in ASCII.

        Raises:
            InputError: The file cannot be written.
        """
        document = {
            "version": self.version,
            "source": self.source,
            "frequency": self.panel.frequency.alias,
            "series": len(self.panel),
            "rows": int(self.panel.lengths.sum()),
            "budget": str(self.budget),
            "verdict": self.verdict,
            "notes": self.notes,
            "alerts": [_alert(alert) for alert in self.alerts],
        }
        return written(path, json_ascii(document))

    def to_html(self, path: str | Path | None = None) -> str:
        """The page: each series with what was expected of it, its score, and the alerts.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The page, which needs no other file and no network.

        Raises:
            InputError: The file cannot be written.
            ModuleNotFoundError: Jinja is not installed.
        """
        from .report import render

        return written(path, render(self))


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "unique_id": alert.series,
        "begin": alert.begin.replace(" ", "T"),
        "end": alert.end.replace(" ", "T"),
        "peak": alert.time.replace(" ", "T"),
        "rows": alert.last - alert.row + 1,
        "kind": alert.kind,
        "cause": CAUSES[alert.kind],
        "value": json_number(alert.value),
        "expected": json_number(alert.expected),
        "lo-95": json_number(alert.low),
        "hi-95": json_number(alert.high),
        "score": json_number(alert.score),
    }
