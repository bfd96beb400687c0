"""Layers, cells and streams as users call them, with wrong shapes, dtypes, layouts, lengths, packing and states."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise
from gatewise import nn
from gatewise.errors import GatewiseError

from ..part import Report

NIGHTLY, QUICK = 10_000, 1_500

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"heads": 2},
    {"residual": True},
    {"learned_state": True},
    {"pre_norm": True},
    {"zoneout": {"h": 0.2}},
    {"weight_drop": 0.3},
)
WRONG = (torch.float16, torch.float64, torch.int64, torch.bool, torch.complex64)
NUMBERS = (float("nan"), float("inf"), 1e30, -1e38)
CALLS_FOR_A_MODULE = 25
HUGE = 1e6  # inputs beyond this may well overflow

Call = tuple[tuple[Any, ...], dict[str, Any]]


def run(seed: int, count: int) -> Report:
    """Make so many calls, and run backward through about half of those that give something."""
    draw, report = random.Random(seed), Report()
    torch.manual_seed(seed)
    before = torch.get_num_threads()
    module = _layer(draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            if number % CALLS_FOR_A_MODULE == 0:
                torch.set_num_threads(draw.choice([1, 1, 3]))
                module = _layer(draw)
            name, call = draw.choice(FORMS)
            report.outcomes[_outcome(name, call, draw, module, number, report)] += 1
    torch.set_num_threads(before)
    return report


def _outcome(
    name: str,
    call: Callable[[random.Random, nn.Recurrent], None],
    draw: random.Random,
    module: nn.Recurrent,
    number: int,
    report: Report,
) -> str:
    try:
        call(draw, module)
        return f"ran {name}"
    except GatewiseError as error:
        return f"refused {name} with {type(error).__name__}"
    except WrongError as error:
        told = str(error)
    except Exception as error:
        if any(words in str(error) for words in TORCHS):
            return f"refused {name} by torch"
        told = f"{type(error).__name__}: {error}"
    report.findings.append(" ".join(f"call {number}, {name}, {module}: {told}".split()))
    return f"failed {name}"


class WrongError(Exception):
    """A result that is wrong without a word."""


TORCHS = ("ZeroTensors are immutable",)
"""Words of errors that torch raises before it calls anything of ours, or after."""


def _layer(draw: random.Random) -> nn.Recurrent:
    kind, options = draw.choice([nn.LSTM, nn.LSTM, nn.GRU, nn.RNN]), dict(draw.choice(OPTIONS))
    if kind is nn.LSTM and not options and draw.random() < 0.3:
        options["proj_size"] = 1
    module = kind(
        draw.choice([1, 2, 3, 7]),
        draw.choice([2, 4, 6, 16, 18]),
        num_layers=draw.choice([1, 1, 2]),
        bias=draw.random() < 0.8,
        batch_first=draw.random() < 0.5,
        bidirectional=draw.random() < 0.4,
        dtype=draw.choice([torch.float32] * 5 + [torch.float64, torch.bfloat16]),
        **options,
    )
    module.allow_nonfinite = draw.random() < 0.3
    return module.train(draw.random() < 0.5)


def _padded(draw: random.Random, module: nn.Recurrent) -> None:
    _forward(draw, module, _tensor(draw, _sizes(draw, module), module))


def _unbatched(draw: random.Random, module: nn.Recurrent) -> None:
    _forward(draw, module, _tensor(draw, (draw.choice([0, 1, 2, 3, 6]), module.input_size), module), batched=False)


def _with_lengths(draw: random.Random, module: nn.Recurrent) -> None:
    sizes = _sizes(draw, module)
    batch, steps = sizes[: 2 if module.batch_first else 0] or (sizes[1], sizes[0])
    lengths = [draw.randint(0, steps) for _ in range(batch)]
    if batch and draw.random() < 0.2:
        lengths[0] = draw.choice([-1, steps + 1, 2**40, -(2**63)])
    if draw.random() < 0.1:
        lengths.append(1)
    dtype = draw.choice([torch.int64, torch.int32, torch.float32])
    form: Callable[[list[int]], Any] = draw.choice([list, tuple, lambda each: torch.tensor(each).to(dtype)])
    _forward(draw, module, _tensor(draw, sizes, module), lengths=form(lengths))


def _packed(draw: random.Random, module: nn.Recurrent) -> None:
    batch, steps = draw.choice([1, 2, 3, 5]), draw.choice([1, 2, 3, 6])
    if draw.random() < 0.5:
        lengths = torch.tensor([draw.randint(1, steps) for _ in range(batch)])
        rows = torch.randn(steps, batch, module.input_size).to(module.weight_ih_l0.dtype)
        packed = pack_padded_sequence(rows, lengths, enforce_sorted=False)
        sizes, order = packed.batch_sizes.clone(), packed.sorted_indices
        if draw.random() < 0.4:
            sizes[draw.randrange(len(sizes))] += draw.choice([-3, -1, 1, 2**31, 2**62, -(2**63)])
        if draw.random() < 0.2:
            order = torch.randint(-2, batch + 3, (batch,))
        packed = PackedSequence(packed.data, sizes, order, packed.unsorted_indices)
    else:
        sizes = torch.tensor(
            [draw.choice([0, 1, 2, 3, 5]) for _ in range(draw.randint(0, 4))],
            dtype=draw.choice([torch.int64, torch.int64, torch.int32]),
        )
        sizes = sizes.sort(descending=True).values if draw.random() < 0.7 else sizes
        packed = PackedSequence(_tensor(draw, (draw.randint(0, 12), module.input_size), module), sizes)
    _forward(draw, module, packed)


def _forward(draw: random.Random, module: nn.Recurrent, x: Any, *, batched: bool = True, **options: Any) -> None:
    """The call, and what should hold of what it gives."""
    if draw.random() < 0.35:
        options["hx"] = _states(draw, module, batched=batched)
    if draw.random() < 0.2:
        options["return_states"] = True
    if draw.random() < 0.2:
        options["resets"] = _resets(draw, x)
    result = module(x, **options)
    y = result[0].data if isinstance(result[0], PackedSequence) else result[0]
    data = x.data if isinstance(x, PackedSequence) else x
    if _is_small(data) and all(_is_small(state) for state in _flat(options.get("hx"))) and not _is_small(y):
        raise WrongError("finite inputs gave what is not finite")
    if y.requires_grad and draw.random() < 0.6:
        seed = _viewed(draw, torch.ones_like(y))
        y.backward(seed if seed.shape == y.shape else torch.ones_like(y))
        module.zero_grad()


def _resets(draw: random.Random, x: Any) -> Any:
    """A mask of any share of the steps; one in five is of another form."""
    data = x.data if isinstance(x, PackedSequence) else x
    shape = data.shape[:-1] if draw.random() < 0.9 else draw.choice([(), (3,), data.shape, data.shape[:-1][::-1]])
    mask = torch.rand(shape) < draw.choice([0.0, 0.3, 1.0])
    mask = mask if draw.random() < 0.9 else mask.to(draw.choice([torch.float32, torch.uint8]))
    if not isinstance(x, PackedSequence) or draw.random() < 0.1:
        return mask
    return PackedSequence(mask, x.batch_sizes, x.sorted_indices, x.unsorted_indices)


def _cell(draw: random.Random, module: nn.Recurrent) -> None:
    kind, inputs, batch = draw.choice([nn.LSTMCell, nn.GRUCell, nn.RNNCell]), draw.choice([0, 1, 3]), draw.randint(0, 5)
    cell = kind(inputs, 4)
    x = _tensor(draw, (batch, inputs) if draw.random() < 0.8 else (inputs,), cell)
    state = _tensor(draw, (*x.shape[:-1], 4), cell)
    hx = draw.choice([None, (state, state) if kind is nn.LSTMCell else state])
    states = cell(x, hx)
    h = states[0] if isinstance(states, tuple) else states
    if h.requires_grad and draw.random() < 0.6:
        h.sum().backward()


def _stream(draw: random.Random, module: nn.Recurrent) -> None:
    rows = draw.choice([1, 2, 3, 9])
    stream, dtype = gatewise.stream(module, rows), module.weight_ih_l0.dtype
    for _ in range(3):
        out = _viewed(draw, torch.zeros(rows, module.output_size, dtype=dtype)) if draw.random() < 0.3 else None
        stream.step(_tensor(draw, (rows, module.input_size), module), out)


FORMS: list[tuple[str, Callable[[random.Random, nn.Recurrent], None]]] = [
    ("padded", _padded),
    ("padded", _padded),
    ("unbatched", _unbatched),
    ("lengths", _with_lengths),
    ("packed", _packed),
    ("packed", _packed),
    ("cell", _cell),
    ("stream", _stream),
]


def _sizes(draw: random.Random, module: nn.Recurrent) -> tuple[int, ...]:
    steps, batch = draw.choice([0, 1, 2, 3, 6]), draw.choice([0, 1, 2, 3, 5, 9])
    return (batch, steps, module.input_size) if module.batch_first else (steps, batch, module.input_size)


def _states(draw: random.Random, module: nn.Recurrent, *, batched: bool) -> Any:
    places, widths = len(module.places), module.widths(module.places[0])
    rows = (draw.choice([1, 2, 3, 5, 9]),) if batched else ()
    states = [_tensor(draw, (places, *rows, width), module) for width in widths]
    if draw.random() < 0.15:
        states = [states[0]] * len(states)
    return states[0] if len(states) == 1 else tuple(states)


def _tensor(draw: random.Random, sizes: tuple[int, ...], like: Any) -> Tensor:
    """Mostly of this shape and the module's dtype, with ordinary numbers, in one piece."""
    shape, dtype = list(sizes), next(like.parameters()).dtype
    if draw.random() < 0.12 and shape:
        place = draw.randrange(len(shape))
        shape[place : place + 1] = draw.choice([[], [0], [1], [2], [5], [shape[place], 1]])
    if draw.random() < 0.05:
        dtype = draw.choice(WRONG)
    tensor = torch.randn(shape, dtype=dtype if dtype.is_complex else torch.float32).to(dtype)
    if draw.random() < 0.04 and tensor.numel() and dtype.is_floating_point:
        tensor.view(-1)[draw.randrange(tensor.numel())] = draw.choice(NUMBERS)
    return _viewed(draw, tensor) if draw.random() < 0.5 else tensor


def _viewed(draw: random.Random, tensor: Tensor) -> Tensor:
    """The same, or other numbers, in a layout of another kind."""
    if not tensor.dim() or not tensor.numel():
        return tensor
    way = draw.choice(VIEWS)
    return way(tensor) if tensor.is_floating_point() else tensor


VIEWS: list[Callable[[Tensor], Tensor]] = [
    lambda t: t.flip(0),
    lambda t: t[::2],
    lambda t: t[:1].expand(t.shape),
    lambda t: torch.as_strided(t, t.shape, (0,) * t.dim()),
    lambda t: t.transpose(0, -1).contiguous().transpose(0, -1),
    lambda t: torch.cat([t, t], -1)[..., : t.shape[-1]],
    lambda t: t.clone().requires_grad_(),
    lambda t: t.clone().requires_grad_() * 1,
    lambda t: torch._neg_view(t),
    lambda t: torch._efficientzerotensor(t.shape, dtype=t.dtype),
]


def _flat(states: Any) -> list[Tensor]:
    return [] if states is None else [states] if isinstance(states, Tensor) else list(states)


def _is_small(tensor: Tensor) -> bool:
    """Whether all numbers are finite and so small that what is made of them is too."""
    return bool((tensor.detach().float().abs() < HUGE).all())
