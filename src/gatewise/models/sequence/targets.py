"""Labels and targets, and the sequences held out for validation."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import fields
from ...errors import InputError, argument
from ...tables.sequences import Floats, Sequences, Whole, unmasked


def held_out(strata: Whole, fraction: float, seed: int) -> tuple[Whole, Whole]:
    """Rows to learn from and rows held out, each in increasing order.

    Of every stratum the fraction is held out, rounded down: of classes with fewer than 1 / fraction sequences none is.
    """
    generator = np.random.default_rng(seed)
    out = np.zeros(len(strata), bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        out[generator.permutation(rows)[: int(fraction * len(rows))]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


Array = NDArray[Any]


def aligned(y: Any, sequences: Sequences) -> Any:
    """y in the order of the sequences: those of a frame with ids find a pandas Series or frame by its index.

    Raises InputError where there is not one entry for each sequence.
    """
    if y is None:
        raise InputError("fit requires y to be passed, but the target y is None", hint="one label or value a sequence")
    if hasattr(y, "__array__") and not hasattr(y, "__len__"):
        y = np.asarray(y)
    if sequences.ids is not None and hasattr(y, "index") and hasattr(y, "loc"):
        return _by_id(y, sequences.ids)
    if not hasattr(y, "__len__") or isinstance(y, str | bytes) or np.ndim(y if hasattr(y, "ndim") else 0) > 2:
        raise InputError(f"y is a {type(y).__name__}", hint="one label or value a sequence")
    if len(y) != len(sequences):
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: {len(sequences)} sequences and {len(y)} in y",
            hint=""
            if sequences.ids is not None
            else f"rows of a frame are single sequences without {argument('id_column')}",
        )
    return y


def _by_id(y: Any, ids: Array) -> Any:
    if not y.index.is_unique:
        raise InputError(f"y has two entries for {y.index[y.index.duplicated()][0]!r}", hint="one for each id")
    missing = [name for name in ids if name not in y.index]
    if missing:
        raise InputError(
            f"y has no entry for the sequence {missing[0]!r}",
            hint="y's index holds the ids; for the order in which they first appear give y.to_numpy()",
        )
    if len(y) > len(ids):
        raise InputError(f"y has {len(y)} entries for {len(ids)} sequences", hint="one for each id")
    return y.loc[ids]


def encoded(y: Any) -> tuple[Array, Whole]:
    """The classes, sorted where they can be, and for each sequence the position of its own."""
    labels = labels_of(y)
    classes = _sorted(list(dict.fromkeys(labels.tolist())))
    names = np.empty(len(classes), labels.dtype)
    names[:] = classes
    place_by_label = {label: place for place, label in enumerate(classes)}
    if len(classes) < 2:
        raise InputError(f"y has only one class, {classes[0]!r}", hint="a classifier needs at least two")
    return names, np.array([place_by_label[label] for label in labels.tolist()], np.int64)


def labels_of(y: Any) -> Array:
    """Labels (N,). Raises InputError for another shape, and for what is no label."""
    labels = np.asarray(y.detach().cpu()) if hasattr(y, "detach") else _as_objects(unmasked(y))
    if labels.ndim != 1:
        raise InputError(f"y has shape {labels.shape}, expected (N,)", hint="one label for each sequence: y.ravel()")
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            where = f"sequence {np.flatnonzero(~np.isfinite(labels))[0]}"
            raise InputError("Input y contains NaN or infinity", where=where)
        if (labels != np.round(labels)).any():
            where = f"sequence {np.flatnonzero(labels != np.round(labels))[0]}"
            raise InputError("Unknown label type: continuous numbers", where=where, hint="take a SequenceRegressor")
    for index, label in enumerate(labels.tolist()):
        if not _is_label(label):
            raise InputError(
                f"{label!r} is no label: Input y contains NaN, None or what has no hash",
                where=f"sequence {index}",
                hint="a class called NA is read by pandas.read_csv where keep_default_na is False",
            )
    return labels


def _is_label(label: Any) -> bool:
    """Whether it has a hash and is equal to itself, which NaN is not, and of which pandas's NA does not say."""
    if label is None or type(label).__hash__ is None:
        return False
    try:
        return bool(label == label)
    except TypeError:
        return False


def _as_objects(y: Any) -> Array:
    """An array of the labels; tuples and the like stay whole, and numbers beside strings stay what they are."""
    if hasattr(y, "dtype") or hasattr(y, "__array__"):
        return np.asarray(y)
    kinds = {type(label) for label in y}
    if len(kinds) == 1 and kinds <= {str, int, float, bool}:
        return np.asarray(y)
    if kinds and all(issubclass(kind, np.generic | float | int) for kind in kinds):
        return np.asarray(y)
    labels = np.empty(len(y), object)
    labels[:] = list(y)
    return labels


def _sorted(classes: list[Any]) -> list[Any]:
    try:
        return sorted(classes)
    except TypeError:
        return classes


def numbers(y: Any) -> Floats:
    """Targets (N, K), float64, finite."""
    try:
        given = np.asarray(y.detach().cpu() if hasattr(y, "detach") else unmasked(y))
        if given.dtype.kind in "mM":  # which numpy would count in nanoseconds
            raise TypeError(f"it holds {given.dtype}")
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"y holds something that is not a number ({error})", hint="a regressor learns numbers"
        ) from error
    if values.ndim not in (1, 2) or not values.size:
        raise InputError(
            f"y has shape {values.shape}, expected (N,) or (N, K)", hint="one or several numbers a sequence"
        )
    values = values.reshape(len(values), -1)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        where = f"sequence {bad[0, 0]}" + (f", target {bad[0, 1]}" if values.shape[1] > 1 else "")
        raise InputError("Input y contains NaN or infinity", where=where)
    return values


_STORED: Mapping[str, fields.Check] = {
    "U": fields.text,
    "i": fields.whole(-(2**63), 2**63 - 1),
    "u": fields.whole(0, 2**64 - 1),
    "f": fields.number(),
    "b": fields.flag,
    "O": fields.either(fields.flag, fields.whole(-sys.maxsize, sys.maxsize), fields.number(), fields.text),
}
"""What labels may be in a file, by the kind of their array."""


def stored_labels(labels: list[Any], dtype: str) -> Array:
    """The classes out of a file, in an array of a kind as numpy spells it. Raises InputError for what is none."""
    match = re.fullmatch(r"[<>|=]?([UiufbO])(\d{0,9})", dtype)
    if match is None:
        raise InputError(f"labels of the kind {dtype[:40]!r}")
    known = [_STORED[match[1]]("a label", label) for label in labels]
    if len(set(known)) < len(known) or len(known) < 2:
        raise InputError("classes are at least two, each once")
    if match[1] == "U":  # a file claims any width
        dtype = f"U{min(int(match[2] or 1), max(map(len, known)))}"
    classes = np.empty(len(known), dtype)
    classes[:] = known
    return classes
