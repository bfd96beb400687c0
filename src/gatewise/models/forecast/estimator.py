"""The forecaster: its arguments, fit, backtest, save, load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from ... import fields
from ...errors import InputError, argument
from ...fields import Fields
from ...progress import OnProgress, Stages
from ...tables.options import DEFAULTS, CovariateOptions, FutureFill, Names, ReadOptions, Seasons
from ...tables.panel import Data, Panel
from .. import arguments
from ..modelfile import FORECASTER_FILE
from .bounds import BOUNDS, Bounds, outside
from .evaluation.backtest import compare
from .evaluation.contestants import CONTESTANTS, untested
from .evaluation.design import Design
from .fitted import FittedForecaster
from .foreign import refuse
from .history import SCHEMA, Schema
from .model import NORMALISATIONS, Setup
from .results import Backtest, central_levels, quantile_levels
from .seasons import with_seasons
from .selection import AUTO, ChosenModel, choose

RECORD = Fields(
    {
        "kind": fields.one_of(CONTESTANTS),
        "settings": fields.table(fields.anything),
        "horizon": fields.whole(1, arguments.LONGEST_HORIZON),
        "levels": fields.listed(fields.whole(1, 99), 99),
        "seed": fields.whole(0, arguments.LARGEST_SEED),
        "normalisation": fields.one_of(NORMALISATIONS),
        "widening": fields.listed(fields.number(1), 99),
        "bounds": BOUNDS,
        "schema": SCHEMA,
    },
    lacking=("normalisation", "widening", "bounds"),
)
"""What a file says; the settings are the model's."""


class Forecaster(FittedForecaster):
    """Forecasts every series of a table with the one model that their past speaks for.

    The models are an LSTM that comes trained, an ensemble of LSTM networks and plain statistical models. A
    rolling-origin backtest compares them (Tashman 2000, doi:10.1016/S0169-2070(00)00065-0), and the model that it
    chooses for all series together is fitted to all of the data. Nothing is downloaded, and nothing is repaired unless
    `fit` is told to.

    Args:
        horizon: Steps to forecast, 1 to 100,000.
        model: ``"auto"`` for the one that the backtest chooses among those that need no training, or a word of one,
            which is fitted without a backtest unless `fit` is told to run one: ``"pretrained"`` for the LSTM that comes
            with the package, ``"lstm"`` for one that learns from these series alone, ``"naive"``, ``"seasonal_naive"``,
            ``"drift"``, ``"auto_theta"``, ``"auto_ets"``, ``"auto_arima"``, ``"mstl"`` for long seasons,
            ``"croston_sba"``, ``"tsb"`` and ``"adida"`` for demand that comes now and then, ``"pool"`` for the mean of
            several distributions; where there are covariates ``"regression"`` for their effects, taken from the history
            before the pretrained network reads it, and ``"direct"`` for the next season regressed on them and on the
            past. ``"tuned"`` is the pretrained network trained further, with ``tune``.
        levels: Central prediction intervals in whole percents, 1 to 99.
        season: Observations in one season, 1 for none, or in several, such as ``(24, 168)``. By default those of the
            calendar that the data show (of hours a day and a week, of days a week and a year), and where time is a
            counter one that stands out; notes say so.
        seed: A whole number, 0 to 2**32 - 1. The same seed, data and number of threads give the same forecast, bit for
            bit, unless a budget ends the training.
        budget: Seconds of network training in all, as a number or as text such as ``"60s"``, ``"2m"`` or ``"1h"``; None
            for as long as the size of the data deserves.
        tune: Seconds at most, as for ``budget``, in which the pretrained network is trained further on these series,
            half of them before the backtest, where it takes part as ``"tuned"``. None for no such training.
        normalisation: On what scale the network reads the past: ``"window"`` scales each window as a whole;
            ``"causal"`` scales each part by what came before, so that the network carries its state over the rows of
            `update`.
        minimum: The least that a forecast may be, intervals included, in the units of the data. By default zero for
            series that never were below, and none for others.
        maximum: The most that a forecast may be; by default there is none.
        whole: Whether forecasts are whole numbers: the median the nearest, intervals those around.
        progress: Called with the fraction done, 0 to 1, and a few words.

    Attributes:
        model_: The fitted model.
        kind_: Which model that is, one of the words for ``model`` but ``"auto"``.
        backtest_: The `Backtest`, or None where none was run.
        notes_: Sentences about what was inferred, repaired or left out.
        panel_: The history, a `Panel`; None after `load`.
        schema_: The columns, frequency and season that further data must share.
        read_: How the table was read, as `ReadOptions`.
        wanted_: Which covariates were read beside it, as `CovariateOptions`.
        setup_: The arguments as they were when the model was fitted.

    Raises:
        InputError: An argument is out of its range, or not one of its words.

    Example:
        >>> forecaster = Forecaster(horizon=12).fit(frame)
        >>> forecaster.predict()  # unique_id, ds, LSTM, LSTM-lo-80, LSTM-hi-80, ...
    """

    def __init__(
        self,
        horizon: int,
        *,
        model: str = AUTO,
        levels: tuple[int, ...] = (80, 95),
        season: Seasons | None = None,
        seed: int = 0,
        budget: float | str | None = None,
        tune: float | str | None = None,
        normalisation: str = "window",
        minimum: float | None = None,
        maximum: float | None = None,
        whole: bool = False,
        progress: OnProgress | None = None,
    ) -> None:
        self.horizon, self.model, self.levels, self.season = horizon, model, levels, season
        self.seed, self.budget, self.tune = seed, budget, tune
        self.normalisation, self.progress = normalisation, progress
        self.minimum, self.maximum, self.whole = minimum, maximum, whole
        self._setup(1)
        self._word()

    def fit(
        self,
        frame: Data,
        *,
        windows: int | None = None,
        step: int | None = None,
        refit: bool = False,
        read: ReadOptions | None = None,
        covariates: Names | None = None,
        future: Data | None = None,
        static: Data | None = None,
        holidays: Data | None = None,
        future_fill: FutureFill = "none",
        **foreign: object,
    ) -> Self:
        """Learn from a table, after a backtest on its past where there is one.

        With ``model="auto"`` the backtest chooses the model, and without one the pretrained network forecasts; for a
        model named it only says how far to trust it. Half of the budget goes to the network in the backtest, half to
        the one that forecasts.

        Args:
            frame: A long or wide table as a data frame (pandas, polars, pyarrow), a pandas Series with times as its
                index, the path of a CSV or Parquet file, or a `Panel`.
            windows: How many windows of ``horizon`` steps the backtest holds back at the end, end to end. By default 3,
                and more for horizons below 4; with a model named 0, which is no backtest.
            step: Steps from the beginning of one window to the next, 1 to ``horizon``; windows that are closer than a
                horizon overlap. By default a quarter of the horizon, which makes nine windows of three.
            refit: Whether networks are trained again before each window, and not only before the first.
            read: How the table is read, such as ``ReadOptions(target="sales", fill="linear")``; further tables are
                read in the same way. By default everything is found out, and nothing repaired.
            covariates: Columns of the frame that are known besides the target, see `CovariateOptions`. One that has
                values after the last target, or in ``future``, is known ahead, one that never changes is static; where
                neither tells it is known ahead, and `predict` needs it as ``future``.
            future: A table of their values after the end of the frame. By default they are the columns that both share.
            static: A table with one row for each series, see `CovariateOptions`.
            holidays: A country, or a table of days, see `CovariateOptions`.
            future_fill: What stands in for missing values of the future, see `CovariateOptions`.
            **foreign: What other libraries call these is refused with a word on what it is called here.

        Returns:
            This object, fitted.

        Raises:
            InputError: For arguments or data that cannot be used; it names row and column.
        """
        refuse("fit", foreign)
        tested = self._tested(windows, step)
        wanted = CovariateOptions(covariates, static, holidays, future_fill)
        panel = self._seasoned(self._panel(frame, read, wanted=wanted, future=future), windows if tested else 0)
        asked, choice = self._setup_of(panel), ChosenModel(self._word())
        if not tested and choice.word == AUTO:
            choice = ChosenModel(untested(asked))
        panel.frequency.future(panel.ends.max(), asked.horizon)  # refused now, not later
        stages = Stages(self.progress, 2.0 if tested else 1.0)
        setup = replace(asked, progress=stages)
        if tested:
            setup = replace(setup, budget=asked.budget and asked.budget / 2)
            with stages.stage(1.0, "backtest"):
                choice = choose(panel, setup, choice.word, windows=windows, step=step, refit=refit)
        model = CONTESTANTS[choice.word].make(replace(setup, members=choice.members))
        with stages.stage(1.0, f"fitting {model.name}"):
            model.fit(panel)
        stages.rest()
        self.model_, self.kind_, self.backtest_ = model, choice.word, choice.backtest
        self.notes_ = panel.notes + outside(panel, asked.bounds) + choice.notes
        self.panel_, self.read_, self.wanted_ = panel, read or DEFAULTS, wanted
        self.schema_ = Schema.of(panel, informed=CONTESTANTS[choice.word].informed)
        self.setup_ = replace(asked, widening=choice.widening)
        self._growth = self._file = None
        return self

    def backtest(
        self,
        frame: Data,
        windows: int | None = None,
        *,
        step: int | None = None,
        refit: bool = False,
        read: ReadOptions | None = None,
        covariates: Names | None = None,
        future: Data | None = None,
        static: Data | None = None,
        holidays: Data | None = None,
        **foreign: object,
    ) -> Backtest:
        """Compare all models on the last ``windows`` stretches of ``horizon`` steps. This object stays as it is.

        Args:
            frame: The data, in any form that `fit` takes.
            windows: How many windows of ``horizon`` steps are held back, at least 1; by default as in `fit`.
            step: Steps from one window to the next, as in `fit`.
            refit: Whether networks are trained again before each, as in `fit`.
            read: How the frame is read.
            covariates: As in `fit`; so are ``future``, ``static`` and ``holidays``.
            future: See ``covariates``.
            static: See ``covariates``.
            holidays: See ``covariates``.
            **foreign: As in `fit`.

        Returns:
            A `Backtest`: the scores of every model, the forecasts of every window, and a verdict in one sentence.

        Raises:
            InputError: The series are too short for a single window, or the data cannot be used.
        """
        refuse("backtest", foreign)
        wanted = CovariateOptions(covariates, static, holidays)
        panel = self._seasoned(self._panel(frame, read, wanted=wanted, future=future), windows)
        word, setup = self._word(), replace(self._setup_of(panel), progress=self.progress)
        chosen = None if word == AUTO else word
        return compare(panel, setup, windows=windows, step=step, refit=refit, chosen=chosen)

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
            "widening": [self.setup_.widening.get(level, 1.0) for level in central_levels(self.setup_.levels)],
            "bounds": asdict(self.setup_.bounds),
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
        with FORECASTER_FILE.understood(path, "its settings do not describe a model"):
            contents = FORECASTER_FILE.fields(RECORD, record)
            schema = Schema(**contents["schema"])
            kind, schema = contents["kind"], replace(schema, longer=tuple(schema.longer))
            loaded = cls(
                contents["horizon"],
                model=kind,
                levels=tuple(contents["levels"]),
                season=(schema.season, *schema.longer) if schema.longer else schema.season,
                seed=contents["seed"],
                normalisation=contents.get("normalisation", NORMALISATIONS[0]),  # older files do not record it
                **contents.get("bounds", {}),
            )
            told = loaded._setup(schema.season, schema.longer, schema.unshown)
            setup = replace(told, widening=_widening(contents), covariates=schema.informed)
            model = CONTESTANTS[kind].restore(setup, tensors, contents["settings"])
        loaded.model_, loaded.kind_, loaded.schema_, loaded.setup_ = model, kind, schema, setup
        loaded.backtest_, loaded.notes_, loaded.panel_, loaded.read_ = None, (), None, DEFAULTS
        loaded.wanted_ = CovariateOptions(schema.covariates or None, holidays=schema.holidays or None)
        loaded._file = path
        return loaded

    def _word(self) -> str:
        return arguments.one_of("model", self.model, (AUTO, *CONTESTANTS))

    def _tested(self, windows: int | None, step: int | None) -> bool:
        """Whether `fit` has a backtest."""
        if windows is not None:
            arguments.whole("windows", windows, least=0)
        self._design(windows or None, step)
        return self._word() == AUTO if windows is None else windows > 0

    def _seasoned(self, panel: Panel, windows: int | None) -> Panel:
        """The panel with its seasons, told from what lies before so many windows; None for as many as usual."""
        return with_seasons(panel, 0 if windows == 0 else self._design(windows).held_back)

    def _design(self, windows: int | None, step: int | None = None) -> Design:
        return Design.of(self._setup(1).horizon, windows, step)

    def _setup_of(self, panel: Panel) -> Setup:
        """The arguments, checked, for these series."""
        covariates = panel.covariates is not None
        return replace(self._setup(panel.season, panel.longer, panel.unshown), covariates=covariates)

    def _setup(self, season: int, longer: tuple[int, ...] = (), unshown: int = 1) -> Setup:
        """The arguments, checked, for data of these seasons."""
        asked = self._asked_seasons()
        if asked is not None:
            season, longer = asked[0], asked[1:]
        return Setup(
            horizon=arguments.whole("horizon", self.horizon, most=arguments.LONGEST_HORIZON),
            season=season,
            longer=longer,
            unshown=unshown,
            levels=quantile_levels(arguments.percents("levels", self.levels)),
            seed=arguments.whole("seed", self.seed, least=0, most=arguments.LARGEST_SEED),
            budget=self._seconds(),
            tune=self.tune is not None,
            normalisation=arguments.one_of("normalisation", self.normalisation, NORMALISATIONS),
            bounds=Bounds.of(self.minimum, self.maximum, self.whole),
        )

    def _seconds(self) -> float | None:
        """Of training."""
        if self.tune is None:
            return arguments.seconds("budget", self.budget)
        seconds = arguments.seconds("tune", self.tune)
        if self.budget is not None or self._word() != AUTO:
            raise InputError(
                f"{argument('tune')} adds the tuned network to the models that a backtest compares, and takes neither "
                f"{argument('model')} nor {argument('budget')}",
                hint=f"use {argument('model', 'tuned')} with {argument('budget', str(self.tune))} to only tune",
            )
        return seconds


def _widening(contents: Mapping[str, Any]) -> dict[int, float]:
    """For each level the factor on its interval, out of a file; older ones do not record it."""
    levels = contents["levels"]
    factors = contents.get("widening", [1.0] * len(levels))
    if len(factors) != len(levels):
        raise InputError(f"there are {len(factors)} factors for {len(levels)} levels")
    return {level: factor for level, factor in zip(levels, factors, strict=True) if factor > 1}
