"""A run: the source is parted, a model made, every bucket forecast; what was done before is not done again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError, argument
from ....files import atomic_write, check_writable, make_folder, path_of, remove_leftovers
from ....progress import OnProgress, Stages
from ....tables.options import DEFAULTS, ReadOptions
from ....tables.panel import Panel
from ....tables.sound import sound_series
from ....words import count
from ... import arguments
from ...processes import cores
from ..estimator import Forecaster
from ..totals.totals import without_levels
from .asked import Asked, check_same
from .buckets import bucket, numbers, part
from .folder import Folder
from .outcome import ManyForecasts, as_csv, counted
from .records import read_record, sha256, write_record
from .rows import Columns
from .workers import forecast_buckets

SAMPLE = 1000
"""Series by which season and model are chosen."""
PARTING, MODELLING = 0.05, 0.1
"""Shares of the waiting time, for progress only."""


def forecast_many(
    source: str | Path,
    folder: str | Path,
    horizon: int | None = None,
    *,
    model: str | None = None,
    levels: tuple[int, ...] | None = None,
    seed: int | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    whole: bool = False,
    total: bool = False,
    load: str | Path | None = None,
    read: ReadOptions | None = None,
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> ManyForecasts:
    """Forecast every series of a table that may be larger than memory, into a folder of Parquet files.

    The rows are parted by the names of their series, through files; a sample of the series says which season they have
    and which model forecasts; then processes of one thread each forecast part after part. A run that is interrupted, by
    whatever, goes on where it was when it is called again with the same arguments. The forecasts have the same bits
    however often that happens, and for any number of workers. A series that cannot be used does not end the run: it is
    set aside, with the reason.

    Args:
        source: A folder of Parquet files, or a CSV or Parquet file, with a row for each series and time, or with a
            column for each series.
        folder: Where the forecasts are written: a folder that is empty, not there yet, or of a run to be gone on with.
            It holds as much as the source while the run lasts.
        horizon: Steps to forecast; not needed with ``load``.
        model: A word as of `Forecaster`; by default the model is the one that a backtest on the sample chooses.
        levels: Central prediction intervals in whole percents; by default as of `Forecaster`.
        seed: As of `Forecaster`.
        minimum: As of `Forecaster`; so are ``maximum`` and ``whole``.
        maximum: See ``minimum``.
        whole: See ``minimum``.
        total: Whether the sums of the horizon are forecast too, see `ManyForecasts.totals`.
        load: The file of a saved forecaster, which has settled all of these but the horizon, and that too. The
            covariates that it takes are columns of the source, those that are known ahead with rows at the end of each
            series whose target is empty.
        read: How the table is read, each option for all series; ``id`` and ``time`` name a column, or several with
            commas.
        workers: Processes, by default one for each core.
        progress: Called with the fraction done, 0 to 1, and a few words.

    Returns:
        What was written, and what was set aside, as `ManyForecasts`.

    Raises:
        InputError: An argument or the table cannot be used, the folder holds something else, or a worker ended early.
    """
    settings = {"model": model, "levels": levels, "seed": seed}
    settings |= {"minimum": minimum, "maximum": maximum, "whole": whole or None}
    model_file = None if load is None else path_of(load, "load")
    asked = Asked(path_of(source, "source"), horizon, settings, model_file, read or DEFAULTS, total)
    forecaster = _forecaster(asked)
    if total and not forecaster.levels:
        raise without_levels()
    processes = arguments.whole("workers", cores() if workers is None else workers)
    return _Run(asked, Folder(path_of(folder, "folder")), Stages(progress)).outcome(processes)


class _Run:
    """One run in one folder."""

    def __init__(self, asked: Asked, folder: Folder, stages: Stages) -> None:
        self.asked, self.folder, self.stages = asked, folder, stages

    def outcome(self, workers: int) -> ManyForecasts:
        """What came of it, now or before."""
        now = self.asked.to_json()
        over = read_record(self.folder.manifest)
        if over is not None:
            check_same(self.folder.path, over["asked"], now)
            return _outcome(self.folder, over["outcome"])
        self._begin(now)
        plan = read_record(self.folder.plan) or self._plan()
        buckets = numbers(self.folder.buckets)
        left = [number for number in buckets if not self._is_done(number)]
        self.stages.behind, self.stages.share = PARTING + MODELLING, 1 - PARTING - MODELLING
        series, before = 0, len(buckets) - len(left)
        for number, done in enumerate(forecast_buckets(self.folder, left, workers), start=before + 1):
            record = read_record(self.folder.record(done))
            series += record["series"] if record else 0
            self.stages(number / len(buckets), f"{count(series, 'series', 'series')} forecast")
        return self._end(plan, buckets, now)

    def _begin(self, now: dict[str, Any]) -> None:
        """Write down what is asked for; InputError where the folder holds something else."""
        before = read_record(self.folder.asked)
        if before is not None:
            check_same(self.folder.path, before, now)
            return remove_leftovers(self.folder.path)
        make_folder(self.folder.path)
        check_writable(self.folder.manifest)
        remove_leftovers(self.folder.path)
        if others := [path.name for path in self.folder.path.iterdir() if path != self.folder.work]:
            what = f"the folder holds other files, such as {others[0]}"
            raise InputError(
                what, where=str(self.folder.path), hint="choose an empty one, or one that is not there yet"
            )
        make_folder(self.folder.work)
        if self.asked.total:
            make_folder(self.folder.totals)
        write_record(self.folder.asked, now)

    def _plan(self) -> dict[str, Any]:
        """Part the rows and make the model."""
        shutil.rmtree(self.folder.buckets, ignore_errors=True)
        forecaster = _forecaster(self.asked, self.stages)
        with self.stages.stage(PARTING, "parting the rows"):
            beside = () if self.asked.load is None else forecaster.known_covariates.roles
            columns = part(self.asked.source, self.asked.read, self.folder.buckets, tuple(beside))
        with self.stages.stage(MODELLING, "choosing a model"):
            if self.asked.load is None:
                forecaster.fit(self._sample(columns))
        forecaster.save(self.folder.model)
        plan = {
            "source": str(self.asked.source),
            "columns": columns.to_json(),
            "read": asdict(self.asked.read),
            "frequency": forecaster.schema_.frequency,
            "season": forecaster.schema_.season,
            "horizon": forecaster.setup_.horizon,
            "model": forecaster.model_.name,
            "total": self.asked.total,
            "notes": [*forecaster.notes_, *([forecaster.backtest_.verdict] if forecaster.backtest_ else [])],
        }
        write_record(self.folder.plan, plan)
        return plan

    def _sample(self, columns: Columns) -> Panel:
        """Series of all lengths, out of the first bucket that holds any that can be used."""
        read = columns.named(self.asked.read)
        for number in numbers(self.folder.buckets):
            with bucket(self.folder.buckets, number, columns, str(self.asked.source)) as table:
                panel = sound_series(table, read).panel
            if panel is not None:
                by_length = np.argsort(panel.lengths, kind="stable")
                places = np.unique(np.linspace(0, len(panel) - 1, min(SAMPLE, len(panel))).round().astype(np.int64))
                return panel.select(np.sort(by_length[places]))
        raise InputError(
            "no series can be used",
            where=str(self.asked.source),
            hint="Forecaster says why of a few",
        )

    def _is_done(self, number: int) -> bool:
        """Whether a bucket has its record, and its part as the record says."""
        record, files = read_record(self.folder.record(number)), (self.folder.part(number), self.folder.total(number))
        found = [sha256(path.read_bytes() if path.exists() else b"") for path in files]
        return record is not None and [record["sha256"], record["totals"]] == found

    def _end(self, plan: dict[str, Any], buckets: Sequence[int], now: dict[str, Any]) -> ManyForecasts:
        """Write the summary, and remove what an unfinished run needs."""
        records = [record for number in buckets if (record := read_record(self.folder.record(number))) is not None]
        parts = {
            self.folder.part(number).name: record["sha256"]
            for number, record in zip(buckets, records, strict=True)
            if record["series"]
        }
        outcome = {
            **{name: plan[name] for name in ("model", "horizon", "frequency", "season", "notes")},
            "series": sum(record["series"] for record in records),
            "refused": counted(records, "refused"),
            "fell_back": counted(records, "fell_back"),
            "sha256": sha256("".join(parts.values()).encode()),
        }
        if outcome["refused"] or outcome["fell_back"]:
            atomic_write(self.folder.set_aside, as_csv(records))
        write_record(self.folder.manifest, {"asked": now, "outcome": outcome, "parts": parts})
        shutil.rmtree(self.folder.work, ignore_errors=True)
        return _outcome(self.folder, outcome)


def _outcome(folder: Folder, content: dict[str, Any]) -> ManyForecasts:
    settled: dict[str, Any] = {**content, "notes": tuple(content["notes"])}
    return ManyForecasts(folder=folder.path, **settled)


def _forecaster(asked: Asked, progress: OnProgress | None = None) -> Forecaster:
    """What forecasts, or is to be fitted. Raises InputError for arguments that cannot be used."""
    given = {name: value for name, value in asked.settings.items() if value is not None}
    if asked.load is None:
        if asked.horizon is None:
            raise InputError(
                f"{argument('horizon')} is missing",
                hint=f"give the number of steps to forecast, such as {argument('horizon', 12)}",
            )
        return Forecaster(asked.horizon, season=asked.read.season, progress=progress, **given)
    loaded = Forecaster.load(asked.load)
    horizon = None if asked.horizon == loaded.horizon else asked.horizon
    arguments.settled({**given, "season": asked.read.season, "horizon": horizon})
    return loaded
