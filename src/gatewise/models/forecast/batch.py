"""The forecasts of a part of a table, for engines that hand parts of one to many processes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...errors import InputError, argument
from ...tables.options import Fill, ReadOptions
from ...tables.panel import Frequency, Panel
from ...tables.panels import panel_from_frame
from ...training.torch_state import exactly_threads
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
    ) -> None:
        self._source = _packed(model) if isinstance(model, Forecaster) else str(Path(model).resolve())
        fitted = _loaded(self._source)
        self.id, self.rows, self._read = id, rows, ReadOptions(id=id, fill=fill)
        self.time, self.target = time or fitted.schema_.time, target or fitted.schema_.target or "y"
        self.meta = _frame(fitted, _example(fitted)).iloc[:0]

    @property
    def schema(self) -> str:
        """The columns and types of every answer, as Spark's ``applyInPandas`` takes them."""
        kinds = {"object": "string", "datetime64[ns]": "timestamp", "int64": "bigint", "float64": "double"}
        return ", ".join(f"`{name}` {kinds[str(kind)]}" for name, kind in self.meta.dtypes.items())

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        """The forecasts of the series in a part of the table.

        Args:
            part: Whole series, in any order of rows. Times are dates or whole numbers and values are numbers: how text
                is read would depend on the part. Other columns are not looked at.

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
        columns = part[[self.id, self.time, self.target]].astype({self.id: str})
        panel = panel_from_frame(columns, read, "the part", pace=Frequency(fitted.schema_.frequency))
        return _frame(fitted, panel)

    def _check(self, part: pd.DataFrame) -> None:
        for name in (self.id, self.time, self.target, *([self.rows] if self.rows else [])):
            if name not in part.columns:
                raise InputError(f"there is no column {name!r}", where="the part", hint="name it to Batch")
        times, values = part[self.time], part[self.target]
        if not (pd.api.types.is_datetime64_any_dtype(times) or pd.api.types.is_integer_dtype(times)):
            what = f"it holds {times.dtype}, not dates or whole numbers"
            raise InputError(what, where=argument("time"), hint="turn it into dates before the table is parted")
        if not pd.api.types.is_numeric_dtype(values):
            what = f"it holds {values.dtype}, not numbers"
            raise InputError(what, where=argument("target"), hint="turn it into numbers before the table is parted")
        if self.rows:
            self._check_whole(part)

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
    values = np.zeros(2)
    return Panel(("",), (times,), (values,), frequency, schema.season, time=schema.time, target=schema.target)


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
