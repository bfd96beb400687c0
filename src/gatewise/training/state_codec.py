"""A training state as named tensors and JSON, and back, bit for bit."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError

FLOAT, TENSOR, TUPLE, DICT = "float", "tensor", "tuple", "dict"


def flatten(state: Any) -> tuple[dict[str, Tensor], Any]:
    """The tensors of a nested state, on the CPU, named by path (``optimizer/state/0/exp_avg``); the rest as JSON.

    state: dicts, lists and tuples of tensors, bool, int, float, str and None. Lists stay lists and tuples tuples; other
    mappings become dicts, other numbers plain ones. A tensor that appears twice is stored once. Raises InputError, with
    the place, for anything else.
    """
    writer = _Writer()
    return writer.tensors, writer.encode(state, ())


def rebuild(tensors: Mapping[str, Tensor], rest: Any) -> Any:
    """The state that `flatten` was given. Raises KeyError, TypeError or ValueError for what it cannot have made."""
    if isinstance(rest, list):
        return [rebuild(tensors, entry) for entry in rest]
    if not isinstance(rest, dict):
        return rest
    ((tag, inside),) = rest.items()
    if tag == DICT:
        return {rebuild(tensors, key): rebuild(tensors, entry) for key, entry in inside}
    if tag == TUPLE:
        return tuple(rebuild(tensors, entry) for entry in inside)
    return tensors[inside] if tag == TENSOR else struct.unpack(">d", bytes.fromhex(rest[FLOAT]))[0]


class _Writer:
    """Turns a nested state into JSON and collects its tensors."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[object, str] = {}
        self._storages: set[int] = set()

    def encode(self, value: Any, path: tuple[object, ...]) -> Any:
        if value is None or isinstance(value, str | int):
            return value
        if isinstance(value, float):  # JSON knows finite numbers only
            return float(value) if math.isfinite(value) else {FLOAT: struct.pack(">d", value).hex()}
        if isinstance(value, Tensor):
            return {TENSOR: self._name(value, path)}
        if isinstance(value, tuple | list):
            entries = [self.encode(entry, (*path, position)) for position, entry in enumerate(value)]
            return entries if isinstance(value, list) else {TUPLE: entries}
        if isinstance(value, Mapping):
            # As pairs, since keys need not be strings.
            return {DICT: [[self.encode(key, path), self.encode(entry, (*path, key))] for key, entry in value.items()]}
        raise _refused(f"a {type(value).__name__}", path)

    def _name(self, tensor: Tensor, path: tuple[object, ...]) -> str:
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized or tensor.dtype in _UNSUPPORTED:
            raise _refused(f"a tensor of {tensor.layout}, {tensor.dtype} on {tensor.device}", path)
        same = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        key = same if tensor.numel() else id(tensor)
        if key not in self._names:
            self._names[key] = self._free("/".join(map(str, path)))
            self.tensors[self._names[key]] = self._separate(tensor)
        return self._names[key]

    def _free(self, name: str) -> str:
        """The name, or a longer one where it is taken, as by a key with a slash in it."""
        return self._free(f"{name}'") if name in ("", "__metadata__") or name in self.tensors else name

    def _separate(self, tensor: Tensor) -> Tensor:
        """The values in a separate storage: safetensors refuses tensors that share one."""
        values = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        storage = values.untyped_storage().data_ptr()
        if storage in self._storages:
            values = values.clone()
        self._storages.add(storage)
        return values


_UNSUPPORTED = (torch.complex32, torch.complex128)  # not supported by safetensors


def _refused(what: str, path: tuple[object, ...]) -> InputError:
    return InputError(
        f"{what} cannot be kept in a checkpoint",
        where="".join(f"[{key!r}]" for key in path) or "state",
        hint="keep tensors, numbers, strings and None, in dicts, lists and tuples",
    )
