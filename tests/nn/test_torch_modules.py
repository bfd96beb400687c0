"""What torch's own tests ask of LSTM, GRU, RNN and their cells, asked of ours: the same entries, inputs and errors.

Of the checks in torch's test_modules.py only those are missing that need a GPU, an ``inplace`` argument or four
dimensions.
"""

from __future__ import annotations

import contextlib
import copy
import io
import pickle

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.utils import _pytree as pytree

import gatewise.nn

from ..matrix import cases as covered
from ..matrix import values
from ..tolerance import GRADCHECK, GRADGRADCHECK, PARITY

NAMES = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")
ENTRIES = {name: info for name in NAMES for info in module_db if info.module_cls is getattr(torch.nn, name)}
SETTINGS = {
    (name, str(dtype).removeprefix("torch."), "train" if training else "eval"): (info, dtype, training)
    for name, info in ENTRIES.items()
    for dtype in info.supported_dtypes("cpu")
    for training in ((True, False) if info.train_and_eval_differ else (True,))
}
every_entry = pytest.mark.parametrize("info", ENTRIES.values(), ids=ENTRIES)
every_setting = pytest.mark.parametrize(("info", "dtype", "training"), covered(SETTINGS))

# torch's own LSTM says so once, when it is given proj_size in float32
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run():
    torch.manual_seed(0)


def samples(info, dtype, training, requires_grad=False):
    """The inputs of an entry, packed sequences among them."""
    options = {"dtype": dtype, "requires_grad": requires_grad, "training": training}
    return list(info.module_inputs_func(info, device="cpu", **options, with_packed_sequence=True))


def made(info, sample, **factory):
    given = sample.constructor_input
    return getattr(gatewise.nn, info.module_cls.__name__)(*given.args, **given.kwargs, **factory)


def cases(info, dtype, training, requires_grad=False):
    """For every input of the entry our module and the arguments to call it with."""
    for sample in samples(info, dtype, training, requires_grad):
        yield made(info, sample).to(dtype).train(training), sample.forward_input.args


def twin(info, sample, ours):
    """torch.nn's module with the same weights."""
    given = sample.constructor_input
    theirs = info.module_cls(*given.args, **given.kwargs).to(next(ours.parameters())).train(ours.training)
    theirs.load_state_dict(ours.state_dict())
    return theirs


def tensors(results):
    """All that can be differentiated: of a packed sequence the data alone."""
    return [leaf for leaf in pytree.tree_leaves(results) if leaf is not None and leaf.is_floating_point()]


def with_gradients(module, args):
    """Outputs, and gradients of inputs and weights."""
    outputs = tensors(module(*args))
    loss = sum((output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum() for output in outputs)
    return [*outputs, *torch.autograd.grad(loss, [*tensors(args), *module.parameters()])]


def assert_close(found, expected, dtype):
    """Relative to 1 where numbers are smaller: the entries saturate gates, and float32 keeps little of 1 - tanh^2."""
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype == dtype
        assert a.shape == b.shape
        error = (a - b).abs().max() / b.abs().max().clamp_min(1)
        assert error <= PARITY[str(dtype).removeprefix("torch.")]


def assert_equal(found, expected):
    assert all(torch.equal(a, b) for a, b in zip(tensors(found), tensors(expected), strict=True))


@every_setting
def test_forward_is_the_reference_of_the_entry(info, dtype, training):
    compared = 0
    for sample in samples(info, dtype, training):
        args = sample.forward_input.args
        if not isinstance(args[0], PackedSequence):  # whose reference expects another form
            module = made(info, sample).to(dtype).train(training)
            assert_equal(module(*args), sample.reference_fn(module, *args))
            compared += 1
    assert compared >= 2


@every_setting
def test_outputs_and_gradients_are_those_of_torch(info, dtype, training):
    for sample in samples(info, dtype, training, requires_grad=True):
        ours, args = made(info, sample).to(dtype).train(training), sample.forward_input.args
        assert_close(with_gradients(ours, args), with_gradients(twin(info, sample, ours), args), dtype)


@every_setting
def test_factory_arguments_reach_every_weight(info, dtype, training):
    for device in ("cpu", "meta"):
        for sample in samples(info, dtype, training):
            module = made(info, sample, device=device, dtype=dtype)
            assert {(weight.device.type, weight.dtype) for weight in module.state_dict().values()} == {(device, dtype)}


@every_entry
def test_its_text_is_that_of_torch(info):
    for sample in samples(info, torch.float32, True):
        ours = made(info, sample)
        assert repr(ours) == str(ours) == repr(twin(info, sample, ours))


def saved_and_loaded(module):
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda module: pickle.loads(pickle.dumps(module)),
    "torch.save": saved_and_loaded,
    "share_memory": lambda module: copy.deepcopy(module).share_memory(),
}


@every_entry
@pytest.mark.parametrize("how", COPIES)
def test_a_copy_computes_the_same(info, how):
    for module, args in cases(info, torch.float32, False):
        other = COPIES[how](module)
        assert type(other) is type(module)
        assert not other.training
        assert_equal(other(*args), module(*args))


@every_setting
def test_weights_travel_both_ways(info, dtype, training):
    for sample in samples(info, dtype, training):
        ours = made(info, sample).to(dtype)
        theirs = twin(info, sample, ours)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        theirs.reset_parameters()
        ours.load_state_dict(theirs.state_dict(), strict=True)
        assert_equal(ours.state_dict(), theirs.state_dict())


def spread(tensor):
    """The same numbers with a gap after each."""
    gaps = torch.empty(*tensor.shape, 2, dtype=tensor.dtype)
    gaps[..., 0] = tensor.detach()
    return gaps[..., 0].requires_grad_(tensor.requires_grad)


@every_setting
@pytest.mark.parametrize("where", ["inputs", "weights"])
def test_memory_with_gaps_changes_nothing(info, dtype, training, where):
    for module, args in cases(info, dtype, training, requires_grad=True):
        expected = with_gradients(module, args)
        if where == "inputs":
            args = pytree.tree_map_only(torch.Tensor, spread, args)
        else:
            for weight in module.parameters():
                weight.data = spread(weight.data)
        assert_close(with_gradients(module, args), expected, dtype)


def differentiable(info):
    """For every input a function of its tensors and of all weights in one vector, and these.

    Nothing in the entries is random, nor padded and batched, so that training and batch_first change nothing.
    """
    for module, args in cases(info, torch.float64, True, requires_grad=True):
        if getattr(module, "batch_first", False):
            continue
        leaves, form = pytree.tree_flatten(args)
        varied = [index for index, leaf in enumerate(leaves) if leaf is not None and leaf.requires_grad]

        def call(weights, *given, module=module, leaves=leaves, form=form, varied=varied):
            parameters = dict(module.named_parameters())
            parts = weights.split([weight.numel() for weight in parameters.values()])
            replaced = {
                name: part.view_as(weight) for (name, weight), part in zip(parameters.items(), parts, strict=True)
            }
            inputs = list(leaves)
            for index, tensor in zip(varied, given, strict=True):
                inputs[index] = tensor
            return tuple(tensors(torch.func.functional_call(module, replaced, pytree.tree_unflatten(inputs, form))))

        weights = torch.nn.utils.parameters_to_vector(module.parameters()).detach().requires_grad_()
        yield call, [weights, *(leaves[index] for index in varied)]


@every_entry
def test_gradients_are_finite_differences(info):
    for call, inputs in differentiable(info):
        assert torch.autograd.gradcheck(call, inputs, **GRADCHECK, fast_mode=True, check_batched_grad=True)


@pytest.mark.parametrize("info", values(ENTRIES, quick=NAMES[3:]))
def test_gradients_of_gradients_are_finite_differences(info):
    assert info.supports_gradgrad
    for call, inputs in differentiable(info):
        assert torch.autograd.gradgradcheck(call, inputs, **GRADGRADCHECK, fast_mode=True, check_batched_grad=True)


def error_cases():
    for name, info in ENTRIES.items():
        options = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": False}
        for index, error in enumerate(info.module_error_inputs_func(info, **options)):
            yield pytest.param(info, error, id=f"{name}-{index}-{error.error_regex[:40]}")


@pytest.mark.parametrize(("info", "error"), list(error_cases()))
def test_what_torch_refuses_is_refused_in_words_that_match(info, error):
    def attempt():
        module = made(info, error.module_error_input)
        if error.error_on is ModuleErrorEnum.FORWARD_ERROR:
            module(*error.module_error_input.forward_input.args)

    if error.error_on is ModuleErrorEnum.FORWARD_ERROR:
        made(info, error.module_error_input)
    with pytest.raises(error.error_type, match=error.error_regex):
        attempt()


@every_entry
def test_zero_grad_clears_and_backward_fills(info):
    for module, args in cases(info, torch.float32, True):
        for set_to_none in (True, False):
            sum(output.sum() for output in tensors(module(*args))).backward()
            assert all(weight.grad is not None for weight in module.parameters())
            module.zero_grad(set_to_none=set_to_none)
            left = [weight.grad for weight in module.parameters()]
            assert all(grad is None if set_to_none else not grad.any() for grad in left)


MOVES = {
    "double": (lambda module: module.double(), torch.float64),
    "float": (lambda module: module.double().float(), torch.float32),
    "to": (lambda module: module.to(torch.float64), torch.float64),
    "type": (lambda module: module.type(torch.float64), torch.float64),
}


@contextlib.contextmanager
def swapping(wanted):
    """torch's newer way of moving weights, by swapping tensors; its own LSTM cannot load weights meanwhile."""
    torch.__future__.set_swap_module_params_on_conversion(wanted)
    yield
    torch.__future__.set_swap_module_params_on_conversion(False)


MOVED = {
    (name, move, "swapping" if swap else "overwriting"): (info, move, swap)
    for name, info in ENTRIES.items()
    for move in MOVES
    for swap in (False, True)
}


@pytest.mark.parametrize(("info", "move", "swap"), covered(MOVED))
def test_a_moved_module_computes_in_its_new_dtype(info, move, swap):
    apply, dtype = MOVES[move]
    for sample in samples(info, dtype, True):
        ours = made(info, sample)
        with swapping(swap):
            moved = apply(ours)
            moved.load_state_dict(copy.deepcopy(moved.state_dict()))
        theirs = twin(info, sample, ours)
        assert {weight.dtype for weight in moved.parameters()} == {dtype}
        args = sample.forward_input.args
        assert_close(tensors(moved(*args)), tensors(theirs(*args)), dtype)


@every_entry
def test_to_empty_makes_room_on_another_device(info):
    for sample in samples(info, torch.float32, True):
        module = made(info, sample, device="meta").to_empty(device="cpu")
        module.reset_parameters()
        assert all(torch.isfinite(output).all() for output in tensors(module(*sample.forward_input.args)))


@pytest.mark.parametrize("info", [info for info in ENTRIES.values() if not info.train_and_eval_differ], ids=NAMES[3:])
def test_only_what_differs_in_training_asks_whether_it_trains(info):
    for module, args in cases(info, torch.float32, True):
        del module.training
        module(*args)


@every_setting
def test_torch_itself_skips_nothing_here(info, dtype, training):
    checks = ("test_forward", "test_factory_kwargs", "test_repr", "test_save_load", "test_pickle", "test_grad")
    for check in (*checks, "test_gradgrad", "test_non_contiguous_tensors", "test_to", "test_to_empty", "test_errors"):
        skips = info.get_decorators("TestModule", check, "cpu", dtype, {"training": training})
        assert [skip for skip in skips if "mps" not in repr(skip).lower()] == []
