"""Whatever runs layers is one driver in a list: a third one, written here, is used for everything it accepts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

import gatewise
from gatewise.errors import InputError, ShapeError
from gatewise.kernels import choice
from gatewise.kernels.choice import DRIVERS, accepting, product_dtype
from gatewise.kernels.cpu.driver import CPU
from gatewise.kernels.dispatch import sequence, stepper_for
from gatewise.kernels.layer import Layer, Saved, Seeds
from gatewise.kernels.operator import sequence_op
from gatewise.kernels.reference import REFERENCE, TRAINED
from gatewise.kernels.registry import register
from gatewise.nn import GRU, LSTM, SLSTM, Chain, PeepholeLSTM
from gatewise.show import show

from ..matrix import ALL_CELLS, every_cell, random_layer, relative_error
from ..tolerance import PARITY

SOURCE = Path(gatewise.__file__).parent


class Toy:
    """Runs cells without weights per unit, of up to 8 units, in float32 and float64, by the reference's arithmetic; it
    keeps one number a row for backward, and counts what it is asked for."""

    name = "toy"
    keeps_bits = True
    traceable = True

    def __init__(self):
        self.calls, self.texts = [], {}

    def working_dtype(self, cell, like):
        return {torch.float16: torch.float64}.get(like.dtype, like.dtype)

    def product_dtype(self, cell, working, results):
        return working

    def refusal(self, cell, layer):
        if cell.per_unit:
            return f"no weights per unit ({', '.join(cell.per_unit)})"
        return "" if layer.units <= 8 else f"no more than 8 units, not {layer.units}"

    def manner(self, cell, layer):
        return "toy kernel"

    def kept_width(self, cell, units):
        return 1

    def forward(self, cell, layer, *, keep):
        self.calls.append("forward")
        states = REFERENCE.forward(cell, layer, keep=keep)
        return states._replace(gates=states.y.new_full((len(states.y), 1), 7.0)) if keep else states

    def backward(self, cell, layer, saved, seeds, *, input_gradient):
        self.calls.append("backward")
        assert bool((saved.gates == 7.0).all())
        return REFERENCE.backward(cell, layer, saved, seeds, input_gradient=input_gradient)

    def small(self, cell, dtype):
        return None

    def stepper(self, cell, layer, states=None):
        self.calls.append("stepper")
        return REFERENCE.stepper(cell, layer, states)


@pytest.fixture
def toy(monkeypatch):
    driver = Toy()
    monkeypatch.setattr(choice, "DRIVERS", [driver, *DRIVERS])
    return driver


def test_a_third_driver_runs_forward_and_backward(toy):
    module, x = LSTM(3, 4, dtype=torch.float64), torch.randn(5, 2, 3, dtype=torch.float64)
    y, _ = module(x)
    gradients = torch.autograd.grad(y.sum(), list(module.parameters()))
    assert toy.calls == ["forward", "backward"]
    toy.refusal = lambda cell, layer: "not now"
    again, _ = module(x)
    expected = torch.autograd.grad(again.sum(), list(module.parameters()))
    assert toy.calls == ["forward", "backward"]
    for ours, theirs in zip((y, *gradients), (again, *expected), strict=True):
        assert relative_error(ours, theirs) <= PARITY["float64"]


def test_the_driver_that_ran_forward_runs_backward(toy):
    y, _ = LSTM(3, 4)(torch.randn(5, 2, 3))
    toy.refusal = lambda cell, layer: "not any more"
    y.sum().backward()
    assert toy.calls == ["forward", "backward"]


def test_it_runs_under_every_way_into_torch(toy):
    module, x = LSTM(3, 4), torch.randn(5, 2, 3)
    expected = module(x)[0]
    torch._dynamo.reset()
    assert torch.equal(torch.compile(module, fullgraph=True, backend="aot_eager")(x)[0], expected)
    mapped = torch.func.vmap(lambda one: module(one)[0], in_dims=1, out_dims=1)(x)
    assert relative_error(mapped, expected) <= PARITY["float32"]
    assert toy.calls == ["forward"] * 3


def test_torch_knows_the_shapes_of_what_it_keeps(toy):
    layer = random_layer(ALL_CELLS["lstm"], 3, 2, 4, 5)
    layer = Layer(*(tensor.requires_grad_() for tensor in layer[:TRAINED]), *layer[TRAINED:])
    torch.library.opcheck(sequence_op, (register(ALL_CELLS["lstm"]).key, *layer, True))
    assert "backward" in toy.calls


def test_module_driver_says_who_runs_and_why(toy):
    x = torch.zeros(2, 1, 3)
    assert LSTM(3, 4).driver(x) == ("toy", "toy kernel")
    assert LSTM(3, 16).driver(x) == ("cpu", "fused CPU kernel in torch.float32 (toy: no more than 8 units, not 16)")
    assert PeepholeLSTM(3, 4).driver(x).reason.endswith("(toy: no weights per unit (p_i, p_f, p_o))")
    assert SLSTM(3, 16, heads=2).driver(x).driver == "toy"  # heads run one by one
    assert LSTM(3, 4).half().driver(x.half()) == ("toy", "toy kernel, its results rounded to torch.float16")


def test_it_says_the_dtype_to_compute_in(toy):
    module, x = LSTM(3, 4).half(), torch.randn(5, 2, 3).half()
    y, _ = module(x)
    expected, _ = module.double()(x.double())
    assert y.dtype == torch.float16
    assert torch.equal(y, expected.half())


def test_it_says_the_dtype_of_products(toy):
    weight = torch.zeros(1)
    assert product_dtype(ALL_CELLS["lstm"], weight, torch.float16) == torch.float32
    toy.product_dtype = lambda cell, working, results: {torch.float32: results}[working]
    assert product_dtype(ALL_CELLS["lstm"], weight, torch.float16) == torch.float16


def test_it_carries_streams_on(toy):
    model = Chain(LSTM(3, 4, 2, residual=True), torch.nn.Linear(4, 2), torch.nn.Tanh()).eval()
    x = torch.randn(6, 1, 3)
    stream = gatewise.stream(model)
    assert set(toy.calls) == {"stepper"}
    steps = torch.stack([stream.step(step) for step in x])
    toy.refusal = lambda cell, layer: "not now"
    assert relative_error(steps, model(x)[0]) <= PARITY["float32"]


def test_no_stream_where_the_driver_does_not_keep_bits(toy):
    toy.keeps_bits = False
    with pytest.raises(InputError, match=r"no stream for weights of torch\.float32 on cpu"):
        gatewise.stream(LSTM(3, 4))


def test_the_code_of_every_driver_can_be_shown():
    forms = [form for driver in DRIVERS for form in driver.texts]
    assert forms == ["llvm", "triton"]
    assert show("lstm", "llvm").startswith("; ModuleID")
    assert "def lstm_forward_0(" in show("lstm", "triton")


def test_the_choice_is_given_in_words(monkeypatch):
    monkeypatch.setenv("GATEWISE_BFLOAT16", "0")  # whatever the processor can multiply
    module, x = GRU(1, 2), torch.zeros(1, 1, 1)
    assert module.driver(x) == ("cpu", "fused CPU kernel in torch.float32")
    assert module.driver(x.bfloat16()).reason == (
        "fused CPU kernel in torch.float32, its results rounded to torch.bfloat16"
    )
    elsewhere = GRU(1, 2, device="meta").driver(x.to("meta"))
    why = "; ".join(f"{driver.name}: no kernel for device meta" for driver in DRIVERS[:-1])
    assert elsewhere == ("reference", f"a Python loop over time ({why})")
    assert module.driver(x[:0]) == ("reference", "a Python loop over time: there is nothing to compute")
    with torch.autograd.forward_ad.dual_level():
        assert "forward-mode" in module.driver(x).reason


def test_the_last_driver_refuses_nothing():
    layer = random_layer(ALL_CELLS["lstm"], 3, 2, 4, 5, dtype=torch.float32)
    strange = Layer(*(tensor.to(torch.float16) for tensor in layer[:-1]), None)
    assert accepting(ALL_CELLS["lstm"], strange) is REFERENCE


@every_cell
def test_the_reference_is_a_driver_like_another(cell):
    layer = random_layer(cell, 3, 2, 4, 5, batch_sizes=torch.tensor([2, 2, 1]))
    results = []
    for driver in (CPU, REFERENCE):
        states = driver.forward(cell, layer, keep=True)
        saved = Saved(states.y, states.gates, states.histories)
        assert states.gates.shape == (5, driver.kept_width(cell, 5))
        seeds = Seeds(states.y, states.last, states.histories if len(states.histories) else None)
        gradients = driver.backward(cell, layer, saved, seeds, input_gradient=True)
        results.append(torch.cat([tensor.flatten() for tensor in (states.y, states.last, *gradients)]))
        assert len(driver.backward(cell, layer, saved, seeds, input_gradient=False).x) == 0
        assert not driver.forward(cell, layer, keep=False).gates.numel()
    assert relative_error(*results) <= PARITY["float64"]


@every_cell
def test_steps_of_every_driver_are_those_of_the_sequence(cell):
    layer = random_layer(cell, 4, 2, 3, 5)
    expected = sequence(register(cell), layer, histories=True)
    for driver in (CPU, REFERENCE):
        stepper, y = driver.stepper(cell, layer.part(0, 1, layer.states)), []
        for at, step in enumerate(layer.x.view(4, 2, -1)):
            half = at % 2
            if stepper.reads("x"):
                stepper.feeds("x")[half](step)
            stepper.steps[half]()
            y.append(stepper.outputs(half).clone())
        if layer.step_noise.shape[1] == 1 or not len(layer.step_noise):
            assert relative_error(torch.cat(y), expected.y) <= PARITY["float64"]
            assert relative_error(stepper.states[0], expected.last) <= PARITY["float64"]


def test_a_stepper_is_checked_like_a_layer():
    layer = random_layer(ALL_CELLS["lstm"], 1, 2, 4, 5)
    with pytest.raises(ShapeError, match="U has shape"):
        stepper_for(ALL_CELLS["lstm"], layer._replace(U=layer.U[1:]))


def test_nothing_outside_the_drivers_knows_which_there_are():
    """Where tensors lie is asked by drivers, by what is known of memory, and by torch's own device handling."""
    allowed = {"nn/check.py", "nn/recurrent.py", "nn/step.py", "nn/rowwise.py"}  # of autocast, which is by device type
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(("kernels/cpu/", "kernels/aten/", "kernels/gpu/", "training/")):
            continue
        tree = ast.parse(path.read_text())
        asked = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "type"]
        devices = [node for node in asked if isinstance(node.value, ast.Attribute) and node.value.attr == "device"]
        assert not devices or name in allowed, name
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        folders = ("cpu", "aten", "gpu")
        drivers = [module for module in modules if any(f".{folder}." in f".{module}." for folder in folders)]
        assert not drivers or name == "kernels/choice.py", name
