"""The kernels for GPUs, run by Triton's interpreter: every cell and every way to run it, against the reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import gatewise
from gatewise import cell
from gatewise.cells import CELLS as CELLS_OF_THE_LIBRARY
from gatewise.compiler.lower import program_of
from gatewise.compiler.ops import OVER_UNITS
from gatewise.errors import InputError
from gatewise.inspect import time_chunks
from gatewise.kernels import choice
from gatewise.kernels.gpu import passes
from gatewise.kernels.gpu.build import Tile, power_of_two, tile_of
from gatewise.kernels.gpu.driver import DTYPES, GPU, GPUDriver
from gatewise.kernels.gpu.passes import Way
from gatewise.kernels.gpu.plan import backward_plan, forward_plan
from gatewise.kernels.layer import Layer, Saved, Seeds
from gatewise.kernels.reference import REFERENCE
from gatewise.nn import PeepholeLSTM, Recurrent

from ..matrix import ALL_CELLS, every_pair, random_layer, relative_error, values
from ..needs import need_module
from ..tolerance import HALF, PARITY, ULP_GPU

need_module("triton")
import triton  # noqa: E402
import triton.language as tl  # noqa: E402

from gatewise.kernels.gpu import functions as fn  # noqa: E402

# Programs compute rows and units that there are not too, whose numbers nobody reads.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value|divide by zero) encountered:RuntimeWarning")

CPU = frozenset({"cpu"})
# Rows that need two programs, and units too where a program need not hold whole rows.
TILES = {"own tile": None, "of rows": Tile(4, 16), "of units": Tile(8, 8)}
DRIVERS = {"a launch a step": GPUDriver(CPU, Way()), "resident": GPUDriver(CPU, Way(resident=True))}
TOLERANCES = PARITY | HALF
SIZES = {"equal": None, "ragged": (7, 4, 1), "of no steps": (5, 2, 0)}


@cell(gates={"update": "W x + b", "candidate": "W x + b"}, state="h")
def min_gru(z, n, h):
    """Feng et al., Were RNNs All We Needed?, arXiv:2410.01201, section 3.1: nothing is multiplied with U."""
    z = torch.sigmoid(z)
    h = (1 - z) * h + z * torch.tanh(n)
    return h


@cell(gates={"write": "W x + U(...) + b"}, state="h c")
def reads_its_memory(write, h, c):
    """No paper: what U multiplies is a state that is not the output."""
    c = 0.5 * c + torch.tanh(write(c))
    h = torch.tanh(c) + 0.1 * h
    return h, c


@cell(gates={"rate": "W x + U h + b", "inner": "U(...) + b"}, state="h s", scalars={"share": 0.2})
def attends(r, inner, h, s, share):
    """No paper: one gate called twice, a weight of one number, a maximum and a sum over units, waves."""
    for _ in range(2):
        s = s + share * torch.tanh(inner(torch.sin(s)))
    attention = torch.exp(s - s.amax(-1, keepdim=True))
    attention = attention / attention.sum(-1, keepdim=True)
    h = torch.sigmoid(r) * h + attention * torch.cos(r) + (s > 0.0) * torch.floor(r) / 8.0
    return h, s


@cell(gates={"forget": "W x + U h + b", "inner": "U(...)"}, state="h", inputs="x elapsed")
def reads_its_input(f, inner, h, x, elapsed):
    """No paper: x itself, unit by unit, beside what it is multiplied to; a number of each row before and after U."""
    f = torch.sigmoid(f - elapsed)
    h = f * h + (1 - f) * torch.tanh(inner(x * h) + x * elapsed)
    return h


OWN = {"reads_its_input": reads_its_input, "min_gru": min_gru, "reads_its_memory": reads_its_memory, "attends": attends}
CELLS = ALL_CELLS | OWN


def layer_of(cell, steps, rows, units, **options):
    """Of three features, or of as many as a step needs that reads them itself."""
    return random_layer(cell, steps, rows, units if cell.reads_x else 3, units, **options)


every_cell = pytest.mark.parametrize("cell", values(CELLS))


def results(driver, cell, layer, *, histories):
    """Outputs, and gradients for weights on all of them."""
    states = driver.forward(cell, layer, keep=True)
    generator = torch.Generator().manual_seed(3)
    outputs = (states.y, states.last, states.histories)
    seeds = [torch.randn(out.shape, dtype=torch.float64, generator=generator).to(out.dtype) for out in outputs]
    given = Seeds(seeds[0], seeds[1], seeds[2] if histories and len(seeds[2]) else None)
    gradients = driver.backward(cell, layer, Saved(*states[:1], *states[2:]), given, input_gradient=True)
    return outputs, torch.cat([gradient.flatten() for gradient in gradients])


def assert_the_same(driver, cell, layer, dtype, *, histories):
    wide = Layer(*(t.double() if t is not None and t.is_floating_point() else t for t in layer))
    found, found_gradients = results(driver, cell, layer, histories=histories)
    expected, expected_gradients = results(REFERENCE, cell, wide, histories=histories)
    plain, plain_gradients = results(REFERENCE, cell, layer, histories=histories) if dtype in HALF else (found, 0)
    for ours, theirs, loop in zip(found, expected, plain, strict=True):
        assert_close(ours, theirs, loop, dtype)
    assert_close(found_gradients, expected_gradients, plain_gradients, dtype)


def assert_close(ours, exact, loop, dtype):
    """To within rounding; in half precision no worse than the loop in the same, where a step decides by its numbers."""
    error = relative_error(ours.double(), exact)
    assert error <= TOLERANCES[dtype] or (dtype in HALF and error <= 1.5 * relative_error(loop.double(), exact))


def is_possible(cell, driver, dtype, sizes, tile):
    """Products within kernels take no float64, and the interpreter multiplies bfloat16 as if it were integers. What
    is taken over units needs whole rows."""
    if tile is not None and tile.units < 10 and any(i.op in OVER_UNITS for i in program_of(cell).body):
        return False
    return not driver.way.resident or (dtype not in ("float64", "bfloat16") and tile is None)


@every_pair(
    is_possible,
    cell=CELLS,
    driver=DRIVERS,
    dtype=list(TOLERANCES),
    sizes=SIZES,
    tile=TILES,
)
def test_every_cell_gives_what_the_reference_gives(cell, driver, dtype, sizes, tile):
    ragged = {} if sizes is None else {"batch_sizes": torch.tensor(sizes)}
    layer = layer_of(cell, 3, 7, 10, dtype=getattr(torch, dtype), **ragged)
    driver = GPUDriver(CPU, Way(tile=tile)) if tile else driver
    assert not driver.refusal(cell, layer)
    assert_the_same(driver, cell, layer, dtype, histories=sizes is None)


def test_what_two_parts_multiply_has_sums_of_its_own_in_each():
    cell = CELLS_OF_THE_LIBRARY["nested_lstm"]
    layer = layer_of(cell, 2, 3, 4, dtype=torch.float32, batch_sizes=torch.tensor((3, 1)))
    assert_the_same(DRIVERS["a launch a step"], cell, layer, "float32", histories=False)


def test_all_dtypes_are_tested():
    assert {str(dtype).removeprefix("torch.") for dtype in DTYPES} == TOLERANCES.keys()


@every_cell
def test_without_what_backward_reads_the_outputs_are_the_same_bits(cell):
    layer = layer_of(cell, 3, 4, 6, dtype=torch.float32)
    kept, not_kept = (GPUDriver(CPU).forward(cell, layer, keep=keep) for keep in (True, False))
    assert torch.equal(kept.y, not_kept.y)
    assert torch.equal(kept.last, not_kept.last)
    assert not_kept.gates.numel() == not_kept.histories.numel() == 0


@every_cell
def test_rows_of_padding_are_neither_read_nor_given_a_value(cell):
    sizes = torch.tensor([5, 3, 0])
    layer = layer_of(cell, 3, 6, 7, dtype=torch.float32, batch_sizes=sizes)
    spoilt = {name: getattr(layer, name) for name in ("x", "step_noise")}
    layer = layer._replace(
        **{name: torch.nn.functional.pad(t, (0, 0, 0, 4), value=torch.nan) for name, t in spoilt.items()}
    )
    (y, last, histories), gradients = results(GPUDriver(CPU), cell, layer, histories=False)
    for rows in (y[8:], histories[:, 8:]):
        assert torch.equal(rows, torch.zeros_like(rows))
    assert torch.equal(last[:, 5], layer.states[:, 5])
    assert bool(torch.isfinite(gradients).all())


@pytest.mark.parametrize("name", ["lstm", "min_gru"])
def test_a_step_that_multiplies_nothing_is_one_launch(monkeypatch, name):
    launches = []
    launch = passes.Sweep._launch
    monkeypatch.setattr(passes.Sweep, "_launch", lambda self, *a: launches.append(a[1:]) or launch(self, *a))
    layer = random_layer(CELLS[name], 6, 2, 3, 4, dtype=torch.float32)
    monkeypatch.setenv("GATEWISE_SELFCHECK", "0")
    GPUDriver(CPU, Way()).forward(CELLS[name], layer, keep=False)
    assert launches == ([(0, 6)] if name == "min_gru" else [(step, step + 1) for step in range(6)])
    del launches[:]
    if name == "lstm":
        GPUDriver(CPU, Way(resident=True)).forward(CELLS[name], layer, keep=False)
        assert launches == [(0, 6)]


@triton.jit
def _apply(x, y, FUNCTION: tl.constexpr, COUNT: tl.constexpr):
    at = tl.arange(0, COUNT)
    tl.store(y + at, FUNCTION(tl.load(x + at)))


FUNCTIONS = {
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "log_sigmoid": torch.nn.functional.logsigmoid,
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_right_to_a_few_units(name, dtype):
    x = torch.logspace(-30, 2, 4096, dtype=dtype)
    x = torch.cat((x, x.flip(0))) if name in ("log", "sqrt") else torch.cat((x, -x)).clamp(-85.0, 85.0)
    y = torch.empty_like(x)
    _apply[(1,)](x, y, getattr(fn, name), len(x))
    exact = FUNCTIONS[name](x.double()).numpy()
    spacing = np.spacing(np.abs(exact).astype(str(dtype).removeprefix("torch.")))
    least = float(np.finfo(spacing.dtype).tiny)
    errors = np.abs(y.double().numpy() - exact) / np.maximum(spacing, least)
    assert errors[np.abs(exact) > least].max() <= ULP_GPU[str(dtype).removeprefix("torch.")]


def test_functions_of_what_is_not_finite_are_torchs():
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0])
    for name in ("sigmoid", "tanh", "log_sigmoid", "exp", "relu", "abs"):
        y = torch.empty_like(x)
        _apply[(1,)](x, y, getattr(fn, name), 4)
        expected = {**FUNCTIONS, "relu": torch.relu, "abs": torch.abs}[name](x)
        assert torch.equal(y.isnan(), expected.isnan())
        assert torch.equal(y[1:], expected[1:])


@triton.jit
def _of_two(a, b, y, FUNCTION: tl.constexpr):
    at = tl.arange(0, 4)
    tl.store(y + at, FUNCTION(tl.load(a + at), tl.load(b + at)))


def test_the_larger_and_smaller_of_nan_is_nan():
    a, b = torch.tensor([torch.nan, 1.0, 2.0, -3.0]), torch.tensor([1.0, torch.nan, 1.0, 5.0])
    for name in ("maximum", "minimum"):
        y = torch.empty_like(a)
        _of_two[(1,)](a, b, y, getattr(fn, name))
        assert torch.equal(y.nan_to_num(9.0), getattr(torch, name)(a, b).nan_to_num(9.0))


@pytest.fixture
def first(monkeypatch):
    """The kernels for GPUs before all other drivers."""
    driver = GPUDriver(CPU)
    monkeypatch.setattr(choice, "DRIVERS", [driver, *choice.DRIVERS])
    return driver


def test_modules_run_on_it_in_both_directions_ragged_and_twice_differentiated(first):
    module = PeepholeLSTM(2, 3, bidirectional=True, batch_first=True).double()
    x = torch.randn(3, 3, 2, dtype=torch.float64, requires_grad=True)
    assert module.driver(x).driver == "gpu"
    weights = list(module.parameters())

    def derivatives():
        y, last = module(x, lengths=[3, 1, 2])
        total = y.square().sum() + sum(state.sum() for state in last)
        slope = torch.autograd.grad(total, [x, *weights], create_graph=True)
        return [y, *slope, *torch.autograd.grad(slope[0].square().sum(), [x])]

    found = derivatives()
    first.kinds = frozenset()
    for ours, theirs in zip(found, derivatives(), strict=True):
        assert relative_error(ours, theirs) <= PARITY["float64"]


def test_episodes_are_each_a_sequence_of_its_own(first):
    torch.manual_seed(0)
    module = PeepholeLSTM(3, 4, bidirectional=True).double()
    x, resets = torch.randn(6, 3, 3).double(), torch.rand(6, 3) < 0.3
    resets[2, 1] = True
    y = module(x, resets=resets)[0]
    assert module.driver(x, resets=resets).driver == "gpu"
    begins = [0, *(1 + resets[1:, 1].nonzero().flatten()).tolist(), 6]
    parts = [module(x[begin:end, 1:2])[0] for begin, end in itertools.pairwise(begins)]
    assert relative_error(y[:, 1:2], torch.cat(parts)) < PARITY["float64"]
    ours, theirs = (torch.autograd.grad(each.sum(), module.weight_hh_l0)[0] for each in (y[:, 1:2], torch.cat(parts)))
    assert relative_error(ours, theirs) < PARITY["float64"]


def test_a_long_sequence_runs_in_chunks_of_time(first, monkeypatch):
    monkeypatch.setenv("GATEWISE_SELFCHECK", "0")
    for name, steps in {"_FIRST_LOOK": 4, "_APART": 4, "_SHORTEST": 8}.items():
        monkeypatch.setattr(time_chunks, name, steps)
    torch.manual_seed(0)
    module, x = Recurrent(ALL_CELLS["mgu"], 2, 3).double(), torch.randn(48, 2, 2, dtype=torch.float64)
    with torch.no_grad():
        whole = module(x)[0]
        assert module.driver(x).driver == "gpu"
        with gatewise.time_chunks(module, 3, tolerance=0.05) as chunked:
            found = module(x)[0]
    assert (chunked.runs[0].chunks, chunked.unmet) == (3, 0)
    assert 0.0 < (found - whole).abs().max() < 0.05  # from guesses that were met


def test_noise_is_drawn_in_training_and_shared_in_evaluation(first):
    options = {"recurrent_dropout": 0.3, "zoneout": {"c": 0.2}, "candidate_dropout": 0.1}
    module, x = Recurrent(ALL_CELLS["lstm"], 3, 4, **options).double(), torch.randn(4, 2, 3, dtype=torch.float64)
    for mode in (module.train, module.eval):
        mode()
        torch.manual_seed(5)
        first.kinds = CPU
        found = module(x)[0]
        torch.manual_seed(5)
        first.kinds = frozenset()
        assert relative_error(found, module(x)[0]) <= PARITY["float64"]


@pytest.mark.slow
def test_layers_in_graphs_and_mapped_run_on_it(first):
    module, x = PeepholeLSTM(3, 4), torch.randn(4, 2, 3)
    expected = module(x)[0]
    torch._dynamo.reset()
    assert (
        relative_error(torch.compile(module, fullgraph=True, backend="aot_eager")(x)[0], expected) <= PARITY["float32"]
    )
    mapped = torch.func.vmap(lambda one: module(one)[0], in_dims=1, out_dims=1)(x)
    assert relative_error(mapped, expected) <= PARITY["float32"]


def test_what_it_refuses_it_names():
    layer = random_layer(ALL_CELLS["lstm"], 2, 2, 3, 4, dtype=torch.float32)
    assert GPU.refusal(ALL_CELLS["lstm"], layer) == "no kernel for device cpu"
    strange = layer._replace(x=layer.x.to(torch.complex64))
    assert GPUDriver(CPU).refusal(ALL_CELLS["lstm"], strange) == "no kernel for torch.complex64"
    normalised = ALL_CELLS["slstm_layer_norm"]
    wide = layer._replace(states=torch.zeros(4, 1, 20_000))
    assert GPUDriver(CPU).refusal(normalised, wide) == "a mean, sum or maximum over more than 16384 units"


def test_tiles_hold_what_programs_need():
    assert [power_of_two(number) for number in (1, 2, 3, 64, 65)] == [1, 2, 4, 64, 128]
    whole, parts = (
        backward_plan(ALL_CELLS["slstm_layer_norm"], histories=False),
        forward_plan(ALL_CELLS["lstm"], keep=True),
    )
    assert tile_of(whole, 700, resident=False).units == 1024
    assert tile_of(parts, 700, resident=False).units == 128
    assert tile_of(parts, 5, resident=True).units == 16
    assert Tile(4, 8).grid(7, 10) == (2, 2)


@pytest.fixture
def spoilt(monkeypatch):
    """A compiler that gets exp wrong."""
    right = passes.Sweep.run
    monkeypatch.setattr(passes.Sweep, "run", lambda self: right(self) or self.tensors["all_h"].add_(0.5))


def test_kernels_that_are_wrong_on_a_device_are_not_used(first, spoilt):
    module, x = PeepholeLSTM(3, 4), torch.randn(3, 2, 3, requires_grad=True)
    with pytest.warns(UserWarning, match=r"WRONG: peephole_lstm in torch.float32 on cpu, .*it is computed by a loop"):
        y = module(x)[0]
    with pytest.warns(UserWarning, match="its gradients are computed by a loop"):
        slope = torch.autograd.grad(y.sum(), x)[0]
    first.kinds = frozenset()
    again = module(x)[0]
    assert relative_error(y, again) <= PARITY["float32"]
    assert relative_error(slope, torch.autograd.grad(again.sum(), x)[0]) <= PARITY["float32"]


def test_who_trusts_every_kernel_is_not_asked(first, spoilt, monkeypatch):
    monkeypatch.setenv("GATEWISE_SELFCHECK", "0")
    assert bool((PeepholeLSTM(3, 4)(torch.zeros(2, 1, 3))[0] > 0.2).all())


def test_a_check_says_what_was_compared():
    (check,) = GPUDriver(CPU).checks(ALL_CELLS["slstm"], 5, torch.zeros(1))
    assert check.passed
    assert str(check).startswith("right: slstm in torch.float32 on cpu, one launch, U resident: ")
    assert not check._replace(error=torch.nan).passed
    with pytest.raises(InputError, match="no kernels to check on cpu: no kernel for device cpu"):
        gatewise.selfcheck("cpu")


def test_every_cell_is_checked(monkeypatch):
    monkeypatch.setattr(choice, "GPU", GPUDriver(CPU, Way()))
    monkeypatch.setattr(
        choice, "CELLS", {name: CELLS_OF_THE_LIBRARY[name] for name in ("cfc", "rnn")} | {"own": reads_its_input}
    )
    monkeypatch.setattr(choice, "DTYPES", [torch.float32])
    checks = gatewise.selfcheck("cpu")
    assert [check.cell for check in checks] == [name for name in ("cfc", "rnn", "reads_its_input") for _ in range(6)]
    assert all(check.passed for check in checks)


def test_the_regime_is_named_with_its_reason():
    def told(cell, units, dtype):
        return GPUDriver(CPU).manner(cell, random_layer(cell, 2, 2, 3, units, dtype=dtype))

    lstm = ALL_CELLS["lstm"]
    assert told(min_gru, 50, torch.float32).endswith("one launch, since the step multiplies nothing with U")
    assert told(lstm, 100, torch.bfloat16).endswith("one launch, U resident, since U takes 128 KiB")
    assert told(lstm, 100, torch.float32).endswith("since U takes 256 KiB, more than the 32 that a program holds")
    assert "a launch and a product each step" in told(lstm, 8, torch.float64)
