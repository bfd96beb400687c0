"""Ours in place of torch.nn's LSTM, GRU and RNN, in the ways in which people use these."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
import subprocess
import sys

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, parametrizations, parametrize, prune
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import gatewise.nn
from gatewise.errors import InputError, ShapeError

from ..matrix import relative_error
from ..tolerance import PARITY, SIGMAS
from .test_recurrent import TWINS, as_tuple, twins

every_twin = pytest.mark.parametrize("name", TWINS)
shapes_of_stacks = pytest.mark.parametrize(
    "stack",
    [{"num_layers": layers, "bidirectional": both} for layers, both in itertools.product((1, 2), (False, True))],
    ids=lambda stack: f"{stack['num_layers']}x{1 + stack['bidirectional']}",
)
LENGTHS = [3, 7, 1, 4]
T, B, I, H = max(LENGTHS), len(LENGTHS), 4, 6


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def states_of(module, rows=(B,)):
    """Random initial states in the form of hx."""
    places = module.num_layers * (1 + module.bidirectional)
    h = random(places, *rows, module.proj_size or module.hidden_size)
    return (h, random(places, *rows, module.hidden_size)) if "LSTM" in type(module).__name__ else h


def loss_of(y, last):
    """One number that every output takes part in, each with a weight of its own."""
    data = y.data if isinstance(y, PackedSequence) else y
    tensors = [data, *as_tuple(last)]
    return sum((tensor * torch.linspace(-1, 2, tensor.numel()).view_as(tensor)).sum() for tensor in tensors)


def gradients(module, y, last, *inputs):
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    return torch.autograd.grad(loss_of(y, last), [*inputs, *weights])


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert relative_error(a, b) <= PARITY["float64"]


def assert_same_run(ours, theirs, x, hx=None):
    """Outputs, last states and gradients of inputs and weights agree."""
    results = []
    for module in (ours, theirs):
        inputs = [tensor.clone().requires_grad_() for tensor in (x, *(() if hx is None else as_tuple(hx)))]
        given = tuple(inputs[1:]) if isinstance(hx, tuple) else inputs[1] if hx is not None else None
        y, last = module(inputs[0], given)
        results.append([y, *as_tuple(last), *gradients(module, y, last, *inputs)])
    assert_close(*results)


# Packed sequences


def packed_in(x, enforce_sorted):
    lengths = sorted(LENGTHS, reverse=True) if enforce_sorted else LENGTHS
    return pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=enforce_sorted)


@every_twin
@shapes_of_stacks
@pytest.mark.parametrize("enforce_sorted", [True, False], ids=["sorted", "unsorted"])
@pytest.mark.parametrize("batch_first", [True, False], ids=["batch_first", "time_first"])
@pytest.mark.parametrize("with_states", [True, False], ids=["hx", "no_hx"])
def test_packed_sequences_give_what_they_give_in_torch(name, stack, enforce_sorted, batch_first, with_states):
    ours, theirs = twins(name, I, H, batch_first=batch_first, **stack)
    x, hx = random(T, B, I), states_of(ours) if with_states else None
    results = []
    for module in (ours, theirs):
        given = x.clone().requires_grad_()
        y, last = module(packed_in(given, enforce_sorted), hx)
        results.append((y, [y.data, *as_tuple(last), *gradients(module, y, last, given)]))
    (y, found), (their_y, expected) = results
    assert type(y) is type(their_y) is PackedSequence
    assert torch.equal(y.batch_sizes, their_y.batch_sizes)
    for index in ("sorted_indices", "unsorted_indices"):
        mine, other = getattr(y, index), getattr(their_y, index)
        assert mine is other is None or torch.equal(mine, other)
    assert_close(found, expected)


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("with_states", [True, False], ids=["hx", "no_hx"])
@shapes_of_stacks
def test_projections_give_what_they_give_in_torch(stack, packed, with_states):
    ours, theirs = twins("LSTM", I, H, proj_size=2, **stack)
    x, hx = random(T, B, I), states_of(ours) if with_states else None
    results = []
    for module in (ours, theirs):
        given = x.clone().requires_grad_()
        y, last = module(packed_in(given, False) if packed else given, hx)
        data = y.data if packed else y
        results.append([data, *last, *gradients(module, y, last, given)])
    assert_close(*results)


@pytest.mark.parametrize("lengths", [LENGTHS, [0, 7, 0, 2], [7, 7, 7, 7], [0, 0, 0, 0]], ids=str)
@pytest.mark.parametrize("batch_first", [True, False], ids=["batch_first", "time_first"])
@pytest.mark.parametrize("proj_size", [0, 2])
@shapes_of_stacks
def test_lengths_are_each_sequence_alone(stack, proj_size, batch_first, lengths):
    module = gatewise.nn.LSTM(I, H, **stack, proj_size=proj_size, batch_first=batch_first, dtype=torch.float64)
    x, hx = random(T, B, I).requires_grad_(), states_of(module)
    y, last = module(x.transpose(0, 1) if batch_first else x, hx, lengths=lengths)
    y = y.transpose(0, 1) if batch_first else y
    found = [y, *last, *gradients(module, y, last, x)]
    module.batch_first = False
    alone = [
        module(x[:length, row : row + 1], tuple(state[:, row : row + 1] for state in hx))
        if length
        else (x.new_zeros(0, 1, y.shape[2]), tuple(state[:, row : row + 1] for state in hx))
        for row, length in enumerate(lengths)
    ]
    y = torch.cat([torch.nn.functional.pad(y, (0, 0, 0, 0, 0, T - len(y))) for y, _ in alone], dim=1)
    last = tuple(torch.cat(states, dim=1) for states in zip(*(states for _, states in alone), strict=True))
    if any(lengths):
        assert_close(found, [y, *last, *gradients(module, y, last, x)])
    else:
        assert_close(found[:3], [y, *last])
        assert not any(gradient.any() for gradient in found[3:])


@every_twin
@shapes_of_stacks
def test_lengths_are_what_torch_makes_of_a_packed_sequence(name, stack):
    ours, theirs = twins(name, I, H, **stack)
    x, hx = random(T, B, I).requires_grad_(), states_of(ours)
    y, last = ours(x, hx, lengths=torch.tensor(LENGTHS))
    packed, their_last = theirs(packed_in(x, False), hx)
    their_y, _ = pad_packed_sequence(packed)
    assert_close(
        [y, *as_tuple(last), *gradients(ours, y, last, x)],
        [their_y, *as_tuple(their_last), *gradients(theirs, their_y, their_last, x)],
    )


# Arguments and attributes


def test_relu_by_keyword_and_by_place():
    for arguments, options in (((1, "relu"), {}), ((), {"nonlinearity": "relu"})):
        ours, theirs = twins("RNN", I, H, *arguments, **options)
        assert ours.nonlinearity == theirs.nonlinearity == "relu"
        assert_same_run(ours, theirs, random(T, B, I))


@every_twin
def test_arguments_by_place_are_those_of_torch(name):
    places = (2, "tanh") if name == "RNN" else (2,)
    ours, theirs = twins(name, I, H, *places, False, True, 0.25, True)
    for attribute in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    assert_same_run(ours.eval(), theirs.eval(), random(B, T, I))


@every_twin
@shapes_of_stacks
@pytest.mark.parametrize("bias", [True, False])
def test_all_weights_are_listed_as_in_torch(name, stack, bias):
    ours, theirs = twins(name, I, H, bias=bias, **stack)
    assert [len(place) for place in ours.all_weights] == [len(place) for place in theirs.all_weights]
    for mine, other in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))
    ours.flatten_parameters()
    assert_same_run(ours, theirs, random(T, B, I))


def test_dropout_zeroes_its_share_between_layers_and_scales_the_rest():
    module = gatewise.nn.RNN(1, 400, num_layers=2, nonlinearity="relu", bias=False, dropout=0.25)
    with torch.no_grad():  # the second layer outputs its input: what came through the dropout
        module.weight_ih_l0.fill_(1.0)
        module.weight_hh_l0.zero_()
        module.weight_ih_l1.copy_(torch.eye(400))
        module.weight_hh_l1.zero_()
        y, _ = module(torch.ones(50, 8, 1))
        assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
        assert abs(float((y == 0).double().mean()) - 0.25) < SIGMAS * (0.25 * 0.75 / y.numel()) ** 0.5
        assert torch.equal(module.eval()(torch.ones(50, 8, 1))[0], torch.ones(50, 8, 400))


@every_twin
def test_unbatched_states(name):
    ours, theirs = twins(name, I, H, num_layers=2, bidirectional=True)
    assert_same_run(ours, theirs, random(T, I), states_of(ours, rows=()))


def wrong_states():
    right = torch.zeros(1, B, H)
    for case, wrong in {
        "rows": torch.zeros(1, B + 1, H),
        "units": torch.zeros(1, B, H + 1),
        "layers": torch.zeros(2, B, H),
    }.items():
        yield pytest.param("GRU", wrong, r"Expected hidden.*size.*got", id=f"GRU-{case}")
        yield pytest.param("LSTM", (wrong, right), r"Expected hidden.*size.*got", id=f"LSTM-h-{case}")
        yield pytest.param("LSTM", (right, wrong), r"Expected hidden.*size.*got", id=f"LSTM-c-{case}")
    flat = torch.zeros(1, H)
    yield pytest.param("GRU", flat, "For batched 3-D input, hx should also be 3-D", id="GRU-unbatched")
    words = "For batched 3-D input, hx and cx should also be 3-D"
    yield pytest.param("LSTM", (flat, flat), words, id="LSTM-unbatched")
    elsewhere = torch.zeros(1, B, H, device="meta")
    yield pytest.param("LSTM", (elsewhere, elsewhere), "not at the same device", id="LSTM-device")


@pytest.mark.parametrize(("name", "hx", "message"), list(wrong_states()))
def test_wrong_states_are_refused_in_torchs_words(name, hx, message):
    with pytest.raises(RuntimeError, match=f"(?i){message}"):
        getattr(gatewise.nn, name)(I, H)(torch.zeros(T, B, I), hx)


@every_twin
def test_wrong_inputs_are_refused_in_torchs_words(name):
    module = getattr(gatewise.nn, name)(I, H)
    with pytest.raises(RuntimeError, match=r"input.size\(-1\) must be equal to input_size"):
        module(torch.zeros(T, B, I + 1))
    with pytest.raises(RuntimeError, match="not at the same device"):
        module(torch.zeros(T, B, I, device="meta"))
    with pytest.raises(ValueError, match="2D or 3D"):
        module(torch.zeros(I))


@pytest.mark.parametrize("name", ["GRU", "RNN"])
def test_only_the_lstm_of_torch_projects_but_every_cell_of_ours(name):
    y, h = getattr(gatewise.nn, name)(I, H, proj_size=2)(torch.zeros(T, B, I))
    assert y.shape == (T, B, 2)
    assert torch.isfinite(h).all()


# Weights that are more than parameters


class _Scaled(torch.nn.Module):
    def forward(self, weight):
        return torch.tanh(2 * weight)


RENDERED = {
    "parametrization": lambda module: parametrize.register_parametrization(module, "weight_hh_l0", _Scaled()),
    "weight_norm": lambda module: parametrizations.weight_norm(module, "weight_hh_l0"),
    "spectral_norm": lambda module: parametrizations.spectral_norm(module, "weight_hh_l0"),
    "pruning": lambda module: prune.l1_unstructured(module, "weight_hh_l0", amount=0.4),
}


@every_twin
@pytest.mark.parametrize("way", RENDERED)
def test_a_computed_weight_is_used_and_its_originals_learn(name, way):
    ours, theirs = twins(name, I, H, num_layers=2)
    for module in (ours, theirs):
        torch.manual_seed(5)
        RENDERED[way](module)
        module.eval()  # spectral_norm moves its vectors at every access in training
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_same_run(ours, theirs, random(T, B, I))
    originals = [name for name, _ in ours.named_parameters() if "original" in name or "orig" in name]
    before = copy.deepcopy(ours.state_dict())
    torch.optim.SGD(ours.parameters(), lr=0.1).step(lambda: _backward(ours))
    assert originals
    assert all(not torch.equal(before[name], ours.state_dict()[name]) for name in originals)


def _backward(module):
    loss = loss_of(*module(random(T, B, I)))
    loss.backward()
    return loss


def test_a_computed_weight_is_computed_once_a_call():
    module = parametrizations.spectral_norm(gatewise.nn.LSTM(I, H, dtype=torch.float64), "weight_hh_l0")
    other = copy.deepcopy(module)
    for _ in range(3):  # each look at the weight in training is one step of its power iteration
        module(random(T, B, I))
        other.weight_hh_l0.detach()
    assert torch.equal(module.eval().weight_hh_l0, other.eval().weight_hh_l0)


@every_twin
def test_a_replica_computes_with_plain_tensors(name):
    ours, _ = twins(name, I, H, num_layers=2, bidirectional=True)
    replica = ours._replicate_for_data_parallel()
    replica._former_parameters = {}
    broadcast = {key: weight * 1.0 for key, weight in ours.named_parameters()}
    for key, tensor in broadcast.items():
        setattr(replica, key, tensor)
    x = random(T, B, I)
    y, last = replica(x)
    expected, expected_last = ours(x)
    assert torch.equal(y, expected)
    found = torch.autograd.grad(loss_of(y, last), list(ours.parameters()))
    assert_close(found, gradients(ours, expected, expected_last))


@every_twin
def test_functional_call_takes_other_weights(name):
    ours, theirs = twins(name, I, H, num_layers=2)
    other = {key: random(*weight.shape).requires_grad_() for key, weight in ours.named_parameters()}
    x = random(T, B, I)
    results = []
    for module in (ours, theirs):
        y, last = torch.func.functional_call(module, other, (x,))
        results.append([y, *as_tuple(last), *torch.autograd.grad(loss_of(y, last), list(other.values()))])
    assert_close(*results)


def test_one_weight_in_two_modules_collects_both_gradients():
    results = []
    for first, second in zip(twins("GRU", I, H), twins("GRU", I, H), strict=True):
        second.weight_hh_l0 = first.weight_hh_l0
        x = torch.linspace(-1, 1, T * B * I, dtype=torch.float64).view(T, B, I)
        loss = loss_of(*first(x)) + loss_of(*second(-x))
        results.append(torch.autograd.grad(loss, [first.weight_hh_l0, second.weight_ih_l0]))
    assert_close(*results)


@every_twin
def test_frozen_weights_have_no_gradient_and_change_none(name):
    ours, theirs = twins(name, I, H, num_layers=2)
    frozen = ("weight_hh_l0", "bias_ih_l1")
    for module in (ours, theirs):
        for key in frozen:
            getattr(module, key).requires_grad_(False)
    assert_same_run(ours, theirs, random(T, B, I))
    _backward(ours)
    assert {key for key, weight in ours.named_parameters() if weight.grad is None} == set(frozen)


def test_an_input_that_learns_through_frozen_weights():
    ours, theirs = (module.requires_grad_(False) for module in twins("LSTM", I, H))
    assert_same_run(ours, theirs, random(T, B, I))


# Copies, files, devices


@every_twin
def test_weights_saved_by_one_are_loaded_by_the_other(name):
    ours, theirs = twins(name, I, H, num_layers=2, bidirectional=True)
    x = random(T, B, I)
    for source, target in ((ours, theirs), (theirs, ours)):
        source.reset_parameters()
        file = io.BytesIO()
        torch.save(source.state_dict(), file)
        file.seek(0)
        target.load_state_dict(torch.load(file, weights_only=True))
        assert_same_run(ours, theirs, x)


LOADING = """
import pickle, sys
modules, x = pickle.load(sys.stdin.buffer)
found = [module(x)[0] for module in modules]
found[-1].sum().backward()
grads = [weight.grad for weight in modules[-1].parameters()]
pickle.dump(([result.detach() for result in found], grads), sys.stdout.buffer)
"""


def test_pickles_work_in_a_new_process():
    modules = [
        gatewise.nn.LSTM(I, H, zoneout={"c": 0.5}, layer_norm="memory", dtype=torch.float64),
        gatewise.nn.RNN(I, H, nonlinearity="relu", dtype=torch.float64),
        gatewise.nn.GRUCell(I, H, dtype=torch.float64),
    ]
    x = random(T, I)
    sent = pickle.dumps(([module.eval() for module in modules], x))
    done = subprocess.run([sys.executable, "-c", LOADING], input=sent, capture_output=True, timeout=100, check=True)
    found, grads = pickle.loads(done.stdout)
    expected = [module(x)[0] for module in modules]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    for a, b in zip(grads, torch.autograd.grad(expected[-1].sum(), list(modules[-1].parameters())), strict=True):
        assert torch.equal(a, b)


def test_a_copy_made_in_training_learns_by_itself():
    module = gatewise.nn.LSTM(I, H, zoneout={"c": 0.5}, layer_norm="memory", dtype=torch.float64)
    optimiser = torch.optim.Adam(module.parameters())
    optimiser.step(lambda: _backward(module))
    other, x = copy.deepcopy(module), random(T, B, I)
    optimiser.step(lambda: _backward(module))
    module.eval()
    other.eval()
    assert not torch.equal(module(x)[0], other(x)[0])
    other.load_state_dict(module.state_dict())
    assert torch.equal(module(x)[0], other(x)[0])


def test_an_average_of_weights_follows_them():
    module = gatewise.nn.LSTM(I, H, dtype=torch.float64)
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    average.update_parameters(module)
    start = module.weight_hh_l0.detach().clone()
    torch.optim.SGD(module.parameters(), lr=0.1).step(lambda: _backward(module))
    average.update_parameters(module)
    assert_close([average.module.weight_hh_l0], [(start + module.weight_hh_l0) / 2])
    x, plain = random(T, B, I), gatewise.nn.LSTM(I, H, dtype=torch.float64)
    plain.load_state_dict(average.module.state_dict())
    assert torch.equal(average(x)[0], plain(x)[0])


@every_twin
def test_shapes_are_known_without_numbers(name):
    ours, theirs = (module.to("meta") for module in twins(name, I, H, num_layers=2, bidirectional=True))
    x = torch.empty(T, B, I, dtype=torch.float64, device="meta")
    (y, last), (their_y, their_last) = ours(x), theirs(x)
    assert y.device.type == "meta"
    assert [s.shape for s in (y, *as_tuple(last))] == [s.shape for s in (their_y, *as_tuple(their_last))]


@every_twin
def test_clipped_gradients_have_the_norm_asked_for(name):
    ours, theirs = twins(name, I, H)
    x = random(T, B, I)
    norms = []
    for module in (ours, theirs):
        loss_of(*module(x)).backward()
        norms.append(clip_grad_norm_(module.parameters(), 0.5))
    assert_close(norms[:1], norms[1:])
    assert_close([weight.grad for weight in ours.parameters()], [weight.grad for weight in theirs.parameters()])


@every_twin
@pytest.mark.parametrize("with_states", [True, False], ids=["hx", "no_hx"])
def test_autocast_rounds_the_results_once_and_trains_whole_weights(name, with_states, monkeypatch):
    monkeypatch.setenv("GATEWISE_BFLOAT16", "0")  # whatever the processor can multiply
    module = getattr(gatewise.nn, name)(I, H, num_layers=2)
    x, hx = torch.randn(T, B, I), None
    if with_states:
        states = tuple(state.float() for state in as_tuple(states_of(module)))
        hx = states if name == "LSTM" else states[0]
    expected, expected_last = module(x, hx)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, last = module(x, hx)
    assert torch.equal(y, expected.bfloat16())
    for mine, other in zip(as_tuple(last), as_tuple(expected_last), strict=True):
        assert torch.equal(mine, other.bfloat16())
    loss_of(y.float(), last).backward()
    for weight in module.parameters():
        assert weight.grad.dtype == torch.float32
        assert torch.isfinite(weight.grad).all()


@pytest.mark.parametrize("name", ["LSTM", "RNN"])  # torch's GRU is left out by its autocast on the CPU
@pytest.mark.parametrize(
    ("weights", "given"),
    [(torch.float32, torch.float32), (torch.float32, torch.bfloat16), (torch.float64, torch.float64)],
)
def test_autocast_gives_the_dtypes_of_torch(name, weights, given):
    ours, theirs = (module.to(weights) for module in twins(name, I, H, num_layers=2))
    x = random(T, B, I).to(given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, last = ours(x)
        if name == "LSTM" and x.dtype == weights == torch.float32 and torch.backends.cpu.get_cpu_capability() == "AVX2":
            expected = [torch.bfloat16] * 3  # oneDNN has no LSTM in bfloat16 there, and torch falls over it
        else:
            their_y, their_last = theirs(x)
            expected = [s.dtype for s in (their_y, *as_tuple(their_last))]
    assert [s.dtype for s in (y, *as_tuple(last))] == expected


# Gradients and states


@every_twin
def test_a_module_in_eval_mode_has_gradients(name):
    ours, theirs = twins(name, I, H, num_layers=2, dropout=0.5)
    assert_same_run(ours.eval(), theirs.eval(), random(T, B, I), states_of(ours))


@every_twin
@shapes_of_stacks
def test_all_states_end_in_the_last_ones(name, stack):
    module, _ = twins(name, I, H, **stack)
    directions = 1 + stack["bidirectional"]
    y, last, states = module(random(T, B, I), return_states=True)
    assert len(states) == len(as_tuple(last))
    for seen, final in zip(states, as_tuple(last), strict=True):
        assert seen.shape == (stack["num_layers"] * directions, T, B, H)
        ended = [seen[index, 0 if index % directions else -1] for index in range(len(seen))]
        assert torch.equal(torch.stack(ended), final)
    assert torch.equal(y, torch.cat(tuple(states[0][-directions:]), dim=-1))


@pytest.mark.parametrize("middle", [0, 3, T - 1])
def test_the_cell_state_of_any_step_has_the_gradient_of_a_loop(middle):
    module, _ = twins("LSTM", I, H)
    cell = torch.nn.LSTMCell(I, H, dtype=torch.float64)
    cell.load_state_dict({key.removesuffix("_l0"): weight for key, weight in module.state_dict().items()})
    x = random(T, B, I).requires_grad_()
    _, _, (_, c) = module(x, return_states=True)
    h, memory = torch.zeros(B, H, dtype=torch.float64), torch.zeros(B, H, dtype=torch.float64)
    for step in x[: middle + 1]:
        h, memory = cell(step, (h, memory))
    weight = random(B, H)
    found = torch.autograd.grad((c[0, middle] * weight).sum(), [x, *module.parameters()])
    expected = torch.autograd.grad((memory * weight).sum(), [x, *cell.parameters()])
    assert_close([c[0, middle], *found], [memory, *expected])


def test_errors_are_both_of_this_library_and_of_torch():
    assert issubclass(ShapeError, RuntimeError)
    assert issubclass(InputError, ValueError)
