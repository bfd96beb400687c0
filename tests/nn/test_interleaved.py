"""Many sequences through one model: each has the bits of a stream of its own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gatewise
from gatewise.errors import ModelFileError
from gatewise.nn import GRU, LSTM, Chain, Recurrent
from gatewise.nn.interleaved import LARGEST, Interleaved, interleaved

from ..matrix import ALL_CELLS, every_pair

MODELS = {
    "head": lambda: Chain(LSTM(3, 16), nn.Linear(16, 2)),
    "projected from a learned state": lambda: LSTM(3, 16, 2, proj_size=5, learned_state=True),
    "projection of what is kept whole": lambda: LSTM(3, 17, proj_size=5, zoneout={"h": 0.1}),
    "two kinds": lambda: Chain(nn.LayerNorm(3), GRU(3, 8), LSTM(8, 8, dtype=torch.float32)),
    "float64": lambda: LSTM(3, 7, dtype=torch.float64),
    "no state": lambda: Chain(nn.Linear(3, 2), nn.Tanh()),
}


def drawn(model: nn.Module, steps: int, rows: int) -> Tensor:
    return torch.randn(steps, rows, 3, dtype=next(model.parameters()).dtype)


def by_streams(model: nn.Module, x: Tensor) -> Tensor:
    """(T, B, I) by a stream for each row."""
    streams = [gatewise.stream(model) for _ in range(x.shape[1])]
    return torch.stack(
        [torch.cat([stream.step(row[None]) for stream, row in zip(streams, step, strict=True)]) for step in x]
    )


def some_at_a_time(many: Interleaved, x: Tensor, generator: torch.Generator) -> Tensor:
    """The same with any of the rows in a step, by as many steps as come."""
    steps, rows, _ = x.shape
    states, done = [many.start()] * rows, [0] * rows
    outputs: list[list[Tensor]] = [[] for _ in range(rows)]
    while min(done) < steps:
        size = int(torch.randint(1, 3, (), generator=generator))
        able = [row for row in torch.randperm(rows, generator=generator).tolist() if done[row] + size <= steps]
        chosen = able[: int(torch.randint(1, rows + 1, (), generator=generator))]
        if not chosen:
            size, chosen = 1, [row for row in range(rows) if done[row] < steps]
        wanted = torch.stack([x[done[row] : done[row] + size, row] for row in chosen], 1)
        y, ended = many.steps(wanted, [states[row] for row in chosen])
        for row, state, output in zip(chosen, ended, y.unbind(1), strict=True):
            states[row], done[row] = state, done[row] + size
            outputs[row].extend(output)
    return torch.stack([torch.stack(output) for output in outputs], 1)


@pytest.mark.parametrize("name", MODELS)
def test_rows_in_any_company_are_streams(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    x = drawn(model, 7, 9)
    assert torch.equal(some_at_a_time(interleaved(model), x, torch.Generator().manual_seed(1)), by_streams(model, x))


@every_pair(cell=ALL_CELLS, rows=[2, 5])
def test_every_cell(cell, rows):
    torch.manual_seed(0)
    model = Recurrent(cell, 3, 9).eval()
    x = drawn(model, 4, rows)
    assert torch.equal(some_at_a_time(interleaved(model), x, torch.Generator().manual_seed(1)), by_streams(model, x))


def test_more_rows_than_a_step_takes() -> None:
    model = MODELS["head"]().eval()
    x = drawn(model, 2, 2 * LARGEST + 3)
    many = interleaved(model)
    assert torch.equal(many.steps(x, [many.start()] * x.shape[1])[0], by_streams(model, x))


@pytest.mark.parametrize("name", MODELS)
def test_a_packed_state_is_what_a_stream_saves(name, tmp_path):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    x, many, stream = drawn(model, 5, 1), interleaved(model), gatewise.stream(model)
    _, (state,) = many.steps(x[:3], [many.start()])
    for step in x[:3]:
        stream.step(step)
    stream.save(tmp_path / "state")
    assert many.pack(state) == (tmp_path / "state").read_bytes()
    again = many.unpack(many.pack(state))
    assert torch.equal(many.steps(x[3:], [again])[0], torch.stack([stream.step(step) for step in x[3:]]))


def test_states_that_were_given_out_stay_as_they_were():
    model = MODELS["head"]().eval()
    many, x = interleaved(model), drawn(model, 2, 3)
    _, states = many.steps(x, [many.start()] * 3)
    before = [state.numbers.clone() for state in states]
    many.steps(x, states)
    assert all(torch.equal(state.numbers, was) for state, was in zip(states, before, strict=True))


@pytest.mark.parametrize("other", ["float64", "two kinds"])
def test_foreign_damaged_and_nan_states_are_refused(other):
    many, strange = (interleaved(MODELS[name]().eval()) for name in ("head", other))
    packed = strange.pack(strange.start())
    with pytest.raises(ModelFileError, match="names, shapes or dtypes are others"):
        many.unpack(packed)
    mine = bytearray(many.pack(many.start()))
    mine[-1] ^= 1
    for bad in (bytes(mine), mine[:50], b"", b"\x80\x04N."):
        with pytest.raises(ModelFileError, match="the state"):
            many.unpack(bytes(bad))
    state = many.start()
    with pytest.raises(ModelFileError, match="NaN"):
        many.unpack(many.pack(type(state)(state.numbers * float("nan"), state.begins)))
