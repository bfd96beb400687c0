"""The detector: its arguments, fit, update, save, load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from ... import fields
from ...errors import InputError, argument
from ...fields import Fields
from ...files import atomic_write
from ...progress import OnProgress
from ...tables.options import DEFAULTS, ReadOptions, Seasons
from ...tables.panel import Data, Frequency, Panel
from ...version import version
from ..arguments import one_of, whole
from ..estimator import Estimator
from ..forecast.history import SCHEMA, Schema
from ..modelfile import DETECTOR_FILE
from .alarm import QUIET
from .anomalies import Anomalies
from .budget import Budget
from .expectation import REACH
from .rows import ends_of, following, rows_of
from .shapes import LENGTHS
from .stored import WATCH, restored, stored
from .tails import FEWEST
from .watch import MODEL, MODELS, Verdicts, Watch

if TYPE_CHECKING:
    from torch import Tensor

    from ...export.c.write import ExportedC


ENOUGH = 2 * LENGTHS[0] + FEWEST
"""Rows of which the last has a score."""
RECORD = Fields(
    {
        "alerts": fields.optional(fields.text),
        "rate": fields.optional(fields.number(0, 1)),
        "season": fields.optional(fields.whole(1, REACH)),
        "model": fields.one_of(MODELS),
        "schema": SCHEMA,
        "series": fields.table(WATCH),
    },
    lacking=("model",),
)
"""What a file says."""


class Detector(Estimator):
    """Finds anomalies in every series of a table, each row judged by the rows before it and by nothing later.

    The LSTM that comes trained forecasts each row from what was known before it, or the row one season before stands in
    for its forecast. Surprising are a row far from its forecast, far from the usual level, or at the end of a stretch
    of 8, 32 or 96 rows that is far from every stretch of that length before. Each of these five distances is ranked
    among its own latest 2,000, which makes tail probabilities, and the surprise is the mean of their logarithms: ten to
    the power of minus it, times e, is a tail probability too, however they depend on each other (Vovk & Wang 2020,
    doi:10.1093/biomet/asaa027). An alert begins where the own past shows a surprise as large more rarely than the
    budget allows. Nothing is learned from labels, and nothing is downloaded.

    Missing rows are gaps: they surprise by their number alone.

    Args:
        alerts: How many alerts may be expected of each series, as ``"5/month"``, of hour, day, week, month and year, or
            in so many rows: ``"1/1000"``.
        rate: The same as a share of the rows at which an alert begins; above 0, below 1. By default 0.001.
        season: Rows in one season, 1 for none, 4,096 at most. By default one is looked for, in what is known at the
            time.
        model: What a row is compared with: ``"pretrained"``, the forecasts of the LSTM that comes trained, or
            ``"seasonal_naive"``, the row one season before; such a detector needs no network, and in C little memory.
        progress: Called with the fraction done, 0 to 1, and a few words.

    Attributes:
        anomalies_: What is said of the rows that `fit` read, as `Anomalies`; None after `load`.
        schema_: The columns and the frequency that further rows must share.
        read_: How the table was read, as `ReadOptions`.

    Raises:
        InputError: An argument is out of its range, or both ``alerts`` and ``rate`` are given.

    Example:
        >>> detector = Detector(alerts="5/month").fit(frame)
        >>> detector.anomalies_.alerts
        >>> detector.update(next_rows).alerts
    """

    _fitted_attribute: ClassVar[str] = "schema_"

    anomalies_: Anomalies | None
    schema_: Schema
    read_: ReadOptions

    def __init__(
        self,
        *,
        alerts: str | None = None,
        rate: float | None = None,
        season: Seasons | None = None,
        model: str = MODEL,
        progress: OnProgress | None = None,
    ) -> None:
        self.alerts, self.rate, self.season, self.model, self.progress = alerts, rate, season, model, progress
        self._budget()
        self._season(season)
        one_of("model", model, MODELS)

    def fit(self, frame: Data, *, read: ReadOptions | None = None) -> Self:
        """Read a table from its first row to its last, and judge each row by those before it.

        Args:
            frame: A long or wide table as a data frame (pandas, polars, pyarrow), a pandas Series with times as its
                index, the path of a CSV or Parquet file, or a `Panel`.
            read: How the table is read, such as ``ReadOptions(target="load")``. Missing values stay missing, whatever
                it says of filling them.

        Returns:
            This object, which knows these rows; what it says of them is in ``anomalies_``.

        Raises:
            InputError: For arguments or data that cannot be used; it names row and column. No series is long enough.
        """
        budget, wanted = self._budget(), read or DEFAULTS
        season = self._season(wanted.season if self.season is None else self.season)
        panel = rows_of(frame, read, wanted)
        if panel.lengths.max(initial=0) < ENOUGH:
            what = (
                f"the longest series has {panel.lengths.max(initial=0)} rows, and the first {ENOUGH - 1} of each are "
            )
            raise InputError(f"{what}only learned from", hint="give a longer table")
        rate = budget.rate(panel.frequency, panel.times[0][0])
        watches = {name: Watch(rate, season, one_of("model", self.model, MODELS)) for name in panel.ids}
        verdicts = self._verdicts(panel, watches)
        self._watches, self._ends = watches, ends_of(panel)
        self.schema_, self.read_ = Schema.of(panel), wanted
        self.anomalies_ = self._anomalies(panel, verdicts, frame, (*panel.notes, *_notes(panel, watches)))
        return self

    def update(self, frame: Data, *, read: ReadOptions | None = None, most: int | None = None) -> Anomalies:
        """Judge rows that come after those known, one or many, and know them too.

        What is said of a row is the same, bit for bit, however the rows are handed over.

        Args:
            frame: Rows in any form that `fit` takes, of all or some of the series, later than those known. Times that
                are left out are missing rows.
            read: How they are read; by default as in `fit`.
            most: How many there may be, missing ones among and before them included. By default any number, of which
                100,000 may be missing before those of a series.

        Returns:
            What is said of these rows, and of missing ones before them.

        Raises:
            InputError: Before `fit`; the rows overlap with those known, are of unknown series, in other columns or of
                another frequency, or more than ``most``. Nothing is changed then.
        """
        self._check_fitted()
        pace = Frequency(self.schema_.frequency)
        panel = rows_of(frame, read, read or self.read_, pace, self.schema_)
        if different := self.schema_.disagreement(panel):
            raise InputError(different, hint="give rows like those that are known")
        for name in panel.ids:
            self.watch(name)
        panel = following(panel, self._ends, most)
        verdicts = self._verdicts(panel, self._watches)
        self._ends |= ends_of(panel)
        return self._anomalies(panel, verdicts, frame, panel.notes)

    def save(self, path: str | Path) -> None:
        """Write the detector to one file: what it remembers of every series, up to 8,192 of its latest values included.

        Args:
            path: The file; one that exists is replaced. It is safetensors, with a checksum, and nothing in it is
                executed when it is loaded.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        atomic_write(path, self.pack())

    def pack(self) -> bytes:
        """The bytes of the file that `save` writes: all that this detector goes on from.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        import torch

        tensors: dict[str, Tensor] = {}
        series: dict[str, Any] = {}
        for number, (name, watch) in enumerate(self._watches.items()):
            arrays, series[name] = stored(watch, self._ends[name])
            tensors |= {f"{number}.{key}": torch.from_numpy(values.copy()) for key, values in arrays.items()}
        record = {
            "alerts": self.alerts,
            "rate": self.rate,
            "season": self.season,
            "model": one_of("model", self.model, MODELS),
            "schema": self.schema_.to_json(),
            "series": series,
        }
        return DETECTOR_FILE.pack(tensors, record)

    def to_c(self, path: str | Path, *, name: str = "model", series: str | None = None) -> ExportedC:
        """Write a detector of one series as ``name.c`` and ``name.h``, C99, which goes on where this one stands.

        The files need no library and no heap; their functions are ``name_reset(name_state *)``,
        ``name_step(name_state *, const float *x, float *y)``, ``name_run(..., size_t steps)`` and, with
        ``NAME_SELFTEST`` defined, ``int name_selftest(void)``. x is the next row, NaN where it is missing; y has its
        score, its surprise, what that was to exceed, the number of its kind or -1, whether an alert begins, and what
        was expected. Values are floats, and a season is not looked for any more. Forecasts are made in the file, within
        4e-6 of the largest number of their band, with what is missing taken as here.

        Args:
            path: The folder in which to write; it must exist.
            name: What files, types and functions are called.
            series: Which series, by its name; not needed where there is one.

        Returns:
            The files and their sizes.

        Raises:
            InputError: Before `fit`; there are several series and none is named; a value is beyond a float; forecasts
                in C would be others; C does not allow the name; the folder cannot be written.
        """
        from .device import write

        if series is None and len(self.ends_) > 1:
            what = f"the detector knows {len(self.ends_):,} series, and a device reads one"
            raise InputError(what, hint=f"name one with {argument('series')}, such as {next(iter(self.ends_))!r}")
        chosen = next(iter(self.ends_)) if series is None else series
        return write(self.watch(chosen), path, name, f"series {chosen}")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load the detector that `save` wrote, ready to go on.

        Args:
            path: The file. Nothing in it is executed.

        Returns:
            A detector that goes on with `update` where that one stood.

        Raises:
            ModelFileError: The file is damaged, too new, or not a detector's.
        """
        return cls._made(*DETECTOR_FILE.read(path), str(path))

    @classmethod
    def unpack(cls, data: bytes, source: str = "the state") -> Self:
        """The detector in the bytes that `pack` gave, ready to go on.

        Args:
            data: The bytes. Nothing in them is executed.
            source: What they are called in errors.

        Returns:
            A detector that goes on with `update` where that one stood.

        Raises:
            ModelFileError: They are damaged, too new, or not a detector's.
        """
        try:
            tensors, record = DETECTOR_FILE.unpack(data)
        except DETECTOR_FILE.error as error:
            raise DETECTOR_FILE.error(error.what, where=source, hint=error.hint) from error.__cause__
        return cls._made(tensors, record, source)

    @classmethod
    def _made(cls, tensors: Mapping[str, Tensor], record: Mapping[str, Any], source: str) -> Self:
        with DETECTOR_FILE.understood(source, "its settings do not describe a detector"):
            contents = DETECTOR_FILE.fields(RECORD, record)
            given = {name: contents[name] for name in ("alerts", "rate", "season", "model") if name in contents}
            detector = cls(**given)
            detector._restore(tensors, contents)
        return detector

    def _restore(self, tensors: Mapping[str, Tensor], contents: Mapping[str, Any]) -> None:
        """Become what a file describes. Raises InputError where that is no detector."""
        self.schema_ = replace(Schema(**contents["schema"]), longer=tuple(contents["schema"]["longer"]))
        self.read_, self.anomalies_ = DEFAULTS, None
        self._watches, self._ends = {}, {}
        arrays, frequency = (
            {name: tensor.numpy() for name, tensor in tensors.items()},
            Frequency(self.schema_.frequency),
        )
        for number, (name, record) in enumerate(contents["series"].items()):
            own = [key for key in arrays if key.startswith(f"{number}.")]
            watch, end = restored({key.removeprefix(f"{number}."): arrays.pop(key) for key in own}, record, self.model)
            self._watches[name], self._ends[name] = (
                watch,
                np.int64(end) if frequency.counts else np.datetime64(end, "ns"),
            )
            frequency.future(self._ends[name], 1)
        if arrays:
            raise InputError(f"the array {next(iter(arrays))!r} is of no series")

    @property
    def ends_(self) -> dict[str, Any]:
        """The latest time of every series, by its name.

        Raises:
            InputError: Before `fit`.
        """
        self._check_fitted()
        return dict(self._ends)

    def watch(self, name: str) -> Watch:
        """What is remembered of a series, which goes on as this object does. Raises InputError where there is none."""
        self._check_fitted()
        if name not in self._watches:
            what = f"there is no series {name!r} among those known"
            raise InputError(what, hint="give rows of known series, or fit a detector to the whole of it")
        return self._watches[name]

    def _budget(self) -> Budget:
        return Budget.of(self.alerts, self.rate)

    def _season(self, season: Seasons | None) -> int | None:
        return None if season is None else whole("season", season, most=REACH)

    def _verdicts(self, panel: Panel, watches: Mapping[str, Watch]) -> tuple[Verdicts, ...]:
        found: list[Verdicts] = []
        for number, (name, values) in enumerate(zip(panel.ids, panel.observed, strict=True)):
            if self.progress:
                self.progress(number / len(panel), f"reading {name}" if len(panel) > 1 else "reading")
            watch = watches[name]
            found.append(watch.read(values))
            if len(panel) > 1:
                watch.shapes.rest()
        return tuple(found)

    def _anomalies(
        self, panel: Panel, verdicts: tuple[Verdicts, ...], frame: Data, notes: tuple[str, ...]
    ) -> Anomalies:
        source = Path(frame).name if isinstance(frame, str | Path) else panel.target or "all series"
        return Anomalies(panel, verdicts, self._budget(), notes, source, "", version())


def _notes(panel: Panel, watches: Mapping[str, Watch]) -> tuple[str, ...]:
    short = [name for name, length in zip(panel.ids, panel.lengths.tolist(), strict=True) if length < ENOUGH]
    seasons = sorted({watch.expectation.season for watch in watches.values()})
    said = "no season was found" if seasons == [1] else f"season {', '.join(map(str, seasons))}, found on the way"
    missing = sum(int(made.sum()) for made in panel.made)
    return (
        f"the first {ENOUGH - 1} rows of each series are learned from, and have no score",
        f"an alert is over when nothing as surprising has come for {QUIET} rows",
        said,
        *(["1 missing row is a gap, and no value stands in for it"] if missing == 1 else []),
        *([f"{missing:,} missing rows are gaps, and no values stand in for them"] if missing > 1 else []),
        *([f"too short for a score: {', '.join(short[:3])}{' and others' if len(short) > 3 else ''}"] if short else []),
    )
