"""The recurrent layers inside a model."""

from __future__ import annotations

from torch import nn

from ..errors import InputError
from ..nn.from_torch import is_from_torch
from ..nn.recurrent import Recurrent

_WANTED = "a recurrent layer of gatewise.nn, or a torch.nn.LSTM, GRU or RNN"


def recurrent_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Those that can be looked into, by their names in the model; ``""`` for the model itself.

    Raises InputError where there is none.
    """
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"a {type(model).__name__} is not a module", hint=f"give {_WANTED}")
    found = {name: one for name, one in model.named_modules() if isinstance(one, Recurrent) or is_from_torch(one)}
    if not found:
        raise InputError(
            f"{type(model).__name__} holds no recurrent layer", hint=f"give {_WANTED}, or a model with one"
        )
    return found


def the_layer(model: nn.Module, of: str) -> nn.Module:
    """The one of that name, or the only one. Raises InputError where that is not clear."""
    found = recurrent_layers(model)
    if of in found:
        return found[of]
    names = ", ".join(name or "the model itself" for name in found)
    if of:
        raise InputError(f"the model has no recurrent layer {of!r}", hint=f"there is {names}")
    if len(found) > 1:
        raise InputError(f"the model has {len(found)} recurrent layers", hint=f"say which with of=: {names}")
    return next(iter(found.values()))
