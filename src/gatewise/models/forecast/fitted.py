"""What a fitted forecaster does: go on with new rows, forecast, and open its network to be looked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ...errors import InputError, argument
from ...tables.options import ReadOptions
from ...tables.panel import Data, Panel
from ...tables.totals import without_total_series
from ...version import version
from .ahead import known_over, unlearned
from .evaluation.contestants import CONTESTANTS, forecast_all
from .forecast import Forecast
from .foreign import refuse
from .history import Growth
from .model import Model, Setup
from .reader import TableReader
from .results import Backtest, Quantiles, central_levels

if TYPE_CHECKING:
    import pandas as pd

    from ...export.c.write import ExportedC
    from ...export.onnx.write import ExportedOnnx
    from ...inspect.subject import Subject


class FittedForecaster(TableReader):
    """What `Forecaster` has once it is fitted; ``_file`` is where it was loaded from, None where it was fitted here."""

    _fitted_attribute = "model_"
    _growth: Growth | None = None
    _file: str | Path | None = None

    model_: Model
    kind_: str
    backtest_: Backtest | None
    notes_: tuple[str, ...]
    setup_: Setup

    def update(
        self,
        frame: Data,
        *,
        read: ReadOptions | None = None,
        future: Data | None = None,
        static: Data | None = None,
        **foreign: object,
    ) -> Self:
        """Add new rows to the end of the history, without learning from them; `predict` then forecasts from the new
        end.

        The forecast is the same as ``predict`` given the whole history. The cost is proportional to the new rows; with
        ``normalisation="causal"`` so is that of the LSTM's forecast, while other models read the whole history again.
        After `load` there is no history: the frame becomes it.

        Args:
            frame: Rows in any form that `fit` takes, with the same columns, of all or some of the series. Those of each
                series continue where its history ends.
            read: How they are read; by default as in `fit`.
            future: A table of covariates after the end of the rows.
            static: The table that describes the series, where the model takes such; by default that of `fit`, or of the
                last update.
            **foreign: As in `fit`.

        Returns:
            This object.

        Raises:
            InputError: The rows leave a gap or overlap with the history, are of unknown series, in other columns or of
                another frequency, have missing values that are not to be filled, or there are none. Nothing is changed
                then.
        """
        refuse("update", foreign)
        self._check_fitted()
        if self.panel_ is None:
            self.panel_ = self._history(frame, read, future, static)
            self._remember(static)
            return self
        pace, known = self.panel_.frequency, self._known_covariates(static, read)
        new = self._agreeing(self._panel(frame, read, self.schema_, pace, known, future))
        if not {*new.ids} <= {*self.panel_.ids}:
            new = without_total_series(new)
        if self._following is None:
            self._growth = Growth(self.panel_, self.model_)
        assert self._growth is not None
        self.panel_ = self._growth.extend(new)
        self._remember(static)
        return self

    def predict(
        self,
        frame: Data | None = None,
        *,
        read: ReadOptions | None = None,
        future: Data | None = None,
        total: bool = False,
        new: str | Sequence[str] | None = None,
        static: Data | None = None,
        **foreign: object,
    ) -> pd.DataFrame:
        """Forecast the ``horizon`` steps after the end of each series, as a table.

        Args:
            frame: A history to forecast from in place of the one learned from, in any form that `fit` takes.
            read: How it is read; by default as in `fit`.
            future: A table of the covariates that are known ahead, at each step of the horizon: a column of times, one
                for each of them, and one of series where they differ between these.
            total: Whether the sum of all steps is forecast, with intervals of its own, in place of the steps.
            new: Names of series without a history, in a list or as text with commas, which are forecast as a mixture of
                the others: those that ``static`` describes alike count most.
            static: The table that describes those and the others, or the series of the frame where the model takes
                what never changes; by default that of `fit`.
            **foreign: As in `fit`.

        Returns:
            A data frame with a row for each series and step. Its columns are ``unique_id``, ``ds``, the median under
            the name of the model, and for each level both bounds: ``LSTM-lo-80``, ``LSTM-hi-80``. Ids that are numbers
            in the table are numbers here. Of totals there is a row for each series, with the first and the last time as
            ``from`` and ``to`` in place of ``ds``.

        Raises:
            InputError: As `predict_quantiles`; ``total`` and ``new`` together, or ``static`` that describes nothing.
            ModelFileError: As `predict_quantiles`.
        """
        refuse("predict", foreign)
        if total and new is not None:
            what = f"{argument('total')} is of series with a history, and {argument('new')} names some without"
            raise InputError(what, hint="ask for one after the other")
        forecast = self.forecast(frame, read=read, future=future, total=total, new=new, static=static)
        return forecast.totals_to_pandas() if total else forecast.to_pandas()

    def to_onnx(self, path: str | Path, *, history: int | None = None, tolerance: float | None = None) -> ExportedOnnx:
        """Write a pretrained or tuned network with all that it is told as one ONNX file (opset 17), which forecasts.

        Its input is ``history`` (T,) float64, T observations in the units of the data, NaN for those that are missing
        and for those before a history that is shorter; its output is ``quantiles`` (horizon, levels) float64, widened
        and kept within bounds as those of `predict_quantiles`, of the steps after the last of the T, be it missing or
        not. Season, horizon and levels are those of this forecaster. Where there are fewer than three from the first
        observation on, or one is infinite, all is NaN.

        Args:
            path: The file to write.
            history: T; by default as many as a forecast looks back on. A longer one forecasts as its latest part does,
                except that a value below zero anywhere lets forecasts be below zero.
            tolerance: The largest difference allowed between ONNX Runtime and this forecaster on histories drawn at
                random, relative to the largest quantile or to 1; by default that of `gatewise.export.to_onnx`.

        Returns:
            The file, its input and output, and the difference.

        Raises:
            InputError: Before `fit`, for another model, for whole numbers, for fewer observations than the model needs,
                for a path that cannot be written, or a difference beyond the tolerance. Nothing is written then.
            ModuleNotFoundError: Where ``onnx`` or ``onnxruntime`` is missing (``pip install 'gatewise[export]'``).
        """
        self._check_fitted()
        from .exported import to_onnx

        return to_onnx(self.model_, self.setup_, Path(path), history, tolerance)

    def to_c(self, path: str | Path, *, name: str = "model", history: int | None = None) -> ExportedC:
        """Write a pretrained or tuned network with all that it is told as ``name.c`` and ``name.h``, C99.

        The files need no library and no heap. Their function is ``name_forecast(name_work *, const double *history,
        double *quantiles)``: T observations in the units of the data to (horizon, levels), row by row, missing ones
        and all else as in `to_onnx`; ``name_work`` is memory that holds nothing between two calls. With
        ``NAME_SELFTEST`` defined there is ``int name_selftest(name_work *)`` as well.

        Args:
            path: The folder in which to write; it must exist.
            name: What the files, types and functions are called.
            history: T; by default as many as a forecast looks back on. A longer one forecasts as its latest part does,
                except that a value below zero anywhere lets forecasts be below zero.

        Returns:
            The files and their sizes: ``flash`` bytes of numbers, weights in half precision where that is exact,
            ``ram`` bytes of ``name_work``, ``macs`` multiplications of a forecast.

        Raises:
            InputError: Before `fit`, for another model, for whole numbers, for fewer observations than the model needs,
                for a name that C does not allow, a folder that cannot be written, or forecasts by the file's own
                statements, of histories drawn at random, that differ from those of this forecaster by more than 4e-6 of
                the largest quantile or of 1. Nothing is written then.
        """
        self._check_fitted()
        from .exported import to_c

        return to_c(self.model_, self.setup_, Path(path), name, history)

    def predict_quantiles(
        self, frame: Data | None = None, *, read: ReadOptions | None = None, future: Data | None = None
    ) -> Quantiles:
        """Forecast the ``horizon`` steps after the end of each series, as an array.

        For a series that was never below zero, neither the median nor a bound is.

        Args:
            frame: A history to forecast from in place of the one learned from, in any form that `fit` takes. Nothing is
                refitted.
            read: How it is read; by default as in `fit`.
            future: As in `predict`.

        Returns:
            `Quantiles`, with values of shape (series, horizon, quantiles). Its notes tell which values were raised to
            zero, and which series were forecast by another model.

        Raises:
            InputError: Before `fit`, after `load` without a frame, and for data that cannot be used.
            ModelFileError: A loaded model was made for other columns or another frequency.
        """
        return self._forecast(self._history(frame, read, future))

    def forecast(
        self,
        frame: Data | None = None,
        *,
        read: ReadOptions | None = None,
        title: str = "",
        future: Data | None = None,
        total: bool = False,
        new: str | Sequence[str] | None = None,
        static: Data | None = None,
    ) -> Forecast:
        """Forecast, and keep with the forecast what it rests on: for reports and files.

        Args:
            frame: A history to forecast from in place of the one learned from, in any form that `fit` takes.
            read: How it is read; by default as in `fit`.
            title: What the data are called in the report; by default the name of the file, or of the column.
            future: As in `predict`.
            total: Whether the sums of the horizon are forecast beside its steps.
            new: As in `predict`; so is ``static``.
            static: See ``new``.

        Returns:
            A `Forecast`, with ``to_html``, ``to_csv`` and ``to_json``. The backtest of `fit` is part of it where the
            series are those learned from, which `update` may have continued.

        Raises:
            InputError: As `predict_quantiles`.
            ModelFileError: As `predict_quantiles`.
        """
        if static is not None and new is None and (frame is None or not self.schema_.static):
            what = f"{argument('static')} describes series that {argument('new')} names, and it names none"
            raise InputError(what, hint="name them, or give it to fit")
        panel = self._history(frame, read, future, static)
        quantiles = self._forecast(panel)
        totals = self._totals(panel, quantiles, frame) if total else None
        newcomers = None
        if new is not None:
            from .newcomers import forecast_new

            described, whole = self.wanted_.static if static is None else static, self.setup_.bounds.whole
            newcomers = forecast_new(quantiles, panel, new, described, read or self.read_, whole=whole)
        said = (*quantiles.notes, *(totals.notes if totals else ()), *(newcomers[1].notes if newcomers else ()))
        return Forecast(
            panel=panel,
            quantiles=quantiles,
            levels=central_levels(quantiles.levels),
            backtest=self.backtest_ if frame is None else None,
            notes=tuple(dict.fromkeys((*panel.notes, *self._provenance(frame), *said))),
            source=title or (Path(frame).name if isinstance(frame, str | Path) else panel.target or "all series"),
            command="",
            version=version(),
            totals=totals,
            newcomers=newcomers,
            fitted=self.model_,
            bounds=self.setup_.bounds,
        )

    def credits(
        self, frame: Data | None = None, *, read: ReadOptions | None = None, future: Data | None = None
    ) -> pd.DataFrame:
        """What makes each step of the regression's forecast, in sums that are checked.

        Args:
            frame: A history to forecast from, as in `predict`.
            read: How it is read; by default as in `fit`.
            future: As in `predict`.

        Returns:
            A data frame with a row for each series and step: ``unique_id``, ``ds``, ``(base)``, the forecast where
            everything is at its mean, then what ``(calendar)`` and each covariate by its name add to it, ``(rest)``,
            what the network adds that forecasts what these leave, ``(bounds)``, by how much the forecast was moved to
            lie within what it may be, and under the name of the model the forecast, which is their sum. A covariate
            that never changed in the past of a series has no part there, NaN.

        Raises:
            InputError: As `predict`, and for a model that is not ``"regression"``.
            ExplanationError: A sum does not add up.
        """
        from .regression.credited import credit_frame, regression_of

        panel = self._history(frame, read, future)
        model = regression_of(self.model_, panel)
        return credit_frame(model.credits(self._known(panel)), self._forecast(panel), panel, self.setup_.bounds)

    def subject(
        self,
        frame: Data | None = None,
        *,
        series: str | None = None,
        step: int | None = None,
        read: ReadOptions | None = None,
        future: Data | None = None,
    ) -> Subject:
        """The LSTM behind the forecast of one series, for `gatewise.inspect.look_inside`.

        Args:
            frame: A history, as in `predict_quantiles`.
            series: The id of the series; by default the first.
            step: The step ahead, counted from 1, that is shown first; by default the first.
            read: How the frame is read; by default as in `fit`.
            future: As in `predict`.

        Returns:
            A `Subject`.

        Raises:
            InputError: As `predict_quantiles`, and for a model that is not an LSTM, or a series or step that does not
                exist.
            ModelFileError: As `predict_quantiles`.
        """
        from .inside.subject import subject_of

        panel = self._known(self._history(frame, read, future))
        return subject_of(self.model_, panel, series, step, self.setup_.bounds)

    def _remember(self, static: Data | None) -> None:
        """Take this table for that of `fit` from now on, if there is one."""
        if static is not None:
            self.wanted_ = replace(self.wanted_, static=static)

    def _forecast(self, panel: Panel) -> Quantiles:
        growth = self._following
        model, lowest = (growth.model, growth.floors) if growth and growth.panel is panel else (self.model_, None)
        known = self._known(panel)
        quantiles = forecast_all(model, known, self.setup_, lowest)
        notes = () if known is panel else unlearned(known, self.setup_.horizon)
        return replace(quantiles, notes=(*quantiles.notes, *notes))

    def _known(self, panel: Panel) -> Panel:
        """The panel with the covariates that the model takes known over the horizon, see `known_over`."""
        if not (self.setup_.covariates and CONTESTANTS[self.kind_].informed):
            return panel
        return known_over(panel, self.setup_.horizon, self.wanted_.future_fill)

    def _totals(self, panel: Panel, quantiles: Quantiles, frame: Data | None) -> Quantiles:
        from .totals.totals import Asked, totals

        asked = Asked(self.model_, CONTESTANTS[self.kind_], self.setup_)
        return totals(quantiles, panel, asked, self.backtest_ if frame is None else None)

    def _provenance(self, frame: Data | None) -> tuple[str, ...]:
        """Notes on what the model learned, beside a forecast of this frame."""
        if self._file is not None:
            return (f"The model comes from {self._file} and learned nothing from these data.",)
        return self.notes_ if frame is None else ("The model was fitted before, and not again to these data.",)

    @property
    def _following(self) -> Growth | None:
        """What extends `panel_`; None where a copy of this object has extended its own."""
        return self._growth if self._growth is not None and self._growth.panel is self.panel_ else None
