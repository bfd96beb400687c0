"""A forecast with all that it rests on, and the files that can be made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ... import notebook
from ...errors import InputError, argument
from ...files import written
from ...words import count
from .bounds import ANYTHING, Bounds
from .document import as_csv, as_json, forecast_columns, score_columns, totals_as_csv
from .model import Predictor
from .results import Outcome, Quantiles, total_frame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Forecast(Outcome):
    """What was read, what was forecast, and how far to trust it.

    Attributes:
        panel: The S series as they were read, a `Panel`.
        quantiles: The forecast of the same series, as `Quantiles`.
        levels: The central prediction intervals, in percent.
        backtest: The `Backtest`; None where none was run on these series.
        notes: Sentences about what was inferred, repaired or left out.
        source: What the data are called, in the title of the report.
        command: The command line that makes this forecast again; empty where there is none.
        version: The version of gatewise.
        totals: The sums of the horizon, as `Quantiles` with one step; None where they were not asked for.
        newcomers: Series without a history, as a `Panel`, and their forecast; None where none were named.
        fitted: The model that made it.
        bounds: What the forecasts were kept within.
    """

    fitted: Predictor = field(kw_only=True)
    bounds: Bounds = field(kw_only=True, default=ANYTHING)

    def __str__(self) -> str:
        return f"{self.source}, {count(self.horizon, 'step')} ahead: {self.verdict}"

    def _repr_html_(self) -> str:
        """The verdict, the scores and the forecast of the first series, as a notebook shows them."""
        scores = _table(score_columns(self.backtest)) if self.backtest else ""
        return notebook.paragraph(str(self)) + scores + _table(forecast_columns(self, 0))

    def to_pandas(self) -> pd.DataFrame:
        """The forecast as `Forecaster.predict` gives it.

        Returns:
            A data frame with a row for each series and step: ``unique_id``, ``ds``, the median under the name of the
            model, and for each level both bounds.
        """
        return self.frame

    def totals_to_pandas(self) -> pd.DataFrame:
        """What each series adds up to over the horizon, as `Forecaster.predict` gives it with ``total=True``.

        Returns:
            A data frame with a row for each series: ``unique_id``, the first and the last time as ``from`` and ``to``,
            the median under the name of the model, and for each level both bounds.

        Raises:
            InputError: Totals were not asked for.
        """
        return total_frame(self._asked_totals, self.panel, self.horizon, self.levels)

    def to_csv(self, path: str | Path | None = None) -> str:
        """The table of `to_pandas` as CSV; an id that a spreadsheet would run as a formula is led by an apostrophe.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text.

        Raises:
            InputError: The file cannot be written.
        """
        return written(path, as_csv(self))

    def totals_to_csv(self, path: str | Path | None = None) -> str:
        """The table of `totals_to_pandas` as CSV, with ids as in `to_csv`.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text.

        Raises:
            InputError: Totals were not asked for, or the file cannot be written.
        """
        return written(path, totals_as_csv(self, self._asked_totals))

    @property
    def _asked_totals(self) -> Quantiles:
        if self.totals is None:
            raise InputError("the forecast was made without totals", hint=f"ask for them with {argument('total')}")
        return self.totals

    def to_json(self, path: str | Path | None = None) -> str:
        """Forecast, scores, verdict and notes as one line of JSON, the document of ``gatewise forecast --json``.

        Its keys are ``version``, ``model``, ``horizon``, ``frequency`` (a pandas alias), ``season`` (steps, 1 for
        none), ``levels``, ``verdict``, ``notes``, ``backtest`` (null, or ``horizon``, ``season``, ``windows``,
        ``step``, ``claim``, ``best``, ``runner_up``, ``naive``, ``reference``, ``chosen``, ``expected``, ``intervals``,
        ``scores``, best first, and ``covariates``, null or what they are worth), ``totals``, null or a list with
        ``unique_id``, ``from``, ``to``, ``forecast`` and the bounds, and ``forecast``, a list with ``unique_id``,
        ``ds``, ``forecast`` (the median) and the bounds, such as ``lo-80``. What is undefined is null.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text, in ASCII.

        Raises:
            InputError: The file cannot be written.
        """
        return written(path, as_json(self))

    def to_html(self, path: str | Path | None = None) -> str:
        """The report: one page with charts of the forecast and of the backtest, and the view inside the network.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The page, which needs no other file and no network.

        Raises:
            InputError: The file cannot be written.
            ModuleNotFoundError: Jinja is not installed.
        """
        from .report import embedded_page, render, shown_first

        inside = embedded_page(self.fitted, self.panel, shown_first(self), self.bounds)
        return written(path, render(self, inside))


def _table(columns: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Columns, each a heading and its cells, as a table."""
    heads, cells = zip(*columns, strict=True)
    return notebook.table(heads, zip(*cells, strict=True))
