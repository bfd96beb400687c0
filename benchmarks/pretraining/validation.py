"""The validation suite: real series by which generators, sizes and recipes are chosen. None of them is held out.

    python -m benchmarks validation                    # the table of the statistical baselines, as it was computed
    python -m benchmarks validation --compute AutoTheta AutoETS      # compute them anew, for an hour

From Python, `evaluate` scores any forecaster on all sets:

    scores = evaluate(lambda one: quantiles of one.histories, shape (N, one.horizon, len(LEVELS)))
    print(table({"mine": scores}))
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gatewise.models.forecast import metrics
from gatewise.tables.panel import Floats

from .suite import SUITE, ValidationSet

LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""The quantiles that a forecaster gives."""
COMPUTED = Path(__file__).with_name("baselines.json")
BASELINES = ("AutoTheta", "AutoETS")

Forecast = Callable[[ValidationSet], Floats]


@dataclass(frozen=True)
class Score:
    """Of one forecaster on one set. mase: mean over series. relative: to the seasonal naive's. covered: percent of
    observations inside the 80 % interval."""

    mase: float
    relative: float
    covered: float


Scores = Mapping[str, Score]


def score(one: ValidationSet, quantiles: Floats) -> Score:
    """How good quantiles of shape (N, H, Q) are on a set."""
    actual = np.stack(one.actual)
    scale = np.array([metrics.seasonal_scale(values, one.scale_season) for values in one.histories])
    mase = float(np.nanmean(metrics.mase(actual, quantiles[..., LEVELS.index(0.5)], scale)))
    naive = float(np.nanmean(metrics.mase(actual, seasonal_naive(one), scale)))
    inside = metrics.coverage(actual, quantiles[..., LEVELS.index(0.1)], quantiles[..., LEVELS.index(0.9)])
    return Score(mase, mase / naive, inside)


def seasonal_naive(one: ValidationSet) -> Floats:
    """The last season again, or the last value where the history is no longer than one; shape (N, H)."""
    return np.stack([_repeated(values, one.scale_season, one.horizon) for values in one.histories])


def _repeated(values: Floats, season: int, horizon: int) -> Floats:
    return np.resize(values[-season:] if len(values) > season else values[-1:], horizon)


def evaluate(forecast: Forecast, names: Sequence[str] = tuple(SUITE)) -> dict[str, Score]:
    """The scores of a forecaster by set."""
    return {name: score(one, forecast(one)) for name in names if (one := SUITE[name]()).histories}


def overall(scores: Scores) -> float:
    """The geometric mean of the relative errors over the sets of real series."""
    return float(np.exp(np.mean([np.log(scores[name].relative) for name in scores if name in REAL])))


def covered(scores: Scores) -> float:
    """The mean percent of observations inside 80 % intervals over the sets of real series."""
    return float(np.mean([one.covered for name, one in scores.items() if name in REAL]))


REAL = tuple(name for name in SUITE if not name.startswith("synthetic"))


def table(results: Mapping[str, Scores]) -> str:
    """Relative errors and coverage by set, a column for each forecaster, beside the baselines.

    The last line has the geometric mean of relative errors and the mean coverage.
    """
    columns = {**baselines(), **results}
    lines = ["".join([f"{'relative MASE (80 % covered)':30}", *(f"{name:>18}" for name in columns)])]
    for name in SUITE:
        cells = [_cell(scores.get(name)) for scores in columns.values()]
        lines.append("".join([f"{name:30}", *(f"{cell:>18}" for cell in cells)]))
    means = [f"{overall(scores):.3f} ({covered(scores):.0f} %)" for scores in columns.values()]
    return "\n".join([*lines, "".join([f"{'mean of real sets':30}", *(f"{mean:>18}" for mean in means)])])


def _cell(one: Score | None) -> str:
    return f"{one.relative:.3f} ({one.covered:.0f} %)" if one else ""


def baselines() -> dict[str, dict[str, Score]]:
    """The statistical baselines as they were computed."""
    if not COMPUTED.exists():
        return {}
    found = json.loads(COMPUTED.read_text(encoding="utf-8"))
    return {model: {name: Score(**one) for name, one in scores.items()} for model, scores in found.items()}


def computed(model: str, names: Sequence[str]) -> dict[str, Score]:
    """The scores of one of statsforecast's models on some sets, a line printed for each."""
    from gatewise.models.forecast.evaluation.baselines import Baseline
    from gatewise.models.forecast.model import Setup

    from ..m4 import panel_of

    def forecast(one: ValidationSet) -> Floats:
        setup = Setup(one.horizon, one.scale_season, LEVELS)
        begun = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantiles = Baseline(model, setup).predict(panel_of(one.histories, one.scale_season)).values
        print(f"{model}, {one.name}: {time.monotonic() - begun:.0f} s", flush=True)
        return quantiles

    return evaluate(forecast, names)


def main(arguments: Sequence[str]) -> None:
    """Print the table, computed anew where that is asked for."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks validation", description=__doc__, formatter_class=form)
    parser.add_argument("--compute", nargs="*", choices=BASELINES, default=[], metavar="MODEL")
    parser.add_argument("--sets", nargs="*", choices=SUITE, default=list(SUITE), metavar="SET", help="of --compute")
    given = parser.parse_args(arguments)
    for model in given.compute:
        known = baselines()
        scores = {**known, model: {**known.get(model, {}), **computed(model, given.sets)}}
        rounded = {
            name: {key: {k: round(v, 4) for k, v in asdict(one).items()} for key, one in each.items()}
            for name, each in scores.items()
        }
        COMPUTED.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    print(table({}))
