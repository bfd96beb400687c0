"""Modules of torch.nn as ours, with the very same weights."""

from __future__ import annotations

from typing import Any

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
    """The module of the same behaviour here, which shares the weights of a ``torch.nn.LSTM``, ``GRU`` or ``RNN``.

    Training either trains both. Weights that torch computes, by a parametrisation for one, are taken as they are now.
    Raises InputError for any other module.
    """
    if not is_from_torch(module) or not isinstance(module, nn.RNNBase):
        raise InputError(
            f"{type(module).__name__} is not one of torch.nn's recurrent layers", hint="give an LSTM, GRU or RNN"
        )
    kind = next(ours for theirs, ours in _OURS.items() if isinstance(module, theirs))
    arguments: dict[str, Any] = {name: getattr(module, name) for name in _ARGUMENTS}
    if isinstance(module, nn.RNN):
        arguments["nonlinearity"] = module.nonlinearity
    with torch.device("meta"):
        ours = kind(**arguments)
    for name in list(ours._parameters):  # pyright: ignore[reportPrivateUsage] - every weight lies in the module itself
        weight = getattr(module, name)
        shared = weight if isinstance(weight, nn.Parameter) else nn.Parameter(weight.detach())
        ours.register_parameter(name, shared)
    return ours.train(module.training)
