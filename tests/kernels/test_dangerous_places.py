"""Where recurrent code is known to go wrong: digits lost near 1, overflow, doubled biases, and very long sequences."""

from __future__ import annotations

import math
import mmap
import re
import sys
from functools import partial

import pytest
import torch
from torch import exp, sigmoid, tanh

from gatewise import nn
from gatewise.cells import CELLS
from gatewise.compiler.stages import backward_sweep, forward_sweep
from gatewise.errors import InputError
from gatewise.kernels import reference
from gatewise.kernels.cpu import passes, plan
from gatewise.kernels.cpu.arrays import before, kept_arrays, now
from gatewise.kernels.cpu.compile import FOR_FEW_ROWS, llvm_text
from gatewise.kernels.cpu.plan import Sweeping, forward_plan
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.layer import Layer
from gatewise.kernels.registry import register
from gatewise.nn.init import forget_bias_

from ..matrix import ALL_CELLS, FAMILY, every_dtype, every_pair, names, random_layer, relative_error
from ..tolerance import DRIFT, LONG_SEQUENCE, PARITY, SATURATED

TRAINED = 6  # the first fields of a layer are those with gradients
SLSTM = CELLS["slstm"]
# Which gate carries over what was, and what it is added to before the sigmoid that writes: -a, or in JANET 1 - a.
CARRIES = {
    "coupled_lstm": ("forget", 0.0),
    "coupled_peephole_lstm": ("forget", 0.0),
    "gru": ("update", 0.0),
    "gru_reset_before": ("update", 0.0),
    "janet": ("forget", 1.0),
}


def run(cell, layer, driver=sequence):
    """y and the last states, and the gradient of their sum for each trained field."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in layer[:TRAINED]]
    states = driver(register(cell) if driver is sequence else cell, Layer(*leaves, *layer[TRAINED:]))
    total = states.y.sum() + states.last.sum()
    gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    return states.y.detach(), states.last.detach(), *gradients


def silent(cell, steps=1, rows=1, units=1, dtype=torch.float32):
    """A layer of zeros: only its biases and states count."""
    layer = random_layer(cell, steps, rows, 1, units, dtype=dtype)
    return Layer(*(torch.zeros_like(tensor) for tensor in layer[:-1]), None)


def with_bias(cell, layer, **values):
    """The same with a bias for each gate that is named, in all units."""
    biased = [gate.name for gate in cell.gates if gate.has_bias]
    return layer._replace(b=torch.tensor([values.get(name, 0.0) for name in biased], dtype=layer.b.dtype))


@pytest.mark.parametrize("a", [20.0, 30.0])
@pytest.mark.parametrize("name", CARRIES)
def test_a_gate_at_1_still_lets_in_its_complement(name, a):
    """In float32 1 - sigmoid(20) is 0: nothing would ever be written, nor learned."""
    cell, (gate, beta) = CELLS[name], CARRIES[name]
    layer = with_bias(cell, silent(cell), **{gate: a, "candidate": 1.0, "candidate_x": 1.0})
    _, last, *gradients = run(cell, layer)
    written = math.tanh(1.0) / (1.0 + math.exp(a - beta))
    assert float(last[-1]) == pytest.approx(written, rel=SATURATED, abs=0)
    index = [g.name for g in cell.gates if g.has_bias].index(gate)
    slope = -math.tanh(1.0) * math.exp(a - beta) / (1.0 + math.exp(a - beta)) ** 2
    # counted twice: as output and last state, or as last memory and as the two halves that sigmoid(0) lets out
    assert float(gradients[3][index]) == pytest.approx(2 * slope, rel=SATURATED, abs=0)


@pytest.mark.parametrize("a", [20.0, 30.0])
def test_an_mgu_at_1_still_keeps_the_complement(a):
    cell = CELLS["mgu"]
    layer = with_bias(cell, silent(cell), forget=a)
    _, last, *_ = sequence(register(cell), layer._replace(states=torch.ones(1, 1, 1)))
    assert float(last) == pytest.approx(1.0 / (1.0 + math.exp(a)), rel=SATURATED, abs=0)


@pytest.mark.parametrize("a", [20.0, 30.0])
@pytest.mark.parametrize("name", CARRIES)
def test_what_is_written_at_every_step_adds_up(name, a):
    cell, (gate, _) = CELLS[name], CARRIES[name]
    narrow, wide = (
        with_bias(cell, silent(cell, steps=100, dtype=dtype), **{gate: a, "candidate": 1.0, "candidate_x": 1.0})
        for dtype in (torch.float32, torch.float64)
    )
    expected = float(reference.forward(cell, wide).last[-1])
    assert expected > 0
    assert float(sequence(register(cell), narrow).last[-1]) == pytest.approx(expected, rel=SATURATED, abs=0)


def of_gates(gates, dtype):
    """An sLSTM layer whose pre-activations are given, (T, B, 4)."""
    steps, rows, _ = gates.shape
    layer = silent(SLSTM, steps, rows, dtype=dtype)
    states = torch.tensor(SLSTM.initial, dtype=dtype).view(4, 1, 1).expand(4, rows, 1)
    return layer._replace(x=gates.to(dtype).flatten(0, 1), W=torch.eye(4, dtype=dtype), states=states)


MIXED = torch.cartesian_prod(*[torch.tensor([-500.0, -1.0, 0.0, 500.0])] * 2)  # input, forget


@every_dtype
def test_the_first_step_of_the_slstm_is_exact_in_every_row(dtype):
    """h = o z whatever the input gate, since c / n is i z / i."""
    other = torch.tensor([0.7, 0.3]).expand(len(MIXED), 2)
    gates = torch.cat((MIXED, other), dim=1).unsqueeze(0)
    y, (_, c, n, m), *_ = sequence(register(SLSTM), of_gates(gates, dtype))
    assert torch.equal(m.flatten(), MIXED[:, 0].to(dtype))
    assert torch.equal(n, torch.ones_like(n))
    z, o = tanh(other[0, 0].double()), sigmoid(other[0, 1].double())
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    assert relative_error(c.double(), z.expand_as(c)) <= tolerance
    assert relative_error(y.double(), (o * z).expand_as(y)) <= tolerance


@every_dtype
def test_gates_of_500_leave_the_slstm_and_its_gradients_finite(dtype):
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (50, 32, 4), generator=generator) * 2.0 - 1
    size = torch.where(
        torch.rand(1, 32, 1, generator=generator) < 0.5, 500.0, torch.rand(50, 32, 4, generator=generator)
    )
    steady = torch.tensor([[500, 500], [500, -500], [-500, 500], [-500, -500]]).repeat(8, 1)
    gates = signs * size
    gates[:, ::2, :2] = steady[::2]
    assert all(torch.isfinite(tensor).all() for tensor in run(SLSTM, of_gates(gates, dtype)))


def test_the_slstm_is_its_naive_recurrence_where_that_does_not_overflow():
    layer = random_layer(SLSTM, 12, 5, 4, 6)
    start = torch.tensor(SLSTM.initial, dtype=torch.float64).view(4, 1, 1).expand(4, 5, 6)
    results = []
    for steps in (stabilised, naive):
        leaves = [tensor.clone().requires_grad_() for tensor in layer[:4]]
        y = steps(*leaves, start)
        weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
        results.append([y, *torch.autograd.grad((y * weights).sum(), leaves)])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found, expected) <= PARITY["float64"]


def stabilised(x, W, U, b, start):
    layer = random_layer(SLSTM, 12, 5, 4, 6)
    return sequence(register(SLSTM), layer._replace(x=x, W=W, U=U, b=b, states=start)).y.view(12, 5, 6)


def naive(x, W, U, b, start):
    """arXiv:2405.04517, equations 8 to 14, with an exponential input gate and a sigmoid forget gate."""
    h, c, n, _ = start
    seen = []
    for step in x.view(12, 5, 4):
        i, f, z, o = (step @ W.t() + h @ U.t() + b).chunk(4, dim=1)
        c = sigmoid(f) * c + exp(i) * tanh(z)
        n = sigmoid(f) * n + exp(i)
        h = sigmoid(o) * c / n
        seen.append(h)
    return torch.stack(seen)


@every_dtype
def test_rows_that_start_anew_in_mid_batch_are_as_new(dtype):
    """The reference implementation asks whether the whole batch is new, which mixed resets make wrong."""
    layer = random_layer(SLSTM, 6, 5, 3, 4, dtype=dtype)
    key, reset = register(SLSTM), torch.tensor([False, True, False, True, True])
    fresh = torch.tensor(SLSTM.initial, dtype=dtype).view(4, 1, 1).expand(4, 5, 4)
    old = sequence(key, layer).last
    mixed = sequence(key, layer._replace(states=torch.where(reset.view(1, 5, 1), fresh, old))).y.view(6, 5, 4)
    assert torch.equal(mixed[:, reset], sequence(key, layer._replace(states=fresh)).y.view(6, 5, 4)[:, reset])
    assert torch.equal(mixed[:, ~reset], sequence(key, layer._replace(states=old)).y.view(6, 5, 4)[:, ~reset])


WITH_FORGET = [nn.LSTM, nn.PeepholeLSTM, nn.CoupledLSTM, nn.CoupledPeepholeLSTM, nn.MGU, nn.JANET, nn.SLSTM]
by_name = {"ids": lambda kind: kind.__name__}


@pytest.mark.parametrize("kind", [*WITH_FORGET, nn.GRU, nn.RNN, nn.GRUResetBefore], **by_name)
def test_the_two_biases_of_a_gate_add_up(kind):
    module, x = kind(3, 5, dtype=torch.float64), torch.randn(4, 2, 3, dtype=torch.float64)
    expected = module(x)[0]
    first = [gate.name for gate in module.cell.gates if gate.has_bias and (gate.has_input or not gate.recurrent)]
    second = [gate.name for gate in module.cell.gates if gate.has_bias and gate.recurrent]
    with torch.no_grad():
        for name in set(first) & set(second):
            a, b = (slice(5 * names.index(name), 5 * names.index(name) + 5) for names in (first, second))
            module.bias_ih_l0[a] += module.bias_hh_l0[b]
            module.bias_hh_l0[b] = 0
    assert relative_error(module(x)[0], expected) <= PARITY["float64"]


@pytest.mark.parametrize("kind", [*WITH_FORGET, nn.LSTMCell], **by_name)
def test_forget_bias_sets_the_net_bias_and_no_other(kind):
    options = {} if kind is nn.LSTMCell else {"num_layers": 2, "bidirectional": True}
    module = kind(3, 5, **options)
    before = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    forget_bias_(module, 1.0)
    where = [gate.name for gate in module.cell.gates].index("forget")
    mine = slice(5 * where, 5 * where + 5)
    for name, weight in module.named_parameters():
        if name.startswith("bias_ih"):
            net = weight + getattr(module, name.replace("_ih", "_hh"))
            assert torch.equal(net[mine], torch.ones(5)), name
            weight[mine].data.copy_(before[name][mine])
        elif name.startswith("bias_hh"):
            weight[mine].data.copy_(before[name][mine])
        assert torch.equal(weight, before[name]), name


@pytest.mark.parametrize("module", [nn.GRU(3, 5), nn.RNN(3, 5), nn.LSTM1997(3, 5), nn.LSTM(3, 5, bias=False)], ids=str)
def test_forget_bias_of_what_has_none_is_refused(module):
    with pytest.raises(InputError, match="no bias of a forget gate"):
        forget_bias_(module)


@pytest.mark.parametrize("window", [slice(0, 500), slice(69_500, 70_000)], ids=["first", "last"])
def test_more_steps_than_16_bits_can_count(window):
    """cuDNN takes 65,535. Gradients of some outputs: torch need run only there, since f ** 500 is nothing."""
    ours, theirs = nn.LSTM(1, 2, dtype=torch.float64), torch.nn.LSTM(1, 2, dtype=torch.float64)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(70_000, 1, 1, dtype=torch.float64)
    near = slice(max(0, window.start - 1000), window.stop)
    results = []
    for module, steps in ((ours, slice(None)), (theirs, near)):
        given = x[steps].clone().requires_grad_()
        seen = module(given)[0][window if module is ours else slice(-500, None)]
        loss = (seen * torch.linspace(-1, 1, 1000, dtype=x.dtype).view(500, 1, 2)).sum()
        d_x, *gradients = torch.autograd.grad(loss, [given, *module.parameters()])
        results.append([seen, d_x[near] if module is ours else d_x, *gradients])
    for found, expected in zip(*results, strict=True):
        assert relative_error(found, expected) <= LONG_SEQUENCE
    with torch.no_grad():
        assert relative_error(ours(x)[0], theirs(x)[0]) <= LONG_SEQUENCE


@pytest.mark.skipif(sys.platform != "linux", reason="memory that is reserved but not there")
def test_offsets_beyond_32_bits_reach_the_right_rows(monkeypatch):
    """10 million rows of 4 x 256 pre-activations, of which ten are computed: elements 10 ** 10, bytes 4 x 10 ** 10."""
    cell, steps, rows, units, few = CELLS["lstm"], 2, 5_000_000, 256, 5
    assert steps * rows * units > 2**31
    small = random_layer(cell, steps, few, 1, units, dtype=torch.float32)

    def sparse(*shape):
        count = math.prod(shape)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
        return torch.frombuffer(mmap.mmap(-1, 4 * count, flags=flags), dtype=torch.float32).view(shape)

    x, states = sparse(steps * rows, 1), sparse(2, rows, units)
    x.view(steps, rows, 1)[:, -few:] = small.x.view(steps, few, 1)
    states[:, -few:] = small.states
    y, memory, kept = (sparse(steps * rows, width) for width in (units, units, 4 * units))
    arrays = {"x": now(x.data_ptr(), 1)} | kept_arrays(cell, kept, units)
    for name, history, start in (("h", y, states[0]), ("c", memory, states[1])):
        first = before(history.data_ptr(), units, start.data_ptr())
        arrays |= {name: now(history.data_ptr(), units), f"{name}_prev": first}

    def last_rows_only(code, argument, count, part, threads):
        code.run(argument, count - few, count)

    monkeypatch.setattr(plan, "run", last_rows_only)
    forward = forward_plan(cell, torch.float32, True, False, 1, units)
    Sweeping(forward, cell, small._replace(x=x, states=states)).run(arrays, slice(0, steps))
    monkeypatch.undo()
    expected = passes.forward(cell, small, keep=True)
    assert torch.equal(y[-few:], expected.y[-few:])
    assert torch.equal(memory[-few:], expected.histories[0, -few:])
    assert torch.equal(kept[-few:], expected.gates[-few:])


# Lane numbers, the mask of an instruction, and what is asked of OpenMP. Splats and vectors of i32 are the exponents
# of exp.
NARROW = re.compile(
    r"<\d+ x i32>|splat \(i32|inttoptr .* to i32 \(\)\*|(insert|extract)element .*, i32 \d+$|call i32 |rcp14"
)


@pytest.mark.parametrize("sweep", [partial(forward_sweep, keep=True), backward_sweep], ids=["forward", "backward"])
@pytest.mark.parametrize("name", ["lstm", "deep", "slstm_layer_norm"])  # one stage, several, and means between them
@pytest.mark.parametrize("vectors", [FOR_FEW_ROWS, 2, 4])
def test_no_offset_is_worked_out_in_32_bits(name, sweep, vectors):
    text = llvm_text(sweep(ALL_CELLS[name]), torch.float32, vectors)
    narrow = [line for line in text.splitlines() if re.search(r"\b(i8|i16|i32)\b", line) and not NARROW.search(line)]
    assert [line.split(" = ")[1].split(" %")[0] for line in narrow] == ["sext i32"] * 2, "the two numbers of OpenMP"
    assert "trunc" not in text


EXTREMES = {
    "huge": lambda layer: layer._replace(x=layer.x * 1e30),
    "tiny": lambda layer: layer._replace(x=layer.x * 1e-30),
    "subnormal": lambda layer: layer._replace(x=layer.x * 1e-40, states=layer.states * 1e-40 + (layer.states == 1)),
    "constant": lambda layer: layer._replace(x=torch.ones_like(layer.x)),
    "no_weights": lambda layer: Layer(layer.x, *(torch.zeros_like(t) for t in layer[1:5]), *layer[5:]),
    "nothing": lambda layer: Layer(*(torch.zeros_like(tensor) for tensor in layer[:5]), *layer[5:]),
}


@every_pair(cell=ALL_CELLS, case=EXTREMES.keys())
def test_extreme_numbers_give_finite_ones_where_float32_can_hold_them(cell, case):
    layer = EXTREMES[case](random_layer(cell, 3, 2, 4, 5, dtype=torch.float32))
    wide = Layer(*(tensor.double() for tensor in layer[:-1]), None)
    for found, expected in zip(run(cell, layer), run(cell, wide, reference.forward), strict=True):
        holds = expected.abs() < torch.finfo(torch.float32).max
        assert torch.isfinite(found[holds]).all()


def drift(cell, layer):
    """How far float32 is from float64, relative to the largest output."""
    expected = sequence(register(cell), layer).y
    narrow = Layer(*(tensor.float() for tensor in layer[:-1]), None)
    return relative_error(sequence(register(cell), narrow).y.double(), expected)


@pytest.mark.parametrize("name", names(sorted(FAMILY.keys() - {"lstm_1997"})))
def test_float32_stays_close_to_float64_over_10_000_steps(name):
    assert drift(CELLS[name], random_layer(CELLS[name], 10_000, 1, 3, 8)) <= DRIFT["forgetting"]


@pytest.mark.parametrize("name", names([*CARRIES, "lstm", "peephole_lstm", "slstm", "lstm_1997"]))
def test_and_where_a_cell_remembers_for_as_long(name):
    """A bias of 9.2 makes a gate of 1 - 1e-4, as chrono initialisation does for 10,000 steps."""
    cell = CELLS[name]
    layer, gates = random_layer(cell, 10_000, 1, 3, 8), [gate.name for gate in cell.gates if gate.has_bias]
    carry, _ = CARRIES.get(name, ("forget", None))
    if carry in gates:  # the first LSTM has none, and forgets nothing
        layer.b.view(-1, 8)[gates.index(carry)] = 9.2
    assert drift(cell, layer) <= DRIFT["remembering"]


@pytest.mark.parametrize("name", ["coupled_lstm", "coupled_peephole_lstm"])
@pytest.mark.parametrize("saturated", [17.0, 20.0])
def test_gradients_of_a_saturated_forget_gate_keep_their_digits_too(name, saturated):
    """d f and d i differ by what 1 - f is, so a rounded 1 - f would even have the wrong sign."""
    found = {}
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        module = nn.Recurrent(CELLS[name], 1, 1, dtype=torch.float64)
        with torch.no_grad():
            module.bias_ih_l0[0] = saturated
            module.bias_hh_l0[0] = 0
        module = module.to(dtype)
        start = (torch.zeros(1, 1, 1, dtype=dtype), torch.ones(1, 1, 1, dtype=dtype))
        y, _ = module(torch.ones(1, 1, 1, dtype=dtype), start)
        found[dtype] = torch.autograd.grad(y.sum(), module.bias_ih_l0)[0][0].double()
    assert relative_error(found[torch.float32], found[torch.float64]) <= SATURATED
