"""The pretrained network looked into: its own numbers, split into sums that check."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.models.forecast.fakes import panel, setup
from tests.tolerance import BATCH_SIZE_FORECAST, ROUNDING

from gatewise.errors import InputError
from gatewise.inspect import look_inside
from gatewise.inspect.explain import Sum
from gatewise.models.forecast.inside.subject import subject_of
from gatewise.models.forecast.pretrained.model import PretrainedModel, ask, seasons_told
from gatewise.models.forecast.pretrained.network import MIDDLE
from gatewise.models.forecast.pretrained.tokens import PARTS

GAP = 21


def waves(length: int = 61, season: int = 6):
    time = np.arange(length)
    values = 50 + 10 * np.sin(time * np.pi / 3) + np.random.default_rng(0).normal(size=length)
    values[GAP] = np.nan
    return panel(values, season=season)


@pytest.mark.parametrize("season", [1, 6, 40])
def test_what_is_explained_is_the_network_and_what_is_fed_the_series(season):
    given = waves(season=season)
    model = PretrainedModel(setup(4, season))
    subject = subject_of(model, given, step=3)
    assert subject.chosen == 2
    wide = subject.chart.every // PARTS if subject.chart else 0
    fed, values = subject.fed.flatten().numpy(), given.values[0]
    ends = len(values) - wide * np.arange(len(fed))[::-1]
    whole = np.flatnonzero((ends > wide) & ((ends <= GAP) | (ends - wide > GAP)))
    means = [values[end - wide : end].mean() for end in ends[whole]]
    np.testing.assert_allclose(fed[whole], means, rtol=ROUNDING)
    asked = ask(given.observed, *seasons_told(model.setup, len(values)), 4)
    found = model.network.quantiles(*model.network.read(asked.reading.tokens, asked.counts), asked.steps)
    upright = found[0, :, MIDDLE] * asked.unit[0] + asked.level[0]
    np.testing.assert_allclose(
        [prediction.value for prediction in subject.predictions], upright, rtol=BATCH_SIZE_FORECAST
    )


def test_credit_adds_up():
    inside = look_inside(subject_of(PretrainedModel(setup(4, 6)), waves()))
    assert all(isinstance(view, Sum) for output in inside.outputs for view in output.views)


def test_the_network_named_is_the_one_that_forecasts():
    subject = subject_of(PretrainedModel(setup(4, 6)), waves())
    with torch.no_grad():
        away = subject.of(subject.model(subject.x)).numpy()
    level = [prediction.value for prediction in subject.predictions] - away
    np.testing.assert_allclose(level, level[0], rtol=BATCH_SIZE_FORECAST)


def test_a_step_that_is_not_forecast_is_refused():
    with pytest.raises(InputError, match="no step 5"):
        subject_of(PretrainedModel(setup(4, 6)), waves(), step=5)
