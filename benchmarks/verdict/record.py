"""One series: its verdict, and what came of it in the next window."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from gatewise.models.forecast.evaluation.backtest import compare
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, forecast_all
from gatewise.models.forecast.metrics import coverage
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.results import SCORED, quantile_levels
from gatewise.tables.panel import Frequency, Panel

from .sets import Trial

WITHOUT_NETWORKS = {word: contestant for word, contestant in CONTESTANTS.items() if not contestant.learns}


@dataclass(frozen=True)
class Record:
    """What was said of a series, and what came.

    claim, chosen, best, reference, expected: as in `Judgement`. printed: the relative error of the best model in the
    windows. errors: mean absolute error of each model in the next window. inside: percent of that window in the
    intervals that were printed, by level; told: whether they were said to fall short, by level. moment: as in `Trial`.
    """

    set: str
    name: str
    moment: str
    claim: str
    chosen: str
    best: str
    reference: str
    expected: float
    printed: float
    errors: Mapping[str, float]
    inside: Mapping[str, float]
    told: Mapping[str, bool]


def record(of: str, trial: Trial) -> Record:
    """Hold the contest of one series, and forecast the next window with every model of it."""
    panel = Panel((trial.name,), (np.arange(len(trial.history)),), (trial.history,), Frequency("1"), trial.season)
    setup = Setup(len(trial.future), trial.season, quantile_levels(SCORED), members=frozenset(WITHOUT_NETWORKS))
    backtest = compare(panel, setup, contestants=WITHOUT_NETWORKS)
    judgement, told = backtest.judgement, replace(setup, widening=backtest.widening)
    words = {contestant.name: word for word, contestant in CONTESTANTS.items()}
    models = {score.model: CONTESTANTS[words[score.model]].make(setup) for score in backtest.scores}
    forecasts = {name: forecast_all(model, panel, told) for name, model in models.items()}
    actual, chosen = trial.future[None], forecasts[judgement.chosen]
    return Record(
        set=of,
        name=trial.name,
        moment=trial.moment,
        claim=judgement.claim,
        chosen=judgement.chosen,
        best=judgement.best,
        reference=judgement.reference,
        expected=judgement.expected,
        printed=backtest.scores[0].relative,
        errors={name: float(np.abs(one.median - actual).mean()) for name, one in forecasts.items()},
        inside={str(level): coverage(actual, *chosen.interval(level)) for level in SCORED},
        told={str(level): f"lay in its {level} % interval" in backtest.verdict for level in SCORED},
    )


def kept(path: Path) -> list[Record]:
    """The records in a file of results."""
    return [Record(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def written(records: Iterator[Record], path: Path) -> Iterator[Record]:
    """The records, each appended to the file as soon as it is there."""
    with path.open("a") as file:
        for one in records:
            print(json.dumps(asdict(one)), file=file, flush=True)
            yield one
