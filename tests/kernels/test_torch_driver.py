"""The driver that hands layers to torch's own kernels, on the operators that torch has on the CPU.

What a GPU needs of it is the same but for the last call, and that is called here too, with a stand-in for cuDNN."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise import cell
from gatewise.cells import CELLS
from gatewise.kernels import choice
from gatewise.kernels.aten.calls import Composite, Cudnn
from gatewise.kernels.aten.driver import TORCH, TorchDriver
from gatewise.kernels.aten.padding import Sizes
from gatewise.kernels.aten.places import PLACES, WRONG, Place
from gatewise.kernels.layer import Layer, Saved, Seeds
from gatewise.kernels.reference import REFERENCE
from gatewise.kernels.torch_law import torch_mode
from gatewise.nn import GRU, LSTM, RNN, PeepholeLSTM, Recurrent
from gatewise.transforms import h_detach, layer_norm, zoneout

from ..matrix import cases, random_layer, relative_error
from ..tolerance import PARITY

LAWS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN_TANH", "rnn_relu": "RNN_RELU"}


class Padded(Composite):
    """Torch's operators, padded as cuDNN's would be."""

    def padded(self, mode, sizes, dtype):
        return Sizes(sizes.rows + 3, sizes.inputs + 2, sizes.units + 5)


class StandIn(Cudnn):
    """cuDNN's operators imitated by those of the CPU, with every argument looked at.

    What is kept has a form of its own, and is spoilt by whoever reads it, as cuDNN's is."""

    def __init__(self):
        self.forward_op, self.backward_op, self.flatten_op = self._forward, self._backward, self._flatten

    def padded(self, mode, sizes, dtype):
        return Sizes(sizes.rows, sizes.inputs + 1, sizes.units + 3)

    @staticmethod
    def _mode(number):
        return ("RNN_RELU", "RNN_TANH", "LSTM", "GRU")[number]

    def _forward(self, x, weights, stride, buffer, h, c, mode, units, *rest):
        assert rest[:4] == (0, 1, False, 0.0), "no projection, one layer, time first, no dropout"
        training, *nothing = rest[4:]
        assert nothing == [False, [], None], "one direction, not packed"
        assert stride == 4
        assert buffer is None
        assert h.shape[2] == units
        states = [h] if c is None else [h, c]
        y, *last = Composite().forward(self._mode(mode), (x, weights, states), keep=False)[:2]
        last = [*last[0], None][:2]
        return (
            y,
            *last,
            torch.arange(7, dtype=torch.uint8) if training else None,
            torch.cat([w.flatten() for w in weights]),
        )

    def _flatten(self, weights, stride, inputs, mode, units, *rest):
        assert rest == (0, 1, False, False)
        flat = torch.cat([weight.flatten() for weight in weights])
        assert weights[0].shape[1] == inputs
        for weight in weights:
            weight.set_()  # moved into the buffer
        return flat

    def _backward(self, x, weights, stride, buffer, h, c, y, d_y, d_h, d_c, mode, units, *rest):
        assert rest[4:-2] == (True, False, [], None)
        kept, mask = rest[-2:]
        assert mask == [True] * 4
        assert torch.equal(kept, torch.arange(7, dtype=torch.uint8))
        kept.zero_()
        gates, inputs = {2: 4, 3: 3}.get(mode, 1), x.shape[2]
        sizes = [(gates * units, inputs), (gates * units, units), (gates * units,), (gates * units,)]
        pieces = buffer.split([torch.Size(size).numel() for size in sizes])
        weights = [piece.view(size) for piece, size in zip(pieces, sizes, strict=True)]
        states, d_states = ([h], [d_h]) if c is None else ([h, c], [d_h, d_c])
        assert bool(torch.isfinite(y).all())
        found = Composite().backward(self._mode(mode), (x, weights, states), y, None, d_y, d_states)
        return found.x, *[*found.states, None][:2], list(found.weights)


def never(layer):
    return ""


DTYPES = {"float32": torch.float32, "float64": torch.float64}
WAYS = {"plain": Composite(), "padded": Padded(), "cuDNN": StandIn()}
DRIVERS = {
    name: TorchDriver({"cpu": Place(name, calls, frozenset(DTYPES.values()), never)}) for name, calls in WAYS.items()
}
RAGGED = {"equal": None, "ragged": (5, 5, 3, 1), "some of no steps": (4, 2, 2, 0), "one": (5,)}
SHAPES = {"small": (4, 5, 3, 7), "one unit": (4, 5, 1, 1), "wide": (4, 5, 9, 16)}

# Every one of them, since this is the matrix in which torch's own layers were found wrong so often: 4 * 3 * 4 * 3 * 2.
CONFIGURATIONS = {
    (law, way, ragged, shape, dtype): (CELLS[law], DRIVERS[way], RAGGED[ragged], SHAPES[shape], DTYPES[dtype])
    for law in LAWS
    for way in WAYS
    for ragged in RAGGED
    for shape in SHAPES
    for dtype in DTYPES
}


def results(driver, cell, layer):
    """What a driver gives of a layer, and gradients for weights on all outputs."""
    states = driver.forward(cell, layer, keep=True)
    generator = torch.Generator().manual_seed(3)
    d_y, d_last = (torch.randn(out.shape, dtype=out.dtype, generator=generator) for out in states[:2])
    saved = Saved(states.y, states.gates, states.histories)
    gradients = driver.backward(cell, layer, saved, Seeds(d_y, d_last, None), input_gradient=True)
    again = driver.backward(cell, layer, saved, Seeds(d_y, d_last, None), input_gradient=False)
    assert len(again.x) == 0
    assert all(torch.equal(a, b) for a, b in zip(gradients[1:], again[1:], strict=True)), "what is kept was spoilt"
    return [states.y, states.last], list(gradients)


@pytest.mark.parametrize(("cell", "driver", "sizes", "shape", "dtype"), cases(CONFIGURATIONS))
def test_results_and_gradients_are_the_references(cell, driver, sizes, shape, dtype):
    steps, rows, inputs, units = shape
    ragged = {} if sizes is None else {"batch_sizes": torch.tensor(sizes)}
    layer = random_layer(cell, steps, rows, inputs, units, dtype=dtype, **ragged)
    assert not driver.refusal(cell, layer)
    ours, theirs = results(driver, cell, layer), results(REFERENCE, cell, layer)
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    for found, expected in zip(ours[0], theirs[0], strict=True):
        assert relative_error(found, expected) <= tolerance
    joined = [torch.cat([gradient.flatten() for gradient in side[1]]) for side in (ours, theirs)]
    assert relative_error(*joined) <= tolerance
    assert len(CONFIGURATIONS) >= 200


@pytest.mark.parametrize("way", WAYS)
def test_the_memory_of_a_sequence_that_has_ended_is_carried_to_the_last_bit(way):
    layer = random_layer(CELLS["lstm"], 6, 4, 3, 5, dtype=torch.float32, batch_sizes=torch.tensor([4, 3, 3, 1, 1, 1]))
    layer = layer._replace(U=200 * layer.U, b=50 * layer.b, x=100 * layer.x)
    ragged = DRIVERS[way].forward(CELLS["lstm"], layer, keep=False).last
    for row, length in ((0, 6), (1, 3), (3, 1)):
        places = [sum([4, 3, 3, 1, 1, 1][:step]) + row for step in range(length)]
        alone = layer._replace(x=layer.x[places], states=layer.states[:, row : row + 1].contiguous(), batch_sizes=None)
        expected = DRIVERS["plain"].forward(CELLS["lstm"], alone, keep=False).last
        assert relative_error(ragged[:, row], expected[:, 0]) <= PARITY["float32"]


@pytest.fixture(params=WAYS)
def first(monkeypatch, request):
    """The driver before all others, and those it has run."""
    driver = DRIVERS[request.param]
    monkeypatch.setattr(choice, "DRIVERS", [driver, *choice.DRIVERS])
    return driver


def wide(kind, **options):
    torch.manual_seed(1)
    return kind(3, 4, **options).double()


STACKS = {
    "lstm": (LSTM, {}),
    "both ways": (LSTM, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "projected": (LSTM, {"proj_size": 2, "bidirectional": True}),
    "without bias": (GRU, {"bias": False, "bidirectional": True}),
    "rnn": (RNN, {"nonlinearity": "relu", "num_layers": 2}),
}


@pytest.mark.parametrize("given", [False, True], ids=["", "hx"])
@pytest.mark.parametrize("form", ["padded", "packed", "lengths"])
@pytest.mark.parametrize("stack", STACKS)
def test_modules_give_what_torchs_give(first, stack, form, given):
    kind, options = STACKS[stack]
    ours, theirs = wide(kind, **options), wide(getattr(torch.nn, kind.__name__), **options)
    x = torch.randn(5, 3, 3, dtype=torch.float64, requires_grad=True)
    layers = ours.num_layers * (2 if ours.bidirectional else 1)
    widths = [options.get("proj_size") or 4, 4][: len(ours.cell.state)]
    hx = [torch.randn(layers, 5 if ours.batch_first else 3, width, dtype=torch.float64) for width in widths]
    hx = None if not given else hx[0] if len(hx) == 1 else tuple(hx)
    assert ours.driver(x).driver == "torch"
    lengths, extra, input = [2, 5, 4], {}, x
    if form != "padded":
        time = x.transpose(0, 1) if ours.batch_first else x
        count = time.shape[1]
        lengths = [min(length, time.shape[0]) for length in (lengths * 2)[:count]]
        packed = pack_padded_sequence(x, torch.tensor(lengths), ours.batch_first, enforce_sorted=False)
        input, extra = (packed, {}) if form == "packed" else (x, {"lengths": lengths})
    found, expected = ours(input, hx, **extra), theirs(packed if form != "padded" else x, hx)
    outputs = []
    for result in (found, expected):
        y, last = result
        rows = y.data if isinstance(y, PackedSequence) else y
        if form == "lengths" and result is found:
            y = pack_padded_sequence(y, torch.tensor(lengths), ours.batch_first, enforce_sorted=False)
            rows = y.data
        outputs.append([rows, *(last if isinstance(last, tuple) else [last])])
    for one, other in zip(*outputs, strict=True):
        assert relative_error(one, other) <= PARITY["float64"]
    weights = [[x, *module.parameters()] for module in (ours, theirs)]
    loss = [sum((out * out).sum() for out in side) for side in outputs]
    pairs = zip(loss, weights, strict=True)
    gradients = [torch.autograd.grad(side, wanted, retain_graph=True) for side, wanted in pairs]
    for one, other in zip(*gradients, strict=True):
        assert relative_error(one, other) <= PARITY["float64"]


def test_gradients_in_evaluation_mode_twice_and_of_gradients(first):
    module, x = wide(LSTM).eval(), torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    y, _ = module(x)
    once = torch.autograd.grad(y.sum(), x, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(y.sum(), x, retain_graph=True)[0], once)
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert relative_error(slope, once) <= PARITY["float64"]
    second = torch.autograd.grad(slope.square().sum(), x)[0]
    cpu = [driver for driver in choice.DRIVERS if driver.name == "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "DRIVERS", [*cpu, REFERENCE])
        (slope,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
        assert relative_error(second, torch.autograd.grad(slope.square().sum(), x)[0]) <= PARITY["float64"]


@pytest.fixture
def broken(first, monkeypatch):
    """The driver before all others, which fails where it is used."""
    monkeypatch.setattr(type(first), "forward", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wide(LSTM)(torch.zeros(4, 2, 3, dtype=torch.float64))
    return first


def test_what_torchs_kernels_cannot_do_goes_to_another_driver(broken):
    module, x = wide(LSTM), torch.randn(4, 2, 3, dtype=torch.float64)
    y, _, states = module(x, return_states=True)
    assert states[1].shape == (1, 4, 2, 4)
    mapped = torch.func.vmap(lambda one: module(one)[0], in_dims=1, out_dims=1)(x)
    assert relative_error(mapped, y) <= PARITY["float64"]


@pytest.mark.slow
@pytest.mark.parametrize("first", ["plain"], indirect=True)
def test_so_do_layers_in_graphs(broken):
    module, x = wide(LSTM), torch.randn(4, 2, 3, dtype=torch.float64)
    torch._dynamo.reset()
    found = torch.compile(module, fullgraph=True, backend="aot_eager")(x)[0]
    assert relative_error(found, module(x, return_states=True)[0]) <= PARITY["float64"]


def test_many_gradients_at_once(first):
    module, x = wide(GRU), torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    y, _ = module(x)
    seeds = torch.randn(5, *y.shape, dtype=torch.float64)
    (found,) = torch.autograd.grad(y, x, seeds, is_grads_batched=True, retain_graph=True)
    for one, seed in zip(found, seeds, strict=True):
        assert relative_error(one, torch.autograd.grad(y, x, seed, retain_graph=True)[0]) <= PARITY["float64"]


def test_its_laws_are_told_by_their_equations():
    assert {name: torch_mode(each) for name, each in CELLS.items() if torch_mode(each)} == LAWS

    @cell(gates="input forget candidate output", state="out memory")
    def spelled_otherwise(a, b, n, d, memory):
        memory = torch.sigmoid(a) * torch.tanh(n) + memory * torch.sigmoid(b)
        return torch.sigmoid(d) * torch.tanh(memory), memory

    @cell(gates="forget input candidate output", state="h c")
    def in_another_order(f, i, g, o, c):
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    @cell(gates="input forget candidate output", state="h c")
    def truncated(i, f, g, o, c):
        c = torch.sigmoid(f) * c.detach() + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    assert torch_mode(spelled_otherwise) == "LSTM"
    lstm = CELLS["lstm"]
    for other in (in_another_order, truncated, layer_norm(lstm), zoneout(lstm, {"c": 0.1}), h_detach(lstm, 0.5)):
        assert not torch_mode(other)


def test_a_cell_written_otherwise_gives_the_same():
    @cell(gates="input forget candidate output", state="out memory")
    def spelled_otherwise(a, b, n, d, memory):
        memory = torch.sigmoid(a) * torch.tanh(n) + memory * torch.sigmoid(b)
        return torch.sigmoid(d) * torch.tanh(memory), memory

    layer = random_layer(spelled_otherwise, 4, 3, 2, 5)
    found = results(DRIVERS["plain"], spelled_otherwise, layer)
    expected = results(REFERENCE, spelled_otherwise, layer)
    for ours, theirs in zip((*found[0], *found[1]), (*expected[0], *expected[1]), strict=True):
        assert relative_error(ours, theirs) <= PARITY["float64"]


def test_options_inside_the_step_are_refused_by_name(first):
    x = torch.zeros(4, 2, 3)
    for module in (PeepholeLSTM(3, 4), LSTM(3, 4, zoneout={"c": 0.1}), LSTM(3, 4, layer_norm="output")):
        choice = module.driver(x)
        assert choice.driver == "cpu"
        assert "torch: no layer of torch.nn has this law" in choice.reason
    assert Recurrent(CELLS["lstm"], 3, 4, residual=True, weight_drop=0.1).driver(x).driver == "torch"


def test_episodes_are_padded_unless_there_would_be_little_else(first):
    module, x, resets = LSTM(3, 4), torch.randn(40, 2, 3), torch.zeros(40, 2, dtype=torch.bool)
    resets[20] = True
    assert module.driver(x, resets=resets).driver == "torch"
    both = torch.cat((module(x[:20])[0], module(x[20:])[0]))
    assert relative_error(module(x, resets=resets)[0], both) <= PARITY["float32"]
    resets[:, 0] = True
    choice = module.driver(x, resets=resets)
    assert choice.driver == "cpu"
    assert "torch: padded to the longest, its sequences would be 10 times as large" in choice.reason


def test_what_is_padded_is_told():
    ragged = random_layer(CELLS["lstm"], 3, 4, 3, 5, batch_sizes=torch.tensor([4, 2, 1]))
    text = DRIVERS["padded"].manner(CELLS["lstm"], ragged)
    assert text == "padded's LSTM with B 4 padded to 7, I 3 padded to 5, H 5 padded to 10, sequences padded and masked"


def test_sizes_are_padded_to_those_of_the_persistent_kernel_alone():
    half, padded = torch.float16, Cudnn().padded
    assert padded("LSTM", Sizes(15, 1000, 1000), half) == Sizes(16, 1024, 1024)
    assert padded("LSTM", Sizes(16, 512, 512), half) == Sizes(16, 512, 512)
    same = [
        ("GRU", Sizes(15, 1000, 1000), half),
        ("LSTM", Sizes(15, 1000, 1000), torch.bfloat16),
        ("LSTM", Sizes(15, 1000, 1100), half),
        ("LSTM", Sizes(3, 1000, 1000), half),
    ]
    for mode, sizes, dtype in same:
        assert padded(mode, sizes, dtype) == sizes


def test_torchs_operators_are_those_that_this_was_written_for():
    assert Cudnn().is_known


def test_where_torch_is_wrong_it_is_not_used():
    lstm, layer = CELLS["lstm"], random_layer(CELLS["lstm"], 3, 2, 4, 5, dtype=torch.float32)
    assert TORCH.refusal(lstm, layer) == "no kernel for device cpu"
    meta = Layer(*(tensor.to("meta") for tensor in layer[:-1]), None)
    assert TORCH.refusal(lstm, meta) == "no kernel for device meta"
    assert WRONG.keys().isdisjoint(PLACES)
    assert set(PLACES) == {"cuda", "rocm", "xpu"}
    long = layer._replace(x=torch.zeros(1, 4).expand(70_000 * 2, 4))
    assert "pytorch#177834" in PLACES["rocm"].refusal(long)
    assert not PLACES["rocm"].refusal(layer)
    assert PLACES["cuda"].refusal(layer)  # of this machine, which has none
    assert torch.float16 not in PLACES["rocm"].dtypes | PLACES["xpu"].dtypes
    assert TorchDriver({"cpu": Place("X", Composite(), frozenset(), never)}).refusal(lstm, layer) == (
        "X is not used in torch.float32"
    )
