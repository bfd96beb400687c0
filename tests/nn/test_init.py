from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from torch import nn as torch_nn

from gatewise import nn
from gatewise.errors import InputError
from gatewise.nn.init import chrono_, forget_bias_, glorot_, keep_bias_, orthogonal_, recommended_, uniform_
from gatewise.nn.recurrent import Recurrent
from gatewise.nn.step import RecurrentCell

from ..matrix import FAMILY as CELLS
from ..matrix import every_pair, names, relative_error, values
from ..tolerance import CHRONO, ORTHOGONAL, PARITY, SIGMAS
from ..user_cells import USER_CELLS

# Typed out from the papers: the gate that keeps the memory, the sign in which it does, and the gate that lets in.
KEEPERS = {
    "coupled_lstm": ("forget", 1, None),
    "coupled_peephole_lstm": ("forget", 1, None),
    "gru": ("update", 1, None),
    "gru_reset_before": ("update", 1, None),
    "janet": ("forget", 1, None),
    "lstm": ("forget", 1, "input"),
    "mgu": ("forget", -1, None),
    "peephole_lstm": ("forget", 1, "input"),
    "slstm": ("forget", 1, "input"),
}
WITHOUT = ("lstm_1997", "rnn", "rnn_relu")
every_cell = pytest.mark.parametrize("cell", values(CELLS))
every_keeper = pytest.mark.parametrize("name", names(KEEPERS))
I, H = 3, 6

# All that a module may be made of.
KINDS = {
    "a stack": lambda cell: Recurrent(cell, I, [H, 2 * H], num_layers=2),
    "both directions": lambda cell: Recurrent(cell, I, H, num_layers=2, bidirectional=True),
    "a projection": lambda cell: Recurrent(cell, I, H, proj_size=2),
    "heads": lambda cell: Recurrent(cell, I, H, heads=2),
    "a step": lambda cell: RecurrentCell(cell, I, H),
    "options": lambda cell: Recurrent(cell, I, H, zoneout={"h": 0.2}, recurrent_dropout=0.3, h_detach=0.2),
}


def places(module):
    return [(p.suffix, p.units) for p in module.places] if isinstance(module, Recurrent) else [("", module.hidden_size)]


def net_biases(module):
    """What each gate sees of its biases in all, by (layer and direction, gate)."""
    cell, found = module.cell, {}
    gates = {
        "bias_ih": [g for g in cell.gates if g.has_bias and (g.has_input or not g.recurrent)],
        "bias_hh": [g for g in cell.gates if g.has_bias and g.recurrent],
    }
    for suffix, units in places(module):
        for name, mine in gates.items():
            if mine:
                for gate, part in zip(mine, getattr(module, name + suffix).detach().split(units), strict=True):
                    found[suffix, gate.name] = found.get((suffix, gate.name), 0) + part
    return found


def gate_blocks(module, name):
    for suffix, units in places(module):
        yield from getattr(module, name + suffix).detach().split(units)


def test_the_cells_are_those_whose_papers_were_read():
    assert sorted([*KEEPERS, *WITHOUT]) == sorted(CELLS)


@every_pair(name=KEEPERS.keys(), kind=KINDS.keys())
def test_chrono_sets_the_net_biases_of_the_gates_that_keep_and_write_and_nothing_else(name, kind):
    module, longest = KINDS[kind](CELLS[name]), 50.0
    before = {key: weight.detach().clone() for key, weight in module.named_parameters()}
    others = net_biases(module)
    chrono_(module, longest)
    keeper, sign, writer = KEEPERS[name]
    found = net_biases(module)
    for (suffix, gate), bias in found.items():
        if gate == keeper:
            assert (sign * bias).min() >= 0.0
            assert (sign * bias).max() <= math.log(longest - 1)
            assert len(bias.unique()) == len(bias)
            if writer:
                assert torch.equal(found[suffix, writer], -bias)
        elif gate != writer:
            assert torch.equal(bias, others[suffix, gate])
    for key, weight in module.named_parameters():
        assert key.startswith("bias") or torch.equal(weight, before[key])


@every_keeper
def test_keep_bias_is_what_the_gate_keeps_at_rest(name):
    keeper, sign, _ = KEEPERS[name]
    for kind in KINDS.values():
        module = kind(CELLS[name])
        keep_bias_(module, 2.0)
        for (_, gate), bias in net_biases(module).items():
            assert (gate == keeper) == bool((bias == 2.0 * sign).all())


def at_rest(cell, longest, units=8192, heads=128):
    """d memory / d memory one step ago of so many units after chrono_, with W = U = 0 and an empty memory."""
    module = Recurrent(cell, 1, units, heads=heads, dtype=torch.float64)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    chrono_(module, longest, torch.Generator().manual_seed(1))
    return slope(module, steps=1)


def slope(module, steps):
    """d last memory / d first memory, per unit."""
    states = [torch.zeros(1, 1, module.hidden_size, dtype=torch.float64, requires_grad=True) for _ in module.cell.state]
    _, last = module(torch.zeros(steps, 1, 1, dtype=torch.float64), tuple(states) if len(states) > 1 else states[0])
    memory = last[-1] if len(states) > 1 else last
    return torch.autograd.grad(memory.sum(), states[-1])[0].flatten()


@every_pair(name=[name for name in KEEPERS if name != "slstm"], steps=[100, 1_000, 10_000])
def test_the_chrono_law_holds(name, steps):
    # RMS over units of d c_T / d c_0 = sqrt(integral of exp(-2 / x) from 0 to 1)
    cuts = torch.linspace(0, 1, 100_001, dtype=torch.float64)[1:] - 0.5e-5
    law = float(torch.exp(-2 / cuts).mean().sqrt())
    assert law == pytest.approx(0.1937, abs=5e-5)
    assert float((at_rest(CELLS[name], steps) ** (2 * steps)).mean().sqrt()) == pytest.approx(law, abs=CHRONO)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_over_a_thousand_steps_gradients_arrive_after_chrono_and_not_before(name):
    module = Recurrent(CELLS[name], 1, 32, dtype=torch.float64)
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    keep_bias_(module, 1.0)
    assert slope(module, 1_000).abs().max() < 1e-30
    chrono_(module, 1_000)
    found = slope(module, 1_000)
    assert found.square().mean().sqrt() > 0.1
    assert relative_error(found, slope(module, 1) ** 1_000) <= 1_000 * PARITY["float64"]


@pytest.mark.parametrize("name", WITHOUT)
def test_cells_in_which_no_gate_keeps_a_memory_are_refused_by_name(name):
    module = Recurrent(CELLS[name], I, H)
    for set_ in (lambda: chrono_(module, 50), lambda: keep_bias_(module), lambda: recommended_(module, 50)):
        with pytest.raises(InputError, match=f"no gate of {name} keeps its memory as the logistic function"):
            set_()


def test_what_users_wrote_is_judged_by_its_step():
    with pytest.raises(InputError, match="no gate of deep keeps its memory"):
        chrono_(Recurrent(USER_CELLS["deep"], I, H), 50)
    module = Recurrent(USER_CELLS["no_output_activation"], I, H)
    with pytest.raises(InputError, match="no_output_activation does not name its candidate") as caught:
        chrono_(module, 50)
    assert 'candidate="g"' in str(caught.value)
    keep_bias_(module, 3.0)
    assert (net_biases(module)["_l0", "forget"] == 3.0).all()


def test_under_layer_normalisation_the_shift_takes_the_value():
    module = nn.LSTM(I, H, layer_norm="output")
    chrono_(module, 50)
    assert torch.equal(module.shift_f_l0, -module.shift_i_l0)
    assert len(module.shift_f_l0.unique()) == H
    assert not module.shift_o_l0.any()
    keep_bias_(module, 1.5)
    assert (module.shift_f_l0 == 1.5).all()


def test_gates_that_are_clipped_below_the_horizon_are_refused():
    chrono_(nn.LSTM(I, H, clip_gates=5.0), math.exp(4.9))
    with pytest.raises(InputError, match=r"of a bias up to 5\.1"):
        chrono_(nn.LSTM(I, H, clip_gates=5.0), math.exp(5.1) + 1)


@pytest.mark.parametrize("longest", [2, 0, -3.0, math.nan, math.inf, True, "100", None])
def test_horizons_that_are_none_are_refused(longest):
    with pytest.raises(InputError, match="chrono initialisation needs a horizon of more than 2 steps"):
        chrono_(nn.LSTM(I, H), longest)


def test_modules_without_biases_and_other_modules_are_refused():
    for module in (nn.LSTM(I, H, bias=False), nn.GRUCell(I, H, bias=False)):
        for set_ in (keep_bias_, lambda module: chrono_(module, 50)):
            with pytest.raises(InputError, match=f"{type(module).__name__} has no biases"):
                set_(module)
    for set_ in (glorot_, orthogonal_, uniform_, keep_bias_, forget_bias_, recommended_):
        with pytest.raises(InputError, match=r"a recurrent module of gatewise\.nn is needed, not a LSTM"):
            set_(torch_nn.LSTM(I, H))


@every_pair(cell=CELLS, kind=KINDS.keys())
def test_orthogonal_is_so_for_every_gate_and_head(cell, kind):
    module = KINDS[kind](cell)
    before = {key: weight.detach().clone() for key, weight in module.named_parameters()}
    orthogonal_(module, gain=2.0)
    heads = module.options.heads if isinstance(module, Recurrent) else 1
    for block in gate_blocks(module, "weight_hh"):
        for head in block.double().chunk(heads):
            assert relative_error(head.T @ head, 4 * torch.eye(head.shape[1]).double()) <= ORTHOGONAL
    for key, weight in module.named_parameters():
        assert key.startswith("weight_hh") != torch.equal(weight, before[key])


@every_pair(cell=CELLS, kind=KINDS.keys())
def test_glorot_and_uniform_fill_their_bounds_for_every_gate_and_touch_w_alone(cell, kind):
    wide = {"glorot": (glorot_, lambda inputs, units: (6 / (inputs + units)) ** 0.5)}
    wide["uniform"] = (uniform_, lambda inputs, units: (3 / inputs) ** 0.5)
    for draw, bound in wide.values():
        module = KINDS[kind](cell)
        before = {key: weight.detach().clone() for key, weight in module.named_parameters()}
        draw(module)
        for suffix, units in places(module):
            for block in getattr(module, f"weight_ih{suffix}").detach().split(units):
                limit = bound(block.shape[1], units)
                assert 0.5 * limit < block.abs().max() <= limit
        for key, weight in module.named_parameters():
            assert key.startswith("weight_ih") != torch.equal(weight, before[key])


@pytest.mark.parametrize(("draw", "bound"), [(glorot_, (6 / 300) ** 0.5), (uniform_, (3 / 200) ** 0.5)])
def test_they_are_uniform(draw, bound):
    module = nn.LSTM(200, 100)
    draw(module, generator=torch.Generator().manual_seed(3))
    share = module.weight_ih_l0.detach().div(bound).add(1).div(2).flatten().double()
    count = share.numel()
    for power in (1, 2, 3):  # of U(0, 1), the mean of the k-th power is 1 / (k + 1)
        variance = 1 / (2 * power + 1) - 1 / (power + 1) ** 2
        assert abs(share.pow(power).mean() - 1 / (power + 1)) <= SIGMAS * (variance / count) ** 0.5


def test_a_bound_may_be_given():
    module = nn.GRU(I, H)
    uniform_(module, 0.01)
    assert 0.005 < module.weight_ih_l0.abs().max() <= 0.01


def test_chrono_times_are_uniform():
    module, longest = nn.GRU(1, 4096, heads=64), 1_001.0
    chrono_(module, longest, torch.Generator().manual_seed(4))
    share = (net_biases(module)["_l0", "update"].double().exp() - 1) / (longest - 2)
    largest = (share.sort().values - (torch.arange(4096) + 0.5) / 4096).abs().max()  # Kolmogorov and Smirnov
    assert largest <= math.sqrt(math.log(2 / (2 - 2 * NormalDist().cdf(SIGMAS))) / (2 * 4096)) + 0.5 / 4096


def forward_and_back(module):
    """The size of outputs, and of the gradient of the last one with respect to the input 29 steps earlier."""
    x = torch.randn(50, 16, 64, generator=torch.Generator().manual_seed(6), requires_grad=True)
    y, _ = module(x)
    (gradient,) = torch.autograd.grad(y[-1].sum(), x)
    return float(y.detach().square().mean().sqrt()), float(gradient[20].norm())


@every_cell
def test_through_a_deep_stack_recommended_starts_keep_signals_and_carry_gradients_further_back(cell):
    torch.manual_seed(0)
    module = Recurrent(cell, 64, 64, num_layers=4)
    _, before = forward_and_back(module)
    recommended_(module)
    size, gradient = forward_and_back(module)
    assert 0.01 < size < 3.0
    assert gradient > 3.0 * before
    for (_, gate), bias in net_biases(module).items():
        keeper, sign, _ = KEEPERS.get(cell.name, (None, 0, None))
        assert (bias == (sign if gate == keeper else 0.0)).all()


@pytest.mark.parametrize(
    "draw", [orthogonal_, glorot_, uniform_, recommended_, lambda m, generator: chrono_(m, 50, generator)]
)
def test_a_generator_decides_and_torchs_own_is_left_alone(draw):
    modules = [nn.LSTM(I, H) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())
    before = torch.get_rng_state()
    for module in modules:
        draw(module, generator=torch.Generator().manual_seed(5))
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(modules[0].parameters(), modules[1].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_every_dtype_can_be_initialised_and_gradients_stay_possible(dtype):
    module = nn.LSTM(I, H, dtype=dtype)
    recommended_(module, 100)
    assert all(weight.dtype == dtype and weight.requires_grad and weight.is_leaf for weight in module.parameters())
    assert all(weight.isfinite().all() for weight in module.parameters())
