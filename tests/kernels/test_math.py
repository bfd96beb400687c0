from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.kernels.cpu.blocking import Machine
from gatewise.kernels.cpu.functions import function

from ..tolerance import ULP, ULP_BRIEF

EDGES = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-38, 88.0, 89.0, 104.0, 1e38, np.inf, np.nan], np.float32)
EXACT = {
    "exp": np.exp,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
}
# What rounds to infinity, and where there is no more precision to be had than in units of the smallest number.
LARGEST, SMALLEST = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)


def sample() -> np.ndarray:
    """One float32 in 9973, so many of every sign and exponent, and more where the functions bend."""
    everywhere = np.arange(0, 2**32, 9973, dtype=np.uint32).view(np.float32)
    generator = np.random.default_rng(0)
    bent = np.concatenate(
        (generator.normal(size=200_000), np.linspace(-104, 90, 400_001), generator.normal(size=50_000) * 9)
    )
    return np.concatenate((EDGES, -EDGES, everywhere, bent.astype(np.float32)))


def check(name, apply, limit, least=0.0):
    """least: nothing is asked of results below, but to be no larger."""
    x = sample()
    found = apply(torch.from_numpy(x)).numpy().astype(np.float64)
    expected = EXACT[name](x.astype(np.float64))
    assert np.array_equal(np.isnan(found), np.isnan(x)), "NaN in, NaN out, and only then"
    fits = (np.abs(expected) <= LARGEST) & (np.abs(expected) >= least)
    spacing = np.spacing(np.maximum(np.abs(expected[fits]), SMALLEST).astype(np.float32)).astype(np.float64)
    errors = np.abs(found[fits] - expected[fits]) / spacing
    assert errors.max() <= limit, f"at {x[fits][errors.argmax()]}"
    assert np.all(found[expected > LARGEST * 1.001] == np.inf)
    assert np.all(np.abs(found[np.abs(expected) < least]) <= least)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value")
def test_functions_are_right_to_the_last_digit(name):
    check(name, function(name), ULP[name])


MACHINES = {"this processor": None, "every processor": Machine(16, 16)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value")
def test_brief_functions_are_a_few_units_off_at_most(name, machine):
    brief = function(name, brief=True, machine=MACHINES[machine])
    check(name, brief, ULP_BRIEF[name], SMALLEST if name == "sigmoid" else 0.0)


@pytest.mark.parametrize("machine", MACHINES)
def test_brief_functions_keep_what_is_exact(machine):
    def of(name, *numbers):
        return function(name, brief=True, machine=MACHINES[machine])(torch.tensor(numbers)).tolist()

    everything = torch.from_numpy(sample())
    ends = (-np.inf, -1e38, -104.5, 89.0, 1e38, np.inf)
    assert of("exp", *ends) == [0.0] * 3 + [np.inf] * 3
    assert of("sigmoid", *ends) == [0.0] * 3 + [1.0] * 3
    assert of("tanh", *ends) == [-1.0] * 3 + [1.0] * 3
    for tiny in (0.0, -0.0, 1e-45, -1e-45):
        assert (of("exp", tiny), of("sigmoid", tiny)) == ([1.0], [0.5])
        assert str(of("tanh", tiny)) == str(torch.tensor([tiny]).tolist()), "with its sign"
    for name in ("tanh", "sigmoid"):
        assert function(name, brief=True, machine=MACHINES[machine])(everything).nan_to_num(0.0).abs().max() <= 1.0


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
def test_float64_is_as_good_as_numpys(name):
    """To a few units: nothing more exact is at hand to tell them apart."""
    x = torch.from_numpy(np.concatenate((np.linspace(-40, 40, 200_001), np.linspace(-700, 700, 10_001))))
    found, expected = function(name, torch.float64)(x).numpy(), EXACT[name](x.numpy())
    assert (np.abs(found - expected) / np.spacing(np.abs(expected))).max() <= ULP["float64"]
