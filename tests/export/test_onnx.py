"""Exported files against the modules; the answers are ONNX Runtime's."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
import torch
from torch import nn

from gatewise.cells import CELLS
from gatewise.export import to_onnx
from gatewise.nn import GRU, LSTM, Recurrent
from gatewise.nn.maps import Standardize, Unstandardize
from gatewise.transforms import clip_gates, recurrent_dropout, zoneout

from ..matrix import ALL_CELLS, every_pair, names
from ..tolerance import ONNX_RUNTIME, ROUNDING
from .exported import answers, assert_same, attributes_of, chain, normal, recurrent_nodes, session_of, tamed, written

LENGTHS = torch.tensor([4, 0, 9, 1])

# What ONNX has an operator for, and with which attributes.
STANDARD = {
    "lstm": ("LSTM", {}),
    "peephole_lstm": ("LSTM", {}),
    "coupled_lstm": ("LSTM", {"input_forget": 1}),
    "coupled_peephole_lstm": ("LSTM", {"input_forget": 1}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "gru_reset_before": ("GRU", {"linear_before_reset": 0}),
    "rnn": ("RNN", {"activations": [b"Tanh"]}),
    "rnn_relu": ("RNN", {"activations": [b"Relu"]}),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "projection": {"proj_size": 2, "num_layers": 2, "bidirectional": True},
    "heads": {"heads": 2, "bidirectional": True},
    "residual": {"residual": True, "num_layers": 2},
    "pre_norm": {"pre_norm": True, "num_layers": 2},
    "layer_norm": {"layer_norm": "output"},
    "layer_norm in heads": {"layer_norm": "output", "heads": 2},
    "dropouts": {"recurrent_dropout": 0.3, "candidate_dropout": 0.2, "weight_drop": 0.4, "h_detach": 0.2},
    "zoneout": {"zoneout": {"h": 0.3}},
    "clip_gates": {"clip_gates": 0.4},
    "no bias": {"bias": False, "bidirectional": True},
}


@every_pair(cell=ALL_CELLS, layers=[1, 2], bidirectional=[False, True])
def test_every_cell_agrees_with_onnx_runtime(cell: Any, layers: int, bidirectional: bool, tmp_path: Any) -> None:
    module = tamed(Recurrent(cell, 3, 5, layers, bidirectional=bidirectional))
    x = normal(9, 4, 3)
    _, session = written(module, tmp_path / "even.onnx")
    assert_same(module, session, x)
    _, session = written(module, tmp_path / "ragged.onnx", lengths=True)
    assert_same(module, session, x, LENGTHS)


@every_pair(name=["lstm", "gru", "slstm"], option=OPTIONS.keys())
def test_every_option_agrees_with_onnx_runtime(name: str, option: str, tmp_path: Any) -> None:
    module = tamed(Recurrent(CELLS[name], 4, 4, **OPTIONS[option]))
    _, session = written(module, tmp_path / "model.onnx", lengths=True)
    assert_same(module, session, normal(9, 4, 4), LENGTHS)


@pytest.mark.parametrize("name", ["lstm", "slstm"])
def test_one_file_takes_every_batch_size_and_length(name: str, tmp_path: Any) -> None:
    module = tamed(Recurrent(CELLS[name], 3, 5, 2))
    _, session = written(module, tmp_path / "model.onnx")
    for steps, batch in ((1, 1), (13, 2), (4, 7)):
        assert_same(module, session, normal(steps, batch, 3))


@pytest.mark.parametrize("name", names(["lstm", "gru", "mgu"]))
def test_a_sequence_in_two_halves_is_the_sequence(name: str, tmp_path: Any) -> None:
    module = tamed(Recurrent(CELLS[name], 3, 5, 2, batch_first=True))
    report, session = written(module, tmp_path / "model.onnx")
    x = normal(1, 8, 3)
    starts = {state: torch.from_numpy(start) for state, start in report.starts.items()}
    first = answers(session, {"x": x[:, :5].contiguous(), **starts})
    states = {f"{state}_0": first[f"{state}_n"] for state in module.cell.state}
    second = answers(session, {"x": x[:, 5:].contiguous(), **states})
    y = torch.cat((first["y"], second["y"]), dim=1)
    torch.testing.assert_close(y, module(x)[0].detach(), atol=ONNX_RUNTIME, rtol=0)


@pytest.mark.parametrize("name", names(ALL_CELLS))
def test_a_cell_that_onnx_has_is_its_operator_and_every_other_a_scan(name: str, tmp_path: Any) -> None:
    made_from_a_standard_one = {"gru_reset_before_clip_gates_recurrent_dropout": ("GRU", {"linear_before_reset": 0})}
    kind, attributes = (STANDARD | made_from_a_standard_one).get(name, ("Scan", {}))
    report, _ = written(Recurrent(ALL_CELLS[name], 3, 5, 2, dropout=0.5), tmp_path / "model.onnx")
    nodes = recurrent_nodes(tmp_path / "model.onnx")
    assert [node.op_type for node in nodes] == [kind, kind]
    assert report.operators == {"l0": kind, "l1": kind}
    assert attributes.items() <= attributes_of(nodes[0]).items()


def test_clipped_gates_are_the_operators_clip(tmp_path: Any) -> None:
    written(Recurrent(recurrent_dropout(clip_gates(CELLS["gru"], 0.75), 0.1), 3, 5), tmp_path / "model.onnx")
    [node] = recurrent_nodes(tmp_path / "model.onnx")
    assert (node.op_type, attributes_of(node)["clip"]) == ("GRU", 0.75)


def test_both_directions_are_one_operator(tmp_path: Any) -> None:
    written(LSTM(3, 5, bidirectional=True), tmp_path / "model.onnx")
    [node] = recurrent_nodes(tmp_path / "model.onnx")
    assert attributes_of(node)["direction"] == b"bidirectional"


def test_zoneout_mixes_states_which_no_operator_does(tmp_path: Any) -> None:
    report, _ = written(Recurrent(zoneout(CELLS["lstm"], {"c": 0.5}), 3, 5), tmp_path / "model.onnx")
    assert report.operators == {"l0": "Scan"}


def test_float64_is_exact_to_rounding_in_a_scan(tmp_path: Any) -> None:
    module = tamed(Recurrent(CELLS["lstm"], 3, 5, 2, bidirectional=True, dtype=torch.float64))
    report, session = written(module, tmp_path / "model.onnx", lengths=True)
    assert set(report.operators.values()) == {"Scan"}
    assert_same(module, session, normal(9, 4, 3, dtype=torch.float64), LENGTHS, atol=ROUNDING)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_torchs_own_modules_go_the_same_way(kind: Any, tmp_path: Any) -> None:
    module = tamed(kind(3, 5, 2, bidirectional=True, batch_first=True))
    _, session = written(module, tmp_path / "model.onnx")
    x = normal(4, 9, 3)
    with torch.no_grad():
        y, last = module(x)
    lasts = last if isinstance(last, tuple) else (last,)
    found = answers(session, {"x": x} | {f"{n}_0": torch.zeros_like(s) for n, s in zip("hc", lasts, strict=False)})
    for value, expected in zip(found.values(), (y, *lasts), strict=True):
        torch.testing.assert_close(value, expected, atol=ONNX_RUNTIME, rtol=0)


def test_layers_of_different_sizes_have_states_of_their_own(tmp_path: Any) -> None:
    module = tamed(LSTM(3, [4, 6], 2, bidirectional=True))
    report, session = written(module, tmp_path / "model.onnx")
    assert dict(report.inputs) == {
        "x": ("time", "batch", 3),
        "h_0_l0": (2, "batch", 4),
        "h_0_l1": (2, "batch", 6),
        "c_0_l0": (2, "batch", 4),
        "c_0_l1": (2, "batch", 6),
    }
    x = normal(5, 1, 3)
    found = answers(session, {"x": x} | {name: torch.from_numpy(start) for name, start in report.starts.items()})
    with torch.no_grad():
        y, (h, c) = module(x)
    torch.testing.assert_close(found["y"], y, atol=ONNX_RUNTIME, rtol=0)
    for name, states in (("h", h), ("c", c)):
        for layer in (0, 1):
            wanted = torch.stack(states[2 * layer : 2 * layer + 2])
            torch.testing.assert_close(found[f"{name}_n_l{layer}"], wanted, atol=ONNX_RUNTIME, rtol=0)


def every_part() -> Any:
    return chain(
        Standardize(torch.tensor([100.0, -2.0, 0.0]), torch.tensor([10.0, 0.5, 1.0])),
        LSTM(3, 6, 2),
        nn.LayerNorm(6),
        nn.Linear(6, 4),
        nn.Tanh(),
        nn.Dropout(0.5),
        GRU(4, 5),
        nn.Sigmoid(),
        nn.LayerNorm(5, elementwise_affine=False),
        nn.ReLU(),
        nn.Linear(5, 2, bias=False),
        nn.Identity(),
        nn.LogSigmoid(),
        Unstandardize(torch.tensor([0.5, -1.0]), torch.tensor([1.5, 0.1])),
    )


def test_a_chain_is_one_file_whose_states_are_named_by_their_parts(tmp_path: Any) -> None:
    model = every_part()
    report, session = written(model, tmp_path / "model.onnx", lengths=True)
    assert list(report.inputs) == ["x", "lengths", "part1_h_0", "part1_c_0", "part6_h_0"]
    assert list(report.outputs) == ["y", "part1_h_n", "part1_c_n", "part6_h_n"]
    x = normal(9, 4, 3) * torch.tensor([10.0, 0.5, 1.0]) + torch.tensor([100.0, -2.0, 0.0])
    with torch.no_grad():
        _, [(h, c), other] = hx = model(x)
        y, [(h_n, c_n), other_n] = model(x, hx[1], lengths=LENGTHS)
    found = answers(session, {"x": x, "lengths": LENGTHS, "part1_h_0": h, "part1_c_0": c, "part6_h_0": other})
    running = torch.arange(9)[:, None] < LENGTHS
    torch.testing.assert_close(found["y"][running], y[running], atol=ONNX_RUNTIME, rtol=0)
    expected = {"part1_h_n": h_n, "part1_c_n": c_n, "part6_h_n": other_n}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=ONNX_RUNTIME, rtol=0)


def test_the_same_module_twice_has_two_states(tmp_path: Any) -> None:
    layer = LSTM(4, 4)
    report = to_onnx(chain(layer, nn.Linear(4, 4), layer), tmp_path / "model.onnx")
    assert list(report.inputs) == ["x", "part0_h_0", "part0_c_0", "part2_h_0", "part2_c_0"]


def test_optional_states_start_from_what_was_learned(tmp_path: Any) -> None:
    module = tamed(LSTM(3, 5, 2, learned_state=True))
    report = to_onnx(module, tmp_path / "model.onnx", optional_states=True)
    assert report.starts["h_0"].any(), "learned, not zero"
    session = session_of(tmp_path / "model.onnx")
    assert [given.name for given in session.get_inputs()] == ["x"]
    x = normal(6, 3, 3)
    with torch.no_grad():
        y, last = module(x)
        again = module(x, last)[0]
    found = answers(session, {"x": x})
    torch.testing.assert_close(found["y"], y, atol=ONNX_RUNTIME, rtol=0)
    carried = answers(session, {"x": x, "h_0": found["h_n"], "c_0": found["c_n"]})
    torch.testing.assert_close(carried["y"], again, atol=ONNX_RUNTIME, rtol=0)


def test_the_file_says_what_wrote_it_and_which_opset_it_needs(tmp_path: Any) -> None:
    report = to_onnx(LSTM(3, 5, batch_first=True), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    assert (model.producer_name, [opset.version for opset in model.opset_import]) == ("gatewise", [report.opset])
    assert model.producer_version
    assert dict(report.outputs) == {"y": ("batch", "time", 5), "h_n": (1, "batch", 5), "c_n": (1, "batch", 5)}
    assert report.difference is not None
    assert report.difference <= ONNX_RUNTIME
