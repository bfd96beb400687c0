"""What the tests of options hold a module against: a step typed out in the test, in a plain torch loop over time."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from gatewise.nn.layer_run import drawn

from ..matrix import relative_error
from ..tolerance import PARITY

STEPS, ROWS, INPUTS, UNITS = 4, 3, 2, 5
SEED = 11


def made(kind, *sizes, **options):
    """A float64 module whose weights are all away from what they start from."""
    torch.manual_seed(7)
    module = kind(*(sizes or (INPUTS, UNITS)), dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-1, 1)
    return module


def sequence_of(features=INPUTS, steps=STEPS, rows=ROWS):
    """An input (T, B, I)."""
    return torch.randn(steps, rows, features, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def states_of(module, rows=ROWS):
    """Initial states (S, B, K) for one layer, none of them zero."""
    generator = torch.Generator().manual_seed(6)
    widths = module.widths(module.places[0])
    return [torch.randn(rows, width, dtype=torch.float64, generator=generator) for width in widths]


def masks_of(module, steps=STEPS, rows=ROWS):
    """The noise that a call after ``torch.manual_seed(SEED)`` reads, by name, each (T, B, H)."""
    torch.manual_seed(SEED)
    like, found = torch.empty(0, dtype=torch.float64), {}
    for each, count in (("step", steps * rows), ("sequence", rows)):
        names = [noise.name for noise in module.cell.noise if noise.each == each]
        draws = drawn(module.cell, each, count, module.hidden_size, like, training=module.training)
        for name, draw in zip(names, draws, strict=True):
            whole = draw.expand(count, -1).view(-1, rows, module.hidden_size)
            found[name] = whole.expand(steps, -1, -1)
    return found


def first_state(p, states):
    """What almost every cell puts out."""
    return states[0]


def looped(step, parameters, masks, x, states, output=first_state):
    """Run ``step(p, m, x, *states)``, which reads parameters and noise as attributes: outputs and last states."""
    p = SimpleNamespace(**{name.removesuffix("_l0"): value for name, value in parameters.items()})
    outputs = []
    for time in range(x.shape[0]):
        m = SimpleNamespace(**{name: mask[time] for name, mask in masks.items()})
        states = step(p, m, x[time], *states)
        outputs.append(output(p, states))
    return [torch.stack(outputs), *states]


def run(module, x, states):
    """The same of a module."""
    torch.manual_seed(SEED)
    hx = tuple(state.unsqueeze(0) for state in states)
    y, last = module(x, hx if len(hx) > 1 else hx[0])
    return [y, *(state.squeeze(0) for state in (last if isinstance(last, tuple) else (last,)))]


def gradients(results, leaves):
    """Of a sum in which every number of the results has another weight."""
    loss = sum((result * torch.linspace(-1, 2, result.numel()).view_as(result)).sum() for result in results)
    return torch.autograd.grad(loss, leaves)


def assert_close(found, expected, name=""):
    assert relative_error(found, expected) <= PARITY["float64"], name


def both(module, step, output=first_state):
    """What can be differentiated by, by name, and the results of the module and of the loop, by name."""
    x, *states = (tensor.requires_grad_() for tensor in (sequence_of(), *states_of(module)))
    parameters = dict(module.named_parameters())
    leaves = {"x": x, **dict(zip(module.cell.state, states, strict=True)), **parameters}
    expected = looped(step, parameters, masks_of(module), x, states, output)
    names = ("y", *module.cell.state)
    return leaves, *(dict(zip(names, many, strict=True)) for many in (run(module, x, states), expected))


def assert_is(module, step, output=first_state):
    """Outputs, last states and the gradients of input, initial states and every parameter are the loop's."""
    leaves, found, expected = both(module, step, output)
    for results in (found, expected):
        slopes = gradients(list(results.values()), list(leaves.values()))
        results |= {f"gradient of {name}": slope for name, slope in zip(leaves, slopes, strict=True)}
    for name, wanted in expected.items():
        assert_close(found[name], wanted, name)


def input_sums(p, x):
    """W x + b of every gate, in the order of the weights, each (B, H)."""
    return (x @ p.weight_ih.T + p.bias_ih).split(UNITS, -1)


def recurrent_sums(p, *operands):
    """U h + b of every gate, or of each gate its own operand."""
    many = operands if len(operands) > 1 else operands * (len(p.weight_hh) // UNITS)
    blocks = zip(many, p.weight_hh.split(UNITS), p.bias_hh.split(UNITS), strict=True)
    return [h @ U.T + b for h, U, b in blocks]


def sums(p, x, *operands):
    """W x + U h + b of every gate where all have all terms."""
    return [a + b for a, b in zip(input_sums(p, x), recurrent_sums(p, *operands), strict=True)]
