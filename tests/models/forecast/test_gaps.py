"""Gaps: whatever is put into them for models that need it, others take them as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gatewise.forecast import Forecaster, ReadOptions

FILLS = "linear", "previous", "zero"
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2024-01-01", periods=127)
WARM = RNG.normal(size=127)
TABLE = pd.DataFrame({"ds": DAYS, "y": 50 + 9 * np.sin(np.arange(127) * 2 * np.pi / 7) + 4 * WARM, "warm": WARM})
GAPPY = TABLE.assign(y=TABLE["y"].where((TABLE.index < 120) & ~TABLE.index.isin([5, 60, 61, 62, 100, 117])))


def forecasts(model: str, **more: object) -> list[pd.DataFrame]:
    made = [Forecaster(7, model=model, season=7) for _ in FILLS]
    for one, fill in zip(made, FILLS, strict=True):
        one.fit(GAPPY, read=ReadOptions(target="y", fill=fill), **more)  # type: ignore[arg-type]
    return [one.predict() for one in made]


@pytest.mark.parametrize(("model", "covariates"), [("pretrained", None), ("regression", ["warm"])])
def test_a_model_that_can_takes_them_as_they_are(model: str, covariates: list[str] | None):
    first, *others = forecasts(model, covariates=covariates)
    assert all(first.equals(other) for other in others)


def test_another_takes_what_is_put_into_them():
    first, _, zero = forecasts("auto_theta")
    assert not first.equals(zero)
