"""The forecaster as an ONNX file: the quantiles that it gives here, whatever the season and the history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tests.models.forecast.fakes import panel, setup
from tests.models.forecast.pretrained.untrained import forward, network
from tests.tolerance import FLOAT32_FORECAST

from gatewise.errors import InputError
from gatewise.models.forecast import exported
from gatewise.models.forecast.bounds import Bounds
from gatewise.models.forecast.evaluation.contestants import CONTESTANTS, forecast_all
from gatewise.models.forecast.model import Setup
from gatewise.models.forecast.pretrained.model import PretrainedModel, longest
from gatewise.tables.panel import Floats


class Small(PretrainedModel):
    """With random weights, of a size for tests, and intervals stretched."""

    def __init__(self, told: Setup) -> None:
        super().__init__(told)
        self.network = forward((0.8, 0.9, 1.0, 1.1, 1.5))

    @property
    def weights(self) -> dict[str, Any]:
        return {name: tensor.numpy() for name, tensor in network().state_dict().items()}


def small(horizon: int, season: int, **told: Any) -> Small:
    return Small(setup(horizon, season, **told))


def answers(path: Path, values: Floats) -> Floats:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["quantiles"], {"history": values})[0]


@pytest.mark.parametrize(
    ("season", "rows", "told"),
    [
        (12, 40, {}),
        (1, 9, {"widening": {80: 1.3}}),
        pytest.param(24, 400, {}, marks=pytest.mark.slow),  # its second season has whole ones, or none
        pytest.param(7, 30, {"bounds": Bounds(minimum=-1.0, maximum=2.0)}, marks=pytest.mark.slow),
        pytest.param(12, 700, {}, marks=pytest.mark.slow),  # longer than what is looked back on
    ],
)
def test_a_file_forecasts_as_the_model_does(tmp_path, season, rows, told) -> None:
    model = small(5, season, **told)
    written = exported.to_onnx(model, model.setup, tmp_path / "f.onnx", rows, None)
    assert written.inputs == {"history": (rows,)}
    assert written.outputs == {"quantiles": (5, len(model.setup.levels))}
    draw = np.random.default_rng(3)
    for values in (
        draw.normal(size=rows).cumsum() - 50,
        draw.integers(0, 9, rows).astype(np.float64),
        np.full(rows, 7.0),
    ):
        expected = forecast_all(model, panel(values, season=season), model.setup).values[0]
        np.testing.assert_allclose(
            answers(written.path, values), expected, rtol=FLOAT32_FORECAST, atol=FLOAT32_FORECAST
        )
    values[3] = np.nan
    assert np.isnan(answers(written.path, values)).all()


def test_a_file_reads_as_much_as_a_forecast_looks_back_on() -> None:
    assert longest(setup(5, 12)) == 512
    assert longest(setup(5, 24)) == 1024


def test_what_is_not_written_is_refused(tmp_path) -> None:
    model, path = small(5, 12), tmp_path / "f.onnx"
    naive = CONTESTANTS["naive"].make(setup(5, 12))
    whole = replace(model.setup, bounds=Bounds(whole=True))
    refused = [(naive, model.setup, 30, "only the pretrained"), (model, whole, 30, "whole numbers")]
    refused += [(model, model.setup, rows, "history") for rows in (2, True)]
    for one, told, rows, words in refused:
        with pytest.raises(InputError, match=words):
            exported.to_onnx(one, told, path, rows, None)
    assert not path.exists()
