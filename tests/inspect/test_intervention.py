"""What is set is set wherever the step reads it, and nothing else changes by a bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gatewise import record
from gatewise.compiler.lower import program_of
from gatewise.compiler.ops import OPS
from gatewise.equation import Cell, Gate, previous
from gatewise.errors import InputError
from gatewise.inspect.clamp import Clamp, Patch, settable, value_called
from gatewise.inspect.intervention import intervene
from gatewise.inspect.names import gate_values
from gatewise.nn import GRU, LSTM, SLSTM, CoupledLSTM, Recurrent

from .. import tolerance
from ..matrix import every_cell, relative_error

STEPS, BATCH, UNITS = 7, 3, 4
LENGTHS = [7, 3, 5]
COMPLEMENTS = {"coupled_lstm": "i", "coupled_peephole_lstm": "i", "mgu": "keep"}  # of the gate f


def terms(cell: Cell, module: Recurrent) -> dict[str, dict[str, Tensor]]:
    """W, U and b of each gate that has them, by its pre-activation."""
    found: dict[str, dict[str, Tensor]] = {"W": {}, "U": {}, "b": {}}
    rows = dict.fromkeys(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), 0)

    def add(kind: str, weight: str, gate: Gate) -> None:
        block = getattr(module, f"{weight}_l0")[rows[weight] : rows[weight] + UNITS].detach()
        rows[weight] += UNITS
        name = gate.preactivation
        found[kind][name] = found[kind][name] + block if name in found[kind] else block

    for gate in cell.gates:
        if gate.tied:  # a further call of a gate before it
            first = next(other.preactivation for other in cell.gates if other.name == gate.tied)
            for blocks in found.values():
                blocks.update({gate.preactivation: blocks[first]} if first in blocks else {})
            continue
        if gate.has_input:
            add("W", "weight_ih", gate)
        if gate.recurrent:
            add("U", "weight_hh", gate)
        if gate.has_bias and (gate.has_input or not gate.recurrent):
            add("b", "bias_ih", gate)
        if gate.has_bias and gate.recurrent:
            add("b", "bias_hh", gate)
    return found


def looped(cell: Cell, module: Recurrent, x: Tensor, set_to: dict[str, float], span: tuple[int, int]) -> Tensor:
    """One layer in a plain loop over the step's program, with values set over a span in unit 1 of sequence 0."""
    program, blocks, outputs = program_of(cell), terms(cell, module), []
    zeros = torch.zeros(BATCH, UNITS, dtype=x.dtype)
    states = {name: zeros + start for name, start in zip(cell.state, cell.initial, strict=True)}
    fixed = {name: getattr(module, f"{name}_l0").detach() for name in cell.per_unit}
    fixed |= {draw.name: zeros + draw.mean for draw in cell.noise}
    for time, whole in enumerate(x):
        given = whole[:, : whole.shape[1] - len(cell.row_inputs)]
        own = dict(zip(cell.row_inputs, whole[:, given.shape[1] :].split(1, 1), strict=False))

        def put(name: str, number: Tensor, setting: bool = span[0] <= time < span[1]) -> Tensor:
            number = number.clone()
            if setting and name in set_to:
                number[0, 1] = set_to[name]
            return number

        sums = {}
        for gate in cell.gates:
            name = gate.preactivation
            sums[name] = zeros + (given @ blocks["W"][name].t() if gate.has_input else 0) + blocks["b"].get(name, 0)
            if gate.recurrent == "h":
                sums[name] = sums[name] + states[cell.state[0]] @ blocks["U"][name].t()
        fed = {gate.preactivation for gate in cell.gates if gate.recurrent == "step"}
        values = {previous(name): state for name, state in states.items()} | fixed
        values |= {name: put(name, total) for name, total in sums.items() if name not in fed} | own
        for i in program.body:
            arguments = [values[argument] for argument in i.args]
            if i.op == "product":
                result = sums[i.name] + arguments[0] @ blocks["U"][i.name].t()
            else:
                result = zeros + i.constant if i.op == "constant" else OPS[i.op].torch(*arguments)
            values[i.name] = put(i.name, result)
        states = {name: values[result] for name, result in program.outputs.items()}
        outputs.append(states[cell.state[0]])
    return torch.stack(outputs)


@every_cell
def test_nothing_set_is_the_plain_run_by_bits_and_what_is_set_is_what_a_loop_says(cell):
    """A gate, a memory and a pre-activation can be set, and none is; then one of them."""
    torch.manual_seed(4)
    module = Recurrent(cell, 3, UNITS).double().eval()
    x = torch.randn(STEPS, BATCH, 3, dtype=torch.float64)
    nothing = [
        Clamp(name, 1.0, units=[])
        for name in (next(iter(gate_values(cell))), cell.state[-1], next(iter(settable(cell))))
    ]
    plain = intervene(module, x, nothing, lengths=LENGTHS)
    assert torch.equal(plain.after, module(x, lengths=LENGTHS)[0])
    assert torch.equal(plain.before, plain.after)

    name = "f" if "f" in settable(cell) else cell.state[-1]
    found = intervene(module, x, [*nothing, Clamp(name, 0.75, units=[1], span=(2, 4), batch=[0])])
    set_to = {value_called(cell, name): 0.75}
    if name == "f" and cell.name in COMPLEMENTS:
        set_to[COMPLEMENTS[cell.name]] = 0.25
    expected = looped(cell, module, x, set_to, (2, 4))
    assert relative_error(found.after, expected) < tolerance.PARITY["float64"]
    assert found.change[:2].eq(0).all()
    assert found.change[:, 1:].eq(0).all()
    assert found.change[2:, 0].ne(0).any()


def test_a_gate_set_to_one_keeps_the_memory_and_its_complement_writes_nothing():
    x = torch.randn(STEPS, BATCH, 3, dtype=torch.float64)
    for module in (CoupledLSTM(3, UNITS).double(), GRU(3, UNITS).double()):
        name, state = ("update", "h") if "update" in settable(module.cell) else ("forget", "c")
        hx = torch.randn(1, BATCH, UNITS, dtype=torch.float64)
        given = (torch.zeros_like(hx), hx) if state == "c" else hx
        last = intervene(
            module, x, [Clamp(name, 1.0)], given, readout=lambda y: y[1][-1] if isinstance(y[1], tuple) else y[1]
        )
        assert torch.allclose(last.after, hx, rtol=0, atol=1e-15)


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("sizes", [5, [5, 3]], ids=["one size", "sizes differ"])
def test_a_patched_state_makes_the_run_go_on_as_the_other_did(direction, sizes):
    """With the state of the other run at a step, and the other run's input from there on, it is the other run."""
    module = LSTM(3, sizes, num_layers=2, bidirectional=True).double()
    x, other = torch.randn(2, STEPS, BATCH, 3, dtype=torch.float64)
    seen = record(module, other, lengths=LENGTHS)
    at = 1
    mixed = x.clone()
    later = slice(at + 1, None) if direction == 0 else slice(0, at)
    mixed[later] = other[later]
    patches = [Patch(state, seen, at, layer=0, direction=direction) for state in ("h", "c")]
    tape = intervene(module, mixed, patches, lengths=LENGTHS, readout=lambda y: y[0])
    assert tape.change.ne(0).any()
    one = _layer(module, direction)
    mine = slice(0, 5) if direction == 0 else slice(5, 10)
    found = intervene(one, mixed, patches, lengths=LENGTHS).after
    expected = record(one, other, lengths=LENGTHS).states["h"][0, direction]
    assert relative_error(found[later][..., mine], expected[later]) < tolerance.PARITY["float64"]


def _layer(module: LSTM, direction: int) -> LSTM:
    one = LSTM(3, 5, bidirectional=True).double()
    one.load_state_dict({name: module.state_dict()[name] for name in one.state_dict()})
    return one


def test_a_patch_with_ones_own_run_changes_nothing():
    module, x = LSTM(3, UNITS, num_layers=2, bidirectional=True), torch.randn(STEPS, BATCH, 3)
    seen = record(module, x, lengths=LENGTHS)
    patches = [Patch("c", seen, at, layer=1, direction=1, units=[2, 0], batch=[2]) for at in range(4)]
    assert intervene(module, x, patches, lengths=LENGTHS).change.eq(0).all()


@pytest.mark.parametrize("at", [0, 3])
def test_heads_and_projections_are_set_where_they_are(at):
    x = torch.randn(STEPS, BATCH, 3, dtype=torch.float64)
    narrow = LSTM(3, 6, proj_size=2).double()
    hx = (torch.randn(1, BATCH, 2, dtype=torch.float64), torch.randn(1, BATCH, 6, dtype=torch.float64))
    for module, states in ((SLSTM(3, 6, heads=3).double(), None), (narrow, hx), (narrow, None)):
        change = Clamp("c", 2.5, units=[4], span=(at, at + 1), batch=[0])
        found = intervene(module, x, [change], states, lengths=LENGTHS)
        last = intervene(module, x[: at + 1], [change], states, readout=lambda y: y[1][1][0])
        assert float(last.after[0, 4]) == 2.5
        assert int((last.change != 0).sum()) == 1
        assert found.change[:at].eq(0).all()
        assert found.change[at:, 0].ne(0).any()


class Model(nn.Module):
    """A layer of torch's in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.lstm, self.after = nn.Linear(2, 3), nn.LSTM(3, UNITS, batch_first=True), nn.Linear(UNITS, 1)

    def forward(self, x):
        return self.after(torch.relu(self.lstm(self.before(x))[0]))


def test_it_reaches_into_the_middle_of_any_model_and_leaves_it_as_it_was():
    model, x = Model(), torch.randn(BATCH, STEPS, 2)
    plain = model(x)
    found = intervene(model, x, [Clamp("output", 0.0, span=(3, 5))])
    assert relative_error(found.before, plain) < tolerance.PARITY["float32"]  # torch's own kernels ran it then
    assert found.after[:, 3:5].eq(model.after(torch.zeros(UNITS))).all()
    assert found.change[:, :3].eq(0).all()
    assert torch.equal(model(x), plain)
    assert "numbers of the output changed" in str(found)
    assert list(found.to_pandas().columns) == ["before", "after", "change"]


def test_both_runs_draw_the_same_random_numbers():
    module = LSTM(3, UNITS, num_layers=2, dropout=0.5, zoneout={"c": 0.3})
    assert intervene(module, torch.randn(STEPS, BATCH, 3), [Clamp("forget", 1.0, units=[])]).change.eq(0).all()


def test_gate_and_complement_are_one_by_either_name():
    module, x = CoupledLSTM(3, UNITS).double(), torch.randn(STEPS, BATCH, 3, dtype=torch.float64)
    hx = torch.randn(2, 1, BATCH, UNITS, dtype=torch.float64).unbind()

    def memory(*changes: Clamp) -> Tensor:
        return intervene(module, x, changes, hx, readout=lambda y: y[1][1]).after

    every, one = Clamp("forget", 1.0), {"span": (2, 3)}
    assert torch.equal(memory(every, Clamp("i", 0.25, **one)), memory(every, Clamp("forget", 0.75, **one)))
    assert torch.equal(memory(every, Clamp("i", 0.25, **one), every), memory(every))


def test_of_two_that_set_the_same_number_the_later_does():
    module, x = LSTM(3, UNITS), torch.randn(STEPS, BATCH, 3)
    both = intervene(module, x, [Clamp("forget", 0.0), Clamp("forget", 1.0)])
    assert torch.equal(both.after, intervene(module, x, [Clamp("f", 1.0)]).after)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Clamp("forgot", 1.0), "nothing to set by the name 'forgot'\nhint: it has .*forget"),
        (Clamp("c_prev", 1.0), "nothing to set by the name 'c_prev'"),
        (Clamp("forget", 1.0, layer=1), "no layer 1, direction 0"),
        (Clamp("forget", 1.0, span=(3, 8)), r"span \(3, 8\) does not lie"),
        (Clamp("forget", 1.0, units=[4]), "no unit 4"),
        (Clamp("forget", 1.0, batch=[-1]), "no sequence -1"),
        (Clamp("forget", torch.zeros(2, 1, 1)), r"\(steps, sequences, units\) is \(7, 3, 4\)"),
    ],
)
def test_what_is_not_there_is_named(change, words):
    with pytest.raises(InputError, match=words):
        intervene(LSTM(3, UNITS), torch.randn(STEPS, BATCH, 3), [change])


def test_a_projected_output_and_a_state_that_the_other_run_has_not_are_refused():
    module, x = LSTM(3, UNITS, proj_size=2), torch.randn(STEPS, BATCH, 3)
    with pytest.raises(InputError, match="projected after the step"):
        intervene(module, x, [Clamp("h", 0.0)])
    with pytest.raises(InputError, match="no state 'n'"):
        intervene(module, x, [Patch("n", record(module, x), 0)])
    with pytest.raises(InputError, match="no step 9"):
        intervene(module, x, [Patch("c", record(module, x), 0, source=9)])
