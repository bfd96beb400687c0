"""What can be exported: everything else is refused by name before any work begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..nn.chain import Chain, chain_of
from ..nn.parts import check_rows
from ..nn.recurrent import Recurrent

_DTYPES = (torch.float32, torch.float64)


class SizeLimit(NamedTuple):
    """The largest number of bytes of weights in a kind of file. kind: as in "an ONNX file"."""

    kind: str
    largest: int

    def check(self, count: int) -> None:
        """Raises InputError for more bytes than a file can hold."""
        if count > self.largest:
            raise InputError(
                f"the model has {count:,} bytes of weights, {self.kind} holds at most {self.largest:,}",
                hint="make it smaller, or export its parts one by one",
            )


def accepted(model: nn.Module, limit: SizeLimit) -> tuple[Chain, torch.dtype]:
    """The model as a chain, and its dtype. Raises InputError for what cannot be exported, naming the parameter."""
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        raise InputError(f"a {type(model).__name__} is not a model", hint="give a Chain, or a recurrent module")
    chain = chain_of(model)
    named = [(_name_in(model, name), tensor) for name, tensor in (*chain.named_parameters(), *chain.named_buffers())]
    limit.check(sum(tensor.numel() * tensor.element_size() for _, tensor in named))
    for name, tensor in named:
        _check(name, tensor, may_be_empty=any(tensor is weight for weight in _without_gates(chain)))
    dtypes = sorted({tensor.dtype for _, tensor in named}, key=str)
    if len(dtypes) > 1:
        raise InputError(
            f"the model's weights are of several dtypes: {', '.join(map(str, dtypes))}", hint="model.float()"
        )
    for at, part in enumerate(chain.parts):
        check_rows(part, f"part {at}")
    return chain, dtypes[0] if dtypes else torch.get_default_dtype()


def _name_in(model: nn.Module, name: str) -> str:
    """What a parameter of the model's chain is called in the model itself."""
    if isinstance(model, Chain):
        return name
    return name.removeprefix("parts." if isinstance(model, nn.Sequential) else "parts.0.")


def _without_gates(chain: Chain) -> Iterator[Tensor]:
    """Weights of the gates that have them, where no gate of a cell has: W or U of no rows."""
    for module in chain.modules():
        if isinstance(module, Recurrent):
            for place in module.places:
                names = ("weight_ih", *module.sizes(place).recurrent()) if place.inputs and place.units else ()
                weights = (getattr(module, name + place.suffix) for name in names)
                yield from (weight for weight in weights if len(weight) == 0)


def _check(name: str, tensor: Tensor, *, may_be_empty: bool) -> None:
    if tensor.dtype not in _DTYPES:
        raise InputError(f"it is {tensor.dtype}; float32 and float64 can be exported", where=name, hint="model.float()")
    if tensor.is_meta:
        raise InputError("it is on the meta device and has no numbers", where=name, hint="load the model's weights")
    if tensor.numel() == 0 and not may_be_empty:
        raise InputError(
            f"it is empty, of shape {tuple(tensor.shape)}", where=name, hint="every size must be at least 1"
        )
    wrong = int((~torch.isfinite(tensor)).sum())
    if wrong:
        numbers = "number is" if wrong == 1 else "numbers are"
        raise InputError(f"{wrong} of its {tensor.numel()} {numbers} NaN or infinite", where=name)
