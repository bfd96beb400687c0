"""Small calls of modules are general ones, only quicker: the same bits, gradients, refusals, and ways into torch."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import gatewise.nn
from gatewise import cell
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.nn import GRU, LSTM, Recurrent, RecurrentCell, recurrent, small, step
from gatewise.nn.small import is_calm

from ..matrix import ALL_CELLS, SHELF, every_pair
from ..tolerance import GRADGRADCHECK

# Small calls leave others to the general ones. Of the shelf, cells whose steps read numbers of the input themselves, or
# whose weights are not stored as kernels read them.
CHOSEN = {
    name: cell for name, cell in {**CELLS, **ALL_CELLS}.items() if name not in SHELF or cell.inputs or cell.scalars
}
CALM = {name: cell for name, cell in CHOSEN.items() if is_calm(cell)}
STACKS = {
    "plain": {},
    "no bias": {"bias": False},
    "batch first": {"batch_first": True},
    "both ways, layers": {"bidirectional": True, "num_layers": 2},
    "dropout": {"num_layers": 2, "dropout": 0.3},
}


@pytest.fixture
def general(monkeypatch):
    """Lets modules run in general, and counts how often a small call ran before."""

    def turn():
        for module in (recurrent, step):
            monkeypatch.setattr(module, "is_ordinary_call", lambda: False)

    return turn


@pytest.fixture
def ran(monkeypatch):
    calls = []
    run = small.SmallLayer.run

    def counted(*arguments, **options):
        result = run(*arguments, **options)
        calls.append(result is not None)
        return result

    monkeypatch.setattr(small.SmallLayer, "run", counted)
    return calls


def flat(results):
    return [results] if isinstance(results, torch.Tensor) else [t for result in results for t in flat(result)]


def with_gradients(module, x, hx):
    module.zero_grad()
    leaves = [tensor.detach().requires_grad_() for tensor in (x, *([] if hx is None else hx))]
    torch.manual_seed(1)
    states = tuple(leaves[1:])
    results = flat(module(leaves[0], None if hx is None else states if len(states) > 1 else states[0]))
    sum((result * torch.linspace(0, 1, result.numel()).view(result.shape)).sum() for result in results).backward()
    gradients = [tensor.grad for tensor in (*leaves, *module.parameters())]
    return [*results, *(gradient for gradient in gradients if gradient is not None)]


def states_of(module, *shape):
    return [torch.rand(*shape) + 0.5 for _ in module.cell.state]


def together(cell, stack, started):
    return is_calm(cell, stack.get("num_layers", 1))


@every_pair(together, cell=CALM, stack=STACKS, started=[False, True])
def test_a_stack_has_the_bits_of_a_general_call(cell, stack, started, general, ran):
    torch.manual_seed(0)
    module = Recurrent(cell, 3 + len(cell.row_inputs), 5, **stack)
    count = module.num_layers * (2 if module.bidirectional else 1)
    hx = states_of(module, count, 2, 5) if started else None
    x = torch.randn(*((2, 4) if module.batch_first else (4, 2)), module.input_size)
    quick = with_gradients(module, x, hx)
    with torch.no_grad():
        unkept = flat(module.eval()(x))
    assert len(ran) == 2 * count
    assert all(ran)
    general()
    slow = with_gradients(module.train(), x, hx)
    with torch.no_grad():
        assert all(map(torch.equal, unkept, flat(module.eval()(x))))
    assert len(ran) == 2 * count
    assert all(map(torch.equal, quick, slow))


@every_pair(cell=CALM, bias=[True, False], started=[False, True])
def test_a_step_has_the_bits_of_a_general_call(cell, bias, started, general, ran):
    torch.manual_seed(0)
    module = RecurrentCell(cell, 3 + len(cell.row_inputs), 5, bias)
    x, hx = torch.randn(module.input_size, 4).T, states_of(module, 4, 5) if started else None
    quick = with_gradients(module, x, hx)
    assert ran == [True]
    general()
    assert all(map(torch.equal, quick, with_gradients(module, x, hx)))
    assert ran == [True]


@pytest.mark.parametrize("training", [True, False])
def test_random_numbers_have_the_rates_of_the_module(training, general, ran):
    x, found = torch.randn(4, 2, 3), []
    modules = [LSTM(3, 5, zoneout={"h": rate, "c": 1 - rate}).train(training) for rate in (0.1, 0.8)]
    for turn in (lambda: None, general):
        turn()
        torch.manual_seed(0)
        found.append([module(x)[0] for module in modules])
    assert ran == [True, True]
    assert all(map(torch.equal, *found))


def test_states_start_where_the_module_declares_it(general, ran):
    cells = [
        cell(gates={"a": "W x + U h + b"}, state={"h": start})(lambda a, h: torch.tanh(a) + 0.5 * h)
        for start in (0.25, 0.75)
    ]
    x, found = torch.randn(4, 2, 3), []
    modules = [Recurrent(each, 3, 5) for each in cells]
    for turn in (lambda: None, general):
        turn()
        found.append([module(x)[0] for module in modules])
    assert ran == [True, True]
    assert all(map(torch.equal, *found))


STATES = {
    "list": lambda state: state,
    "parameters": torch.nn.Parameter,
    "every second": lambda state: torch.stack([state, state], -1)[..., 0],
    "one for all": lambda state: state[..., :1, :].expand(state.shape),
}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
@pytest.mark.parametrize("make", [LSTM, gatewise.nn.LSTMCell])
def test_states_come_in_any_form(make, change, general, ran):
    module = make(3, 5)
    shape = (2, 3), (2, 5)
    x, *states = (torch.randn(*shape[which]) for which in (0, 1, 1))
    if make is LSTM:
        x, *states = (tensor.unsqueeze(0) for tensor in (x, *states))
    hx = [change(state) for state in states]
    quick = flat(module(x, hx))
    assert ran == [True]
    general()
    assert all(map(torch.equal, quick, flat(module(x, hx))))


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell"])
def test_states_may_be_changed_and_detached_in_place(name):
    ours, theirs = getattr(gatewise.nn, name)(3, 5), getattr(torch.nn, name)(3, 5)
    ours.load_state_dict(theirs.state_dict())
    x, done = torch.randn(4, 3), torch.tensor([True, False, False, True])
    gradients = []
    for module in (ours, theirs):
        module.zero_grad()
        ended = module(x, module(x))
        for state in flat(ended):
            state[done] = 0.0
            state.mul_(2.0)
        flat(module(x, ended))[0].sum().backward()
        flat(module(x))[0].detach_().add_(1.0)
        gradients.append([weight.grad for weight in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("options", [{}, {"zoneout": {"h": 0.3, "c": 0.4}}, {"recurrent_dropout": 0.4}], ids=str)
@pytest.mark.parametrize("steps", [1, 3])
def test_gradients_of_gradients(steps, options, ran):
    module = Recurrent(CELLS["lstm"], 2, 3, **options).double()
    x = torch.randn(steps, 2, 2, dtype=torch.float64, requires_grad=True)
    hx = [torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    def seeded(x, *hx):
        torch.manual_seed(0)
        return flat(module(x, hx))

    assert torch.autograd.gradgradcheck(seeded, (x, *hx), **GRADGRADCHECK, fast_mode=True)
    once, again = (torch.autograd.grad(seeded(x, *hx)[0].sum(), x, create_graph=more)[0] for more in (False, True))
    torch.testing.assert_close(once, again)  # by the same random numbers
    assert all(ran)


def test_batched_gradients_are_those_one_by_one():
    module = GRU(2, 3).double()
    x = torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)
    y = module(x)[0]
    seeds = torch.randn(4, *y.shape, dtype=torch.float64)
    (batched,) = torch.autograd.grad(y, x, seeds, is_grads_batched=True, retain_graph=True)
    alone = [torch.autograd.grad(y, x, seed, retain_graph=True)[0] for seed in seeds]
    torch.testing.assert_close(batched, torch.stack(alone))


@pytest.mark.parametrize("make", [lambda: LSTM(3, 5), lambda: gatewise.nn.LSTMCell(3, 5)], ids=["layer", "cell"])
def test_numbers_that_are_not_finite_are_refused_or_let_through_as_before(make):
    module, x = make(), torch.zeros(2, 3) if isinstance(make(), RecurrentCell) else torch.zeros(1, 2, 3)
    for context in (torch.enable_grad(), torch.no_grad()):
        with context:
            x[..., -1, 1] = torch.nan
            with pytest.raises(InputError, match=r"the input is nan at batch 1,.* feature 1"):
                module(x)
            module.allow_nonfinite = True
            assert flat(module(x))[0].isnan().any()
            module.allow_nonfinite = False
            x[..., -1, 1] = 1e7
            with pytest.warns(UserWarning, match="saturated"):
                module(x)


def test_a_weight_written_behind_torchs_back_counts_at_once():
    module, x = gatewise.nn.LSTMCell(3, 5), torch.randn(2, 3)
    before = module(x)[0]
    module.weight_ih.data.mul_(2.0)
    assert not torch.equal(module(x)[0], before)


@pytest.mark.parametrize("module", [LSTM(3, 5), gatewise.nn.GRUCell(3, 5)], ids=["layer", "cell"])
def test_tensors_in_place_of_weights_have_small_calls_too(module, general, ran):
    name = next(name for name, _ in module.named_parameters() if name.startswith("weight_hh"))
    raw = getattr(module, name)
    delattr(module, name)
    x = torch.randn(2, 2, 3) if isinstance(module, Recurrent) else torch.randn(2, 3)

    def gradient():
        raw.grad = None
        setattr(module, name, 0.5 * raw)  # as weight drop, pruning and the older weight norm do before each call
        flat(module(x, module(x)[1] if isinstance(module, Recurrent) else module(x)))[0].sum().backward()
        return raw.grad

    quick = gradient()
    assert ran == [True, True]
    general()
    assert torch.equal(quick, gradient())


def test_weights_that_are_computed_are_left_to_a_general_call(ran):
    module = torch.nn.utils.parametrizations.weight_norm(LSTM(3, 5), "weight_hh_l0")
    torch.nn.utils.parametrizations.weight_norm(module, "weight_ih_l0")
    module(torch.randn(2, 2, 3))[0].sum().backward()
    assert not any(ran)
    assert module.parametrizations["weight_hh_l0"].original0.grad is not None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_has_small_calls_too(copied, ran):
    module = copied(LSTM(3, 5))
    module(torch.randn(2, 2, 3))
    assert ran == [True]


def test_one_tensor_in_two_places_is_a_call_like_any_other(ran):
    module, zeros = gatewise.nn.LSTMCell(3, 3), torch.zeros(2, 3, requires_grad=True)
    for _ in range(3):
        sum(state.sum() for state in module(zeros, (zeros, zeros))).backward()
    assert ran == [True] * 3
    assert sum(map(len, module._small._layers[0]._calls.values())) == 1
    apart = [zeros.detach().clone().requires_grad_() for _ in range(3)]
    sum(state.sum() for state in module(apart[0], (apart[1], apart[2]))).backward()
    torch.testing.assert_close(zeros.grad, 3 * sum(tensor.grad for tensor in apart))
