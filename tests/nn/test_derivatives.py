"""Derivatives of whole modules over a sample of all that their options allow; and in every mode that torch has, over as
much of the sample as has every pair of choices."""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

import pytest
import torch
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence

from gatewise.nn import Recurrent

from ..matrix import FAMILY as CELLS
from ..matrix import cases, covering
from ..tolerance import GRADCHECK, GRADGRADCHECK, PARITY

# torch's own decompositions for forward mode are scripted when they are first used
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")

INPUTS, UNITS = 2, 3
COUNT = 510


class Configuration(NamedTuple):
    cell: str
    bias: bool
    projection: int
    layers: int
    bidirectional: bool
    form: str
    given: bool
    size: tuple[int, int]


CHOICES = {
    "cell": tuple(CELLS),
    "bias": (True, False),
    "projection": (0, 2),
    "layers": (1, 2, 3),
    "bidirectional": (False, True),
    "form": ("padded", "batch_first", "unbatched", "packed", "lengths"),
    "given": (False, True),
    "size": ((3, 2), (1, 1), (1, 3), (4, 1), (2, 0), (0, 2)),
}


def makes_sense(configuration):
    steps, rows = configuration.size
    packs = configuration.form != "packed" or (steps > 0 and rows > 0)
    return packs and (configuration.form != "unbatched" or rows == 1)


def sample():
    """The same configurations in every run, as many of each cell."""
    everything = [Configuration(*values) for values in itertools.product(*CHOICES.values())]
    chosen = random.Random(0)
    share = COUNT // len(CELLS)
    for cell in CELLS:
        yield from chosen.sample([c for c in everything if c.cell == cell and makes_sense(c)], share)


SAMPLE = {tuple(str(choice) for choice in configuration): (configuration,) for configuration in sample()}
PAIRS = {row: SAMPLE[row] for row in covering(list(SAMPLE), 2)}


def test_there_are_enough_configurations_and_every_choice_is_among_them():
    assert len(SAMPLE) >= 500
    for index, choices in enumerate(CHOICES.values()):
        assert {configuration[index] for (configuration,) in SAMPLE.values()} == set(choices)


def module_of(c):
    return Recurrent(
        CELLS[c.cell],
        INPUTS,
        UNITS,
        num_layers=c.layers,
        bias=c.bias,
        batch_first=c.form == "batch_first",
        bidirectional=c.bidirectional,
        proj_size=c.projection,
        dtype=torch.float64,
    )


def function_of(c):
    """A module as a function of its input, its initial state and its weights in one vector, and these."""
    torch.manual_seed(1)
    module = module_of(c)
    shapes = {name: weight.shape for name, weight in module.named_parameters()}
    vector = torch.cat([weight.detach().flatten() for weight in module.parameters()])
    (steps, rows), states = c.size, []
    sizes = torch.arange(rows, 0, -1).repeat_interleave(-(-steps // max(1, rows)))[:steps].contiguous()
    shape = {
        "unbatched": (steps, INPUTS),
        "batch_first": (rows, steps, INPUTS),
        "packed": (int(sizes.sum()), INPUTS),
    }.get(c.form, (steps, rows, INPUTS))
    if c.given:
        batch = () if c.form == "unbatched" else (rows,)
        places = c.layers * (1 + c.bidirectional)
        states = [0.5 + torch.rand(places, *batch, width) for width in module.widths(module.places[0])]
    lengths = torch.arange(rows).remainder(steps + 1).flip(0) if c.form == "lengths" else None

    def run(x, *rest):
        hx = rest[: len(states)]
        given = (hx[0] if len(hx) == 1 else hx) if hx else None
        parts = rest[-1].split([shape.numel() for shape in shapes.values()])
        values = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        options = {} if lengths is None else {"lengths": lengths}
        x = PackedSequence(x, sizes) if c.form == "packed" else x
        y, last = functional_call(module, values, (x, given), options)
        outputs = y.data if c.form == "packed" else y, *(last if isinstance(last, tuple) else (last,))
        # where nothing ran, a stabiliser is still at minus infinity
        return tuple(output.clamp_min(-1e3) for output in outputs)

    leaves = [torch.randn(shape), *states, vector]
    return run, [leaf.to(torch.float64).requires_grad_() for leaf in leaves]


@pytest.mark.parametrize("c", cases(SAMPLE))
def test_gradients(c):
    run, leaves = function_of(c)
    assert torch.autograd.gradcheck(run, leaves, **GRADCHECK, fast_mode=True)


@pytest.mark.parametrize("c", cases(PAIRS))
def test_second_forward_and_batched(c):
    run, leaves = function_of(c)
    assert torch.autograd.gradcheck(
        run, leaves, **GRADCHECK, fast_mode=True, check_forward_ad=True, check_batched_grad=True
    )
    assert torch.autograd.gradgradcheck(run, leaves, **GRADGRADCHECK, fast_mode=True)


# a PackedSequence is no tensor that vmap could map
@pytest.mark.parametrize("c", cases({row: PAIRS[row] for row in PAIRS if PAIRS[row][0].form != "packed"}))
def test_vmap_is_a_loop_and_gives_gradients_of_each_sample(c):
    run, (x, *rest) = function_of(c)
    xs = torch.stack([x.detach(), 1 - x.detach(), 2 * x.detach()])
    rest = [leaf.detach() for leaf in rest]

    def loss(rest, x):
        return sum(output.square().sum() for output in run(x, *rest))

    with torch.no_grad():
        mapped = torch.func.vmap(lambda x: run(x, *rest))(xs)
        looped = [run(x, *rest) for x in xs]
    for ours, theirs in zip(mapped, zip(*looped, strict=True), strict=True):
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=PARITY["float64"], atol=PARITY["float64"])
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(rest, xs)
    alone = [torch.func.grad(loss)(rest, x) for x in xs]
    for ours, theirs in zip(each, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=PARITY["float64"], atol=PARITY["float64"])
