"""The kinds of modules that a chain may hold: a row for each, and whatever is asked of a part is asked here.

Streams and exporters are told what a part does by its cell, so a kind that a cell describes is one new row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..cells import CELLS
from ..equation import Cell
from ..errors import InputError, ModelFileError, argument, moved
from ..fields import Check, Fields, flag, listed, number, text, whole
from ..kernels.dispatch import sequence
from ..kernels.registry import register
from . import maps
from .maps import Standardize, Unstandardize
from .recurrent import Recurrent
from .rowwise import Affine, Gateless, Rowwise, by_kernels
from .stored import recurrent_fields

Record = Mapping[str, Any]


class Sizes(NamedTuple):
    """Features of one step, in and out."""

    inputs: int
    outputs: int


class Supply(NamedTuple):
    """What a part in a file is made with, beside its record. cells: the user's own, by name. tensors: its weights and
    buffers, by their names in it."""

    cells: Mapping[str, Cell]
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class PartKind:
    """One kind of part.

    Attributes:
        module: Its class.
        rows: What such a module does to each row (I,) in evaluation mode; None for a kind that has states.
        sizes: Of such a module; None where it takes any number of features and keeps it.
        record: What a file holds of it beside its class and its weights, as JSON.
        fields: What a record may hold, where sizes are at most so large.
        make: The module of a record, its weights yet to be filled in; by default the class called with the arguments.
        row_fault: Why it does not treat each step by itself, where it does not.
        step_fault: Why it cannot go step by step, where it cannot.
    """

    module: type[nn.Module]
    rows: Callable[[Any], Rowwise] | None
    sizes: Callable[[Any], Sizes | None] = lambda _: None
    record: Callable[[Any], Record] = lambda _: {"arguments": {}}
    fields: Callable[[int], Mapping[str, Check]] = lambda _: {"arguments": Fields({})}
    make: Callable[[Record, Supply], nn.Module] | None = None
    row_fault: Callable[[Any], InputError | None] = lambda _: None
    step_fault: Callable[[Any], InputError | None] = lambda _: None

    def made(self, record: Record, supply: Supply) -> nn.Module:
        """The module of a record, its weights yet to be filled in."""
        return self.module(**record["arguments"]) if self.make is None else self.make(record, supply)


def _recurrent_record(part: Recurrent) -> Record:
    cell = part.given_cell
    own = cell is not CELLS.get(cell.name)
    return {
        "cell": cell.name_in_files,
        "own": own,
        "allow_nonfinite": part.allow_nonfinite,
        "arguments": part.arguments,
    }


def _recurrent_fields(most: int) -> Mapping[str, Check]:
    arguments = recurrent_fields(most, required=("input_size", "hidden_size", "num_layers"))
    return {"cell": text, "own": flag, "allow_nonfinite": flag, "arguments": arguments}


def _recurrent(record: Record, supply: Supply) -> Recurrent:
    name = record["cell"]
    known = supply.cells if record["own"] else {**CELLS, **supply.cells}
    if name not in known:
        name = name[:40]
        hint = f"give it in {argument('cells')}: in Python as [{name}], in the shell as module:{name} or file.py:{name}"
        raise ModelFileError(f"it holds the cell {name!r}, which is none of gatewise's own", hint=hint)
    module = Recurrent(known[name], **record["arguments"])
    if record["allow_nonfinite"]:
        module.allow_nonfinite = True
    return module


def watched() -> InputError:
    """Why a module whose run is intercepted cannot go step by step."""
    what = "the module runs over whole sequences here, in a block of gatewise.time_chunks or gatewise.recording"
    return InputError(what, hint="go step by step outside of it")


def _not_by_step(part: Recurrent) -> InputError | None:
    if part.bidirectional:
        what = "a bidirectional module needs the end of a sequence before it can give its first output"
        return InputError(what, hint=f"train one with {argument('bidirectional', False)}")
    return watched() if part.watch is not None else None


def _arguments(*names: str) -> Callable[[Any], Record]:
    """The record of a part that is made with these attributes; of ``bias`` whether there is one."""

    def record(part: Any) -> Record:
        arguments = {name: getattr(part, name) for name in names}
        return {"arguments": {name: _plain(name, value) for name, value in arguments.items()}}

    return record


def _plain(name: str, value: Any) -> Any:
    if name == "bias":
        return value is not None
    return list(value) if isinstance(value, tuple) else value


def _linear_fields(most: int) -> Mapping[str, Check]:
    size = whole(1, most)
    return {"arguments": Fields({"in_features": size, "out_features": size, "bias": flag})}


def _layer_norm_fields(most: int) -> Mapping[str, Check]:
    shape = listed(whole(1, most), 8)
    fields = {"normalized_shape": shape, "eps": number(0), "elementwise_affine": flag, "bias": flag}
    return {"arguments": Fields(fields)}


def _layer_norm(part: nn.LayerNorm) -> Rowwise:
    """A module without a weight has ones, without a bias zeros."""
    weight: Tensor | None = getattr(part, "weight", None)
    bias: Tensor | None = getattr(part, "bias", None)
    weight = torch.ones(part.normalized_shape) if weight is None else weight
    bias = torch.zeros_like(weight) if bias is None else bias
    return Gateless(maps.layer_norm(part.eps), {"weight": weight, "bias": bias})


def _spans_steps(part: nn.LayerNorm) -> InputError | None:
    shape = tuple(part.normalized_shape)
    what = f"a LayerNorm over {shape} is not over the features of a step"
    return None if len(shape) == 1 else InputError(what)


def _statistics(kind: type[Standardize], cell: Cell) -> PartKind:
    def make(_: Record, supply: Supply) -> nn.Module:
        with torch.device("cpu"):  # it looks at its numbers
            return kind(supply.tensors["mean"], supply.tensors["scale"])

    return PartKind(
        kind,
        rows=lambda part: Gateless(cell, {"mean": part.mean, "scale": part.scale}),
        sizes=lambda part: Sizes(len(part.mean), len(part.mean)),
        record=lambda part: {"arguments": {"features": len(part.mean)}},
        fields=lambda most: {"arguments": Fields({"features": whole(1, most)})},
        make=make,
    )


_ROWS = (
    PartKind(
        Recurrent,
        rows=None,
        sizes=lambda part: Sizes(part.input_size, part.output_size),
        record=_recurrent_record,
        fields=_recurrent_fields,
        make=_recurrent,
        step_fault=_not_by_step,
    ),
    PartKind(
        nn.Linear,
        rows=lambda part: Affine(part.weight, part.bias),
        sizes=lambda part: Sizes(part.in_features, part.out_features),
        record=_arguments("in_features", "out_features", "bias"),
        fields=_linear_fields,
    ),
    _statistics(Standardize, maps.standardize),
    _statistics(Unstandardize, maps.unstandardize),
    PartKind(
        nn.LayerNorm,
        rows=_layer_norm,
        sizes=lambda part: Sizes(part.normalized_shape[-1], part.normalized_shape[-1]),
        record=_arguments("normalized_shape", "eps", "elementwise_affine", "bias"),
        fields=_layer_norm_fields,
        row_fault=_spans_steps,
    ),
    PartKind(nn.Tanh, rows=lambda _: Gateless(maps.tanh)),
    PartKind(nn.Sigmoid, rows=lambda _: Gateless(maps.sigmoid)),
    PartKind(nn.ReLU, rows=lambda _: Gateless(maps.relu)),
    PartKind(nn.LogSigmoid, rows=lambda _: Gateless(maps.log_sigmoid)),
    PartKind(nn.Identity, rows=lambda _: Gateless(maps.identity)),
    PartKind(
        nn.Dropout,
        rows=lambda _: Gateless(maps.identity),
        record=_arguments("p"),
        fields=lambda _: {"arguments": Fields({"p": number(0, 1)})},
    ),
)
KINDS: dict[type[nn.Module], PartKind] = {kind.module: kind for kind in _ROWS}
"""The kinds of parts by their class."""


def kind_of(module: nn.Module) -> PartKind | None:
    """Of which kind a module is, itself or by inheritance; None where no chain may hold it."""
    return next((KINDS[base] for base in type(module).__mro__ if base in KINDS), None)


def kind_of_part(part: nn.Module) -> PartKind:
    """Of which kind a part of a chain is."""
    kind = kind_of(part)
    assert kind is not None
    return kind


def rows_of(part: nn.Module) -> Rowwise:
    """What a part without states does to each row (I,) in evaluation mode."""
    rows = kind_of_part(part).rows
    assert rows is not None
    return rows(part)


def sizes_of(part: nn.Module) -> Sizes | None:
    """Those of a part of a chain; None for one that takes any number of features and keeps it."""
    return kind_of_part(part).sizes(part)


def apply(module: nn.Module, x: Tensor) -> Tensor:
    """A part without states, (..., I) to (..., O).

    By torch's own operations where no driver keeps the bits of rows (other devices, half precision), under autocast and
    torch.compile, and for what is random.
    """
    # a cell that is met inside a graph for the first time cannot be registered there
    if torch.compiler.is_compiling() or kind_of_part(module).row_fault(module) is not None:
        return module(x)
    rowwise = rows_of(module)
    of_its_dtype = all(weight.dtype == x.dtype for weight in (*module.parameters(), *module.buffers()))
    if not (rowwise.changes and of_its_dtype and by_kernels(rowwise.cell, x)):
        return module(x)
    rows = x.reshape(-1, x.shape[-1])
    return sequence(register(rowwise.cell), rowwise.layer(rows)).y.reshape(*x.shape[:-1], -1)


def has_own_forward(part: nn.Module) -> bool:
    """Whether a subclass computes something else than the module of its kind, which no cell describes."""
    return type(part).forward is not kind_of_part(part).module.forward


def check_forward(part: nn.Module, where: str) -> None:
    """Raises InputError, naming the part, for a forward of its own."""
    if has_own_forward(part):
        hint = f"put a plain {kind_of_part(part).module.__name__} in its place"
        raise InputError(f"a {type(part).__name__} has a forward of its own", where=where, hint=hint)


def check_rows(part: nn.Module, where: str) -> None:
    """Raises InputError, naming the part, where what it does to each step cannot be told from its kind."""
    check_forward(part, where)
    _check(kind_of_part(part).row_fault(part), where)


def check_steps(part: nn.Module, where: str) -> None:
    """Raises InputError, naming the part, where it cannot go step by step."""
    check_rows(part, where)
    _check(kind_of_part(part).step_fault(part), where)


def _check(fault: InputError | None, where: str) -> None:
    if fault is not None:
        raise moved(fault, where)
