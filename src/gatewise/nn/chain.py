"""A whole model that goes step by step, and the file that holds it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.utils.parametrize import is_parametrized

from ..container import Container
from ..equation import Cell, by_name
from ..errors import InputError, ModelFileError, ShapeError
from ..fields import Fields, anything, listed, text
from .by_torch import leaf
from .from_torch import from_torch, is_from_torch
from .parts import (
    KINDS,
    PartKind,
    Record,
    Supply,
    apply,
    check_forward,
    has_own_forward,
    kind_of,
    kind_of_part,
    sizes_of,
)
from .recurrent import Recurrent
from .stored import check_layers, fill, most_of

FILE = Container(
    key="gatewise-chain",
    noun="gatewise chain",
    format=1,
    error=ModelFileError,
    again="save the chain again",
    source="give a file written by Chain.save",
)


class Chain(nn.Module):
    """Modules one after another, with their states: what streams carry on step by step and exporters write.

    An ``nn.Sequential`` passes one tensor on, and a recurrent module returns two things. A chain takes the states of
    its recurrent parts and returns them beside its output, and holds only what is known to treat each step by itself.
    So `gatewise.stream` runs it one input at a time with the bits of the whole sequence, the exporters write it
    as C and ONNX, and its file (`save`) holds parts and weights with a checksum, and no code:

        model = Chain(Standardize(mean, scale), LSTM(3, 16, 2), nn.Linear(16, 1))
        y, states = model(x)

    Args:
        *parts: recurrent modules, ours or ``torch.nn.LSTM``, ``GRU``, ``RNN`` (whose weights are then shared), and
            between them ``nn.Linear``, ``nn.LayerNorm``, ``nn.Tanh``, ``nn.Sigmoid``, ``nn.ReLU``, ``nn.LogSigmoid``,
            ``nn.Identity``, ``nn.Dropout``, `Standardize` and `Unstandardize`. An ``nn.Sequential``
            stands for the modules in it.

    Raises:
        InputError: for other modules, by name.
        ShapeError: for parts that do not fit together.
    """

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_part(part, f"part {at}") for at, part in enumerate(_flat(parts)))
        if not len(self.parts):
            raise InputError("a chain needs at least one part", hint="give a recurrent module")
        _check_sizes(self.parts)
        if len({part.batch_first for part in self.recurrent}) > 1:
            raise InputError("some parts are batch_first and others are not", hint="make all the same")

    @property
    def input_size(self) -> int:
        """I, how many numbers a step reads. Raises InputError where no part says it."""
        for part in self.parts:
            if (sizes := sizes_of(part)) is not None:
                return sizes.inputs  # those before it keep the width
        raise InputError(
            "no part of the chain says how many features its input has", hint="add a linear or recurrent part"
        )

    @property
    def output_size(self) -> int:
        """O, how many numbers a step gives. Raises InputError where no part says it."""
        for part in reversed(self.parts):
            if (sizes := sizes_of(part)) is not None:
                return sizes.outputs  # those after it keep the width
        return self.input_size

    @property
    def recurrent(self) -> list[Recurrent]:
        """The parts that have states."""
        return [part for part in self.parts if isinstance(part, Recurrent)]

    def forward(
        self, x: Tensor, hx: Sequence[Any] | None = None, lengths: Any = None, resets: Tensor | None = None
    ) -> tuple[Tensor, list[Any]]:
        """Run over a sequence.

        x: (T, B, I), (B, T, I) where parts are ``batch_first``, or (T, I). hx: for each recurrent part the state that
        it takes. lengths, resets: as of `Recurrent`; outputs beyond lengths are of no meaning.
        Returns the outputs, formed like x, and the list of the last states.
        """
        if isinstance(x, Proxy):
            return leaf(self, x, hx, lengths, resets)  # pyright: ignore[reportReturnType]
        states = [None] * len(self.recurrent) if hx is None else list(hx)
        if len(states) != len(self.recurrent):
            raise ShapeError(f"expected {len(self.recurrent)} states, one for each recurrent part, got {len(states)}")
        last: list[Any] = []
        for part in self.parts:
            if isinstance(part, Recurrent):
                x, state = part(x, states[len(last)], lengths=lengths, resets=resets)
                last.append(state)
            else:
                x = apply(part, x)
        return x, last

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.parts)

    def __getitem__(self, at: int | slice) -> nn.Module:
        """A part, or of a slice a chain of the parts in it, with the same weights."""
        if not isinstance(at, slice):
            return self.parts[at]
        some = Chain(*list(self.parts)[at])
        some.training = self.training
        return some

    def save(self, path: str | Path) -> None:
        """Write parts and weights to one file, safetensors with a checksum.

        Raises InputError for a part with a forward of its own or a parametrisation, and then writes nothing.
        """
        records = [_described(part, f"part {at}") for at, part in enumerate(self.parts)]
        tensors = {name: tensor.detach().cpu().clone() for name, tensor in self.state_dict().items()}
        FILE.write(path, tensors, {"parts": records})

    @classmethod
    def load(cls, path: str | Path, *, cells: Iterable[Cell] = ()) -> Self:
        """The chain that `save` wrote, on the CPU and in evaluation mode.

        cells: those in it that are none of gatewise's own. Raises ModelFileError for a file that is damaged, foreign or
        too new; nothing in it is executed.
        """
        own = by_name(cells)
        tensors, record = FILE.read(path)
        with FILE.understood(path, "its parts do not describe a chain"):
            records = _checked(FILE.fields(_RECORD, record)["parts"], tensors)
            shares = _by_part(tensors)
            supplies = [Supply(own, shares[at]) for at, _ in enumerate(records)]
            with torch.device("meta"):
                chain = cls(
                    *(_kind_in(part).made(part, supply) for part, supply in zip(records, supplies, strict=True))
                )
            fill(chain, tensors)
            if len(dtypes := {str(tensor.dtype) for tensor in tensors.values()}) > 1:
                raise InputError(f"its tensors are of several dtypes, {', '.join(sorted(dtypes))}")
        return chain.eval()


def chain_of(model: nn.Module) -> Chain:
    """The model as a chain: itself, or one of what it is made of."""
    return model if isinstance(model, Chain) else Chain(model)


def _flat(modules: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """What stands in nn.Sequential, in place of it."""
    for module in modules:
        if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
            yield from _flat(module)
        else:
            yield module


def _part(module: nn.Module, name: str) -> nn.Module:
    """What stands for a module in a chain. Raises InputError where nothing can."""
    if is_from_torch(module):
        return from_torch(module)
    kind = kind_of(module)
    if kind is None:
        what = f"{type(module).__name__} is no part of a chain"
        raise InputError(what, where=name, hint=_in_place_of(module))
    if kind.rows is not None:
        check_forward(module, name)  # what has states is called as it is
    return module


def _in_place_of(module: object) -> str:
    """What to give instead of what is no part of a chain."""
    if isinstance(module, list | tuple):
        return "give the parts one by one, Chain(*parts)"
    known = ", ".join(kind.__name__ for kind in KINDS if kind is not Recurrent)
    if isinstance(module, nn.Module) and any(True for _ in module.children()):
        return f"write the model as a Chain of its parts: recurrent modules, {known}"
    return f"recurrent modules, {known}"


def _check_sizes(parts: Iterable[nn.Module]) -> None:
    width: int | None = None
    for at, part in enumerate(parts):
        if (sizes := sizes_of(part)) is not None:
            if width not in (None, sizes.inputs):
                raise ShapeError(
                    f"a {type(part).__name__} of {sizes.inputs} features follows what gives {width}", where=f"part {at}"
                )
            width = sizes.outputs


def _described(part: nn.Module, where: str) -> dict[str, Any]:
    """A part as JSON holds it."""
    kind = kind_of_part(part)
    comes_back = type(part) is kind.module or (kind.rows is None and not has_own_forward(part))
    if not comes_back or is_parametrized(part):
        what = f"a {type(part).__name__} is code of its own, which no file holds"
        raise InputError(what, where=where, hint="save its state_dict, or put a plain module in its place")
    return {"part": kind.module.__name__, **kind.record(part)}


_OF_PART = re.compile(r"parts\.(0|[1-9][0-9]{0,4})\.(.+)", re.DOTALL)


def _by_part(tensors: Mapping[str, Tensor]) -> defaultdict[int, dict[str, Tensor]]:
    """The tensors of each part, by its number and their names in it; others are left out."""
    shares: defaultdict[int, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        if match := _OF_PART.fullmatch(name):
            shares[int(match[1])][match[2]] = tensor
    return shares


_RECORD = Fields({"parts": listed(anything, 10_000)})
"""The record of a file; what is in a part depends on its kind."""


def _checked(parts: list[Any], tensors: Mapping[str, Tensor]) -> Sequence[Record]:
    """The parts, each with the fields of its kind. Raises InputError, also where these tensors are too few for them."""
    most = most_of(tensors)
    records = [
        Fields({"part": text, **_kind_in(part).fields(most)})(f"part {at}", part) for at, part in enumerate(parts)
    ]
    check_layers(sum(record["arguments"].get("num_layers", 0) for record in records), tensors)
    return records


def _kind_in(record: Any) -> PartKind:
    """The kind that the record of a part names."""
    name = dict(record)["part"]
    kind = next((kind for module, kind in KINDS.items() if module.__name__ == name), None)
    if kind is None:
        raise InputError(f"a part {str(name)[:40]!r}")
    return kind
