"""An outcome for other programs: CSV in the naming of the Nixtla libraries, and one JSON document."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...escape import json_number, spreadsheet_safe
from ...words import stamps
from .outcome import Outcome
from .results import Backtest, Score, forecast_frame


def as_csv(outcome: Outcome) -> str:
    """``unique_id, ds, <Model>, <Model>-lo-80, <Model>-hi-80, ...``, one row per series and step.

    An id that a spreadsheet would run as a formula is led by an apostrophe; all others stand as they are.
    """
    frame = forecast_frame(outcome.quantiles, outcome.panel, outcome.levels)
    frame["unique_id"] = frame["unique_id"].map(spreadsheet_safe)
    return frame.to_csv(index=False, lineterminator="\n")


def as_json(outcome: Outcome) -> str:
    """The document of ``--json``, on one line, in ASCII; its keys are stable.

    ``version``, ``model``, ``horizon``, ``frequency`` (a pandas alias, or a step as text), ``season`` (steps, 1
    for none), ``levels``, ``verdict``, ``notes``, ``backtest`` (null, or ``horizon``, ``season``, ``windows``,
    ``winner`` and ``scores``, best first: ``model``, ``mase``, ``smape``, ``crps``, ``coverage`` in percent by
    level, ``seconds``, ``error_by_step``) and ``forecast``: for each series and step ``unique_id``, ``ds``
    (ISO 8601, or a counter), ``forecast`` (the median) and for each level ``lo-80`` and ``hi-80``. What is
    undefined is null.
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
        "forecast": _rows(outcome),
    }
    return json.dumps(document, allow_nan=False)


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    frame = forecast_frame(outcome.quantiles, outcome.panel, outcome.levels)
    times = frame["ds"].to_numpy()
    if np.issubdtype(times.dtype, np.datetime64):
        frame["ds"] = [stamp.replace(" ", "T") for stamp in stamps(times)]
    bounds = (f"{side}-{level}" for level in outcome.levels for side in ("lo", "hi"))
    frame.columns = ["unique_id", "ds", "forecast", *bounds]
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def _backtest(backtest: Backtest) -> dict[str, Any]:
    return {
        "horizon": backtest.horizon,
        "season": backtest.season,
        "windows": len(backtest.windows),
        "winner": backtest.winner,
        "scores": [_score(score) for score in backtest.scores],
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "model": score.model,
        "mase": json_number(score.mase),
        "smape": json_number(score.smape),
        "crps": json_number(score.crps),
        "coverage": {str(level): json_number(share) for level, share in sorted(score.coverage.items())},
        "seconds": json_number(score.seconds),
        "error_by_step": [json_number(error) for error in score.error_by_step.tolist()],
    }
