"""Small models in files, and a server of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from starlette.testclient import TestClient
from torch import nn

from gatewise.estimators import Detector, LanguageModel, SequenceClassifier, SequenceRegressor
from gatewise.forecast import Forecaster
from gatewise.nn import LSTM, Chain
from gatewise.serve import application

X = [np.ones((length, 2)) * length for length in range(1, 7)]
TINY: dict[str, Any] = {"hidden_size": 3, "max_epochs": 1, "random_state": 0}
ROOT = Path(__file__).parents[2]


def chain() -> Chain:
    """The model of most tests."""
    torch.manual_seed(0)
    return Chain(LSTM(3, 16), nn.Linear(16, 2)).eval()


def load(rows: int) -> pd.DataFrame:
    """Hours of a load with the rhythm of a day, and a spike."""
    values = 50 + 10 * np.sin(2 * np.pi * np.arange(200) / 24) + np.random.default_rng(0).normal(size=200)
    values[125] += 50
    return pd.DataFrame({"time": pd.date_range("2024-01-01", periods=200, freq="h"), "load": values})[:rows]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    models: dict[str, Any] = {
        "chain": chain(),
        "classifier": SequenceClassifier(**TINY).fit(X, list("ababab")),
        "regressor": SequenceRegressor(**TINY, bidirectional=False).fit(X, np.arange(12.0).reshape(6, 2)),
        "language": LanguageModel(**TINY, embedding_size=4).fit("abc bca cab " * 20),
        "passengers": Forecaster(3, model="seasonal_naive").fit(pd.read_csv(ROOT / "examples" / "air_passengers.csv")),
        "watch": Detector(rate=0.01).fit(load(120)),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in models}


@pytest.fixture(scope="module")
def client(files: dict[str, Path]) -> Iterator[TestClient]:
    with TestClient(application(files), base_url="http://localhost") as asking:
        yield asking
