"""Products of pairs of bfloat16, by instructions that every processor has: the same programs as where one instruction
does it, but for that one operation. Beside loops in float64 that round where the kernels say they do."""

from __future__ import annotations

import ctypes

import pytest
import torch
from llvmlite import ir

import gatewise
from gatewise.cells import CELLS
from gatewise.compiler.render.llvm_math import FLOAT32, I64, Lanes
from gatewise.compiler.render.llvm_pairs import DOTS, rounded
from gatewise.errors import ShapeError
from gatewise.kernels.check import checked
from gatewise.kernels.choice import choose
from gatewise.kernels.cpu import driver, passes, threads
from gatewise.kernels.cpu.blocking import Machine, portable_pairs
from gatewise.kernels.cpu.compile import runnable
from gatewise.kernels.cpu.driver import CPU
from gatewise.kernels.cpu.elements import sum_rows
from gatewise.kernels.cpu.factors import factors_of
from gatewise.kernels.cpu.kept_code import Source
from gatewise.kernels.cpu.loops import numbers
from gatewise.kernels.cpu.paired_matrices import across_rows, along_rows
from gatewise.kernels.cpu.writer import POINTER
from gatewise.kernels.dispatch import sequence
from gatewise.kernels.layer import Layer, Saved, Seeds
from gatewise.kernels.reference import REFERENCE, TRAINED, one_step
from gatewise.kernels.registry import register
from gatewise.kernels.selfcheck import LIMITS, Verdicts, expected_gradients

from ..matrix import ALL_CELLS, every_cell, every_pair, random_layer, relative_error
from ..tolerance import HALF_BESIDE_TORCH, PAIRS, PARITY

COUNT = 8


@pytest.fixture(autouse=True)
def portable():
    """Everywhere, so that they run wherever tests do."""
    with portable_pairs():
        yield


@pytest.fixture
def several_threads(monkeypatch):
    """Three, however little there is to do."""
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "_WORTH_WAITING", 1)
    monkeypatch.setattr(threads, "_WORTH_SHARING", 1)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_halves(layer: Layer) -> Layer:
    return layer.multiplying(torch.bfloat16)


def wide(layer: Layer) -> Layer:
    return Layer(*(t.double() if t is not None and t.is_floating_point() else t for t in layer))


def layer_of(cell, steps, rows, units, **options):
    """Of five features, or of as many as a step needs that reads them itself."""
    return random_layer(cell, steps, rows, units if cell.reads_x else 5, units, dtype=torch.float32, **options)


class _Rounded(torch.autograd.Function):
    """A product whose factors are rounded to bfloat16, in both directions, and nothing else is."""

    @staticmethod
    def forward(ctx, rows, matrix):
        rows, matrix = (tensor.bfloat16().double() for tensor in (rows, matrix))
        ctx.save_for_backward(rows, matrix)
        return rows @ matrix.t()

    @staticmethod
    def backward(ctx, gradient):
        rows, matrix = ctx.saved_tensors
        gradient = gradient.float().bfloat16().double()
        return gradient @ matrix, gradient.t() @ rows


def rounding_loop(cell, layer: Layer):
    """y, the last states, and gradients of all that has any where both are their own seeds: in float64."""
    leaves = [tensor.requires_grad_() for tensor in wide(layer)[:TRAINED]]
    layer = Layer(*leaves, *wide(layer)[TRAINED:])
    states, ys = tuple(layer.states), []
    for rows in layer.slices():
        running = rows.stop - rows.start
        new = one_step(cell, layer, rows, [state[:running] for state in states], _Rounded.apply)
        ys.append(new[0])
        states = tuple(torch.cat((a, b[running:])) for a, b in zip(new, states, strict=True))
    y, last = torch.cat(ys), torch.stack(states)
    gradients = torch.autograd.grad((y, last), leaves, (y.detach(), last.detach()), materialize_grads=True)
    return (y, last), gradients


def by_kernels(cell, layer: Layer):
    states = passes.forward(cell, in_halves(layer), keep=True)
    seeds = Seeds(states.y.clone(), states.last.clone(), None)
    gradients = passes.backward(cell, in_halves(layer), Saved(states.y, states.gates, states.histories), seeds)
    return (states.y, states.last), gradients


@every_pair(cell=ALL_CELLS, rows={"few rows": 3, "many rows": 5})
def test_kernels_round_what_they_multiply_and_nothing_else(cell, rows):
    layer = layer_of(cell, 4, rows, 27, batch_sizes=torch.tensor([rows, rows, 2, 1]))
    layer = layer._replace(W=layer.W.bfloat16().float(), U=layer.U.bfloat16().float())
    (found, found_gradients), (expected, gradients) = by_kernels(cell, layer), rounding_loop(cell, layer)
    for ours, theirs in zip(found, expected, strict=True):
        assert relative_error(ours.double(), theirs) <= PAIRS["float32"]
    for ours, theirs in zip(found_gradients, gradients, strict=True):
        assert relative_error(ours.double(), theirs) <= PAIRS[str(ours.dtype).removeprefix("torch.")]


@every_pair(cell=ALL_CELLS, rows={"few rows": 3, "many rows": 5}, units={"even": 26, "odd": 27})
def test_what_comes_in_halves_leaves_in_halves_and_nothing_else_changes(cell, rows, units):
    layer = in_halves(layer_of(cell, 4, rows, units, batch_sizes=torch.tensor([rows, rows, 2, 1])))
    layer = layer._replace(x=torch.cat((layer.x, layer.x[:2])).bfloat16().float())  # two rows belong to no step
    narrow = layer._replace(x=layer.x.bfloat16())
    if cell.inputs:
        with pytest.raises(ShapeError, match="float32"):
            checked(cell, narrow)
        return
    for keep in (False, True):
        found, expected = (passes.forward(cell, given, keep=keep) for given in (narrow, layer))
        assert torch.equal(found.y, expected.y.bfloat16())
        assert torch.equal(found.last, expected.last)
        assert torch.equal(found.gates, expected.gates)
    seeds = Seeds(torch.randn_like(expected.y).bfloat16(), torch.randn_like(expected.last), None)
    wider = seeds._replace(y=seeds.y.float())
    saved = Saved(*(getattr(found, name) for name in Saved._fields))
    gradients = passes.backward(cell, narrow, saved, seeds)
    # the output before a step is read from what was given, in bfloat16
    alike = Saved(found.y.float(), expected.gates, expected.histories)
    for ours, theirs in zip(gradients, passes.backward(cell, layer, alike, wider), strict=True):
        assert torch.equal(ours, theirs.to(ours.dtype))
    assert gradients.x.dtype == torch.bfloat16


@every_pair(cell=ALL_CELLS, batch_sizes={"equal": None, "ragged": torch.tensor([5, 5, 4, 2, 2, 1])})
def test_gradients_in_chunks_of_time_are_those_of_all_at_once(cell, batch_sizes, monkeypatch):
    layer = in_halves(layer_of(cell, 6, 5, 26, batch_sizes=batch_sizes))
    given = layer if cell.inputs else layer._replace(x=layer.x.bfloat16())
    states = passes.forward(cell, given, keep=True)
    seeds, saved = Seeds(states.y.clone(), states.last.clone(), None), Saved(states.y, states.gates, states.histories)
    whole = passes.backward(cell, given, saved, seeds)
    monkeypatch.setattr(passes, "_most_rows", lambda _: 8)
    assert len(passes.chunks_of(layer, 1)) > 2
    chunked = passes.backward(cell, given, saved, seeds)
    assert torch.equal(chunked.states, whole.states)
    for ours, theirs in zip(chunked, whole, strict=True):
        assert relative_error(ours.double(), theirs.double()) <= PAIRS[str(ours.dtype).removeprefix("torch.")]


def test_pairs_hold_neighbours_and_nothing_beyond_the_end():
    matrix = torch.randn(5, 7)
    halves = torch.nn.functional.pad(matrix, (0, 1, 0, 1)).bfloat16()
    assert torch.equal(along_rows(matrix).view(torch.bfloat16).view(5, 4, 2), halves[:5].view(5, 4, 2))
    rows = across_rows(matrix).view(torch.bfloat16).view(3, 7, 2)
    assert torch.equal(rows[..., 0], halves[0::2, :7])
    assert torch.equal(rows[..., 1], halves[1::2, :7])
    part = torch.randn(9).bfloat16()[1:].view(8, 1)  # where words do not begin
    assert torch.equal(across_rows(part).view(torch.bfloat16).flatten(), part.flatten())
    assert torch.equal(along_rows(part.t()).view(torch.bfloat16).flatten(), part.flatten())


SHAPES = pytest.mark.parametrize("shape", [(1, 1), (33, 7), (64, 40), (95, 131)])
TIMES = pytest.mark.parametrize("times", [True, False])


@SHAPES
@TIMES
@pytest.mark.parametrize("of_rows", [True, False])
def test_one_pass_makes_what_several_make(
    shape: tuple[int, int], times: bool, of_rows: bool, several_threads: None
) -> None:
    matrix = torch.randn(shape[0], shape[1] + 3)[:, 2:-1]  # rows further apart than they are long
    x, sums = torch.randn(shape[0], 1), torch.empty(shape[1])
    found = factors_of(matrix, across_rows(x) if times else None, halves=True, of_rows=of_rows)
    sum_rows(sums, matrix)
    assert torch.equal(found.over_time.view(torch.int32), across_rows(matrix).view(torch.int32))
    assert torch.equal(found.of_rows, matrix.bfloat16()[: shape[0] if of_rows else 0])
    assert torch.equal(found.sums, sums)
    if times:
        products = (x.bfloat16().double() * matrix.bfloat16().double()).sum(0)
        assert relative_error(found.products.double(), products) <= PAIRS["float32"]


@SHAPES
@TIMES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_sums_and_products_with_one_column_are_one_pass(
    shape: tuple[int, int], times: bool, dtype: torch.dtype, several_threads: None
) -> None:
    matrix, x, sums = (torch.randn(*size, dtype=dtype) for size in (shape, (shape[0], 1), shape[1:]))
    found = factors_of(matrix, x if times else None, halves=False, of_rows=True)
    sum_rows(sums, matrix)
    assert torch.equal(found.sums, sums)
    if times:
        products = (x.double() * matrix.double()).sum(0)
        assert relative_error(found.products.double(), products) <= PARITY[str(dtype).removeprefix("torch.")]


def test_nothing_beyond_the_last_row_is_multiplied() -> None:
    found = factors_of(torch.ones(3, 5), torch.full((3, 1), torch.inf), halves=False, of_rows=False)
    assert torch.equal(found.products, torch.full((5,), torch.inf))


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (9, 33), (64, 8)])
def test_rows_of_float32_are_rounded_and_paired_in_one_pass(shape, several_threads):
    wider = torch.randn(shape[0], shape[1] + 3)
    matrix = wider[:, 2:-1]  # rows further apart than they are long
    assert torch.equal(across_rows(matrix).view(torch.int32), across_rows(matrix.bfloat16()).view(torch.int32))
    assert torch.equal(across_rows(matrix).view(torch.int32), across_rows(matrix[None]).view(torch.int32)[0])
    if shape[1] % 2 == 0:
        assert torch.equal(along_rows(matrix).view(torch.bfloat16), matrix.bfloat16())


def applied(function, *arrays: torch.Tensor) -> torch.Tensor:
    """What a function of a builder and vectors of eight float32 gives, on arrays of eight."""
    module = ir.Module("applied")
    run = ir.Function(module, ir.FunctionType(ir.VoidType(), (POINTER, I64, I64)), "run")
    builder = ir.IRBuilder(run.append_basic_block("entry"))
    places = numbers(builder, run.args[0], [*map(str, range(len(arrays))), "result"])
    *sources, target = (builder.inttoptr(place, POINTER) for place in places.values())
    vector = Lanes(builder, FLOAT32, COUNT).vector
    result = function(builder, *(builder.load(source, typ=vector, align=4) for source in sources))
    builder.store(result, target, align=2)
    builder.ret_void()
    share = ir.Function(module, ir.FunctionType(ir.VoidType(), ()), "share")
    ir.IRBuilder(share.append_basic_block("entry")).ret_void()
    found = torch.empty(COUNT, dtype=torch.float32)
    code = runnable(Source(("applied", str(module)), lambda: str(module)))
    addresses = (ctypes.c_int64 * len(places))(*(tensor.data_ptr() for tensor in (*arrays, found)))
    code.run(ctypes.addressof(addresses), 0, 1)
    return found


def test_a_pair_is_multiplied_as_the_instruction_is_defined():
    """Exact in float64: factors have 8 bits each. The second numbers first; subnormal numbers are zero."""
    tiny, normal = 1e-39, torch.finfo(torch.float32).tiny
    a = torch.tensor([[3.0, -1.7], [1e-3, 300.0], [tiny, 1.0], [1.0, tiny], [1e-20, 0.0], [1.0, -1.0], [0.0, 1.0]])
    b = torch.tensor([[0.3, 12.0], [7.0, 1 / 3], [1e38, 1.0], [1.0, 1e38], [1e-20, 0.0], [1.0, 1.0], [1.0, 2.0]])
    c = torch.tensor([0.1, -100.0, 0.0, 0.0, 0.0, 2.0**-40, tiny])
    a, b, c = (torch.cat((t, torch.full((1, *t.shape[1:]), torch.inf))) for t in (a, b, c))
    found = applied(DOTS["portable"], along_rows(a).flatten(), along_rows(b).flatten(), c)
    a, b = (torch.where(t.abs() < normal, 0.0, t).bfloat16().double() for t in (a, b))
    total = torch.where(c.abs() < normal, 0.0, c)
    for half in (1, 0):
        total = (total.double() + a[:, half] * b[:, half]).float()
    assert torch.equal(found, torch.where(total.abs() < normal, 0.0, total))
    assert found[5] == 0.0, "2^-40 - 1 is -1 in float32; the other way round 2^-40 would be left"


def test_numbers_are_rounded_as_torch_rounds_them():
    odd = [0.0, -0.0, torch.inf, -torch.inf, 1e-40, 3.4e38, 1 + 2**-8, 1 + 3 * 2**-8]
    for x in (torch.tensor(odd), *torch.randn(20, COUNT)):
        found = applied(lambda builder, numbers: rounded(builder, numbers), x).view(torch.bfloat16)[:COUNT]
        assert torch.equal(found.view(torch.int16), x.bfloat16().view(torch.int16))
    missing = torch.tensor([0x7F800001, 0x7FFFFFFF], dtype=torch.int32).view(torch.float32).repeat(COUNT // 2)
    assert applied(rounded, missing).view(torch.bfloat16)[:COUNT].isnan().all()


@every_cell
def test_a_row_has_the_same_bits_alone_in_a_batch_in_chunks_and_on_threads(cell, several_threads):
    layer = in_halves(layer_of(cell, 6, 7, 43))
    shared = passes.forward(cell, layer, keep=True)
    torch.set_num_threads(1)
    whole = passes.forward(cell, layer, keep=True)
    assert all(map(torch.equal, shared, whole))
    first = passes.forward(cell, layer.part(0, 4, layer.states), keep=False)
    second = passes.forward(cell, layer.part(4, None, first.last), keep=False)
    assert torch.equal(torch.cat((first.y, second.y)), whole.y)
    assert torch.equal(second.last, whole.last)
    noise = {name: getattr(layer, name) for name in ("step_noise", "sequence_noise")}
    alone = layer._replace(
        x=layer.x[2::7].contiguous(),
        states=layer.states[:, 2:3].contiguous(),
        step_noise=noise["step_noise"][:, 2::7].contiguous(),
        sequence_noise=noise["sequence_noise"][:, 2:3].contiguous(),
    )
    found = passes.forward(cell, alone, keep=False)
    assert torch.equal(found.y, whole.y[2::7])
    assert torch.equal(found.last[:, 0], whole.last[:, 2])


def test_gradients_are_the_same_bits_on_threads(several_threads):
    layer = layer_of(CELLS["lstm"], 9, 20, 43)
    (_, shared) = by_kernels(CELLS["lstm"], layer)
    torch.set_num_threads(1)
    assert all(map(torch.equal, shared, by_kernels(CELLS["lstm"], layer)[1]))


@every_cell
def test_no_result_is_further_from_float64_than_the_loops_in_bfloat16(cell):
    """torch's own operations, each rounded, as torch.nn has them; test_halves.py has torch.nn itself."""
    layer = layer_of(cell, 12, 6, 24)
    rounded_once = Layer(*(t.bfloat16().float() if t is not None and t.is_floating_point() else t for t in layer))
    halves = Layer(*(t.bfloat16() if t is not None and t.is_floating_point() else t for t in layer))
    states = REFERENCE.forward(cell, wide(rounded_once), keep=True)
    seeds = Seeds(states.y.bfloat16().float(), states.last.bfloat16().float(), None)
    nothing = Saved(*[torch.empty(0)] * 3)
    exact = (*states[:2], *expected_gradients(cell, rounded_once, seeds))
    loop = REFERENCE.forward(cell, halves, keep=True)
    loops_seeds = Seeds(seeds.y.bfloat16(), seeds.last.bfloat16(), None)
    loop = (*loop[:2], *REFERENCE.backward(cell, halves, nothing, loops_seeds, input_gradient=True))
    found = passes.forward(cell, in_halves(rounded_once), keep=True)
    saved = Saved(found.y, found.gates, found.histories)
    found = (*found[:2], *passes.backward(cell, in_halves(rounded_once), saved, seeds))
    for ours, theirs, truth in zip(found, loop, exact, strict=True):
        error = relative_error(ours.bfloat16().double(), truth)
        assert error <= HALF_BESIDE_TORCH * relative_error(theirs.double(), truth)


@every_cell
def test_the_kernels_of_every_cell_pass_their_check(cell):
    check = CPU.check(cell)
    assert check.error <= LIMITS[torch.bfloat16] / 4, str(check)


@pytest.fixture
def spoilt(monkeypatch):
    """Where nothing was asked yet, and a kernel that is wrong."""
    monkeypatch.setattr(CPU, "_verdicts", Verdicts())
    right = passes.forward

    def wrong(cell, layer, *, keep):
        states = right(cell, layer, keep=keep)
        return states._replace(y=states.y + 1.0) if layer.in_halves else states

    monkeypatch.setattr(driver.passes, "forward", wrong)


def test_products_that_are_wrong_here_are_taken_in_float32(spoilt, monkeypatch, recwarn):
    module, x = gatewise.nn.LSTM(5, 9, dtype=torch.bfloat16), torch.randn(3, 4, 5).bfloat16()
    with pytest.warns(
        UserWarning, match=r"WRONG: lstm in torch.bfloat16 on the CPU, .*: bfloat16 is computed in float32"
    ):
        y = module(x)[0]
    recwarn.clear()
    assert torch.equal(module(x)[0], y), "and nothing is asked, or said, again"
    assert not recwarn
    assert module.driver(x).reason == "fused CPU kernel in torch.float32, its results rounded to torch.bfloat16"
    monkeypatch.setenv("GATEWISE_SELFCHECK", "0")
    monkeypatch.setattr(CPU, "_verdicts", Verdicts())
    assert not torch.equal(module(x)[0], y), "who trusts every kernel is not asked"


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, lambda: torch.device("meta")])
def test_they_can_be_asked_wherever_a_layer_runs(mode, monkeypatch):
    monkeypatch.setattr(CPU, "_verdicts", Verdicts())
    module, x = gatewise.nn.GRU(5, 9, dtype=torch.bfloat16), torch.randn(3, 4, 5).bfloat16()
    with mode():
        assert CPU.multiplies_halves(module.cell)
        module(x)


def test_modules_and_autocast_say_what_they_multiply(monkeypatch):
    def reasons(dtype):
        module, x = gatewise.nn.LSTM(5, 9, proj_size=4), torch.randn(3, 4, 5)
        with torch.autocast("cpu", dtype):
            cast = module.driver(x).reason
        return cast, module.to(dtype).driver(x.to(dtype)).reason

    expected = (
        "fused CPU kernel in torch.float32, its products of torch.bfloat16, its results rounded to torch.bfloat16"
    )
    assert reasons(torch.bfloat16) == (expected, expected)
    assert not any("products" in reason for reason in reasons(torch.float16))
    monkeypatch.setenv("GATEWISE_BFLOAT16", "0")
    assert not any("products" in reason for reason in reasons(torch.bfloat16))


def test_processors_without_the_instruction_leave_such_layers_to_the_loop(monkeypatch):
    cell, layer = CELLS["gru"], in_halves(layer_of(CELLS["gru"], 3, 2, 6))
    assert choose(cell, layer, torch.float32).driver == "cpu"
    by_kernels = sequence(register(cell), layer).y
    with monkeypatch.context() as patched:
        patched.setattr(driver, "this_machine", lambda: Machine(16, 32))
        choice = choose(cell, layer, torch.float32)
        assert choice.driver == "reference"
        assert "cpu: no instruction for products in torch.bfloat16" in choice.reason
        by_loop = sequence(register(cell), layer).y
    assert relative_error(by_kernels, by_loop) <= LIMITS[torch.bfloat16]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "PeepholeLSTM"])
def test_modules_learn_in_them(name):
    torch.manual_seed(0)
    module = getattr(gatewise.nn, name)(5, 9, num_layers=2, bidirectional=True)
    x, seed = torch.randn(6, 4, 5), torch.randn(6, 4, 18)

    def slopes(cast):
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            y = module(x)[0]
        assert y.dtype == (torch.bfloat16 if cast else torch.float32)
        y.float().backward(seed)
        return torch.cat([weight.grad.flatten() for weight in module.parameters()])

    assert relative_error(slopes(True), slopes(False)) <= LIMITS[torch.bfloat16]
