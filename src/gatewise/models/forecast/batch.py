"""The forecasts of a part of a table, for engines that hand parts of one to many processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...errors import InputError, argument
from ...tables.covariates import Covariate, Covariates
from ...tables.holidays import NAME as HOLIDAYS
from ...tables.options import Fill, FutureFill, ReadOptions
from ...tables.panel import Frequency, Panel
from ...training.torch_state import exactly_threads
from .ahead import panel_for, refuse_useless
from .estimator import Forecaster
from .evaluation.contestants import CONTESTANTS
from .results import Quantiles, central_levels, forecast_frame

if TYPE_CHECKING:
    from .fitted import FittedForecaster

_MODELS = 4
"""Models that one process keeps loaded."""


class Batch:
    """A saved forecaster as a function from a data frame to a data frame, which any process can call.

    What an engine asks of it: it can be pickled, and is small; every part of a table gives the same columns of the same
    types; and a series has the same bits in whatever part it comes, in whichever process, since each is forecast alone
    and in one thread.

    Args:
        model: The file of a saved forecaster, which every process has to find there; or a fitted `Forecaster`, which
            then travels along.
        id: The column that names the series.
        time: The column of times; by default called as in the table that the model learned from.
        target: The column of values; by default called as in that table.
        rows: A column that says how many rows a series has in the whole table. A part that holds fewer is refused by
            the name of the series: nothing else could tell half a series from a short one.
        fill: What is put into gaps, as in `ReadOptions`.
        future: A frame of the covariates that are known ahead, which travels along: a column of times, one for each of
            them, and one of series where they differ between these. By default they stand in rows of the table whose
            target is empty.
        future_fill: What stands in for those that are missing, see `CovariateOptions`.

    Attributes:
        meta: A frame without rows that has the columns and types of every answer: ``unique_id`` as text, ``ds``, the
            median and the bounds.
        schema: The same in the words of Spark.

    Raises:
        InputError: The forecaster is not fitted.
        ModelFileError: The file is damaged, or of no forecaster.

    Example:
        >>> table.map_partitions(Batch("model.safetensors"), meta=Batch("model.safetensors").meta)  # Dask
    """

    def __init__(
        self,
        model: str | Path | Forecaster,
        *,
        id: str = "unique_id",
        time: str | None = None,
        target: str | None = None,
        rows: str | None = None,
        fill: Fill = "none",
        future: pd.DataFrame | None = None,
        future_fill: FutureFill = "none",
    ) -> None:
        self._source = _packed(model) if isinstance(model, Forecaster) else str(Path(model).resolve())
        fitted = _loaded(self._source)
        self.id, self.rows, self._read = id, rows, ReadOptions(id=id, fill=fill)
        self.time, self.target = time or fitted.schema_.time, target or fitted.schema_.target or "y"
        self._covariates, self._future = replace(fitted.known_covariates, future_fill=future_fill), future
        if future is not None:
            refuse_useless(self._covariates.roles)
            self._check_columns(future, (self.time,), "the future")
        self.meta = _frame(fitted, _example(fitted)).iloc[:0]

    @property
    def schema(self) -> str:
        """The columns and types of every answer, as Spark's ``applyInPandas`` takes them."""
        kinds = {"object": "string", "datetime64[ns]": "timestamp", "int64": "bigint", "float64": "double"}
        return ", ".join(f"`{name}` {kinds[str(kind)]}" for name, kind in self.meta.dtypes.items())

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        """The forecasts of the series in a part of the table.

        Args:
            part: Whole series, in any order of rows, with the covariates that the model takes. Times are dates or whole
                numbers and values are numbers: how text is read would depend on the part. Other columns are not looked
                at.

        Returns:
            As `Forecaster.predict`, with ids as text.

        Raises:
            InputError: A column is missing or of text, a series has gaps, or the part holds fewer rows of one than it
                has.
        """
        if not len(part):
            return self.meta.copy()
        fitted, part = _loaded(self._source), _in_numpy(part)
        self._check(part)
        read = replace(self._read, time=self.time, target=self.target, season=fitted.schema_.season)
        beside = [name for name in self._covariates.roles if name in part.columns]
        columns = part[[self.id, self.time, self.target, *beside]].astype({self.id: str})
        pace, horizon = Frequency(fitted.schema_.frequency), fitted.setup_.horizon
        panel = panel_for(self._covariates, columns, read, horizon, future=self._future, pace=pace, source="the part")
        return _frame(fitted, panel)

    def _check(self, part: pd.DataFrame) -> None:
        elsewhere = () if self._future is None else self._future.columns
        beside = [name for name in self._covariates.roles if name not in elsewhere]
        self._check_columns(part, (self.time, self.id, self.target, *beside, *filter(None, [self.rows])), "the part")
        values = part[self.target]
        if not pd.api.types.is_numeric_dtype(values):
            what = f"it holds {values.dtype}, not numbers"
            raise InputError(what, where=argument("target"), hint="turn it into numbers before the table is parted")
        if self.rows:
            self._check_whole(part)

    def _check_columns(self, frame: pd.DataFrame, names: Iterable[str], where: str) -> None:
        """Raise InputError for a column that is missing, and for one that could be read in two ways."""
        for name in names:
            if name not in frame.columns:
                raise InputError(f"there is no column {name!r}", where=where, hint="name it to Batch")
        times = frame[self.time]
        if not (pd.api.types.is_datetime64_any_dtype(times) or pd.api.types.is_integer_dtype(times)):
            what = f"it holds {times.dtype}, not dates or whole numbers"
            raise InputError(what, where=argument("time"), hint="turn it into dates before the table is parted")
        for name in (name for name in self._covariates.roles if name in frame.columns):
            if _may_be_numbers(frame[name]):
                what = f"the column {name!r} holds text of which some is a number"
                raise InputError(what, where=where, hint="write it as numbers, or as words none of which is one")

    def _check_whole(self, part: pd.DataFrame) -> None:
        """Raise InputError, naming the first series of which rows are missing."""
        series = part.groupby(self.id, sort=False, observed=True)[self.rows]
        here, whole = series.size().to_dict(), series.max().to_dict()
        for name in (name for name, rows in here.items() if rows != whole[name]):
            raise InputError(
                f"this part of the table has {here[name]:,} of its {whole[name]:,} rows",
                where=f"series {name!r}",
                hint="part the table by series, such as by a hash of their names",
            )


def _may_be_numbers(column: Any) -> bool:
    """Whether a column of text holds a cell that is a number, so that a part of it could be read as numbers."""
    kind = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return False
    numbers: Any = pd.to_numeric(column, errors="coerce")
    return bool(numbers.notna().any())


def _in_numpy(part: pd.DataFrame) -> pd.DataFrame:
    """The part with numpy's types where it has pyarrow's, as that of Ray Data."""
    kinds = {name: kind.numpy_dtype for name, kind in part.dtypes.items() if isinstance(kind, pd.ArrowDtype)}
    return part.astype(kinds) if kinds else part


def forecast_apart(fitted: FittedForecaster, panel: Panel) -> Quantiles:
    """The forecasts of some series, each with the bits that it has alone, from one thread."""
    if CONTESTANTS[fitted.kind_].rowwise:
        return fitted.predict_quantiles(panel)
    with exactly_threads(1):
        forecasts = [fitted.predict_quantiles(panel.select([row])) for row in range(len(panel))]
    stand_ins: dict[str, tuple[str, ...]] = {}
    for forecast in forecasts:
        stand_ins |= {reason: stand_ins.get(reason, ()) + names for reason, names in forecast.stand_ins.items()}
    values = np.concatenate([forecast.values for forecast in forecasts])
    return replace(forecasts[0], values=values, members=None, stand_ins=stand_ins)


def _frame(fitted: FittedForecaster, panel: Panel) -> pd.DataFrame:
    forecast = forecast_apart(fitted, panel)
    return forecast_frame(forecast, panel, central_levels(forecast.levels)).astype({"unique_id": object})


def _example(fitted: FittedForecaster) -> Panel:
    """A series such as the model forecasts, for what an answer looks like."""
    schema = fitted.schema_
    frequency = Frequency(schema.frequency)
    times = frequency.future(0 if frequency.counts else np.datetime64("2020-01-01", "ns"), 2)
    names = [*schema.covariates, *schema.static, *([HOLIDAYS] if schema.holidays else [])]
    covariates = Covariates(
        tuple(Covariate(name, role="known") for name in names), (np.zeros((2 + fitted.setup_.horizon, len(names))),)
    )
    return Panel(
        ids=("",),
        times=(times,),
        values=(np.zeros(2),),
        frequency=frequency,
        season=schema.season,
        time=schema.time,
        target=schema.target,
        covariates=covariates if names else None,
    )


def _packed(model: Forecaster) -> bytes:
    """The file of a fitted forecaster."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return (Path(folder) / "model").read_bytes()


@lru_cache(maxsize=_MODELS)
def _loaded(source: str | bytes) -> FittedForecaster:
    """Once in each process."""
    if isinstance(source, str):
        return Forecaster.load(source)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model").write_bytes(source)
        return Forecaster.load(Path(folder) / "model")
