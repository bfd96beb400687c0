"""Every kind of file that gatewise writes: which one a file is of, and `gatewise.load`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..container import records
from ..errors import ModelFileError
from .kind import Action, Kind, Supplied, Unsupported, functions
from .modelfile import DETECTOR_FILE, ESTIMATOR_FILE, FORECASTER_FILE

if TYPE_CHECKING:
    from torch import nn

    from ..equation import Cell
    from .translation.model import Translator

_ALL: tuple[Action, ...] = ("read", "explain", "chain", "steps")
_NO_CHAIN = Unsupported(
    "scales each window by itself and reads it from its beginning",
    "write a pretrained one as ONNX or C; or export a Chain, saved by Chain.save, as examples/sensor has it",
)
_MODULES = "load it with gatewise.load, and give it to gatewise.record with an input"
_STATE = "give the file of the model whose stream it is"
_WRITES = "give the file of the translator whose stream it is"
_TWO_PARTS = Unsupported(
    "reads a whole sentence before it writes, and is no chain",
    "export it to ONNX: an encoder, and a decoder of one unit",
)
_DETECTS = "load it with gatewise.load, and give its update the rows that come"
_CHECKPOINT = "load it with gatewise.load, put its weights into your module, and save a Chain with it"


def _without_a_model(hint: str) -> dict[Action, Unsupported]:
    """The refusals of a file that only holds a state."""
    no_data = Unsupported("reads no data", hint)
    return {
        "read": no_data,
        "steps": no_data,
        "explain": Unsupported("cannot be inspected", hint),
        "chain": Unsupported("cannot be exported", hint),
    }


KINDS = (
    Kind(
        "forecaster",
        FORECASTER_FILE.key,
        functions("forecast.saved", "load", "read", "explain", "onnx", "device"),
        asks=True,
        refusals={"chain": _NO_CHAIN, "steps": _NO_CHAIN},
    ),
    Kind(
        "sequence classifier",
        ESTIMATOR_FILE.key,
        {"load": "sequence.saved:load_classifier", **functions("sequence.saved", *_ALL)},
        estimator="SequenceClassifier",
    ),
    Kind(
        "sequence regressor",
        ESTIMATOR_FILE.key,
        {"load": "sequence.saved:load_regressor", **functions("sequence.saved", *_ALL)},
        estimator="SequenceRegressor",
    ),
    Kind(
        "language model",
        ESTIMATOR_FILE.key,
        functions("language.saved", "load", *_ALL),
        estimator="LanguageModel",
        takes=("tokenizer",),
    ),
    Kind(
        "translator",
        ESTIMATOR_FILE.key,
        functions("translation.saved", "load", "read", "explain", "onnx"),
        estimator="Translator",
        refusals={"chain": _TWO_PARTS, "steps": _TWO_PARTS},
    ),
    Kind(
        "detector",
        DETECTOR_FILE.key,
        functions("detect.saved", "load", "read", "explain", "device"),
        refusals={
            "chain": Unsupported("compares each row with all of the past, and is no chain", _DETECTS),
            "steps": Unsupported("compares each row with all of the past, and is no chain", _DETECTS),
        },
    ),
    Kind(
        "chain",
        "gatewise-chain",
        functions("saved_modules", "load", "read", "chain", "steps"),
        refusals={"explain": Unsupported("cannot be inspected", _MODULES)},
    ),
    Kind(
        "stream's state",
        "gatewise-stream",
        {"load": "saved_modules:load_stream"},
        takes=("model",),
        refusals=_without_a_model(_STATE),
    ),
    Kind(
        "translator's stream",
        "gatewise-translation-stream",
        {"load": "translation.saved:load_stream"},
        takes=("model",),
        refusals=_without_a_model(_WRITES),
    ),
    Kind(
        "training checkpoint",
        "gatewise_checkpoint",
        {"load": "saved_modules:load_checkpoint"},
        refusals=_without_a_model(_CHECKPOINT),
    ),
)


def kind_of(path: str | Path, action: Action = "load") -> Kind:
    """The kind of a file, by the record in its header; nothing else of it is read or checked.

    action: what is to be done with it. Raises ModelFileError, naming the file, for one that cannot be read, that is
    damaged or a pickle, that gatewise has not written, and for one of a kind that cannot do this.
    """
    headers = records(path)
    for kind in KINDS:
        if kind.key in headers and kind.estimator in ("", headers[kind.key].get("estimator")):
            kind.check(action, path)
            return kind
    if not headers:
        raise ModelFileError(
            "it is a safetensors file, but gatewise has not written it",
            where=str(path),
            hint="give a file that a model's save method has written",
        )
    name = headers.get(ESTIMATOR_FILE.key, {}).get("estimator", next(iter(headers)))
    raise ModelFileError(
        f"it holds a {str(name)[:40]!r}, which this version does not know", where=str(path), hint="upgrade gatewise"
    )


def load(
    path: str | Path,
    *,
    cells: Iterable[Cell] = (),
    tokenizer: Any = None,
    model: nn.Module | Translator | None = None,
) -> Any:
    """Load what any file written by gatewise holds; nothing in the file is executed.

    Args:
        path: The file, as written by the ``save`` of a forecaster, a detector, an estimator, a language model, a
            `gatewise.nn.Chain` or a stream, by `gatewise.training.Checkpointing`, or by ``gatewise ... --save``.
        cells: Your own cells that the file may name; gatewise's are known.
        tokenizer: Your own tokenizer, of a language model that was fitted with one.
        model: The module or the translator whose stream is to go on, of a stream's state.

    Returns:
        What was saved: a `Forecaster`, `Detector`, `SequenceClassifier`, `SequenceRegressor`, `LanguageModel`,
        `Translator` or `Chain`, ready to use, on the CPU and in evaluation mode; of a stream's state the stream itself,
        at the step where it was saved; of a training checkpoint its state, a nest of dicts, lists, numbers and tensors.

    Raises:
        ModelFileError: The file cannot be read, is damaged, a pickle, too new, or not one that gatewise has written.
        CheckpointError: A training checkpoint is damaged.
        InputError: ``tokenizer`` or ``model`` is given for a file that has none, or ``model`` is missing.
    """
    return kind_of(path).load(path, Supplied(tuple(cells), tokenizer, model))
