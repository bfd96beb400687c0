"""A model by its tensors: whole sequences, or steps from a state that goes in and out, or that a session keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import GatewiseError, InputError
from ..nn.chain import Chain
from ..nn.interleaved import RowState, interleaved
from ..nn.parts import sizes_of
from ..nn.recurrent import Recurrent
from .limits import Limits
from .refusal import LARGE, RefusedError
from .sessions import Name, Sessions
from .tensors import BYTES, Asked, Told
from .worker import Work, Worker

X, LENGTHS, STATE, Y = "x", "lengths", "state", "y"
_DATATYPES = {torch.float32: "FP32", torch.float64: "FP64"}
_IN_PIECES = "send it in pieces, each with the state of the one before"
_NEXT = "the numbers of a step overflow: the model answers with what is not finite"


@dataclass(frozen=True)
class Whole:
    """Sequences from the model's own beginning. x: (B, T, I). lengths: (B,)."""

    x: NDArray[Any]
    lengths: NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Sequences that go on. states: from where, None for the beginning. session: which keeps the state, with one row.

    begins, ends: of the session.
    """

    x: NDArray[Any]
    lengths: NDArray[np.int64]
    states: Sequence[RowState] | None = None
    session: Name | None = None
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Carried:
    """What came of them: the outputs (B, T, O), zeros beyond the lengths, and the states."""

    y: NDArray[Any]
    states: Sequence[RowState]


class TensorModel:
    """A chain that answers requests of the Open Inference protocol."""

    def __init__(self, name: str, chain: Chain, worker: Worker, limits: Limits, sessions: Sessions[RowState]) -> None:
        self.name, self._chain, self._worker = name, chain, worker
        self._whole, self._stepwise = Work(self._run_whole), Work(self._run_steps)
        self._limits, self._sessions = limits, sessions
        self._many = interleaved(chain)
        self._dtype = next(iter([*chain.parameters(), *chain.buffers()])).dtype
        self.datatype = _DATATYPES[self._dtype]
        self.inputs, self.outputs = chain.input_size, chain.output_size
        self._widest = max(self.inputs, self.outputs, *(width for part in chain.parts for width in _widths(part)))

    def metadata(self) -> dict[str, Any]:
        """The tensors that it takes and gives."""

        def tensor(name: str, datatype: str, *shape: int, optional: bool = False) -> dict[str, Any]:
            about = {"name": name, "datatype": datatype, "shape": list(shape)}
            return {**about, "parameters": {"optional": True}} if optional else about

        state = tensor(STATE, BYTES, -1, optional=True)
        return {
            "inputs": [
                tensor(X, self.datatype, -1, -1, self.inputs),
                tensor(LENGTHS, "INT64", -1, optional=True),
                state,
            ],
            "outputs": [tensor(Y, self.datatype, -1, -1, self.outputs), state],
        }

    async def infer(self, asked: Asked) -> list[Told]:
        """The outputs that are asked for. Raises GatewiseError."""
        x, lengths = self._sequences(asked)
        session, wants_state = asked.session, asked.wants(STATE, default=STATE in asked.inputs)
        if session is None and not wants_state and STATE not in asked.inputs:
            y, states = await self._worker.ask(self._whole, Whole(x, lengths), x.size), ()
        else:
            steps = self._steps(asked, x, lengths, session)
            carried: Carried = await self._worker.ask(self._stepwise, steps, x.size)
            y, states = carried.y, carried.states
        told = [Told(Y, self.datatype, y.shape, y, asked.binary(Y))] if asked.wants(Y, default=True) else []
        if wants_state:
            packed = [self._many.pack(state) for state in states]
            told.append(Told(STATE, BYTES, (len(packed),), packed, asked.binary(STATE)))
        return told

    def _sequences(self, asked: Asked) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """x and lengths. Raises InputError, and RefusedError where the answer would be too large."""
        _check_names(asked)
        x = asked.inputs[X].numbers(self.datatype, (None, None, self.inputs))
        rows, steps, _ = x.shape
        if rows * steps * self.outputs > self._limits.numbers:
            what = f"the answer would have more than {self._limits.numbers:,} numbers"
            raise RefusedError(LARGE, what, hint="send fewer sequences or steps at once")
        if steps * self._widest > self._limits.computed:
            what = f"a sequence has {steps:,} steps, and memory is for {self._limits.computed // self._widest:,}"
            raise RefusedError(LARGE, what, hint=_IN_PIECES)
        if LENGTHS not in asked.inputs:
            return x, np.full(rows, steps, np.int64)
        given = asked.inputs[LENGTHS]
        lengths = given.numbers("INT64", (rows,))
        if ((lengths < 1) | (lengths > steps)).any():
            raise InputError(f"a length is not from 1 to {steps}", where=given.where)
        return x, lengths

    def _steps(self, asked: Asked, x: NDArray[Any], lengths: NDArray[np.int64], session: Name | None) -> Steps:
        begins, ends = asked.flag("sequence_start"), asked.flag("sequence_end")
        states = self._states(asked, len(x)) if STATE in asked.inputs else None
        if session is not None and states is not None and not begins:
            raise InputError("a session has a state of its own", hint="give one only where it begins")
        if session is not None and len(x) != 1:
            raise InputError(f"a session is one sequence, and x has {len(x)}", hint="begin a session for each")
        if x.shape[1] > self._limits.steps:
            what = f"a sequence has {x.shape[1]:,} steps, more than {self._limits.steps:,}"
            raise RefusedError(LARGE, what, hint=_IN_PIECES)
        return Steps(x, lengths, states, session, begins, ends)

    def _states(self, asked: Asked, rows: int) -> list[RowState]:
        given = asked.inputs[STATE]
        if given.datatype != BYTES or given.shape != (rows,):
            what = f"it is {given.datatype} of shape {list(given.shape)}, expected {BYTES} of shape [{rows}]"
            raise InputError(what, where=given.where)
        return [self._many.unpack(bytes(data), f"{given.where}[{at}]") for at, data in enumerate(given.values)]

    def _run_whole(self, asked: Sequence[Whole]) -> list[Any]:
        """The outputs of each, in as few calls of the chain as memory allows."""
        parts = [(at, part) for at, one in enumerate(asked) for part in self._parts(one)]
        outputs: list[list[NDArray[Any]]] = [[] for _ in asked]
        while parts:
            group = self._first(parts)
            for (at, _), y in zip(parts[:group], self._together([part for _, part in parts[:group]]), strict=True):
                outputs[at].append(y)
            parts = parts[group:]
        return [_checked(np.concatenate(some) if len(some) > 1 else some[0]) for some in outputs]

    def _parts(self, one: Whole) -> Iterator[Whole]:
        """Its rows, as many together as memory allows."""
        rows = max(1, self._limits.computed // (one.x.shape[1] * self._widest))
        for first in range(0, len(one.x), rows):
            yield Whole(one.x[first : first + rows], one.lengths[first : first + rows])

    def _first(self, parts: Sequence[tuple[int, Whole]]) -> int:
        """How many of them make one call; at least one."""
        rows, longest = 0, 0
        for count, (_, part) in enumerate(parts):
            rows, longest = rows + len(part.x), max(longest, part.x.shape[1])
            if count and rows * longest * self._widest > self._limits.computed:
                return count
        return len(parts)

    def _together(self, parts: Sequence[Whole]) -> list[NDArray[Any]]:
        """The outputs of each in one call, (B, T, O)."""
        rows, longest = sum(len(part.x) for part in parts), max(part.x.shape[1] for part in parts)
        x = torch.zeros(longest, rows, self.inputs, dtype=self._dtype)
        for first, part in zip(_firsts(parts), parts, strict=True):
            x[: part.x.shape[1], first : first + len(part.x)] = _tensor(part.x).transpose(0, 1)
        with torch.no_grad():
            y = self._called(x, torch.from_numpy(np.concatenate([part.lengths for part in parts])))
        taken = zip(_firsts(parts), parts, strict=True)
        return [_cut(y[: part.x.shape[1], at : at + len(part.x)], part.lengths) for at, part in taken]

    def _called(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, I) to (T, B, O)."""
        ragged = None if bool((lengths == len(x)).all()) else lengths
        if not any(part.batch_first for part in self._chain.recurrent):
            return self._chain(x, lengths=ragged)[0]
        return self._chain(x.transpose(0, 1), lengths=ragged)[0].transpose(0, 1)

    def _run_steps(self, asked: Sequence[Steps]) -> list[Any]:
        """What came of each; of one session's, each goes on from the one before."""
        outcomes: list[Any] = [None] * len(asked)
        left = list(range(len(asked)))
        while left:
            first_of = {asked[at].session: at for at in reversed(left)}
            now = [at for at in left if asked[at].session is None or first_of[asked[at].session] == at]
            for at, outcome in zip(now, self._round([asked[at] for at in now]), strict=True):
                outcomes[at] = outcome
            left = [at for at in left if outcomes[at] is None]
        return outcomes

    def _round(self, asked: Sequence[Steps]) -> list[Any]:
        """Of no session more than one."""
        starts = [self._starts(one) for one in asked]
        able = [at for at, start in enumerate(starts) if not isinstance(start, GatewiseError)]
        outcomes: list[Any] = list(starts)
        for steps in sorted({length for at in able for length in asked[at].lengths.tolist()}):
            self._alike(steps, [(asked[at], outcomes[at]) for at in able])
        for at in able:
            outcomes[at] = self._ended(asked[at], outcomes[at])
        return outcomes

    def _starts(self, one: Steps) -> Carried | GatewiseError:
        """Room for its outputs, and the states from which it goes on."""
        try:
            states = list(one.states or [self._many.start()] * len(one.x))
            if one.session is not None and one.begins:
                self._sessions.begin(one.session, states[0])
            elif one.session is not None:
                states = [self._sessions.state(one.session)]
        except GatewiseError as error:
            return error
        return Carried(np.zeros((*one.x.shape[:2], self.outputs), one.x.dtype), states)

    def _alike(self, steps: int, pairs: Sequence[tuple[Steps, Carried]]) -> None:
        """Carry on all rows of so many steps, in place."""
        places = [
            (one, carried, row) for one, carried in pairs for row in np.flatnonzero(one.lengths == steps).tolist()
        ]
        x = torch.from_numpy(np.stack([one.x[row, :steps] for one, _, row in places], 1))
        y, states = self._many.steps(x, [carried.states[row] for _, carried, row in places])
        outputs = y.numpy()
        for at, ((_, carried, row), state) in enumerate(zip(places, states, strict=True)):
            carried.y[row, :steps] = outputs[:, at]
            carried.states[row] = state  # pyright: ignore[reportIndexIssue] - made as a list

    def _ended(self, one: Steps, carried: Carried) -> Carried | GatewiseError:
        """Keep the state of a session, or end it; one whose numbers overflow stays where it was."""
        checked = _checked(carried.y)
        if one.session is not None and (one.ends or (one.begins and isinstance(checked, GatewiseError))):
            self._sessions.end(one.session)
        elif one.session is not None and not isinstance(checked, GatewiseError):
            self._sessions.keep(one.session, carried.states[0])
        return checked if isinstance(checked, GatewiseError) else carried


def _check_names(asked: Asked) -> None:
    """Raise InputError for tensors that there are not."""
    for name in asked.inputs.keys() - {X, LENGTHS, STATE}:
        raise InputError(f"there is no input {name!r}", hint=f"inputs are {X}, {LENGTHS}, {STATE}")
    for name in (asked.outputs or {}).keys() - {Y, STATE}:
        raise InputError(f"there is no output {name!r}", hint=f"outputs are {Y}, {STATE}")
    if X not in asked.inputs:
        raise InputError(f"the input {X!r} is missing", where="inputs")


def _widths(part: nn.Module) -> Iterator[int]:
    """How many numbers a part makes of a step."""
    if isinstance(part, Recurrent):
        yield from (place.units for place in part.places)
    elif (sizes := sizes_of(part)) is not None:
        yield from sizes


def _firsts(asked: Sequence[Whole]) -> Iterator[int]:
    """Where the rows of each begin."""
    first = 0
    for one in asked:
        yield first
        first += len(one.x)


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))


def _cut(y: Tensor, lengths: NDArray[np.int64]) -> NDArray[Any]:
    """(T, B, O) to (B, T, O), with zeros beyond the lengths."""
    outputs = y.transpose(0, 1).contiguous().numpy()
    beyond = np.arange(outputs.shape[1]) >= lengths[:, None]
    if beyond.any():
        outputs[beyond] = 0
    return outputs


def _checked(y: NDArray[Any]) -> NDArray[Any] | GatewiseError:
    return y if np.isfinite(y).all() else InputError(_NEXT, hint="give inputs of the size that it learned from")
