"""What covariates are worth: with and without, and each alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.forecast.evaluation.made import normal, window
from tests.models.forecast.fakes import panel

from gatewise.models.forecast.evaluation.differences import Errors
from gatewise.models.forecast.evaluation.worth import Informed, effects, in_words, known_ahead, worth
from gatewise.models.forecast.results import Window
from gatewise.tables.covariates import Covariate, Covariates

RNG = np.random.default_rng(0)
INFORMED = Informed(("temp", "noise"), ("Regression",))


def windows(away: float = 1.0, count: int = 8) -> list[Window]:
    """The model with covariates is off by ``away``, the others by 4 and 8; without the temperature it is off by 3."""
    made = []
    for number in range(count):
        actual = RNG.normal(10, 1, (2, 4))
        off = {"SeasonalNaive": 8.0, "Theta": 4.0, "Regression": away}
        forecasts = {name: normal(name, actual + by + 0.1 * number) for name, by in off.items()}
        same = forecasts["Regression"].median
        shuffled = {"temp": np.stack([same + 2, same + 2]), "noise": np.stack([same, same])}
        forecasts["Regression"] = replace(forecasts["Regression"], shuffled=shuffled)
        made.append(window(actual, forecasts, 4 * (count - number)))
    return made


def test_the_best_with_stands_beside_the_best_without():
    tested = windows()
    found = worth(Errors.of(tested, 4), tested, INFORMED)
    assert found is not None
    assert (found.model, found.without, found.clear) == ("Regression", "Theta", True)
    assert found.relative < 0.3 < found.relative_without
    assert in_words(found).startswith("Regression had 0.1")
    assert "of that error with 'temp' and 'noise', Theta 0.5" in in_words(found)
    assert in_words(found).endswith("% less.")


def test_what_does_not_help_is_said():
    tested = windows(away=4.2)
    found = worth(Errors.of(tested, 4), tested, INFORMED)
    assert found is not None
    assert not found.clear
    assert in_words(found).endswith("that does not show that they help.")


def test_each_alone_with_its_standard_error():
    temp, noise = effects(windows(), "Regression", 0)
    assert (temp.name, noise.name) == ("temp", "noise")
    assert temp.rise == pytest.approx(2 / 1.35)
    assert temp.standard_error < 0.01
    assert (noise.rise, noise.standard_error) == (0, 0)


def test_without_covariates_there_is_nothing_to_say():
    tested = windows()
    assert worth(Errors.of(tested, 4), tested, Informed()) is None
    assert known_ahead(panel([1.0, 2])) == ()


def test_that_the_windows_knew_the_future_is_said():
    columns = (Covariate("temp", role="known"), Covariate("price", role="past"))
    told = known_ahead(panel([1.0, 2], covariates=Covariates(columns, (np.zeros((2, 2)),))))
    assert told == (
        "The windows take what came of 'temp' as known ahead: where that will be a forecast itself, expect a larger "
        "error.",
    )
