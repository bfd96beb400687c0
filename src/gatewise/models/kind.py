"""One kind of file that gatewise writes, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import InputError, ModelFileError, argument

if TYPE_CHECKING:
    from torch import Tensor

    from ..equation import Cell
    from ..export.c.write import ExportedC
    from ..inspect.subject import Subject
    from ..nn.chain import Chain
    from ..tables.options import ReadOptions

Action = Literal["load", "read", "explain", "chain", "steps", "onnx", "device"]


class Unsupported(NamedTuple):
    """Why a kind of file cannot do something, as in "it holds a forecaster, which ...", and what to do instead."""

    why: str
    hint: str


@dataclass(frozen=True)
class Supplied:
    """What a file does not hold, and who loads it supplies.

    cells: the user's own, which a file names. tokenizer: of a language model. model: whose stream goes on.
    """

    cells: tuple[Cell, ...] = ()
    tokenizer: Any = None
    model: Any = None


@dataclass(frozen=True)
class Question:
    """What is to be explained. None, and 0: the first, or the likeliest.

    series: which series or sequence, by its id. row: which sequence, counted from 0. last: characters of a text, from
    its end. output: what is looked at first: a step ahead counted from 1, a class, a target's number, the next token.
    """

    series: str | None = None
    row: int | None = None
    last: int = 200
    output: str | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of file, and the functions that answer for it, each imported when it is first called.

    noun: as in "it holds a forecaster". key: of its record in the file's metadata. estimator: the class that the record
    names, where several kinds share a key. functions: by action, ``"module:function"`` below `gatewise.models`.
    takes: what of `Supplied` it has a use for, beside cells. asks: whether the model says which columns are read.
    refusals: by action, why it has no such function.
    """

    noun: str
    key: str
    functions: Mapping[Action, str]
    estimator: str = ""
    takes: tuple[str, ...] = ()
    asks: bool = False
    refusals: Mapping[Action, Unsupported] = field(default_factory=dict[Action, Unsupported])

    def can(self, action: Action) -> bool:
        """Whether there is a function for this."""
        return action in self.functions

    def check(self, action: Action, path: str | Path = "") -> None:
        """Raise ModelFileError, naming the file, where a file of this kind cannot do this."""
        if not self.can(action):
            why, hint = self.refusals[action]
            raise ModelFileError(f"it holds {self._phrase}, which {why}", where=str(path), hint=hint)

    def load(self, path: str | Path, supplied: Supplied = Supplied()) -> Any:
        """The model in a file of this kind. Raises GatewiseError."""
        for name in ("tokenizer", "model"):
            if getattr(supplied, name) is not None and name not in self.takes:
                raise InputError(f"{self._phrase} takes no {name}", where=str(path), hint=f"leave {name} out")
        return self._function("load")(path, supplied)

    def read(
        self, path: str | Path, options: ReadOptions | None = None, *, label: str = "label", model: Any = None
    ) -> Any:
        """The data in a file such as this kind of model reads.

        options: how a table is read. label: its column of labels, of sequences. model: that reads them, where some of
        the kind read more than others; None for what all read. Returns a `Panel` for a forecaster,
        `Labelled` for an estimator of sequences, a text for a language model, `Parallel` for a translator, arrays
        (T, I) for a chain. Raises InputError.
        """
        told = (model,) if self.asks else ()
        return self._function("read")(Path(path), options, label, *told)

    def explain(self, model: Any, data: Any, question: Question = Question(), *, source: str = "") -> Subject:
        """What the model says of the data, to look into with `gatewise.inspect.look_inside`.

        model, data: as `load` and `read` give them. source: what the data are called. Raises ModelFileError where this
        model cannot be explained, and InputError for a series, sequence or output that does not exist.
        """
        return self._function("explain")(model, data, question, source)

    def chain(self, model: Any) -> Chain:
        """The model as modules that go step by step, for streams and exports. Raises InputError where it cannot."""
        return self._function("chain")(model)

    def onnx(self, model: Any, folder: Path, name: str, history: int | None = None) -> Any:
        """Write a model that is no chain as ONNX files of such a name.

        history: observations that a forecaster's file reads, None for as many as it looks back on. Returns
        `gatewise.export.onnx.write.ExportedOnnx`, or what has ``files`` and such ``parts`` by name as well. Raises
        GatewiseError, and then writes nothing.
        """
        return self._function("onnx")(model, folder, name, history)

    def steps(self, model: Any, data: Any) -> list[Tensor]:
        """The data, as `read` gives them, as sequences (T, I) that the chain takes. Raises InputError."""
        return self._function("steps")(model, data)

    def device(
        self, model: Any, path: str | Path, name: str, series: str | None = None, history: int | None = None
    ) -> ExportedC:
        """Write what is no chain as C, as `gatewise.export.to_c` writes a chain. Raises InputError where it cannot.

        series: of a detector. history: observations that a forecaster's file reads, as for `onnx`.
        """
        return self._function("device")(model, path, name, series, history)

    @property
    def _phrase(self) -> str:
        """Such as "a forecaster"."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def _function(self, action: Action) -> Any:
        self.check(action)
        module, name = self.functions[action].split(":")
        return getattr(import_module(f"..{module}", __name__), name)


def refuse_series(series: str | None) -> None:
    """Raise InputError where a series of a model that holds none is named."""
    if series is not None:
        raise InputError(f"it holds no series, and {argument('series')} names one", hint="leave it out")


def refuse_history(history: int | None) -> None:
    """Raise InputError where a model that reads rows one after another is told how many to read."""
    if history is not None:
        raise InputError(f"it reads no history, and {argument('history')} says how long one is", hint="leave it out")


def functions(module: str, *names: Action) -> dict[Action, str]:
    """Functions that are called like the actions, in one module below `gatewise.models`."""
    return {name: f"{module}:{name}" for name in names}
