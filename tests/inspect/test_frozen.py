"""Cells with gates held: values, exact sums, and the published recursion typed out."""

from __future__ import annotations

import pytest
import torch

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.errors import CellError
from gatewise.inspect.credit.frozen import frozen
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.reference import forward
from gatewise.kernels.registry import register
from gatewise.nn import Recurrent
from gatewise.transforms import layer_norm

from ..matrix import ALL_CELLS, every_cell, random_layer, relative_error
from ..tolerance import DERIVATIVE, PARITY
from ..transforms.loops import made, run, sequence_of, states_of


def both(cell):
    """The module, and the same with gates held."""
    plain = made(lambda *sizes, **more: Recurrent(cell, *sizes, **more)).eval()
    held = made(lambda *sizes, **more: Recurrent(frozen(cell), *sizes, **more)).eval()
    weights = {**held.state_dict(), **plain.state_dict()}
    held.load_state_dict({name: torch.ones_like(w) if "ones" in name else w for name, w in weights.items()})
    return plain, held


def layers(cell):
    """A layer for the cell, and the same for the frozen one."""
    plain = random_layer(cell, 6, 2, 3, 4)
    ones = plain.per_unit.new_ones(len(frozen(cell).per_unit) - len(cell.per_unit), 4)
    return plain, plain._replace(per_unit=torch.cat((plain.per_unit, ones)))


@every_cell
def test_states_are_the_cells_own_bit_for_bit(cell):
    plain, extended = layers(cell)
    both = forward(cell, plain), forward(frozen(cell), extended)
    for a, b in zip(*both, strict=True):
        assert torch.equal(a, b)


@every_cell
def test_every_output_is_the_sum_of_what_went_in_times_its_gradient(cell):
    _, layer = layers(cell)
    leaves = [leaf.requires_grad_() for leaf in (layer.x, layer.b, layer.per_unit, layer.states)]
    y = forward(frozen(cell), layer).y
    for value in y[-1]:
        slopes = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True, materialize_grads=True)
        credit = torch.cat([(leaf * slope).flatten() for leaf, slope in zip(leaves, slopes, strict=True)])
        assert abs(credit.sum() - value) <= DERIVATIVE * credit.abs().max()


@pytest.mark.parametrize("name", ["gru_reset_before", "slstm", "deep"])
def test_the_fused_kernels_give_the_gradients_of_the_plain_loop(name):
    _, layer = layers(ALL_CELLS[name])
    leaves = [leaf.requires_grad_() for leaf in (layer.x, layer.b, layer.per_unit, layer.states)]
    cell, results = frozen(ALL_CELLS[name]), []
    for found in (forward(cell, layer), sequence(register(cell), layer)):
        weights = torch.linspace(-1, 1, found.y.numel(), dtype=torch.float64).view_as(found.y)
        gradients = torch.autograd.grad((found.y * weights).sum(), leaves, allow_unused=True, materialize_grads=True)
        results.append([found.y, *gradients])
    for a, b in zip(*results, strict=True):
        assert relative_error(a, b) <= PARITY["float64"]


def test_credit_is_that_of_signal_take_all_typed_out_for_the_lstm():
    """Arras et al., arXiv:1909.12114: back in time with gates held and tanh as its secant."""
    module, held = both(CELLS["lstm"])
    x, (h, c) = sequence_of(steps=6, rows=1), states_of(module, rows=1)
    W, U, b = held.weight_ih_l0.detach(), held.weight_hh_l0.detach(), (held.bias_ih_l0 + held.bias_hh_l0).detach()
    begun, seen = (h, c), []
    for now in x:
        i, f, z, o = (now @ W.T + h @ U.T + b).chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * z.tanh()
        h = o.sigmoid() * c.tanh()
        seen.append((i.sigmoid(), f.sigmoid(), o.sigmoid(), z.tanh() / z, c.tanh() / c))
    weights = torch.linspace(-1, 1, h.shape[-1], dtype=torch.float64)[None]
    W_g, U_g, b_g = (weight.chunk(4)[2] for weight in (W, U, b))
    r_h, r_c, by_input, bias = weights, torch.zeros_like(weights), [], torch.zeros(())
    for now, (i, f, o, secant_z, secant_c) in zip(x.flip(0), reversed(seen), strict=True):
        r_c = r_c + r_h * o * secant_c
        r_z = r_c * i * secant_z
        by_input.append(now * (r_z @ W_g))
        bias = bias + (r_z * b_g).sum()
        r_h, r_c = r_z @ U_g, r_c * f
    leaf = x.clone().requires_grad_()
    states = [state.clone().requires_grad_() for state in begun]
    value = (run(held, leaf, states)[0][-1] * weights).sum()
    biases = [held.bias_ih_l0, held.bias_hh_l0]
    slopes = torch.autograd.grad(value, [leaf, *states, *biases])
    assert relative_error(leaf * slopes[0], torch.stack(by_input[::-1])) <= PARITY["float64"]
    assert relative_error(slopes[1], r_h) <= PARITY["float64"]
    assert relative_error(slopes[2], r_c) <= PARITY["float64"]
    found = sum((b * slope).sum() for b, slope in zip(biases, slopes[3:], strict=True))
    assert relative_error(found, bias) <= PARITY["float64"]


def test_gates_and_peepholes_get_no_credit():
    _, held = both(CELLS["peephole_lstm"])
    slopes = torch.autograd.grad(run(held, sequence_of(), states_of(held))[0].sum(), list(held.parameters()))
    by_name = dict(zip(dict(held.named_parameters()), slopes, strict=True))
    assert not any(by_name[f"{name}_l0"].any() for name in ("p_i", "p_f", "p_o"))
    i, f, g, o = by_name["bias_ih_l0"].chunk(4)
    assert g.all()
    assert not (i.any())
    assert not (f.any())
    assert not (o.any())


def test_shifts_of_a_normalised_cell_get_credit_and_gains_none():
    cell = frozen(layer_norm(CELLS["gru"]))
    module = made(lambda *sizes, **more: Recurrent(cell, *sizes, **more))
    run(module, sequence_of(), states_of(module))[0].sum().backward()
    assert module.shift_n_x_l0.grad.any()
    gains = [p.grad for name, p in module.named_parameters() if name.startswith("gain")]
    assert gains
    assert not any(grad.any() for grad in gains)


def test_only_cells_that_add_numbers_get_ones():
    assert "ones" in frozen(CELLS["lstm_1997"]).per_unit
    assert frozen(CELLS["lstm"]).per_unit == ()


def test_nothing_is_not_a_number_where_everything_is_zero():
    for name in ("lstm", "gru", "slstm", "lstm_1997"):
        module = Recurrent(frozen(CELLS[name]), 2, 3)
        for name, parameter in module.named_parameters():
            torch.nn.init.constant_(parameter, 1.0 if "ones" in name else 0.0)
        x = torch.zeros(5, 1, 2, requires_grad=True)
        module(x)[0].sum().backward()
        assert not x.grad.isnan().any()


def test_the_frozen_cell_survives_pickling_and_is_made_once():
    import pickle

    again = pickle.loads(pickle.dumps(frozen(CELLS["gru"])))
    assert again is frozen(CELLS["gru"])


def test_a_logarithm_on_the_way_of_a_signal_is_refused():
    @cell(gates="only", state="h")
    def logarithmic(a):
        h = torch.log(1 + torch.exp(a) * 1.0)
        return h

    with pytest.raises(CellError, match=r"logarithmic cannot be split exactly: h = log\(.*not finite"):
        frozen(logarithmic)


def test_a_square_of_a_signal_is_refused_with_both_factors():
    @cell(gates="only", state="h")
    def squared(a):
        h = torch.tanh(a) * torch.tanh(-a)
        return h

    with pytest.raises(CellError, match=r"multiplies tanh\(a_a\) and tanh\(-a_a\), of which neither"):
        frozen(squared)
