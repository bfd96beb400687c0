"""An outcome for other programs, as CSV and as one JSON document, and for readers, as columns of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ...escape import json_ascii, json_number
from ...tables.csv_text import csv_text
from ...words import UNDEFINED, numbers, percent, stamps
from .results import Backtest, Outcome, Quantiles, Score, Worth, interval_levels, total_frame

if TYPE_CHECKING:
    import pandas as pd


def as_csv(outcome: Outcome) -> str:
    """``unique_id, ds, <Model>, <Model>-lo-80, <Model>-hi-80, ...``, one row per series and step, see `csv_text`."""
    return csv_text(outcome.frame)


def totals_as_csv(outcome: Outcome, totals: Quantiles) -> str:
    """``unique_id, from, to, <Model>, <Model>-lo-80, <Model>-hi-80, ...``, one row per series, see `csv_text`."""
    return csv_text(total_frame(totals, outcome.panel, outcome.horizon, outcome.levels))


def as_json(outcome: Outcome) -> str:
    """The document of ``--json``, on one line, in ASCII; its keys are stable.

    ``version``, ``model``, ``horizon``, ``frequency`` (a pandas alias, or a step as text), ``season`` (steps, 1
    for none), ``levels``, ``verdict``, ``notes``, ``backtest`` (null, or ``horizon``, ``season``, ``windows``, ``step``
    and the fields of `Judgement`: ``claim`` (``wins``, ``close``, ``naive`` or ``few``), ``best``, ``runner_up``,
    ``naive``, ``reference``, ``chosen``, ``expected``, ``intervals``, then ``widening`` by level, and ``scores``, best
    first, with the fields of `Score`: ``model``, ``relative``, ``relative_error``, ``median``, ``best``, ``mase``,
    ``smape``, ``wql``, ``msis``, ``coverage`` and ``coverage_error`` in percent by level, ``seconds``,
    ``error_by_step``, and ``covariates``, null or the fields of `Worth`), ``totals``: null, or for each series
    ``unique_id``, ``from``, ``to`` and the keys of a step for their sum, and ``forecast``: for each series and step
    ``unique_id``, ``ds`` (ISO 8601, or a counter), ``forecast`` (the median) and for each level ``lo-80`` and
    ``hi-80``. What is undefined is null.
    """
    document = {
        "version": outcome.version,
        "model": outcome.model,
        "horizon": outcome.horizon,
        "frequency": outcome.panel.frequency.alias,
        "season": outcome.panel.season,
        "levels": outcome.levels,
        "verdict": outcome.verdict,
        "notes": outcome.notes,
        "backtest": outcome.backtest and _backtest(outcome.backtest),
        "totals": outcome.totals and _totals(outcome, outcome.totals),
        "forecast": _rows(outcome),
    }
    return json_ascii(document)


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    return _records(outcome.frame, ["ds"], outcome.levels)


def _totals(outcome: Outcome, totals: Quantiles) -> list[dict[str, Any]]:
    frame = total_frame(totals, outcome.panel, outcome.horizon, outcome.levels)
    return _records(frame, ["from", "to"], outcome.levels)


def _records(frame: pd.DataFrame, times: Sequence[str], levels: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of a frame of forecasts, whatever their model is called."""
    frame["unique_id"] = frame["unique_id"].map(str)
    for name in times:
        if np.issubdtype(frame[name].to_numpy().dtype, np.datetime64):
            frame[name] = [stamp.replace(" ", "T") for stamp in stamps(frame[name].to_numpy())]
    bounds = (f"{side}-{level}" for level in levels for side in ("lo", "hi"))
    frame.columns = ["unique_id", *times, "forecast", *bounds]
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _backtest(backtest: Backtest) -> dict[str, Any]:
    return {
        "horizon": backtest.horizon,
        "season": backtest.season,
        "windows": len(backtest.windows),
        "step": backtest.step,
        **asdict(backtest.judgement),
        "expected": json_number(backtest.judgement.expected),
        "widening": {str(level): json_number(factor) for level, factor in sorted(backtest.widening.items())},
        "scores": [_score(score) for score in backtest.scores],
        "covariates": backtest.worth and _worth(backtest.worth),
    }


def _worth(worth: Worth) -> dict[str, Any]:
    return {
        "names": worth.covariates,
        "model": worth.model,
        "relative": json_number(worth.relative),
        "without": worth.without,
        "relative_without": json_number(worth.relative_without),
        "clear": worth.clear,
        "effects": [
            {"name": one.name, "rise": json_number(one.rise), "standard_error": json_number(one.standard_error)}
            for one in worth.effects
        ],
    }


_FIGURES = ("relative", "relative_error", "median", "best", "mase", "smape", "wql", "msis")


def _score(score: Score) -> dict[str, Any]:
    return {
        "model": score.model,
        **{name: json_number(getattr(score, name)) for name in _FIGURES},
        "coverage": {str(level): json_number(share) for level, share in sorted(score.coverage.items())},
        "coverage_error": {str(level): json_number(error) for level, error in sorted(score.coverage_error.items())},
        "seconds": json_number(score.seconds),
        "error_by_step": [json_number(error) for error in score.error_by_step.tolist()],
    }


Columns = list[tuple[str, list[str]]]
"""Each a heading and one cell per row."""


def forecast_columns(outcome: Outcome, row: int) -> Columns:
    """Time, median and intervals of one series, one row per step, all numbers in one format."""
    times = outcome.panel.frequency.future(outcome.panel.times[row][-1], outcome.horizon)
    values = outcome.quantiles.values[row]
    cells = np.array(numbers(values)).reshape(values.shape)
    written = {level: cells[:, at].tolist() for at, level in enumerate(outcome.quantiles.levels)}
    return [("ds", stamps(times)), (outcome.model, written[0.5]), *_joined(written, outcome)]


def total_columns(outcome: Outcome, totals: Quantiles) -> Columns:
    """What each series adds up to, with its intervals."""
    first, last = (stamps(times) for times in outcome.panel.future(outcome.horizon)[:, [0, -1]].T)
    cells = np.array(numbers(totals.values[:, 0])).reshape(len(first), -1)
    written = {level: cells[:, at].tolist() for at, level in enumerate(totals.levels)}
    names = [("series", list(outcome.panel.ids))] if len(outcome.panel) > 1 else []
    return [*names, ("from", first), ("to", last), (f"{totals.model}, total", written[0.5]), *_joined(written, outcome)]


def _joined(written: Mapping[float, Sequence[str]], outcome: Outcome) -> Columns:
    """The intervals, of bounds that are written already."""
    columns: Columns = []
    for percents in outcome.levels:
        low, high = (written[bound] for bound in interval_levels(percents))
        joined = [f"{least} to {most}" for least, most in zip(low, high, strict=True)]
        columns.append((f"{percents} % interval", joined))
    return columns


def score_columns(backtest: Backtest) -> Columns:
    """The leaderboard, best first."""
    scores = backtest.scores
    columns = [
        ("model", [score.model for score in scores]),
        ("ratio", [_fixed(score.relative, 2) for score in scores]),
        ("MASE", [_fixed(score.mase, 2) for score in scores]),
        ("sMAPE", [percent(score.smape, 1) for score in scores]),
        ("WQL", [_fixed(score.wql, 3) for score in scores]),
        ("MSIS", [_fixed(score.msis, 2) for score in scores]),
    ]
    for level in sorted(scores[0].coverage):
        columns.append((f"in {level} %", [percent(score.coverage[level]) for score in scores]))
    return [*columns, ("time", [f"{score.seconds:.1f} s" for score in scores])]


def effect_columns(worth: Worth) -> Columns:
    """By how much the error rises without what is known of each covariate, and its standard error; the most first."""
    return [
        ("covariate", [one.name for one in worth.effects]),
        ("rises by", [percent(100 * one.rise, 1) for one in worth.effects]),
        ("±", [percent(100 * one.standard_error, 1) for one in worth.effects]),
    ]


def _fixed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if np.isfinite(value) else UNDEFINED
