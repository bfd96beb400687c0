"""What users give by mistake, or oddly: one clear error, or the right numbers. Numbers are rows of a catalogue."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise import nn
from gatewise.errors import InputError, ShapeError

STATE = (torch.zeros(1, 2, 5), torch.zeros(1, 2, 5))
ENORMOUS = 2**40


@pytest.fixture
def x():
    """T = 4, B = 2, I = 3."""
    return torch.linspace(-1, 1, 24).view(4, 2, 3)


@pytest.fixture
def lstm():
    return nn.LSTM(3, 5)


def spoilt(x, value):
    """A value at batch 1, time 2, feature 0."""
    x = x.clone()
    x[2, 1, 0] = value
    return x


def all_finite(*tensors):
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


WAYS_IN = {
    "padded": ({}, lambda x: (x, {})),
    "batch_first": ({"batch_first": True}, lambda x: (x.transpose(0, 1), {})),
    "packed_unsorted": ({}, lambda x: (pack_padded_sequence(x, torch.tensor([3, 4]), enforce_sorted=False), {})),
    "lengths": ({}, lambda x: (x, {"lengths": [3, 4]})),
}


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=str)
@pytest.mark.parametrize("way", WAYS_IN)
def test_1_and_2_nan_and_infinity_are_named_by_batch_time_and_feature(x, way, value):
    options, given_as = WAYS_IN[way]
    data, arguments = given_as(spoilt(x, value))
    with pytest.raises(InputError, match=f"{value} at batch 1, time 2, feature 0") as caught:
        nn.LSTM(3, 5, **options)(data, **arguments)
    assert "allow_nonfinite" in caught.value.hint


def test_1_and_2_nan_in_one_sequence_or_one_step(x, lstm):
    with pytest.raises(InputError, match="nan at time 2, feature 0"):
        lstm(spoilt(x, torch.nan)[:, 1])
    with pytest.raises(InputError, match="inf at batch 1, feature 0"):
        nn.LSTMCell(3, 5)(spoilt(x, torch.inf)[2])


def test_1_nan_in_the_padding_is_no_error_and_not_in_the_gradients(x, lstm):
    y, (h, c) = lstm(spoilt(x, torch.nan), lengths=[4, 2])
    (y.sum() + h.sum() + c.sum()).backward()
    assert all_finite(y, h, c, *(weight.grad for weight in lstm.parameters()))


def test_1_nan_is_computed_where_the_user_allows_it(x):
    for module, data in ((nn.LSTM(3, 5), spoilt(x, torch.nan)), (nn.LSTMCell(3, 5), spoilt(x, torch.nan)[2])):
        module.allow_nonfinite = True
        y = module(data)[0][..., -1, :]
        assert torch.isnan(y).any()
        assert not torch.isnan(module(data)[0][..., 0, :]).any(), "the other sequence is as it was"


@pytest.mark.parametrize("module", [nn.LSTM(3, 5), nn.LSTMCell(3, 5)], ids=lambda m: type(m).__name__)
def test_3_values_of_1e30_are_computed_with_a_warning_at_the_users_line(x, module):
    data = x * 1e30 if isinstance(module, nn.LSTM) else x[0] * 1e30
    with pytest.warns(UserWarning, match=r"values up to 1e\+30.*saturated") as warned:
        assert all_finite(module(data)[0])
    assert warned[0].filename == __file__


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"proj_size": 2}], ids=str)
@pytest.mark.parametrize("arguments", [{}, {"lengths": [0, 0]}], ids=str)
def test_4_no_steps_leave_the_state_as_it_is(x, options, arguments):
    module = nn.LSTM(3, 5, **options)
    layers, width = module.num_layers * (1 + module.bidirectional), module.proj_size or 5
    hx = torch.randn(layers, 2, width), torch.randn(layers, 2, 5)
    y, last = module(x[:0], hx, **arguments)
    assert y.shape == (0, 2, width * (1 + module.bidirectional))
    assert all(torch.equal(a, b) for a, b in zip(last, hx, strict=True))


@pytest.mark.parametrize("arguments", [{}, {"lengths": []}, {"lengths": torch.zeros(0, dtype=torch.int64)}], ids=str)
def test_5_no_sequences_give_no_outputs(x, lstm, arguments):
    y, (h, c) = lstm(x[:, :0], **arguments)
    assert (y.shape, h.shape, c.shape) == ((4, 0, 5), (1, 0, 5), (1, 0, 5))
    assert nn.LSTMCell(3, 5)(x[0, :0])[0].shape == (0, 5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_6_a_sequence_of_length_0_keeps_its_initial_state(x, bidirectional):
    module = nn.LSTM(3, 5, bidirectional=bidirectional)
    hx = [torch.randn(1 + bidirectional, 2, 5) for _ in range(2)]
    y, last = module(x, tuple(hx), lengths=[0, 4])
    assert not y[:, 0].any()
    assert all(torch.equal(a[:, 0], b[:, 0]) for a, b in zip(last, hx, strict=True))
    assert torch.equal(y[:, 1], module(x[:, 1], tuple(state[:, 1] for state in hx))[0])


def test_7_lengths_come_in_any_order(x, lstm):
    y, (h, _) = lstm(x, lengths=[2, 4])
    for row, length in enumerate((2, 4)):
        assert torch.equal(y[:length, row], lstm(x[:length, row])[0])
        assert torch.equal(h[0, row], y[length - 1, row])


WRONG_LENGTHS = {
    "too_long": ([9, 1], "length 9 > T 4 at row 0"),
    "negative": ([2, -1], "length -1 < 0 at row 1"),
    "floats": ([2.0, 1.0], "must be 2 integers, not torch.float32"),
    "booleans": ([True, False], "must be 2 integers, not torch.bool"),
    "complex": (torch.tensor([1 + 0j, 2]), "must be 2 integers, not torch.complex64"),
    "too_few": ([1], "1 lengths for a batch of 2"),
    "too_many": ([1, 2, 3], "3 lengths for a batch of 2"),
    "a_number": (4, "must be 2 integers"),
    "a_matrix": ([[1, 2]], r"must be 2 integers, not torch.int64 of shape \(1, 2\)"),
    "ragged": ([[1], [1, 2]], "must be 2 integers"),
    "words": (["one", "two"], "must be 2 integers"),
}


@pytest.mark.parametrize("case", WRONG_LENGTHS)
def test_8_lengths_that_do_not_fit_are_named_with_their_row(x, lstm, case):
    lengths, message = WRONG_LENGTHS[case]
    with pytest.raises(InputError, match=message):
        lstm(x, lengths=lengths)


def test_8_lengths_go_with_padded_batches_only(x, lstm):
    for data in (x[:, 0], pack_padded_sequence(x, torch.tensor([4, 2]))):
        with pytest.raises(InputError, match="lengths go with a padded batch"):
            lstm(data, lengths=[1, 2])


WRONG_PACKED = {
    "too_few": ([3, 2], None, "add up to 5, its data has 6 rows"),
    "too_many": ([3, 2, 2], None, "add up to 7, its data has 6 rows"),
    "none": (torch.tensor([]).long(), None, "add up to 0, its data has 6 rows"),
    "rising": ([2, 3, 1], None, "rise|fall"),
    "rising_from_0": ([0, 6], None, "rise|fall"),
    "negative": ([4, -1, 3], None, "rise|fall|negative"),
    "floats": ([3.0, 3.0], None, "int64"),
    "a_matrix": ([[3, 3]], None, "vector"),
    "order_short": ([3, 3], [0, 1], "sorted_indices"),
    "order_twice": ([3, 3], [0, 0, 1], "sorted_indices"),
}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("case", WRONG_PACKED)
def test_9_a_packed_sequence_that_does_not_fit_its_data_is_refused(case, bidirectional):
    sizes, order, message = WRONG_PACKED[case]
    packed = PackedSequence(torch.zeros(6, 3), torch.as_tensor(sizes), None if order is None else torch.tensor(order))
    with pytest.raises(InputError, match=message):
        nn.LSTM(3, 5, bidirectional=bidirectional)(packed)


@pytest.mark.parametrize("shape", [(6,), (3, 2, 3)], ids=str)
def test_9_a_packed_sequence_of_other_than_rows_is_refused(lstm, shape):
    with pytest.raises(ShapeError, match=r"PackedSequence|input.size|the input has shape"):
        lstm(PackedSequence(torch.zeros(shape), torch.tensor([3, 3] if len(shape) == 1 else [3])))


VIEWS = {
    "transposed": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "stepped": lambda x: torch.repeat_interleave(x, 2, dim=2)[:, :, ::2],
    "stepped_in_time": lambda x: torch.repeat_interleave(x, 3, dim=0)[::3],
    "within_another": lambda x: torch.nn.functional.pad(x, (1, 2, 1, 1, 1, 1))[1:-1, 1:-1, 1:-2],
    "expanded": lambda x: x[:1, :1].expand(4, 2, 3),
    "conjugate": lambda x: torch.complex(torch.zeros_like(x), -x).conj().imag,
}


@pytest.mark.parametrize("view", VIEWS)
def test_10_how_numbers_lie_in_memory_changes_no_bit(x, lstm, view):
    seen = VIEWS[view](x)
    plain = seen.clone(memory_format=torch.contiguous_format)
    assert not seen.is_contiguous() or seen.is_neg()
    state = torch.randn(1, 2, 10)[..., ::2], torch.randn(1, 1, 5).expand(1, 2, 5)
    results = lstm(seen, state), lstm(plain, tuple(s.contiguous() for s in state))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(nn.LSTMCell(3, 5).requires_grad_(False)(seen[0])[0].isfinite(), torch.ones(2, 5).bool())


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64], ids=str)
@pytest.mark.parametrize("module", [nn.LSTM(3, 5), nn.LSTMCell(3, 5)], ids=lambda m: type(m).__name__)
def test_11_other_kinds_of_number_are_refused_with_the_cure(module, dtype):
    with pytest.raises(ShapeError, match=f"input is {dtype}, the module's weights are torch.float32") as caught:
        module(torch.zeros(2, 3, dtype=dtype))
    assert "input.to(torch.float32)" in caught.value.hint


@pytest.mark.parametrize(("data", "weights"), [("float64", "float32"), ("float32", "float64")])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.LSTMCell])
def test_12_data_of_another_precision_is_refused_with_both_cures(kind, data, weights):
    with pytest.raises(
        ShapeError, match=rf"input dtype \(torch.{data}\) .* weight dtype \(torch.{weights}\)"
    ) as caught:
        kind(3, 5, dtype=getattr(torch, weights))(torch.zeros(2, 3, dtype=getattr(torch, data)))
    assert f"input.to(torch.{weights}), or convert model: model.to(torch.{data})" in str(caught.value)


@pytest.mark.parametrize("wrong", ["h_0", "c_0"])
def test_13_states_of_another_precision_are_refused_with_the_cure(x, wrong):
    hx = tuple(s.double() if name == wrong else s for name, s in zip(("h_0", "c_0"), STATE, strict=True))
    for run in (lambda: nn.LSTM(3, 5)(x, hx), lambda: nn.LSTMCell(3, 5)(x[0], tuple(s[0] for s in hx))):
        with pytest.raises(ShapeError, match=rf"{wrong} is torch\.float64, .* torch\.float32") as caught:
            run()
        assert f"{wrong}.to(torch.float32)" in caught.value.hint


@pytest.mark.parametrize("kind", [nn.LSTM, nn.LSTMCell])
def test_14_what_is_no_tensor_is_refused_with_the_way_to_make_one(x, kind):
    module, data = kind(3, 5), x if kind is nn.LSTM else x[0]
    for other, hint in ((data.numpy(), "torch.from_numpy"), (data.tolist(), "torch.tensor"), (None, "")):
        with pytest.raises(InputError, match=f"the input is .*{type(other).__name__}, not a tensor") as caught:
            module(other)
        assert hint in caught.value.hint
    hx = tuple(s.numpy() if kind is nn.LSTM else s[0].numpy() for s in STATE)
    with pytest.raises(InputError, match=r"h_0 is .*ndarray, not a tensor"):
        module(data, hx)


@pytest.mark.parametrize("hx", [STATE[0], STATE[:1], (*STATE, STATE[0]), 3, "hc", {"h": 1, "c": 2}], ids=type)
def test_15_h0_without_c0_is_refused_with_what_is_expected(x, lstm, hx):
    with pytest.raises(ShapeError, match=r"expected the initial state as \(h_0, c_0\), got"):
        lstm(x, hx)
    with pytest.raises(ShapeError, match=r"expected the initial state as \(h_0, c_0\), got"):
        nn.LSTMCell(3, 5)(x[0], hx)


def test_16_tensors_on_different_devices_are_refused_with_both_named(x, lstm):
    meta = x.to("meta")
    for run in (
        lambda: lstm(meta),
        lambda: lstm(x, (STATE[0], STATE[1].to("meta"))),
        lambda: nn.LSTM(3, 5, device="meta")(x),
        lambda: lstm(PackedSequence(meta[:, 0], torch.tensor([2, 2]))),
        lambda: nn.LSTMCell(3, 5)(meta[0]),
    ):
        with pytest.raises(ShapeError, match=r"is on (cpu|meta), the module on (cpu|meta)"):
            run()


def test_16_all_on_the_meta_device_tells_shapes(x):
    y, (h, c) = nn.LSTM(3, 5, device="meta")(x.to("meta"))
    assert (y.shape, h.shape, c.shape, y.device.type) == ((4, 2, 5), (1, 2, 5), (1, 2, 5), "meta")


@pytest.mark.parametrize("given", ["hx", "lengths"])
def test_17_time_first_given_to_batch_first_is_noticed_where_it_can_be(x, given):
    arguments = {"hx": STATE} if given == "hx" else {"lengths": [4, 2]}
    with pytest.raises(ShapeError) as caught:
        nn.LSTM(3, 5, batch_first=True)(x, **arguments)
    assert "batch_first" in caught.value.hint


def test_17_a_state_of_the_wrong_width_is_not_blamed_on_batch_first(x, lstm):
    with pytest.raises(ShapeError, match="Expected hidden h_0 size") as caught:
        lstm(x, (torch.zeros(1, 2, 7), torch.zeros(1, 2, 7)))
    assert "batch_first" not in caught.value.hint


@pytest.mark.parametrize("shape", [(2, 2, 4), (2, 4), (2, 2, 0)], ids=str)
def test_18_the_wrong_number_of_features_is_named(lstm, shape):
    with pytest.raises(ShapeError, match=f"Expected 3, got {shape[-1]}"):
        lstm(torch.zeros(shape))
    with pytest.raises(ShapeError, match="got 4 expected 3"):
        nn.LSTMCell(3, 5)(torch.zeros(2, 4))


@pytest.mark.parametrize("shape", [(), (3,), (1, 1, 1, 3)], ids=str)
def test_18_the_wrong_number_of_dimensions_is_named(lstm, shape):
    with pytest.raises(ShapeError, match="Expected input to be 2D or 3D"):
        lstm(torch.zeros(shape))


def replaced(module, name, value):
    del module._parameters[name]
    setattr(module, name, value)
    return module


def parameter(*shape, dtype=None, device=None):
    return torch.nn.Parameter(torch.zeros(*shape, dtype=dtype, device=device), requires_grad=False)


WRONG_WEIGHTS = {
    "shape": parameter(20, 1),
    "empty": parameter(0),
    "transposed": parameter(5, 20),
    "float64": parameter(20, 5, dtype=torch.float64),
    "float16": parameter(20, 5, dtype=torch.float16),
    "int64": parameter(20, 5, dtype=torch.int64),
    "meta": parameter(20, 5, device="meta"),
    "None": None,
    "list": [1.0, 2.0],
    "array": np.zeros((20, 5)),
}


@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_19_a_weight_that_was_replaced_is_refused_by_name(x, wrong):
    value = WRONG_WEIGHTS[wrong]
    with pytest.raises(InputError, match="weight_hh_l0"):
        replaced(nn.LSTM(3, 5), "weight_hh_l0", value)(x)
    with pytest.raises(InputError, match="weight_hh_l1_reverse"):
        replaced(nn.LSTM(3, 5, 2, bidirectional=True), "weight_hh_l1_reverse", value)(x)
    with pytest.raises(InputError, match="weight_hh"):
        replaced(nn.LSTMCell(3, 5), "weight_hh", value)(x[0])


OTHER_WEIGHTS = {
    "weight_ih_l0": {},
    "bias_ih_l0": {},
    "bias_hh_l0": {},
    "p_o_l0": {},
    "weight_hr_l0": {"proj_size": 2},
    "h_0_l0": {"learned_state": True},
    "c_0_l0": {"learned_state": True},
    "gain_f_h_l0": {"layer_norm": "output"},
}


@pytest.mark.parametrize("value", [parameter(1), parameter(7), None, 3.0], ids=["1", "7", "None", "number"])
@pytest.mark.parametrize("name", OTHER_WEIGHTS)
def test_19_biases_per_unit_weights_projections_and_learned_states_too(x, name, value):
    with pytest.raises(InputError, match=name):
        replaced(nn.PeepholeLSTM(3, 5, **OTHER_WEIGHTS[name]), name, value)(x)


def test_19_a_large_wrong_weight_does_not_end_the_interpreter():
    code = """
import torch, gatewise.nn
module = gatewise.nn.LSTM(1, 8192, device="meta")
for name, weight in list(module.named_parameters()):
    setattr(module, name, torch.nn.Parameter(torch.zeros(1).expand(weight.shape)))
module.weight_hh_l0 = torch.nn.Parameter(torch.zeros(4 * 8192, 1))
try:
    module(torch.zeros(2, 1, 1))
except gatewise.errors.ShapeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "weight_hh_l0 has shape (32768, 1), expected (32768, 8192)" in done.stdout


def state_dict_of(module, **spoilt_weights):
    found = {name: torch.ones_like(weight) for name, weight in module.state_dict().items()}
    for name, value in spoilt_weights.items():
        found[name].view(-1)[3] = value
    return found


def test_20_a_state_dict_full_of_nan_is_refused_with_every_tensor_and_count(lstm):
    full = {name: torch.full_like(weight, torch.nan) for name, weight in lstm.state_dict().items()}
    with pytest.raises(RuntimeError) as caught:
        lstm.load_state_dict(full)
    for name, weight in full.items():
        assert f"{name} has {weight.numel()} of {weight.numel()} values that are not finite" in str(caught.value)
    assert all_finite(*lstm.parameters()), "nothing of it is in the module"


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("assign", [True, False])
def test_20_one_infinity_is_refused_and_does_not_get_into_the_module(lstm, strict, assign):
    before = lstm.bias_hh_l0.detach().clone()
    with pytest.raises(RuntimeError, match="bias_hh_l0 has 1 of 20 values that are not finite"):
        lstm.load_state_dict(state_dict_of(lstm, bias_hh_l0=torch.inf), strict=strict, assign=assign)
    assert torch.equal(lstm.bias_hh_l0, before)


@pytest.mark.parametrize(
    ("name", "width", "options"),
    [("p_i_l0", 5, {}), ("h_0_l0", 5, {"learned_state": True}), ("norms.0.bias", 4, {"pre_norm": True})],
    ids=str,
)
def test_20_every_kind_of_weight_is_looked_at(name, width, options):
    module = nn.PeepholeLSTM(4, 5, **options)
    with pytest.raises(RuntimeError, match=f"{name} has 1 of"):
        module.load_state_dict(state_dict_of(module) | {name: torch.tensor([torch.nan, 0, 0, 0, 0])[:width]})


def test_20_weights_inside_a_larger_model_are_named_in_full(lstm):
    model = torch.nn.Sequential(torch.nn.Tanh(), lstm)
    with pytest.raises(RuntimeError, match=r"1\.weight_hh_l0 has 1 of 100"):
        model.load_state_dict(state_dict_of(model, **{"1.weight_hh_l0": torch.nan}))


def test_20_the_user_may_load_them_all_the_same(lstm):
    lstm.allow_nonfinite = True
    lstm.load_state_dict(state_dict_of(lstm, bias_hh_l0=torch.inf))
    assert lstm.bias_hh_l0[3] == torch.inf


ENDLESS = {
    "padded": lambda: nn.LSTM(3, 5)(torch.zeros(1, 1, 3).expand(ENORMOUS, 1, 3)),
    "batch_first": lambda: nn.LSTM(3, 5, batch_first=True)(torch.zeros(1, 1, 3).expand(1, ENORMOUS, 3)),
    "unbatched": lambda: nn.LSTM(3, 5)(torch.zeros(1, 3).expand(ENORMOUS, 3)),
    "lengths": lambda: nn.LSTM(3, 5)(torch.zeros(1, 1, 3).expand(ENORMOUS, 1, 3), lengths=[3]),
    "batch": lambda: nn.LSTM(3, 5)(torch.zeros(1, 1, 3).expand(1, ENORMOUS, 3)),
    "step": lambda: nn.LSTMCell(3, 5)(torch.zeros(1, 3).expand(ENORMOUS, 3)),
}


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("case", ENDLESS)
def test_21_an_endless_view_is_refused_with_a_number_before_anything_is_allocated(case, grad):
    start = time.perf_counter()
    with torch.set_grad_enabled(grad), pytest.raises(InputError, match=r"would take [\d,]+ GiB, this machine has"):
        ENDLESS[case]()
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_22_a_memory_map_is_read_and_never_written(tmp_path, lstm, mode):
    path = tmp_path / "x.npy"
    stored = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    np.save(path, stored)
    before = path.read_bytes()
    mapped = np.load(path, mmap_mode=mode)
    y, _ = lstm(torch.from_numpy(mapped).requires_grad_())
    y.sum().backward()
    assert torch.equal(y, lstm(torch.from_numpy(stored))[0])
    assert np.array_equal(mapped, stored)
    assert path.read_bytes() == before


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable:UserWarning")
def test_22_a_read_only_memory_map_is_enough(tmp_path, lstm):
    """Writing to it would end the process."""
    path = tmp_path / "x.npy"
    np.save(path, np.ones((6, 2, 5), np.float32))
    mapped = torch.from_numpy(np.load(path, mmap_mode="r"))
    y, last = nn.LSTM(5, 5)(mapped, (mapped[:1], mapped[1:2]))
    (y.sum() + last[1].sum()).backward()
    assert torch.equal(mapped, torch.ones(6, 2, 5))


def test_22_one_tensor_may_be_input_and_state():
    module, same = nn.LSTM(5, 5), torch.randn(1, 2, 5)
    y, (h, c) = module(same, (same, same))
    apart = module(same.clone(), (same.clone(), same.clone()))
    assert torch.equal(y, apart[0])
    before = same.clone()
    (y.sum() + h.sum() + c.sum()).backward()
    assert torch.equal(same, before)
    assert not {tensor.data_ptr() for tensor in (y, h, c)} & {same.data_ptr()}


WRONG_OPTIONS = {
    "unknown": ({"hiden": 1}, TypeError, "hiden"),
    "unknown_state": ({"zoneout": {"q": 0.1}}, InputError, "no state 'q'"),
    "one_zoneout_for_all": ({"zoneout": 0.1}, (InputError, TypeError), "zoneout"),
    "zoneout_1": ({"zoneout": {"h": 1.0}}, InputError, "'h' must be a probability"),
    "zoneout_nan": ({"zoneout": {"c": float("nan")}}, InputError, "'c' must be a probability"),
    "recurrent_dropout_negative": ({"recurrent_dropout": -0.1}, InputError, "recurrent dropout must be"),
    "h_detach_1": ({"h_detach": 1.0}, InputError, "h-detach must be"),
    "candidate_dropout_1": ({"candidate_dropout": 1.0}, InputError, "candidate dropout must be"),
    "weight_drop_1": ({"weight_drop": 1.0}, InputError, "weight_drop must be"),
    "dropout_above_1": ({"dropout": 1.1}, InputError, "dropout should be"),
    "dropout_in_words": ({"dropout": "half"}, InputError, "dropout should be a number.*not half"),
    "heads_do_not_divide": ({"heads": 2}, InputError, "5 cannot be split into 2 heads"),
    "no_heads": ({"heads": 0}, InputError, "heads must be a whole number of at least 1"),
    "wide_projection": ({"proj_size": 5}, InputError, "proj_size has to be smaller"),
    "projection_and_heads": ({"proj_size": 2, "heads": 5}, InputError, "give one of them"),
    "clip_memory": ({"clip_memory": 0.0}, InputError, "greater than 0"),
    "layer_norm": ({"layer_norm": True}, InputError, "output or memory"),
    "too_many_sizes": ({"hidden_size": [5, 6]}, InputError, "2 hidden sizes for 1 layers?"),
    "too_few_sizes": ({"hidden_size": [5], "num_layers": 2}, InputError, "1 hidden sizes? for 2 layers"),
    "size_of_float": ({"hidden_size": 5.0}, TypeError, "hidden_size should be of type int"),
    "size_in_words": ({"hidden_size": "five"}, TypeError, "hidden_size should be of type int"),
    "layers_of_float": ({"num_layers": 2.0}, TypeError, "num_layers should be of type int"),
    "layers_in_words": ({"num_layers": "two"}, TypeError, "num_layers should be of type int"),
    "input_of_float": ({"input_size": 3.0}, TypeError, "input_size should be of type int"),
}


@pytest.mark.parametrize("case", WRONG_OPTIONS)
def test_wrong_options_are_refused_by_name(case):
    options, error, message = WRONG_OPTIONS[case]
    with pytest.raises(error, match=message):
        nn.LSTM(**{"input_size": 3, "hidden_size": 5} | options)


DTYPES = st.sampled_from([torch.float32] * 6 + [torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64])
SHAPES = st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([3, 5, 0, 1])) | st.lists(
    st.integers(0, 5), max_size=5
).map(tuple)
TENSORS = st.builds(lambda shape, dtype: torch.zeros(shape, dtype=dtype), SHAPES, DTYPES)
STATES = st.none() | TENSORS | st.tuples(TENSORS, TENSORS) | st.tuples(TENSORS) | st.just((None, None)) | st.text()


@given(data=TENSORS, hx=STATES, lengths=st.none() | st.lists(st.integers(-1, 4), max_size=4), first=st.booleans())
def test_any_input_gives_the_right_shape_or_one_of_our_errors(data, hx, lengths, first):
    try:
        y, (h, c) = nn.LSTM(3, 5, batch_first=first)(data, hx, lengths=lengths)
    except (InputError, TypeError):
        return
    assert y.shape == (*data.shape[:-1], 5)
    rows = () if data.dim() == 2 else (data.shape[0 if first else 1],)
    assert h.shape == c.shape == (1, *rows, 5)
    assert y.dtype == torch.float32


@pytest.mark.parametrize("make", [nn.Recurrent, nn.RecurrentCell])
@pytest.mark.parametrize("wrong", ["lstm", 3, torch.nn.LSTM])
def test_what_is_not_a_cell_is_refused(make, wrong):
    with pytest.raises(TypeError, match=r"cell should be one of gatewise\.cells or your own @cell"):
        make(wrong, 3, 5)
