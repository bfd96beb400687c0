"""The forecaster: fit, predict, backtest, save, load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...errors import ARGUMENT, InputError, ModelFileError, advised
from ...progress import OnProgress, Stages
from ...tables.options import DEFAULTS, ReadOptions
from ...tables.panel import Frequency, Panel
from ...words import capital
from .. import arguments
from ..estimator import Estimator
from ..modelfile import FORECASTER_FILE
from .evaluation.backtest import TooShortError, compare
from .evaluation.registry import KINDS, forecast_all, plainest
from .history import Growth, Schema
from .model import NORMALISATIONS, Model, Setup
from .results import Backtest, Quantiles, central_levels, forecast_frame, quantile_levels

if TYPE_CHECKING:
    import pandas as pd

    from ...inspect.subject import Subject

    Data = pd.DataFrame | Panel | str | Path

AUTO = "auto"
WINDOWS = 3


class Forecaster(Estimator):
    """Forecasts every series of a table with whichever model did best on its past.

    The models are an ensemble of LSTM networks and four baselines. A rolling-origin backtest compares them (Tashman
    2000, doi:10.1016/S0169-2070(00)00065-0), and its winner is fitted to all of the data. Nothing is downloaded, and
    nothing is repaired unless `fit` is told to.

    Args:
        horizon: Steps to forecast, 1 to 100,000.
        model: ``"auto"`` for the winner of the backtest, or ``"lstm"``, ``"naive"``, ``"seasonal_naive"``,
            ``"auto_theta"`` or ``"auto_ets"``, which are then fitted without a backtest.
        levels: Central prediction intervals in whole percents, 1 to 99.
        season: Observations in one season, 1 for none; None infers it from the frequency.
        seed: A whole number, 0 to 2**32 - 1. The same seed, data and number of threads give the same forecast, bit for
            bit, unless a budget ends the training.
        budget: Seconds of network training in all, as a number or as text such as ``"60s"``, ``"2m"`` or ``"1h"``; None
            for as long as the size of the data deserves.
        normalisation: On what scale the network reads the past: ``"window"`` scales each window as a whole;
            ``"causal"`` scales each part by what came before, so that the network carries its state over the rows of
            `update`.
        progress: Called with the fraction done, 0 to 1, and a few words.

    Attributes:
        model_: The fitted model.
        kind_: Which model that is, one of the words for ``model`` but ``"auto"``.
        backtest_: The `Backtest`, or None where none was run.
        notes_: Sentences about what was inferred, repaired or left out.
        panel_: The history, a `Panel`; None after `load`.
        schema_: The columns, frequency and season that further data must share.
        read_: How the table was read, as `ReadOptions`.
        setup_: The arguments as they were when the model was fitted.

    Raises:
        InputError: An argument is out of its range, or not one of its words.

    Example:
        >>> forecaster = Forecaster(horizon=12).fit(frame)
        >>> forecaster.predict()  # unique_id, ds, LSTM, LSTM-lo-80, LSTM-hi-80, ...
    """

    _fitted_attribute = "model_"
    _growth: Growth | None = None

    model_: Model
    kind_: str
    backtest_: Backtest | None
    notes_: tuple[str, ...]
    panel_: Panel | None
    schema_: Schema
    read_: ReadOptions
    setup_: Setup

    def __init__(
        self,
        horizon: int,
        *,
        model: str = AUTO,
        levels: tuple[int, ...] = (80, 95),
        season: int | None = None,
        seed: int = 0,
        budget: float | str | None = None,
        normalisation: str = "window",
        progress: OnProgress | None = None,
    ) -> None:
        self.horizon, self.model, self.levels, self.season = horizon, model, levels, season
        self.seed, self.budget, self.normalisation, self.progress = seed, budget, normalisation, progress
        self._setup(1)
        self._word()

    def fit(self, frame: Data, *, windows: int = WINDOWS, read: ReadOptions | None = None) -> Self:
        """Learn from a table; with ``model="auto"`` compare the models on ``windows`` windows first.

        Half of the budget goes to the network in the backtest, half to the one that forecasts.

        Args:
            frame: A long or wide table as a data frame (pandas, polars, pyarrow) or as the path of a CSV or Parquet
                file, or a `Panel`.
            windows: Windows of the backtest, each of ``horizon`` steps.
            read: How the table is read, such as ``ReadOptions(target="sales", fill="linear")``; further tables are
                read in the same way. By default everything is found out, and nothing repaired.

        Returns:
            This object, fitted.

        Raises:
            InputError: For arguments or data that cannot be used; it names row and column.
        """
        panel = self._panel(frame, read)
        asked, word = self._setup(panel.season), self._word()
        panel.frequency.future(max(times[-1] for times in panel.times), asked.horizon)  # refused now, not later
        stages = Stages(self.progress, 2.0 if word == AUTO else 1.0)
        setup, backtest, notes = replace(asked, progress=stages), None, panel.notes
        if word == AUTO:
            setup = replace(setup, budget=asked.budget and asked.budget / 2)
            with stages.stage(1.0, "backtest"):
                word, backtest, said = _winner(panel, setup, windows)
            notes += said
        model = KINDS[word].make(setup)
        with stages.stage(1.0, f"fitting {model.name}"):
            model.fit(panel)
        stages.rest()
        self.model_, self.kind_, self.backtest_, self.notes_ = model, word, backtest, notes
        self.panel_, self.schema_, self.setup_, self.read_ = panel, Schema.of(panel), asked, read or DEFAULTS
        self._growth = None
        return self

    def update(self, frame: Data, *, read: ReadOptions | None = None) -> Self:
        """Add new rows to the end of the history, without learning from them; `predict` then forecasts from the new
        end.

        The forecast is the same as ``predict`` given the whole history. The cost is proportional to the new rows; with
        ``normalisation="causal"`` so is that of the LSTM's forecast, while other models read the whole history again.
        After `load` there is no history: the frame becomes it.

        Args:
            frame: Rows in any form that `fit` takes, with the same columns, of all or some of the series. Those of each
                series continue where its history ends.
            read: How they are read; by default as in `fit`.

        Returns:
            This object.

        Raises:
            InputError: The rows leave a gap or overlap with the history, are of unknown series, in other columns or of
                another frequency, have missing values that are not to be filled, or there are none. Nothing is changed
                then.
        """
        self._check_fitted()
        if self.panel_ is None:
            self.panel_ = self._history(frame, read)
            return self
        new = self._agreeing(self._panel(frame, read, self.schema_, pace=self.panel_.frequency))
        if self._following is None:
            self._growth = Growth(self.panel_, self.model_)
        assert self._growth is not None
        self.panel_ = self._growth.extend(new)
        return self

    def predict(self, frame: Data | None = None, *, read: ReadOptions | None = None) -> pd.DataFrame:
        """Forecast the ``horizon`` steps after the end of each series, as a table.

        Args:
            frame: A history to forecast from in place of the one learned from, in any form that `fit` takes.
            read: How it is read; by default as in `fit`.

        Returns:
            A data frame with a row for each series and step. Its columns are ``unique_id``, ``ds``, the median under
            the name of the model, and for each level both bounds: ``LSTM-lo-80``, ``LSTM-hi-80``.

        Raises:
            InputError: As `predict_quantiles`.
            ModelFileError: As `predict_quantiles`.
        """
        panel = self._history(frame, read)
        return forecast_frame(self._forecast(panel), panel, central_levels(self.setup_.levels))

    def predict_quantiles(self, frame: Data | None = None, *, read: ReadOptions | None = None) -> Quantiles:
        """Forecast the ``horizon`` steps after the end of each series, as an array.

        For a series that was never below zero, neither the median nor a bound is.

        Args:
            frame: A history to forecast from in place of the one learned from, in any form that `fit` takes. Nothing is
                refitted.
            read: How it is read; by default as in `fit`.

        Returns:
            `Quantiles`, with values of shape (series, horizon, quantiles). Its notes tell which values were raised to
            zero, and which series were forecast by another model.

        Raises:
            InputError: Before `fit`, after `load` without a frame, and for data that cannot be used.
            ModelFileError: A loaded model was made for other columns or another frequency.
        """
        return self._forecast(self._history(frame, read))

    def subject(
        self,
        frame: Data | None = None,
        *,
        series: str | None = None,
        step: int | None = None,
        read: ReadOptions | None = None,
    ) -> Subject:
        """The LSTM behind the forecast of one series, for `gatewise.inspect.look_inside`.

        Args:
            frame: A history, as in `predict_quantiles`.
            series: The id of the series; by default the first.
            step: The step ahead, counted from 1, that is shown first; by default the first.
            read: How the frame is read; by default as in `fit`.

        Returns:
            A `Subject`.

        Raises:
            InputError: As `predict_quantiles`, and for a model that is not an LSTM, or a series or step that does not
                exist.
            ModelFileError: As `predict_quantiles`.
        """
        from .subject import subject_of

        panel = self._history(frame, read)
        return subject_of(self.model_, panel, series, step)

    def backtest(self, frame: Data, windows: int = WINDOWS, *, read: ReadOptions | None = None) -> Backtest:
        """Compare all models on the last ``windows`` stretches of ``horizon`` steps. This object stays as it is.

        Args:
            frame: The data, in any form that `fit` takes.
            windows: Windows, at least 1, of ``horizon`` steps each.
            read: How the frame is read.

        Returns:
            A `Backtest`: the scores of every model, the forecasts of every window, and a verdict in one sentence.

        Raises:
            InputError: The series are too short for a single window, or the data cannot be used.
        """
        panel = self._panel(frame, read)
        word, setup = self._word(), replace(self._setup(panel.season), progress=self.progress)
        return compare(panel, setup, windows=windows, chosen=None if word == AUTO else word)

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one file: weights and settings, none of the data.

        Args:
            path: The file; one that exists is replaced. It is safetensors, with a checksum, and nothing in it is
                executed when it is loaded.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        tensors, settings = self.model_.state()
        record = {
            "kind": self.kind_,
            "settings": dict(settings),
            "horizon": self.setup_.horizon,
            "levels": central_levels(self.setup_.levels),
            "seed": self.setup_.seed,
            "normalisation": self.setup_.normalisation,
            "schema": self.schema_.to_json(),
        }
        FORECASTER_FILE.write(path, tensors, record)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load the forecaster that `save` wrote, ready to predict from a frame.

        Args:
            path: The file. Nothing in it is executed.

        Returns:
            A fitted forecaster without a history: give `predict` a frame, or add one with `update`.

        Raises:
            ModelFileError: The file is damaged, too new, or not a forecaster's.
        """
        tensors, record = FORECASTER_FILE.read(path)
        try:
            kind, schema = record["kind"], Schema.from_json(record["schema"])
            loaded = cls(
                record["horizon"],
                model=kind,
                levels=tuple(record["levels"]),
                season=schema.season,
                seed=record["seed"],
                normalisation=record.get("normalisation", "window"),
            )
            setup = loaded._setup(schema.season)
            model = KINDS[kind].restore(setup, tensors, record["settings"])
        except (InputError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError("its settings do not describe a model", where=str(path)) from error
        loaded.model_, loaded.kind_, loaded.schema_, loaded.setup_ = model, kind, schema, setup
        loaded.backtest_, loaded.notes_, loaded.panel_, loaded.read_ = None, (), None, DEFAULTS
        return loaded

    def _word(self) -> str:
        return arguments.one_of("model", self.model, (AUTO, *KINDS))

    def _setup(self, season: int) -> Setup:
        """The arguments, checked, for data of this season."""
        return Setup(
            horizon=arguments.whole("horizon", self.horizon, most=arguments.LONGEST_HORIZON),
            season=season if self.season is None else arguments.whole("season", self.season),
            levels=quantile_levels(arguments.percents("levels", self.levels)),
            seed=arguments.whole("seed", self.seed, least=0, most=arguments.LARGEST_SEED),
            budget=arguments.seconds("budget", self.budget),
            normalisation=arguments.one_of("normalisation", self.normalisation, NORMALISATIONS),
        )

    def _forecast(self, panel: Panel) -> Quantiles:
        growth = self._following
        if growth is not None and growth.panel is panel:
            return forecast_all(growth.model, panel, self.setup_, growth.floors)
        return forecast_all(self.model_, panel, self.setup_)

    @property
    def _following(self) -> Growth | None:
        """What extends `panel_`; None where a copy of this object has extended its own."""
        return self._growth if self._growth is not None and self._growth.panel is self.panel_ else None

    def _history(self, frame: Data | None, read: ReadOptions | None) -> Panel:
        """The series to forecast from: those of the frame, or else those learned from."""
        self._check_fitted()
        if frame is None:
            if self.panel_ is None:
                raise InputError(
                    "a loaded model holds no data to forecast from", hint="give the history: predict(frame)"
                )
            return self.panel_
        panel = self._panel(frame, read, self.schema_)
        return replace(self._agreeing(panel), season=self.schema_.season)

    def _agreeing(self, panel: Panel) -> Panel:
        """The panel; InputError or ModelFileError where it is of other columns or another frequency."""
        if different := self.schema_.disagreement(panel):
            raise (ModelFileError if self.panel_ is None else InputError)(
                different, hint="give data like those the model learned from, or fit a model to these"
            )
        return panel

    def _panel(
        self, frame: Data, read: ReadOptions | None, schema: Schema | None = None, pace: Frequency | None = None
    ) -> Panel:
        """The series of a table or panel; of a table with a known schema's columns, by their names.

        read: None for as `fit` was told where there is a schema, and else for the defaults.
        """
        season = None if self.season is None else arguments.whole("season", self.season)
        if isinstance(frame, Panel):
            if read is not None:
                raise InputError("a Panel is read already", hint="give it without ReadOptions")
            return frame if season is None else replace(frame, season=season)
        read = read or (DEFAULTS if schema is None else self.read_)
        settled = season if schema is None else schema.season
        if None not in (settled, read.season) and settled != read.season:
            raise InputError(
                f"the season is {settled} for the forecaster, and {read.season} for the table", hint="give it once"
            )
        return _read(frame, replace(read, season=settled or read.season), schema, pace)


def _winner(panel: Panel, setup: Setup, windows: int) -> tuple[str, Backtest | None, tuple[str, ...]]:
    """The word of the best model, the backtest that it won, and notes."""
    try:
        backtest = compare(panel, setup, windows=windows)
    except TooShortError as short:
        word = plainest(setup)
        return word, None, (capital(f"{short.what}, so the forecast is {KINDS[word].name}'s, untested."),)
    word = next(word for word, kind in KINDS.items() if kind.name == backtest.winner)
    return word, backtest, backtest.notes


def _read(frame: Any, read: ReadOptions, schema: Schema | None, pace: Frequency | None) -> Panel:
    """The series of a table; columns that the schema names are taken by name where the table has them.

    pace: the frequency, where that is known.
    """
    from ...tables.panels import panel_from_frame
    from ...tables.reading import load_panel

    try:
        if isinstance(frame, str | Path):
            return load_panel(frame, read, pace=pace)
        if schema is not None:
            known: list[Any] = list(getattr(frame, "columns", []))
            time, target = (name if name in known else None for name in (schema.time, schema.target))
            read = replace(read, time=read.time or time, target=read.target or target)
        return panel_from_frame(frame, read, pace=pace)
    except InputError as error:
        if not ARGUMENT.search(error.hint):
            raise
        raise advised(error, f"{error.hint} (set in ReadOptions, which is passed as read)") from error
