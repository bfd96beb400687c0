"""Ours in the hands of torch's own tools: exported, traced, recorded, differentiated, quantised."""

from __future__ import annotations

import io
import subprocess
import sys

import onnxruntime
import pytest
import torch
from torch.export import Dim
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils._per_sample_grad import call_for_per_sample_grads
from torch.utils import _pytree as pytree

import gatewise.nn
from gatewise.errors import CellError, InputError
from gatewise.kernels import registry
from gatewise.nn import LSTM, Recurrent, RecurrentCell

from ..matrix import FAMILY as CELLS
from ..matrix import names, relative_error, values
from ..tolerance import PARITY


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


class Outputs(torch.nn.Module):
    """A model that holds a layer, as most do."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


# torch.export


def saved(module, x, **options):
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, (x,), **options), file)
    file.seek(0)
    return file


@pytest.fixture
def new_process(monkeypatch):
    """The cells that a process knows which has made no module."""
    monkeypatch.setattr(registry, "_CELLS", {})
    registry.register.cache_clear()
    yield
    registry.register.cache_clear()


@pytest.mark.parametrize("cell", values(CELLS, quick=["gru"]))
def test_a_saved_program_runs_where_no_layer_was_made(cell, request):
    module, x = Outputs(Recurrent(cell, 3, 5)).eval(), torch.randn(6, 2, 3)
    file, expected = saved(module, x), module(x)
    request.getfixturevalue("new_process")
    assert torch.equal(torch.export.load(file).module()(x), expected)


def test_a_saved_program_names_the_cell_that_is_missing(request):
    module, x = Outputs(LSTM(3, 5, layer_norm="output")).eval(), torch.randn(6, 2, 3)
    program = torch.export.load(saved(module, x)).module()
    request.getfixturevalue("new_process")
    name = module.layer.cell.name
    with pytest.raises(CellError, match=f"(?s)the cell {name} of a saved program is not known.*declares it"):
        program(x)
    registry.register(module.layer.cell)
    assert torch.equal(program(x), module(x))


@pytest.mark.slow
def test_a_saved_program_runs_in_another_process(tmp_path):
    module, x = Outputs(LSTM(3, 5)).eval(), torch.ones(6, 2, 3)
    file = tmp_path / "program.pt2"
    file.write_bytes(saved(module, x).getvalue())
    code = (
        f"import torch, gatewise.nn\nprint(torch.export.load({str(file)!r}).module()(torch.ones(6, 2, 3)).sum().item())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(there.stdout) == module(x).sum().item()


@pytest.mark.parametrize(
    "options",
    [{"bidirectional": True}, pytest.param({"proj_size": 2}, marks=pytest.mark.slow)],
    ids=lambda options: "-".join(options),
)
def test_a_program_takes_any_number_of_sequences(options):
    module = Outputs(LSTM(3, 5, batch_first=True, **options)).eval()
    shapes = ({0: Dim("batch", min=1), 1: Dim("steps", min=2)},)
    program = torch.export.export(module, (torch.randn(2, 7, 3),), dynamic_shapes=shapes).module()
    for batch, steps in ((9, 7), (1, 4)):
        x = torch.randn(batch, steps, 3)
        assert torch.equal(program(x), module(x))


# torch.jit.trace, torch.onnx.export, torch.fx

DROP_INS = {
    "LSTM": {},
    "GRU": {"bidirectional": True, "num_layers": 2, "batch_first": True},
    "RNN": {"bias": False},
    "RNN relu": {"nonlinearity": "relu"},
    "RNN unbatched": {},
    "LSTMCell": {},
    "GRUCell": {},
    "RNNCell": {"bias": False},
}


class Tensors(torch.nn.Module):
    """All that a module gives, in a flat tuple; of a cell after two steps."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        results = self.module(x)
        if isinstance(self.module, RecurrentCell):
            results = self.module(x, results)
        return tuple(pytree.tree_leaves(results))


def drop_in(name):
    """A drop-in that gives all its tensors, and inputs of two sizes."""
    module = getattr(gatewise.nn, name.split()[0])(3, 5, **DROP_INS[name])
    sizes = ((4, 3), (7, 3)) if "Cell" in name or "unbatched" in name else ((6, 4, 3), (2, 7, 3))
    return Tensors(module).eval(), [torch.randn(*size) for size in sizes]


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert relative_error(torch.as_tensor(a), b) <= PARITY["float32"]


def run_file(file, x):
    session = onnxruntime.InferenceSession(file)
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})


@pytest.mark.filterwarnings("ignore")  # of torch's tracers and exporters, all but one of which are deprecated
class TestTorchsOwnOperators:
    @pytest.mark.parametrize("name", DROP_INS)
    def test_a_trace_is_saved_and_takes_other_sizes(self, name):
        module, inputs = drop_in(name)
        file = io.BytesIO()
        torch.jit.save(torch.jit.trace(module, inputs[0]), file)
        file.seek(0)
        loaded = torch.jit.load(file)
        assert "new_empty" not in str(loaded.inlined_graph), "whose numbers nobody writes"
        for x in inputs:
            assert_close(loaded(x), module(x))

    @pytest.mark.parametrize("name", names(DROP_INS, quick=["GRU", "LSTMCell"]))
    @pytest.mark.parametrize("exporter", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["legacy", "dynamo"])
    def test_a_file_of_onnx_takes_other_sizes(self, name, exporter, tmp_path):
        if exporter:
            pytest.importorskip("onnxscript")
        (module, inputs), file = drop_in(name), tmp_path / "model.onnx"
        axes = range(inputs[0].dim() - 1)
        dynamic = (
            {"dynamic_shapes": ({axis: Dim(f"axis{axis}", min=2, max=99) for axis in axes},), "verbose": False}
            if exporter
            else {"dynamic_axes": {"x": list(axes)}}
        )
        with torch.no_grad():
            torch.onnx.export(module, (inputs[0],), file, dynamo=exporter, input_names=["x"], **dynamic)
            for x in inputs:
                assert_close(run_file(file, x), module(x))

    def test_a_layer_itself_is_exported(self, tmp_path):
        module, x, file = LSTM(3, 5).eval(), torch.randn(6, 2, 3), tmp_path / "model.onnx"
        torch.onnx.export(module, (x,), file, dynamo=False)
        assert_close(run_file(file, x)[:1], [module(x)[0].detach()])

    def test_a_chain_with_maps_is_traced_and_exported(self, tmp_path):
        scale = gatewise.nn.Standardize(torch.zeros(3), torch.ones(3))
        module = gatewise.nn.Chain(scale, LSTM(3, 5), torch.nn.Linear(5, 2)).eval()
        x, file = torch.randn(6, 2, 3), tmp_path / "model.onnx"
        expected = [module(x)[0].detach()]
        assert_close([torch.jit.trace(Outputs(module), x)(x)], expected)
        assert torch.equal(torch.fx.symbolic_trace(Outputs(module))(x), *expected)
        torch.onnx.export(module, (x,), file, dynamo=False)
        assert_close(run_file(file, x)[:1], expected)

    @pytest.mark.parametrize(
        "module", [gatewise.nn.MGU(3, 5), LSTM(3, 5, layer_norm="output"), gatewise.nn.GRU(3, 5, proj_size=2)], ids=str
    )
    def test_what_torch_has_not_is_refused(self, module, tmp_path):
        x = torch.randn(6, 2, 3)
        with pytest.raises(InputError, match=r"(?s)torch.jit.trace.*torch.export.*gatewise.export.to_onnx"):
            torch.jit.trace(module, x)
        with pytest.raises(InputError, match=r"(?s)torch.onnx.export.*gatewise.export.to_onnx"):
            torch.onnx.export(module, (x,), tmp_path / "model.onnx", dynamo=False)


def test_fx_takes_modules_for_leaves():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.cell = gatewise.nn.LSTM(3, 5), gatewise.nn.GRUCell(5, 4)

        def forward(self, x, h, c):
            results = self.layer(x, (h, c))
            return results[0], self.cell(results[1][0][0])

    model, inputs = Model(), (torch.randn(6, 2, 3), torch.randn(1, 2, 5), torch.randn(1, 2, 5))
    graph = torch.fx.symbolic_trace(model)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["layer", "cell"]
    assert all(map(torch.equal, graph(*inputs), model(*inputs)))


def test_values_are_not_looked_at_where_operations_are_recorded():
    module, x, other = Outputs(LSTM(3, 5)), torch.randn(6, 2, 3), torch.randn(6, 2, 3)
    assert torch.equal(make_fx(module)(x)(other), module(other))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch's own
def test_a_function_is_linearised():
    module, x, v = Outputs(LSTM(3, 5)), torch.randn(6, 2, 3), torch.randn(6, 2, 3)
    _, derivative = torch.func.linearize(module, x)
    assert torch.equal(derivative(v), torch.func.jvp(module, (x,), (v,))[1])


class Imitation:
    """Not a tensor, but torch's functions take it for one."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __getattr__(self, name):
        return getattr(self.tensor, name)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        plain = pytree.tree_map(lambda leaf: leaf.tensor if isinstance(leaf, cls) else leaf, (args, kwargs or {}))
        return function(*plain[0], **plain[1])


@pytest.mark.parametrize("name", DROP_INS)
def test_what_behaves_like_a_tensor_is_taken(name):
    module, (x, _) = drop_in(name)
    assert_close(module(Imitation(x)), module(x))


@pytest.mark.parametrize("name", ["GRU", "RNN"])
def test_gradients_of_each_sample_by_expanded_weights(name):
    ours, theirs = (getattr(library, name)(3, 5, batch_first=True) for library in (gatewise.nn, torch.nn))
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(4, 6, 3)
    for module in (ours, theirs):
        call_for_per_sample_grads(module, batch_size=4)(x)[0].sum().backward()
    assert_close(*([weight.grad_sample for weight in module.parameters()] for module in (ours, theirs)))
