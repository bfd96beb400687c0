"""The variants against the paper's formulas, typed out here in NumPy from sections II-A and IV-C; the script runs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.io
import torch

from gatewise.nn import Recurrent

from ..matrix import names
from ..tolerance import GRADCHECK, PARITY

FOLDER = Path(__file__).parents[2] / "examples" / "search_space_odyssey"
INPUTS, UNITS, STEPS, ROWS = 3, 70, 5, 9  # more units than one block of a kernel, more rows than one tile

# The rows of the stacked weights, in the paper's letters: R["fi"] leads from the forget to the input gate.
ROWS_OF = {"NIG": "z f o", "NFG": "z i o", "NOG": "z i f", "CIFG": "z i o"}
ROWS_OF["FGR"] = "z i f o ii fi oi if ff of io fo oo"


def load(name: str) -> ModuleType:
    """A file of the example, by its path: it is a user's own file."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


VARIANTS = load("variants").VARIANTS
every_variant = pytest.mark.parametrize("name", names(VARIANTS, quick=["V"]))


def s(x):
    return 1 / (1 + np.exp(-x))


def same(x):
    return x


def paper(name, W, R, b, p, x, y, c, i_before, f_before, o_before):
    """One step: the vanilla formulas, and in each variant what differs."""
    z_bar, i_bar, f_bar, o_bar = (W[k] @ x + R[k] @ y + b[k] if k in W else 0 for k in "zifo")
    if name == "FGR":
        i_bar += R["ii"] @ i_before + R["fi"] @ f_before + R["oi"] @ o_before
        f_bar += R["if"] @ i_before + R["ff"] @ f_before + R["of"] @ o_before
        o_bar += R["io"] @ i_before + R["fo"] @ f_before + R["oo"] @ o_before
    g = same if name == "NIAF" else np.tanh
    h = same if name == "NOAF" else np.tanh
    z = g(z_bar)
    i = 1 if name == "NIG" else s(i_bar + p["i"] * c)
    f = 1 if name == "NFG" else 1 - i if name == "CIFG" else s(f_bar + p["f"] * c)
    c = z * i + c * f
    o = 1 if name == "NOG" else s(o_bar + p["o"] * c)
    return h(c) * o, c, i, f, o


def weights_of(name, module):
    """The paper's W, R, b and p, by their letters; a peephole that the variant lacks is zero."""
    given = {key.removesuffix("_l0"): value.detach().numpy() for key, value in module.named_parameters()}
    letters = ROWS_OF.get(name, "z i f o").split()
    W = dict(zip(letters, given["weight_ih"].reshape(-1, UNITS, INPUTS), strict=name != "FGR"))
    R = dict(zip(letters, given["weight_hh"].reshape(-1, UNITS, UNITS), strict=True))
    b = dict(zip(letters, (given["bias_ih"] + given["bias_hh"]).reshape(-1, UNITS), strict=name != "FGR"))
    return W, R, b, {k: given.get(f"p_{k}", np.zeros(UNITS)) for k in "ifo"}


@every_variant
@pytest.mark.parametrize("training", [True, False])
def test_the_variant_is_the_papers(name, training):
    torch.manual_seed(0)
    module = Recurrent(VARIANTS[name], INPUTS, UNITS, dtype=torch.float64)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    with torch.set_grad_enabled(training):  # with and without what backward needs are two kernels
        outputs, last = module(x)
    weights = weights_of(name, module)
    for row in range(ROWS):
        states = (np.zeros(UNITS),) * 5
        for step in range(STEPS):
            states = paper(name, *weights, x[step, row].numpy(), *states)
            found = outputs[step, row].detach().numpy()
            np.testing.assert_allclose(found, states[0], rtol=PARITY["float64"], atol=PARITY["float64"])
        for found, expected in zip(last, states, strict=False):
            found = found[0, row].detach().numpy()
            np.testing.assert_allclose(found, expected, rtol=PARITY["float64"], atol=PARITY["float64"])


@pytest.mark.slow
def test_full_gate_recurrence_has_the_gradient_of_its_output():
    torch.manual_seed(0)
    module = Recurrent(VARIANTS["FGR"], 2, 3, dtype=torch.float64)
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    first = [torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(5)]

    def run(x, *states_and_weights):
        weights = dict(zip(dict(module.named_parameters()), states_and_weights[5:], strict=True))
        y, last = torch.func.functional_call(module, weights, (x, states_and_weights[:5]))
        return y, *last

    weights = [weight.detach().requires_grad_() for weight in module.parameters()]
    assert torch.autograd.gradcheck(run, (x, *first, *weights), **GRADCHECK)


def test_the_script_prints_a_row_for_each_variant(tmp_path, monkeypatch, capsys):
    run, rolls = load("run"), np.empty((1, 3), dtype=object)
    rolls[0, :] = [np.eye(88, dtype=np.uint8)[start : start + 4 + start] for start in range(3)]
    scipy.io.savemat(tmp_path / "rolls.mat", dict.fromkeys(("traindata", "validdata", "testdata"), rolls))
    for name, value in {"VARIANTS": {"NP": VARIANTS["NP"]}, "UNITS": 4, "EPOCHS": 1, "SEEDS": 1}.items():
        monkeypatch.setattr(run, name, value)
    run.main(tmp_path / "rolls.mat")
    row = capsys.readouterr().out.splitlines()[-1].split(" | ")
    assert row[:2] == ["| NP", "1,504"]
    assert all(0 < float(number.removesuffix(" |")) < 100 for number in row[2:])


@every_variant
def test_the_readme_counts_its_weights(name):
    run = load("run")
    weights = sum(weight.numel() for weight in Recurrent(VARIANTS[name], run.KEYS, run.UNITS).parameters())
    assert f"\n| {name} | {weights:,} |" in (FOLDER / "README.md").read_text()
