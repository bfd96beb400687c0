"""h-detach against Kanuparthi et al., arXiv:1810.03023, in a plain loop with the numbers that were drawn."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, RNN, GRUResetBefore, Recurrent
from gatewise.transforms import h_detach, recurrent_dropout

from ..matrix import values
from ..tolerance import SIGMAS
from ..user_cells import USER_CELLS
from .loops import assert_close, gradients, made, masks_of, run, sequence_of, states_of

RATE = 0.4
# Those that multiply what is cut off, read nothing but features, and are of one width.
EVERY_CELL = {
    name: cell
    for name, cell in {**CELLS, **USER_CELLS}.items()
    if any(gate.recurrent == "h" for gate in cell.gates) and not (cell.inputs or cell.widths)
}
BIASES = {
    "bias_ih": lambda gate: gate.has_bias and (gate.has_input or not gate.recurrent),
    "bias_hh": lambda gate: gate.has_bias and gate.recurrent,
}
every_cell = pytest.mark.parametrize("cell", values(EVERY_CELL))


def blocks(cell, weight, has):
    """Each gate's part of a weight, by letter."""
    letters = [gate.letter for gate in cell.gates if has(gate)]
    return dict(zip(letters, weight.chunk(len(letters)), strict=True)) if letters else {}


def by_hand(cell, p, detached, x, states):
    """Outputs and last states of the plain cell; what U multiplies is cut off where ``detached`` (T, B) says so.

    Each step is made twice: on the h that is cut off, which gives what U is multiplied with, and on h itself.
    """
    W = blocks(cell, p["weight_ih"], lambda gate: gate.has_input)
    U = blocks(cell, p["weight_hh"], lambda gate: gate.recurrent)
    b = [blocks(cell, p[name], has) for name, has in BIASES.items() if name in p]
    vectors = {name: p[name] for name in cell.per_unit}
    fed = [gate.letter for gate in cell.gates if gate.recurrent == "step"]
    outputs = []
    for now, cut in zip(x, detached, strict=True):
        h = torch.where(cut[:, None], states[0].detach(), states[0])
        sums = {gate.letter: sum(bias[gate.letter] for bias in b if gate.letter in bias) for gate in cell.gates}
        sums = {letter: total + now @ W[letter].T if letter in W else total for letter, total in sums.items()}
        sums |= {gate.letter: sums[gate.letter] + h @ U[gate.letter].T for gate in cell.gates if gate.recurrent == "h"}
        products = {}

        def product(letter, sums=sums, products=products):
            return lambda operand: products.setdefault(letter, sums[letter] + operand @ U[letter].T)

        given = {**sums, **vectors, **{letter: product(letter) for letter in fed}}
        cell.new_states(**given, **dict(zip(cell.state, (h, *states[1:]), strict=True)))
        states = cell.new_states(**given, **dict(zip(cell.state, states, strict=True)))  # products are there already
        outputs.append(states[0])
    return [torch.stack(outputs), *states]


def module_of(cell, **options):
    return made(lambda *sizes, **more: Recurrent(cell, *sizes, **more), **options)


@every_cell
def test_gradients_are_those_of_a_plain_loop_with_the_same_draws(cell):
    module = module_of(cell, h_detach=RATE)
    x, states = sequence_of(steps=7), [state.abs() + 1 for state in states_of(module)]
    leaves = [tensor.requires_grad_() for tensor in (x, *states)] + list(module.parameters())
    detached = masks_of(module, steps=7)["detach"][:, :, 0] > 0.5
    assert 0 < detached.sum() < detached.numel()
    p = {name.removesuffix("_l0"): weight for name, weight in module.named_parameters()}
    found, expected = run(module, x, states), by_hand(cell, p, detached, x, states)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)
    for ours, theirs in zip(gradients(found, leaves), gradients(expected, leaves), strict=True):
        assert_close(ours, theirs)


@every_cell
def test_outputs_are_the_plain_cells_bit_for_bit_in_training_too(cell):
    plain, module = module_of(cell), module_of(cell, h_detach=RATE)
    for training in (True, False):
        module.train(training)
        both = [run(each, sequence_of(), [s.abs() + 1 for s in states_of(each)]) for each in (plain, module)]
        for a, b in zip(*both, strict=True):
            assert torch.equal(a, b)


@every_cell
def test_outside_training_gradients_are_the_plain_cells(cell):
    plain, module = module_of(cell).eval(), module_of(cell, h_detach=RATE).eval()
    both = [
        gradients(run(each, sequence_of(), [s.abs() + 1 for s in states_of(each)]), list(each.parameters()))
        for each in (plain, module)
    ]
    for a, b in zip(*both, strict=True):
        assert_close(a, b)


def test_what_comes_before_a_cut_reaches_a_plain_network_no_more():
    module, x = made(RNN, h_detach=RATE), sequence_of(steps=9, rows=8).requires_grad_()
    cuts = masks_of(module, steps=9, rows=8)["detach"][:, :, 0] > 0.5
    y = run(module, x, states_of(module, rows=8))[0]
    (slope,) = torch.autograd.grad(y[-1].sum(), x)
    reached = cuts.flip(0).cumsum(0).flip(0).roll(-1, 0) == 0  # no cut at any later step
    reached[-1] = True
    assert torch.equal((slope != 0).any(-1), reached)


def test_each_sequence_and_step_draws_one_number_for_all_units_as_often_as_asked():
    torch.manual_seed(2)
    mask = masks_of(LSTM(2, 6, h_detach=RATE), steps=60, rows=50)["detach"]
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(mask, mask[..., :1].expand_as(mask))
    own = mask[..., 0]
    assert abs(own.mean() - RATE) <= SIGMAS * (RATE * (1 - RATE) / own.numel()) ** 0.5
    for dimension in (0, 1):
        agreement = (own == own.roll(1, dimension)).double().mean()
        expected = RATE**2 + (1 - RATE) ** 2
        assert abs(agreement - expected) <= SIGMAS * 0.5 / own.numel() ** 0.5


def test_each_call_draws_anew():
    module, x = made(GRU, h_detach=RATE), sequence_of(steps=9)
    first, second = (gradients([module(x)[0]], [module.weight_hh_l0])[0] for _ in range(2))
    assert not torch.equal(first, second)


def test_it_composes_with_other_transformations_and_shapes():
    options = {"h_detach": RATE, "recurrent_dropout": 0.3, "zoneout": {"h": 0.2}, "num_layers": 2}
    for more in ({"bidirectional": True}, {"proj_size": 3}, {"layer_norm": "output"}, {"weight_drop": 0.2}):
        module = made(LSTM, **options, **more)
        module(sequence_of(), lengths=[4, 1, 3])[0].sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in module.parameters())
    heads = made(GRUResetBefore, 2, 6, heads=2, h_detach=RATE)
    heads(sequence_of())[0].sum().backward()


def test_it_and_recurrent_dropout_commute():
    cell = h_detach(recurrent_dropout(CELLS["gru"], 0.3), RATE)
    swapped = recurrent_dropout(h_detach(CELLS["gru"], RATE), 0.3)
    results = []
    for each in (cell, swapped):
        module = module_of(each)
        y = run(module, sequence_of(), states_of(module))
        results.append([*y, *gradients(y, list(module.parameters()))])
    for a, b in zip(*results, strict=True):
        assert_close(a, b)


@pytest.mark.parametrize("rate", [1.0, -0.1, True, float("nan")])
def test_what_is_no_probability_is_refused(rate):
    with pytest.raises(InputError, match="h-detach must be a probability of at least 0 and below 1"):
        h_detach(CELLS["lstm"], rate)
