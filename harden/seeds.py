"""A small file of each kind that gatewise writes: what hostile ones are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

import gatewise
from gatewise.container import Container
from gatewise.estimators import Detector, LanguageModel, SequenceClassifier, SequenceRegressor, Translator
from gatewise.forecast import Forecaster
from gatewise.models.forecast.network.lstm_model import LSTMModel
from gatewise.models.forecast.network.settings import Settings
from gatewise.models.modelfile import DETECTOR_FILE, ESTIMATOR_FILE, FORECASTER_FILE
from gatewise.nn import GRU, LSTM, Chain, Standardize
from gatewise.nn import chain as chains
from gatewise.nn import stream as streams
from gatewise.tables.panel import Frequency, Panel
from gatewise.training import checkpoint

X = [np.ones((length, 2)) * length for length in range(1, 7)]
TEXT = "abc bca cab " * 20
TINY: dict[str, Any] = {"hidden_size": 3, "max_epochs": 1, "random_state": 0}
SEASON = 4


@dataclass(frozen=True)
class Seed:
    """One kind of file. save: writes it. use: does something with what was loaded. beside: what else load needs."""

    name: str
    container: Container
    save: Callable[[Path], object]
    use: Callable[[Any], object]
    beside: Callable[[], nn.Module] | None = None


@cache
def frame() -> pd.DataFrame:
    """Two months of days."""
    days = pd.date_range("2020-01-01", periods=60, freq="D")
    return pd.DataFrame({"ds": days, "y": np.sin(np.arange(60) / 3) + 5})


def lstm_forecaster(normalisation: str) -> Forecaster:
    """A forecaster whose networks are as small as may be, and have learned nothing."""
    forecaster = Forecaster(2, model="naive", season=SEASON).fit(frame())
    setup = replace(forecaster.setup_, normalisation=normalisation)
    model = LSTMModel(2, season=SEASON, levels=setup.levels, normalisation=normalisation)
    small = Settings(look_back=8, patch=4, recent=4, hidden=2, members=1, block=2, steps=1, batch=1)
    model._ensemble = model._build(small)  # pyright: ignore[reportPrivateUsage] - a trained one is larger
    forecaster.model_, forecaster.kind_, forecaster.setup_ = model, "lstm", setup
    return forecaster


def stepping_chain() -> Chain:
    """A chain whose stream is saved."""
    torch.manual_seed(0)
    return Chain(LSTM(2, 3), nn.Linear(3, 1)).eval()


def save_stream(path: Path) -> None:
    """The state of a stream of `stepping_chain` after a step."""
    stream = gatewise.stream(stepping_chain(), 2)
    stream.step(torch.ones(2, 2))
    stream.save(path)


def _chain_of_maps() -> Chain:
    scale = Standardize(torch.zeros(2), torch.ones(2))
    return Chain(scale, nn.LayerNorm(2), nn.Linear(2, 2), nn.ReLU(), nn.Dropout(0.5), GRU(2, [2, 3], 2))


def _chain_of_options() -> Chain:
    options: dict[str, Any] = {"layer_norm": "output", "zoneout": {"c": 0.5}, "clip_gates": 2.0, "learned_state": True}
    return Chain(LSTM(2, 4, 2, bidirectional=True, **options))


def _forecast(model: Forecaster) -> object:
    return model.predict(frame())


def _watch(detector: Detector) -> object:
    """Rows from where its series ends, of the columns that it knows."""
    schema = detector.schema_
    name, end = next(iter(detector.ends_.items()))
    pace = Frequency(schema.frequency)
    times, values = (pace.future(end, 3),), (np.ones(3),)
    panel = Panel((name,), times, values, pace, 1, time=schema.time, target=schema.target)
    return detector.update(panel).to_json()


def _run(chain: Chain) -> object:
    with torch.no_grad():
        return chain(torch.ones(2, 1, 2, dtype=next(chain.parameters()).dtype))


SEEDS: dict[str, Seed] = {
    seed.name: seed
    for seed in (
        Seed(
            "baseline",
            FORECASTER_FILE,
            lambda path: Forecaster(2, model="naive", season=1).fit(frame()).save(path),
            _forecast,
        ),
        Seed("LSTM", FORECASTER_FILE, lambda path: lstm_forecaster("window").save(path), _forecast),
        Seed("causal LSTM", FORECASTER_FILE, lambda path: lstm_forecaster("causal").save(path), _forecast),
        Seed(
            "classifier",
            ESTIMATOR_FILE,
            lambda path: SequenceClassifier(**TINY, options={"heads": 3}).fit(X, list("ababab")).save(path),
            lambda model: model.predict(X),
        ),
        Seed(
            "regressor",
            ESTIMATOR_FILE,
            lambda path: SequenceRegressor(**TINY).fit(X, np.arange(12.0).reshape(6, 2)).save(path),
            lambda model: model.predict(X),
        ),
        Seed(
            "language model",
            ESTIMATOR_FILE,
            lambda path: LanguageModel(**TINY, embedding_size=2).fit(TEXT).save(path),
            lambda model: (model.generate(model.vocabulary_.entries[0], 3), model.score("abc")),
        ),
        Seed(
            "translator",
            ESTIMATOR_FILE,
            lambda path: Translator(**TINY, embedding_size=2, beam=2).fit(["ab", "ba"], ["AB", "B"]).save(path),
            lambda model: (model.predict(["ab", ""]), model.align("ab", "B")),
        ),
        Seed("detector", DETECTOR_FILE, lambda path: Detector().fit(frame()).save(path), _watch),
        Seed("chain", chains.FILE, lambda path: stepping_chain().save(path), _run),
        Seed("chain of maps", chains.FILE, lambda path: _chain_of_maps().save(path), _run),
        Seed("chain of options", chains.FILE, lambda path: _chain_of_options().save(path), _run),
        Seed("stream", streams.FILE, save_stream, lambda stream: stream.step(torch.ones(2, 2)), stepping_chain),
        Seed(
            "checkpoint",
            checkpoint.FILE,
            lambda path: checkpoint.save(path, {"step": 7, "w": torch.ones(2), "b": [1, (None, {"c": float("inf")})]}),
            lambda state: state,
        ),
    )
}
