"""`resets=`: what it gives, against the same sequences cut by hand, each episode run by itself in a plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import gatewise
from gatewise.errors import InputError, ShapeError
from gatewise.nn import GRU, LSTM, RNN, Chain, Recurrent

from ..matrix import ALL_CELLS, DTYPES, every_cell, every_pair, relative_error
from ..tolerance import GRADCHECK, GRADGRADCHECK, PARITY
from .test_compile import compiled

STEPS, ROWS, INPUTS, UNITS = 11, 4, 6, 6

# Of these options, each layer is run whole in what they add to the step, around it or before its first.
OPTIONS = {
    "plain": {},
    "both_ways": {"num_layers": 2, "bidirectional": True},
    "projected": {"proj_size": 3, "bidirectional": True},
    "residual": {"num_layers": 2, "residual": True, "pre_norm": True},
    "learned": {"num_layers": 2, "bidirectional": True, "learned_state": True},
    "heads": {"heads": 2, "num_layers": 2, "bidirectional": True},
    "uneven": {"hidden_size": [6, 4], "num_layers": 2, "bidirectional": True},
    "projected_from_learned": {"proj_size": 3, "learned_state": True},
}


def allowed(cell, options, dtype):
    """What goes together: a step that reads x itself has one layer, as wide as its input."""
    return not cell.reads_x or not options


def made(cell, options, dtype=torch.float64):
    torch.manual_seed(1)
    arguments = {"hidden_size": UNITS} | options
    module = Recurrent(cell, INPUTS + len(cell.row_inputs), **arguments, dtype=dtype)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn_like(weight) / 3)
    return module.eval()


def drawn(module, steps=STEPS, rows=ROWS):
    """An input, where episodes begin, and lengths; the last sequence has no step."""
    x = torch.randn(steps, rows, module.input_size, dtype=module.weight_ih_l0.dtype)
    resets = torch.rand(steps, rows) < 0.3
    resets[0] = torch.arange(rows) % 2 == 0
    resets[-1, 0] = resets[3, 1 % rows] = resets[4, 1 % rows] = True
    return x, resets, torch.tensor([steps, steps - 2, 1, 0])[:rows]


def episodes(resets, length):
    """(first, end) of the episodes of a sequence."""
    starts = [0, *(step for step in range(1, length) if resets[step])]
    return list(zip(starts, [*starts[1:], length], strict=True))


def one_by_one(module, x, resets, lengths):
    """Outputs (T, B, K), zeros beyond lengths, every episode run alone from the states that the module has."""
    columns = []
    for row, length in enumerate(lengths.tolist()):
        parts = [module(x[a:b, row : row + 1])[0] for a, b in episodes(resets[:, row], length) if b > a]
        columns.append(torch.cat([*parts, x.new_zeros(len(x) - length, 1, module.output_size)]))
    return torch.cat(columns, 1)


def gradients(y, module, *more):
    leaves = [*module.parameters(), *more]
    return torch.autograd.grad(y.square().sum(), leaves, materialize_grads=True, allow_unused=True)


def flat(tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


@every_pair(allowed, cell=ALL_CELLS, options=OPTIONS, dtype=DTYPES)
def test_is_every_episode_by_itself(cell, options, dtype):
    module = made(cell, options, dtype)
    x, resets, lengths = drawn(module)
    x.requires_grad_()
    found, expected = module(x, lengths=lengths, resets=resets)[0], one_by_one(module, x, resets, lengths)
    tolerance = PARITY[str(dtype).removeprefix("torch.")]
    if options is not OPTIONS["projected_from_learned"]:  # of which torch multiplies the first step, whatever its bits
        assert torch.equal(found, expected), "every row has the bits that its episode has alone"
    assert relative_error(found, expected) < tolerance
    ours, theirs = (flat(gradients(y, module, x)) for y in (found, expected))  # some are nothing but rounding
    assert relative_error(ours, theirs) < tolerance


@every_cell
def test_given_states_go_into_the_first_episode_and_last_states_come_out_of_the_last(cell):
    """Read from the end, the last episode is the first: resets lie before steps, so none before the end."""
    module = made(cell, {"bidirectional": not cell.reads_x})
    x, resets, lengths = drawn(module)
    given = [torch.rand(len(module.places), ROWS, UNITS, dtype=x.dtype).add(1).requires_grad_() for _ in cell.state]
    hx = given[0] if len(given) == 1 else tuple(given)
    y, last = module(x, hx, lengths=lengths, resets=resets)
    last = [last] if len(given) == 1 else list(last)
    for row, length in enumerate(lengths.tolist()):
        mine = [state[:, row : row + 1] for state in given]
        parts = [(a, b) for a, b in episodes(resets[:, row], length) if b > a]
        own = module.full_starts(module.places[0], 1, x)
        forward = [state[0] for state in mine] if not parts or not resets[0, row] else own
        ways = [way_of(module, x[:, row : row + 1], parts, forward, False)]
        if module.bidirectional:
            ways.append(way_of(module, x[:, row : row + 1], parts, [state[1] for state in mine], True))
        outputs = torch.cat([output for output, _ in ways], 2)
        assert relative_error(y[:length, row : row + 1], outputs) < PARITY["float64"]
        for index, state in enumerate(last):
            ended = torch.stack([ended[index] for _, ended in ways])
            assert relative_error(state[:, row : row + 1], ended) < PARITY["float64"]
    for grad in torch.autograd.grad(y.sum(), given, materialize_grads=True, allow_unused=True):
        assert not grad[0, resets[0] & (lengths > 0)].any(), "no gradient goes through a reset"


def way_of(module, x, parts, states, reverse):
    """One direction over one sequence: its outputs, and its last states."""
    suffix = "_l0_reverse" if reverse else "_l0"
    alone = Recurrent(module.cell, module.input_size, UNITS, dtype=x.dtype).eval()
    weights = {name: getattr(module, name.removesuffix("_l0") + suffix) for name, _ in alone.named_parameters()}
    outputs = []
    for at, (a, b) in enumerate(reversed(parts) if reverse else parts):
        own = states if at == 0 else alone.full_starts(alone.places[0], 1, x)
        read = x[a:b].flip(0) if reverse else x[a:b]
        hx = tuple(state[None] for state in own) if len(own) > 1 else own[0][None]
        y, ended = torch.func.functional_call(alone, weights, (read, hx))
        outputs.append(y.flip(0) if reverse else y)
        states = [state[0] for state in ended] if len(own) > 1 else [ended[0]]
    outputs = outputs[::-1] if reverse else outputs
    return torch.cat([x.new_zeros(0, 1, UNITS), *outputs]), states


# Forms of input


@pytest.mark.parametrize("lengths", [None, [11, 6, 1, 0]])
def test_in_the_layout_of_the_input(lengths):
    module, other = LSTM(3, 5, bidirectional=True), LSTM(3, 5, bidirectional=True, batch_first=True)
    other.load_state_dict(module.state_dict())
    x, resets, _ = drawn(module)
    expected = module(x, lengths=lengths, resets=resets)[0]
    found = other(x.transpose(0, 1), lengths=lengths, resets=resets.t())[0]
    assert torch.equal(found, expected.transpose(0, 1))


def test_one_sequence_without_a_batch():
    module = LSTM(3, 5, 2, bidirectional=True)
    x, resets, _ = drawn(module, rows=1)
    (found, states), (expected, others) = module(x[:, 0], resets=resets[:, 0]), module(x, resets=resets)
    assert torch.equal(found, expected[:, 0])
    assert all(torch.equal(one, other[:, 0]) for one, other in zip(states, others, strict=True))


@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_rows(enforce_sorted):
    module = GRU(3, 5, bidirectional=True)
    x, resets, _ = drawn(module)
    lengths = torch.tensor([11, 9, 4, 1] if enforce_sorted else [4, 11, 1, 9])
    packed, mask = (pack_padded_sequence(tensor, lengths, enforce_sorted=enforce_sorted) for tensor in (x, resets))
    y, last = module(packed, resets=mask)
    assert isinstance(y, PackedSequence)
    expected, states = module(x, lengths=lengths, resets=resets)
    assert torch.equal(pad_packed_sequence(y, total_length=STEPS)[0], expected)
    assert torch.equal(last, states)


def test_states_of_every_step():
    module = LSTM(3, 5, 2, bidirectional=True)
    x, resets, lengths = drawn(module)
    y, _, (h, c) = module(x, lengths=lengths, resets=resets, return_states=True)
    assert torch.equal(torch.cat((h[2], h[3]), 2), y)
    alone = module(x[3:4, 1:2], return_states=True)[2][1]
    assert torch.equal(c[:, 3:4, 1:2], alone), "an episode of one step"


@pytest.mark.parametrize("steps", [0, STEPS])
def test_without_a_reset_nothing_changes(steps):
    module = LSTM(3, 5, bidirectional=True)
    x = torch.randn(steps, ROWS, 3)
    hx = (torch.randn(2, ROWS, 5), torch.randn(2, ROWS, 5))
    found = module(x, hx, resets=torch.zeros(steps, ROWS, dtype=torch.bool))
    for one, other in zip((found[0], *found[1]), (lambda y, s: (y, *s))(*module(x, hx)), strict=True):
        assert torch.equal(one, other)


def test_a_chain_hands_it_on():
    torch.manual_seed(0)
    chain = Chain(LSTM(3, 5), nn.Linear(5, 4), GRU(4, 2)).eval()
    x, resets, _ = drawn(chain.parts[0])
    y = chain(x, resets=resets)[0]
    for row in range(ROWS):
        alone = torch.cat([chain(x[a:b, row : row + 1])[0] for a, b in episodes(resets[:, row], STEPS)])
        assert torch.equal(y[:, row : row + 1], alone)


def test_each_episode_draws_what_is_drawn_once_for_a_sequence():
    module = LSTM(3, 64, recurrent_dropout=0.5).train()
    x, resets = torch.ones(6, 1, 3), torch.zeros(6, 1, dtype=torch.bool)
    resets[3] = True
    torch.manual_seed(0)
    y = module(x, resets=resets)[0][:, 0]
    assert torch.equal(y[0], y[3])
    assert not torch.equal(y[1], y[4])


# Transforms of torch


@pytest.mark.slow
def test_batches_with_any_resets_are_one_graph():
    module = LSTM(3, 4, bidirectional=True)
    ours, graphs = compiled(lambda x, hx, resets: module(x, hx, resets=resets), dynamic=True)
    counts = []
    for steps, batch in [(5, 6), (7, 2)]:
        x, resets = torch.randn(steps, batch, 3), torch.rand(steps, batch) < 0.3
        hx = tuple(torch.randn(2, batch, 4) for _ in range(2))
        found, expected = ours(x, hx, resets), module(x, hx, resets=resets)
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1][1], expected[1][1])
        for one, other in zip(gradients(found[0], module), gradients(expected[0], module), strict=True):
            assert relative_error(one, other) < PARITY["float32"]
        counts.append(graphs.frame_count)
    assert len(set(counts)) == 1, "nothing is compiled again"


@pytest.mark.parametrize("mapped", ["x", "resets", "both"])
def test_mapped(mapped):
    module = LSTM(3, 4, bidirectional=True)
    x, resets = torch.randn(3, 5, 2, 3), torch.rand(3, 5, 2) < 0.4
    dims = (None if mapped == "resets" else 0, None if mapped == "x" else 0)
    given = [tensor if dim == 0 else tensor[0] for tensor, dim in zip((x, resets), dims, strict=True)]
    found = torch.func.vmap(lambda x, resets: module(x, resets=resets)[0], in_dims=dims)(*given)
    for at, y in enumerate(found):
        one, mask = (tensor if dim is None else tensor[at] for tensor, dim in zip(given, dims, strict=True))
        assert torch.equal(y, module(one, resets=mask)[0])


def test_tensors_without_numbers_have_the_shapes_of_those_with():
    module, made = LSTM(3, 5, bidirectional=True), [(7, 2, 3), (2, 2, 5), (7, 2)]
    with FakeTensorMode(allow_non_fake_inputs=True):
        x, state, resets = (torch.zeros(shape) for shape in made)
        y, (h, c) = module(x, (state, state), resets=resets > 0)
    assert (y.shape, h.shape, c.shape) == ((7, 2, 10), (2, 2, 5), (2, 2, 5))


def test_derivatives_of_derivatives():
    torch.manual_seed(0)
    module = GRU(1, 1, bidirectional=True).double()
    x, resets = torch.randn(4, 1, 1).double().requires_grad_(), torch.tensor([[False], [False], [True], [False]])
    hx = torch.randn(2, 1, 1).double().requires_grad_()

    def outputs(x, hx):
        return module(x, hx, resets=resets)

    assert torch.autograd.gradcheck(outputs, (x, hx), **GRADCHECK)
    assert torch.autograd.gradgradcheck(outputs, (x, hx), **GRADGRADCHECK)


# Streams


@pytest.mark.parametrize("options", [{}, {"proj_size": 3}, {"num_layers": 2, "residual": True, "pre_norm": True}])
def test_rows_of_a_stream_begin_anew(options):
    torch.manual_seed(0)
    module = LSTM(5, 5, **options).eval()
    x, resets, _ = drawn(module)
    stream = gatewise.stream(module, batch_size=ROWS)
    outputs = []
    for step, rows in zip(x, resets, strict=True):
        stream.reset(rows)
        outputs.append(stream.step(step))
    assert torch.equal(torch.stack(outputs), module(x, resets=resets)[0])


def test_rows_of_a_stream_that_begin_together_only():
    stream = gatewise.stream(LSTM(3, 5, proj_size=2, learned_state=True), batch_size=2)
    with pytest.raises(InputError, match="begins for all rows at once"):
        stream.reset(torch.tensor([True, False]))
    with pytest.raises(ShapeError, match=r"rows has shape \(3,\), expected \(2,\)"):
        gatewise.stream(LSTM(3, 5), batch_size=2).reset(torch.zeros(3, dtype=torch.bool))


def test_a_step_after_another_is_the_same_as_all_at_once():
    """Pieces of a rollout, each with the states of the one before."""
    module = LSTM(3, 5)
    x, resets, _ = drawn(module)
    whole, _ = module(x, resets=resets)
    first, hx = module(x[:4], resets=resets[:4])
    second, _ = module(x[4:], hx, resets=resets[4:])
    assert torch.equal(torch.cat((first, second)), whole)


# Refusals


@pytest.mark.parametrize(
    ("resets", "message"),
    [
        (torch.zeros(4, 11, dtype=torch.bool), r"resets has shape \(4, 11\), expected \(11, 4\)\n.*check batch_first"),
        (torch.zeros(11, 4), r"resets is torch.float32, not bool\n.*resets.bool\(\)"),
        ([[True]], "resets is a list, not a tensor"),
        (torch.zeros(11, 4, dtype=torch.bool, device="meta"), "resets is on the meta device"),
    ],
)
def test_is_a_mask_of_the_shape_of_the_input(resets, message):
    with pytest.raises((InputError, ShapeError), match=message):
        LSTM(3, 5)(torch.zeros(11, 4, 3), resets=resets)


def test_of_packed_rows_is_packed_alike():
    x, resets = torch.zeros(11, 4, 3), torch.zeros(11, 4, dtype=torch.bool)
    packed = pack_padded_sequence(x, [11, 5, 2, 1])
    with pytest.raises(InputError, match="are a PackedSequence too"):
        LSTM(3, 5)(packed, resets=resets)
    with pytest.raises(InputError, match="packed with other lengths"):
        LSTM(3, 5)(packed, resets=pack_padded_sequence(resets, [11, 5, 3, 1]))


def test_a_record_of_episodes_is_refused():
    module, resets = LSTM(3, 5), torch.ones(4, 1, dtype=torch.bool)
    with pytest.raises(InputError, match="record each episode by itself"), gatewise.recording(module):
        module(torch.zeros(4, 1, 3), resets=resets)


def test_in_chunks_of_time_it_runs_as_usual():
    module = RNN(3, 5)
    x, resets, _ = drawn(module, steps=1000)
    with torch.no_grad(), gatewise.time_chunks(module, 3) as chunked:
        y, _ = module(x, resets=resets)
    assert [run.chunks for run in chunked.runs] == [1]
    assert torch.equal(y, module(x, resets=resets)[0])


def test_who_runs_it_is_told():
    module = LSTM(3, 5)
    x, resets, lengths = drawn(module)
    assert module.driver(x, lengths, resets).driver == "cpu"
