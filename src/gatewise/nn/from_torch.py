"""Modules of torch.nn as ours, with the very same weights."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from ..errors import InputError
from .modules import GRU, LSTM, RNN
from .recurrent import Recurrent

_OURS: dict[type[nn.RNNBase], type[Recurrent]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}
_ARGUMENTS = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")


def is_from_torch(module: object) -> bool:
    """Whether it is one of torch.nn's recurrent layers, with torch's own forward."""
    return any(isinstance(module, theirs) and type(module).forward is theirs.forward for theirs in _OURS)


def from_torch(module: nn.Module) -> Recurrent:
    """The module of gatewise with the behaviour of a layer of torch.nn, and with the very same weights.

    Weights are shared: training either module trains both. Weights that torch computes, by a parametrisation for
    example, are copied as they are now.

    Args:
        module: A ``torch.nn.LSTM``, ``GRU`` or ``RNN``, with any arguments.

    Returns:
        A `gatewise.nn.LSTM`, ``GRU`` or ``RNN``, in the same mode of training or evaluation.

    Raises:
        InputError: It is another module, or a subclass with a forward of its own.
    """
    if not is_from_torch(module) or not isinstance(module, nn.RNNBase):
        what, layer = f"{type(module).__name__} is not one of torch.nn's recurrent layers", _layer_in(module)
        raise InputError(what, hint=f"give its layer {layer!r}" if layer else "give an LSTM, GRU or RNN")
    kind = next(ours for theirs, ours in _OURS.items() if isinstance(module, theirs))
    with torch.device("meta"):
        ours = kind(**_arguments(module))
    for name in list(ours._parameters):  # pyright: ignore[reportPrivateUsage] - every weight lies in the module itself
        weight = getattr(module, name)
        shared = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight.detach())
        ours.register_parameter(name, shared)
    return ours.train(module.training)


def _layer_in(module: object) -> str:
    """The name of the first of torch.nn's recurrent layers in a model; none where there is none."""
    named = module.named_modules() if isinstance(module, nn.Module) else ()
    return next((name for name, part in named if is_from_torch(part)), "")


def twin_of(module: nn.Module) -> Recurrent:
    """As `from_torch`, but the same module again as long as its arguments and weights are the same objects.

    For those who look at a module many times.
    """
    twin = _twins.get(module)
    if twin is None or not _is_twin(twin, module):
        twin = _twins[module] = from_torch(module)
    return twin.train(module.training)


_twins: WeakKeyDictionary[nn.Module, Recurrent] = WeakKeyDictionary()


def _is_twin(ours: Recurrent, module: nn.Module) -> bool:
    if not isinstance(module, nn.RNNBase) or not is_from_torch(module):
        return False
    weights: dict[str, Any] = ours._parameters  # pyright: ignore[reportPrivateUsage]
    same = all(getattr(ours, name) == value for name, value in _arguments(module).items())
    return same and all(getattr(module, name) is weight for name, weight in weights.items())


def _arguments(module: nn.RNNBase) -> dict[str, Any]:
    arguments: dict[str, Any] = {name: getattr(module, name) for name in _ARGUMENTS}
    return arguments | ({"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {})
