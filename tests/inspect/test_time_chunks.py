"""In chunks of time, a layer gives what it gives as usual, whether it forgets where a chunk began or not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gatewise
from gatewise.equation import Cell
from gatewise.errors import InputError
from gatewise.inspect.time_chunks import ChunkedRun
from gatewise.nn import GRU, LSTM, Recurrent

from ..matrix import every_cell
from ..tolerance import TIME_CHUNKS

CHUNKS, LENGTH = 6, 150
STEPS = CHUNKS * LENGTH + 5


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def assert_near(one, other):
    torch.testing.assert_close(one, other, atol=TIME_CHUNKS, rtol=0.0)


@every_cell
def test_every_cell_gives_the_same(cell: Cell) -> None:
    torch.manual_seed(1)
    layer = Recurrent(cell, 16 if cell.reads_x else 5 + len(cell.row_inputs), 16).eval()
    x = torch.rand(STEPS, 2, layer.input_size)
    expected = layer(x)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        assert_near(layer(x), expected)
    assert chunked.runs[0].chunks == CHUNKS


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(3, 8, 2, bidirectional=True),
        GRU(3, 8, heads=2, batch_first=True, residual=True),
        LSTM(3, 8, proj_size=4),
        nn.Sequential(nn.LSTM(3, 8)),
    ],
    ids=["both ways", "in heads", "projected", "torch.nn"],
)
def test_every_kind_of_layer_gives_the_same(layer: nn.Module) -> None:
    x = torch.randn((2, STEPS, 3) if getattr(layer, "batch_first", False) else (STEPS, 2, 3))
    expected = layer(x)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        assert_near(layer(x), expected)
    assert {(run.chunks, run.unmet) for run in chunked.runs} == {(CHUNKS, 0)}
    assert torch.equal(layer(x)[0], expected[0])  # outside as ever


def remembering(bias: float, of_input: float = 0.0) -> LSTM:
    """An LSTM whose forget gates see only the first feature, and this bias."""
    layer = LSTM(3, 8)
    for name, weight in layer.named_parameters():
        weight[8:16] = bias if name == "bias_ih_l0" else 0.0
    layer.weight_ih_l0[8:16, 0] = of_input
    return layer


def test_a_layer_that_never_forgets_runs_as_usual() -> None:
    layer, x, states = remembering(30.0), torch.randn(STEPS, 1, 3), (torch.randn(1, 1, 8), torch.randn(1, 1, 8))
    expected, _ = layer(x, states)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        y, _ = layer(x, states)
    assert torch.equal(y, expected)
    assert chunked.runs == [ChunkedRun(CHUNKS, CHUNKS - 1, 0)]
    assert chunked.unmet == CHUNKS - 1


@pytest.mark.parametrize("kept", [{3}, {3, 4}, {3, 5}, {3, 4, 5}])
def test_chunks_that_do_not_meet_are_run_to_their_end(kept: set[int]) -> None:
    """Of chunks that begin with a guess: the third begins where the second ended."""
    layer, x = remembering(0.0, of_input=1.0), torch.randn(STEPS, 2, 3)
    x[..., 0] = -4.0
    for chunk in kept:
        x[chunk * LENGTH : (chunk + 1) * LENGTH, :, 0] = 30.0
    expected = layer(x)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        assert_near(layer(x), expected)
    assert chunked.unmet == len(kept)
    assert 0 < chunked.runs[0].steps < LENGTH


def test_numbers_that_are_not_finite_never_meet() -> None:
    layer, x = LSTM(3, 8), torch.randn(STEPS, 1, 3)
    layer.allow_nonfinite = True
    x[2 * LENGTH + 3] = torch.nan
    expected = layer(x)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        torch.testing.assert_close(layer(x), expected, atol=TIME_CHUNKS, rtol=0.0, equal_nan=True)
    assert chunked.unmet > 0


@pytest.mark.parametrize(
    ("layer", "steps", "more"),
    [
        (LSTM(3, 8), CHUNKS * 128 - 1, {}),
        (LSTM(3, 8), STEPS, {"lengths": [STEPS, 20]}),
        (LSTM(3, 8), STEPS, {"return_states": True}),
        (LSTM(3, 8, zoneout={"h": 0.1}), STEPS, {}),
    ],
    ids=["short", "ragged", "all states", "random"],
)
def test_what_is_not_for_chunks_runs_whole(layer: LSTM, steps: int, more: dict[str, object]) -> None:
    x = torch.randn(steps, 2, 3)
    torch.manual_seed(2)
    expected = layer(x, **more)
    torch.manual_seed(2)
    with gatewise.time_chunks(layer, CHUNKS) as chunked:
        assert torch.equal(layer(x, **more)[0], expected[0])
    assert chunked.runs == [ChunkedRun(1, 0, 0)]


def test_gradients_are_refused() -> None:
    layer = LSTM(3, 8)
    with (
        gatewise.time_chunks(layer, CHUNKS),
        torch.enable_grad(),
        pytest.raises(InputError, match=r"chunks of time compute no gradients\nhint: call the model under torch"),
    ):
        layer(torch.randn(STEPS, 1, 3))


@pytest.mark.parametrize("layer", [LSTM(3, 8), nn.LSTM(3, 8)], ids=["ours", "torch.nn's"])
def test_streams_are_refused(layer: nn.Module) -> None:
    with (
        gatewise.time_chunks(layer),
        pytest.raises(InputError, match=r"whole sequences here, in a block of gatewise\."),
    ):
        gatewise.stream(layer)
    gatewise.stream(layer)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chunks": 2}, "chunks is 2"),
        ({"chunks": 8.0}, "chunks is 8.0"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
    ],
)
def test_arguments_that_make_no_chunks(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as raised, gatewise.time_chunks(LSTM(3, 8), **arguments):
        pass
    assert raised.value.what == message


def test_blocks_within_each_other_are_refused() -> None:
    layer = LSTM(3, 8)
    with gatewise.time_chunks(layer), pytest.raises(InputError, match="intercepted already"), gatewise.recording(layer):
        pass
