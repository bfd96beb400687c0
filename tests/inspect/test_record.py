"""A record is the forward pass: the same bits, under the step's own names, for every cell and every kind of module."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise
from gatewise.compiler.lower import program_of
from gatewise.compiler.render.reference import evaluate
from gatewise.equation import previous
from gatewise.errors import InputError
from gatewise.inspect.names import gate_values, sums, values_of
from gatewise.nn import LSTM, Recurrent

from ..matrix import ALL_CELLS, DTYPES, every_pair, relative_error
from ..tolerance import PARITY, RECORD

TORCH = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
SHAPES = {
    f"{name}-{layers} layers{', both ways' if both else ''}{', packed' if packed else ''}": (kind, layers, both, packed)
    for (name, kind), layers, both, packed in product(TORCH.items(), (1, 2), (False, True), (False, True))
}
KINDS = {
    "stacked": {"num_layers": 2},
    "both ways": {"num_layers": 2, "bidirectional": True},
    "sizes": {"num_layers": 2, "hidden_size": [6, 4], "bidirectional": True},
    "heads": {"heads": 2},
    "projected": {"proj_size": 3, "num_layers": 2},
    "residual": {"num_layers": 2, "residual": True, "pre_norm": True, "learned_state": True},
}


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


def made(cell, **arguments):
    arguments = {"hidden_size": 6} | arguments
    return Recurrent(cell, 5, **arguments).double().eval()


def sequences(dtype=torch.float64):
    return torch.randn(9, 3, 5, dtype=dtype), torch.tensor([4, 9, 6])


@every_pair(cell=ALL_CELLS, kind=[name for name in KINDS if name != "projected"])
def test_states_are_the_bits_of_the_forward_pass(cell, kind) -> None:
    module = made(cell, **KINDS[kind])
    x, lengths = sequences()
    found = gatewise.record(module, x, lengths=lengths)
    with torch.no_grad():
        output, _, states = module(x, lengths=lengths, return_states=True)
    assert torch.equal(found.output[0], output)
    for name, expected in zip(cell.state, states, strict=True):
        for index, (_, _, layer) in enumerate(found.layers()):
            assert torch.equal(layer.states[name], expected[index])


@every_pair(cell=ALL_CELLS, dtype=DTYPES)
def test_gates_are_the_step_s_own_values(cell, dtype) -> None:
    """Every value of the program, against the program on tensors: what the record keeps, and states before it."""
    module = made(cell).to(dtype)
    x, _ = sequences(dtype)
    names = [name for name in values_of(cell) if name not in program_of(cell).inputs]
    found = gatewise.record(module, x, values=names, preactivations=True)
    layer, program = found.layer(), program_of(cell)
    past = {previous(s): torch.cat((layer.initial[s][None], layer.states[s][:-1])) for s in cell.state}
    given = past | {name: getattr(module, f"{name}_l0").detach() for name in cell.per_unit}
    given |= {noise.name: torch.tensor(noise.mean, dtype=dtype) for noise in cell.noise}
    given |= {sums(cell)[gate]: kept for gate, kept in layer.preactivations.items()}
    own = len(cell.row_inputs)
    given |= dict(zip(cell.row_inputs, x[..., x.shape[-1] - own :].split(1, -1), strict=False))
    expected = evaluate(program, {name: given[name] for name in program.inputs}, lambda name, _: given[name])
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    for name in names:
        wanted = expected[name].expand_as(layer.values[name])
        torch.testing.assert_close(layer.values[name], wanted, rtol=tolerance, atol=tolerance)
    for gate, value in gate_values(cell).items():
        wanted = layer.preactivations[gate] if value in sums(cell).values() else layer.values[value]
        assert torch.equal(layer.gates[gate], wanted)


@pytest.mark.parametrize(("kind", "layers", "both", "packed"), SHAPES.values(), ids=SHAPES)
def test_modules_of_torch_match_a_loop_over_steps(kind, layers, both, packed) -> None:
    module = kind(5, 6, layers, bidirectional=both)
    x, lengths = sequences(torch.float32)
    given = pack_padded_sequence(x, lengths, enforce_sorted=False) if packed else x
    lengths = lengths if packed else torch.tensor([9, 9, 9])
    found = gatewise.record(module, given)
    assert found.lengths.tolist() == lengths.tolist()
    for sequence, length in enumerate(lengths.tolist()):
        read = x[:length, sequence]
        for layer in range(layers):
            expected = [looped(module, read, layer, reverse) for reverse in (False, True)[: 1 + both]]
            for direction, values in enumerate(expected):
                kept = found.layer(layer, direction)
                for name, value in values.items():
                    mine = (kept.gates if name in kept.gates else kept.states)[name][:, sequence]
                    torch.testing.assert_close(mine[:length], value, rtol=RECORD, atol=RECORD)
                    assert (mine[length:] == 0).all()
            read = torch.cat([values["h"] for values in expected], dim=1)


@torch.no_grad()
def looped(module, x, layer, reverse):
    """Gates and states, (T, H) by name, from torch's documented formulas."""
    suffix = f"_l{layer}" + ("_reverse" if reverse else "")
    W, U, b, d = (getattr(module, name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    states = {"h": torch.zeros(6), "c": torch.zeros(6)}
    steps = {}
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        from_x, from_h = W @ x[t] + b, U @ states["h"] + d
        steps[t] = FORMULAS[type(module)](from_x.split(6), from_h.split(6), states)
        states = steps[t]
    return {name: torch.stack([steps[t][name] for t in range(len(x))]) for name in steps[0]}


def lstm_formula(x, h, states):
    i, f, g, o = (a + b for a, b in zip(x, h, strict=True))
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * states["c"] + i * g
    return {"input": i, "forget": f, "candidate": g, "output": o, "c": c, "h": o * c.tanh()}


def gru_formula(x, h, states):
    r, z = (x[0] + h[0]).sigmoid(), (x[1] + h[1]).sigmoid()
    n = (x[2] + r * h[2]).tanh()
    return {"reset": r, "update": z, "candidate": n, "h": (1 - z) * n + z * states["h"]}


def rnn_formula(x, h, states):
    return {"candidate": (x[0] + h[0]).tanh(), "h": (x[0] + h[0]).tanh()}


FORMULAS = {nn.LSTM: lstm_formula, nn.GRU: gru_formula, nn.RNN: rnn_formula}


def test_a_projected_layer_with_a_state_of_its_own_is_recorded_too() -> None:
    module = made(ALL_CELLS["lstm"], **KINDS["projected"])
    x, lengths = sequences()
    hx = (torch.randn(2, 3, 3).double(), torch.randn(2, 3, 6).double())
    found = gatewise.record(module, x, hx, lengths)
    with torch.no_grad():
        _, _, (h, c) = module(x, hx, lengths=lengths, return_states=True)
    assert torch.equal(found.states["h"][:, 0], h)
    assert torch.equal(found.states["c"][:, 0], c)
    assert torch.equal(found.initial["c"][:, 0], hx[1])
    assert torch.equal(found.initial["h"][:, 0], hx[0])


def test_the_states_before_the_first_step_are_those_given() -> None:
    module = made(ALL_CELLS["lstm"], num_layers=2, bidirectional=True)
    x, lengths = sequences()
    hx = (torch.randn(4, 3, 6).double(), torch.randn(4, 3, 6).double())
    found = gatewise.record(module, x, hx, lengths)
    for name, expected in zip("hc", hx, strict=True):
        assert torch.equal(found.initial[name].flatten(0, 1), expected)


@pytest.mark.parametrize("kind", ["both ways", "sizes", "heads", "projected"])
@pytest.mark.parametrize(("span", "bin"), [((2, 7), 1), (None, 4), ((3, 9), 2), ((0, 100), 1)])
def test_a_record_of_fewer_steps_holds_those_of_the_whole_one(kind, span, bin, monkeypatch) -> None:
    monkeypatch.setattr("gatewise.inspect.recorder._CHUNK_BYTES", 2000)  # several chunks of time
    module = made(ALL_CELLS["lstm"], **KINDS[kind])
    x, lengths = sequences()
    whole = gatewise.record(module, x, lengths=lengths)
    found = gatewise.record(module, x, lengths=lengths, span=span, bin=bin)
    assert torch.equal(found.output[0], whole.output[0])
    first, end = span or (0, 9)
    for (_, _, layer), (_, _, full) in zip(found.layers(), whole.layers(), strict=True):
        for name in (*layer.gates, *layer.states):
            kept, there = ((one.gates if name in one.gates else one.states)[name] for one in (layer, full))
            for sequence, length in enumerate(lengths.tolist()):
                steps = there[first : min(end, length), sequence].split(bin) if length > first else ()
                assert layer.lengths[sequence] == len(steps)
                for at, part in enumerate(steps):
                    torch.testing.assert_close(kept[at, sequence], part.mean(0), rtol=1e-12, atol=1e-12)
                assert (kept[len(steps) :, sequence] == 0).all()


class Model(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.embed, self.layers = nn.Linear(2, 5), nn.ModuleList(layers)
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        y = self.embed(x)
        for layer in self.layers:
            y, _ = layer(y)
        return self.head(y)


class Twice(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(self.layer(x)[0])


@pytest.mark.parametrize("kind", [nn.LSTM, LSTM])
def test_a_layer_inside_a_model_is_recorded_where_it_stands(kind) -> None:
    model, x = Model(kind(5, 6)), torch.randn(9, 3, 2)
    before = model(x).detach()
    found = gatewise.record(model, x)
    assert relative_error(found.output, before) < 1e-6
    assert torch.equal(found.layer().x, model.embed(x))
    assert torch.equal(model.head(found.states["h"][0, 0]), found.output)
    assert torch.equal(model(x), before)  # and the model is as it was


def test_a_model_is_as_it_was_when_its_run_fails() -> None:
    model = Model(nn.LSTM(5, 6))
    with pytest.raises(RuntimeError):
        gatewise.record(model, torch.randn(9, 3, 7))
    assert "forward" not in vars(model.layers[0])
    assert model(torch.randn(9, 3, 2)).shape == (9, 3, 1)


def test_what_cannot_be_recorded_is_refused_with_a_reason() -> None:
    x = torch.randn(9, 3, 2)
    with pytest.raises(InputError, match="Linear holds no recurrent layer"):
        gatewise.record(nn.Linear(2, 2), x)
    with pytest.raises(InputError, match=r"2 recurrent layers[\s\S]*layers\.0, layers\.1"):
        gatewise.record(Model(LSTM(5, 5), LSTM(5, 6)), x)
    with pytest.raises(InputError, match=r"no recurrent layer 'layers\.2'"):
        gatewise.record(Model(LSTM(5, 5), LSTM(5, 6)), x, of="layers.2")
    with pytest.raises(InputError, match="more than once"):
        gatewise.record(Twice(LSTM(2, 2)), x)
    with pytest.raises(InputError, match="no value 'forgotten'"):
        gatewise.record(LSTM(2, 4), x, values=["forgotten"])
    with pytest.raises(InputError, match="holds no step"):
        gatewise.record(LSTM(2, 4), x, span=(5, 5))
    with pytest.raises(InputError, match="bin=0"):
        gatewise.record(LSTM(2, 4), x, bin=0)
    with pytest.raises(InputError, match="did not run"), gatewise.recording(LSTM(2, 4)) as tape:
        tape.record()


def test_one_of_several_layers_is_chosen_by_name() -> None:
    model = Model(LSTM(5, 5), LSTM(5, 6))
    found = gatewise.record(model, torch.randn(9, 3, 2), of="layers.1")
    assert found.module is model.layers[1]


def test_too_large_a_record_says_how_large_before_anything_is_allocated() -> None:
    module, x = LSTM(1, 512, 2), torch.zeros(1, 1, 1).expand(150_000, 16, 1)
    with pytest.raises(InputError, match=r"6 quantities at 2,400,000 steps would take \d+ GiB[\s\S]*span=[\s\S]*bin="):
        gatewise.record(module, x)


def test_nan_in_the_input_is_named_by_its_place() -> None:
    x = torch.randn(9, 3, 5)
    x[4, 1, 2] = math.nan
    with pytest.raises(InputError, match="nan at batch 1, time 4, feature 2"):
        gatewise.record(nn.LSTM(5, 6), x)


def test_a_table_has_a_row_for_every_number_that_belongs_to_a_sequence() -> None:
    module = LSTM(5, 6, 2, bidirectional=True)
    x, lengths = sequences(torch.float32)
    found = gatewise.record(module, x, lengths=lengths, values=["t0"], preactivations=True)
    table, arrays = found.to_pandas(), found.to_numpy()
    assert len(table) == 2 * 2 * int(lengths.sum()) * 6
    assert set(table.columns) == set(arrays)
    for place in ((1, 0, 2, 5, 3), (0, 1, 1, 8, 0)):
        layer, direction, sequence, time, unit = place
        for name, array in arrays.items():
            assert table.loc[place, name] == array[layer, direction, time, sequence, unit]


def test_a_record_under_training_keeps_the_noise_that_was_drawn() -> None:
    module = LSTM(5, 6, zoneout={"c": 0.5}).train()
    x, _ = sequences(torch.float32)
    found = gatewise.record(module, x).layer()
    before = torch.cat((found.initial["c"][None], found.states["c"][:-1]))
    share = float((found.states["c"] == before).float().mean())
    assert 0.3 < share < 0.7
