"""A trained model carried on step by step, for inputs that arrive one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from ..container import Container
from ..errors import InputError, ModelFileError, ShapeError
from ..fields import Fields, flag, listed
from ..kernels.choice import keeps_bits
from ..kernels.device import unreadable, written_out
from .batch import Batch
from .chain import Chain, chain_of
from .check import check_mask, check_tensor
from .from_torch import is_from_torch
from .maps import linear
from .parts import check_steps, watched
from .recurrent import Recurrent
from .stored import most_of
from .wiring import Memory, Wiring

FILE = Container(
    key="gatewise-stream",
    noun="gatewise stream's state",
    format=1,
    error=ModelFileError,
    again="save the stream's state again",
    source="give a file written by a stream's save method",
)


Begins: TypeAlias = tuple[bool, ...]
_RECORD = Fields({"begins": listed(flag)})
_FOREIGN = "its states are not those of this model"


def batch_size_of(path: str | Path) -> int:
    """How many rows the stream had whose state is in a file. Raises ModelFileError."""
    tensors, record = FILE.read(path)
    with FILE.understood(path, _FOREIGN):
        FILE.fields(_RECORD, record)
        rows = [tensor.shape[-2] for tensor in tensors.values()]
        if rows and not 1 <= rows[0] <= most_of(tensors):
            raise InputError(f"{rows[0]:,} rows")
    return rows[0] if rows else 1


class Stream:
    """Steps through a model, with the weights that it had when `gatewise.stream` made this object.

    Each step gives the bits that the model in evaluation mode gives for the same step of a whole sequence. Nothing is
    recorded for gradients.

    Attributes:
        state: The states to go on from, which can be read and set.
    """

    def __init__(self, chain: Chain, like: Tensor, *, alone: bool) -> None:
        self._shape, self._dtype, self._device, self._like = like.shape, like.dtype, like.device, like
        self._alone, self._bytes = alone, like.nbytes
        wiring = Wiring(list(chain.parts), like)
        self._memories, self._wired = wiring.memories, wiring.calls
        self._feeds = wiring.feeds
        self._steps = [[call.stepper.steps[half] for call in wiring.calls] for half in (0, 1)]
        self._outputs = wiring.outputs
        self._half = 0
        self._note_beginnings()

    def __repr__(self) -> str:
        return f"Stream(batch_size={self._shape[0]}, input_size={self._shape[1]}, dtype={self._dtype})"

    @property
    def batch_size(self) -> int:
        """B, how many sequences go side by side."""
        return self._shape[0]

    def step(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """The output for the next step of the input.

        Args:
            x: (B, I), in the dtype and on the device of the weights.
            out: A tensor (B, O) to write to in place; by default a new one is made.

        Returns:
            (B, O); ``out`` where it is given.

        Raises:
            InputError: An argument is not a tensor, or ``out`` requires gradients. The state stays as it was.
            ShapeError: A shape, dtype or device does not fit. The state stays as it was.

        Note:
            Numbers are not looked at, which would take as long as the step: a NaN stays in the state until `reset`, or
            until the state is set. Where a sensor may give one, ask ``torch.isfinite(x).all()`` before.
        """
        if out is not None:
            self._check_out(out)
        if (
            type(x) is not Tensor
            or x.shape != self._shape
            or x.dtype is not self._dtype
            or not x.is_contiguous()
            or x.is_neg()
            or x._is_zerotensor()
            or ((beside := x.untyped_storage().nbytes() - self._bytes) and beside < x.storage_offset() * x.itemsize)
            or x.device != self._device
        ):
            x = self._checked(x)
        half = self._half
        for feed in self._feeds[half]:
            feed(x)
        if self._begins:
            self._first_step(x.detach())
        else:
            for step in self._steps[half]:
                step()
        y = self._outputs[half]
        taken = y.clone() if out is None else out.copy_(y)
        self._half = 1 - half
        return taken

    def _first_step(self, x: Tensor) -> None:
        """A step in which some layers read an output as it was given."""
        for stepper, memory in self._wired:
            if memory is not None and memory.begins:
                memory.first_step(stepper.cell, self._half, x)
            else:
                stepper.steps[self._half]()
        self._note_beginnings()

    def _note_beginnings(self) -> None:
        self._begins = any(memory.begins for memory in self._all)

    @property
    def _all(self) -> list[Memory]:
        return [memory for _, memories in self._memories for memory in memories]

    def _check_out(self, out: Any) -> None:
        """copy_ would repeat rows, round numbers and record gradients without a word."""
        y = self._outputs[0]
        check_tensor("out", out)
        if out.shape != y.shape:
            raise ShapeError(f"out has shape {tuple(out.shape)}, expected (B, O) = {tuple(y.shape)}")
        if out.dtype is not y.dtype or out.device != y.device:
            raise ShapeError(f"out is {out.dtype} on {out.device}, the stream {y.dtype} on {y.device}")
        if any(step == 0 and size > 1 for step, size in zip(out.stride(), out.shape, strict=True)):
            raise InputError("several numbers of out share one place in memory", hint="out.clone()")
        if out.requires_grad:
            raise InputError("out requires gradients, and a stream records none", hint="out.detach()")

    def _checked(self, x: Any) -> Tensor:
        check_tensor("the input", x)
        if x.shape != self._shape:
            raise ShapeError(f"a step's input has shape {tuple(x.shape)}, expected (B, I) = {tuple(self._shape)}")
        if x.dtype is not self._dtype or x.device != self._device:
            raise ShapeError(f"the input is {x.dtype} on {x.device}, the stream {self._dtype} on {self._device}")
        x = x.detach().contiguous()
        readable = written_out(x) if unreadable((x,)) else x
        if readable is None:
            raise ShapeError(f"the input has shape {tuple(x.shape)}, and memory for less than that")
        return readable

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Neither copied nor pickled: its kernels are bound to the places of its tensors in memory."""
        raise InputError(
            "a stream can be neither copied nor pickled",
            hint="make another with gatewise.stream(model), and set its state to this one's, or save and load it",
        )

    @property
    def state(self) -> Any:
        """A copy of the states, as the module takes and gives them in ``hx``. Set it to go on from others.

        The state of a chain is a list of those of each recurrent part.

        Where an output is projected, what the next step multiplies is rounded when it is taken out here: `save` keeps
        every bit.
        """
        found = [
            module.joined_states([[state.clone() for state in memory.now(self._half)] for memory in memories], batch)
            for (module, memories), batch in zip(self._memories, self._batches(), strict=True)
        ]
        return found[0] if self._alone else found

    @state.setter
    def state(self, states: Any) -> None:
        given = [states] if self._alone else list(states)
        if len(given) != len(self._memories):
            raise ShapeError(f"expected {len(self._memories)} states, one for each recurrent part, got {len(given)}")
        zipped = zip(self._memories, given, self._batches(), strict=True)
        fit = [module.initial_states(hx, batch, self._like, self._dtype) for (module, _), hx, batch in zipped]
        for (_, memories), found in zip(self._memories, fit, strict=True):
            for memory, mine in zip(memories, found, strict=True):
                memory.put(self._half, [state.detach() for state in mine if state is not None])
        self._note_beginnings()

    def _batches(self) -> list[Batch]:
        """One step of the input of each recurrent part, by which states are formed."""
        rows = [self._like.new_empty(1, len(self._like), module.input_size) for module, _ in self._memories]
        return [Batch(x, None, False) for x in rows]

    def reset(self, rows: Tensor | None = None) -> None:
        """Go back to the beginning: to the states that the model starts from by itself.

        Args:
            rows: Which of the B sequences, a bool tensor (B,) on any device, such as the ``done`` of environments; by
                default all.

        Raises:
            InputError: It is no such tensor; or a layer's output is projected and starts from a learned value, where
                only all rows begin together. The state stays as it was.
            ShapeError: It has another shape. The state stays as it was.
        """
        if rows is None:
            for memory in self._all:
                memory.reset(self._half)
            self._note_beginnings()
            return
        chosen = check_mask("rows", rows, (self.batch_size,)).to(self._device)
        if not all(memory.resets_rows for memory in self._all):
            raise InputError(
                "a projected output that starts from a learned value begins for all rows at once",
                hint="reset() without rows, or a stream for each sequence",
            )
        for memory in self._all:
            memory.reset_rows(self._half, chosen)

    def save(self, path: str | Path) -> None:
        """Write the state, every bit of it, to a file, for `load`.

        Args:
            path: The file; one that exists is replaced.

        Raises:
            InputError: The file cannot be written.
        """
        FILE.write(path, {name: tensor.clone() for name, tensor in self.kept.items()}, {"begins": list(self.begins)})

    def load(self, path: str | Path) -> None:
        """Go on from where a stream of the same model was saved.

        Args:
            path: The file that `save` wrote. Nothing in it is executed.

        Raises:
            ModelFileError: The file is damaged, or of another model or batch size. The state stays as it was.
        """
        tensors, record = FILE.read(path)
        begins = self.begins_in(tensors, record, path)
        for name, mine in self.kept.items():
            mine.copy_(tensors[name])
        self.begins = begins

    def begins_in(self, tensors: Mapping[str, Tensor], record: Mapping[str, Any], source: str | Path) -> Begins:
        """What a file says of `begins`; ModelFileError where it is damaged, or not of this model and batch size."""
        with FILE.understood(source, _FOREIGN, "load it into a stream of the same model and batch size"):
            begins = FILE.fields(_RECORD, record)["begins"]
            kinds = {name: (tensor.shape, tensor.dtype) for name, tensor in self.kept.items()}
            if kinds != {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}:
                raise InputError("their names, shapes or dtypes are others")
            if len(begins) != len(self._all):
                raise InputError(f"{len(begins)} memories, and not {len(self._all)}")
        return tuple(begins)

    @property
    def begins(self) -> Begins:
        """Of each layer's memory, whether the next step reads an output as it was given; part of what is saved."""
        return tuple(memory.begins for memory in self._all)

    @begins.setter
    def begins(self, begins: Begins) -> None:
        for memory, begin in zip(self._all, begins, strict=True):
            memory.begins = begin and memory.narrow is not None
        self._note_beginnings()

    @property
    def kept(self) -> dict[str, Tensor]:
        """Everything that the next step goes on from, by name, (S, B, H) each: what `save` writes. No copies."""
        return {
            f"{at}.{name}": tensor[self._half]
            for at, memory in enumerate(self._all)
            for name, tensor in memory.kept.items()
        }


def stream(model: nn.Module, batch_size: int = 1) -> Stream:
    """Carry a trained model on step by step, for inputs that arrive one at a time.

    Args:
        model: A `gatewise.nn.Chain`, or what may be part of one: a recurrent module, of gatewise or of torch.nn, with
            any options. It reads forwards only, on the CPU, with weights in float32 or float64.
        batch_size: B, how many sequences go side by side.

    Returns:
        A stream, with ``step(x)``, ``state``, ``reset()``, ``save(path)`` and ``load(path)``. It has the weights that
        the model has now.

    Raises:
        InputError: The model, or a part of it, cannot go step by step; it is named.

    Example:
        >>> steps = gatewise.stream(model)
        >>> y = steps.step(x)  # (1, I) to (1, O)
    """
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance] - users may give anything
        hint = "call its own method, model.stream(...)" if hasattr(model, "stream") else ""
        raise InputError(f"a stream is made of a module, not of a {type(model).__name__}", hint=hint)
    if type(batch_size) is not int or batch_size < 1:
        raise InputError(f"batch_size must be a whole number of at least 1, not {batch_size!r}")
    if any(is_from_torch(module) and "forward" in vars(module) for module in model.modules()):
        raise watched()
    chain = chain_of(model)
    for at, part in enumerate(chain.parts):
        check_steps(part, f"part {at}" if len(chain.parts) > 1 else "")
    tensors = [*chain.parameters(), *chain.buffers()]
    kinds = {(tensor.dtype, tensor.device): tensor for tensor in tensors}
    for (dtype, device), tensor in sorted(kinds.items(), key=str):
        if len(kinds) > 1 or not keeps_bits(linear, tensor):
            raise InputError(f"no stream for weights of {dtype} on {device}", hint="model.float().cpu()")
    like = torch.zeros(batch_size, chain.input_size, dtype=tensors[0].dtype, device=tensors[0].device)
    with torch.no_grad():
        return Stream(chain, like, alone=isinstance(model, Recurrent) or is_from_torch(model))
