"""Sequences of any length, from arrays and from frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, argument
from ..words import few

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
SHOWN = 8  # names of a long list
FORMS = "give a list of arrays (T, I), an array (N, T, I) with or without lengths, or a table (N, I)"


@dataclass(frozen=True)
class Sequences:
    """N sequences of I features, end to end.

    steps: (sum of lengths, I), float64, finite. lengths: (N,), each at least 1. ids: their names, where a table has
    some. features: names of the columns, where a table has some.
    """

    steps: Floats
    lengths: Whole
    ids: NDArray[Any] | None = None
    features: tuple[str, ...] | None = None
    starts: Whole = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", np.cumsum(self.lengths) - self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Floats]:
        return iter(np.split(self.steps, self.starts[1:]))

    @property
    def width(self) -> int:
        """I, the number of features."""
        return self.steps.shape[1]

    def take(self, rows: Whole) -> Sequences:
        """Some of the sequences, in the given order."""
        spans = [np.arange(int(self.lengths[row])) + self.starts[row] for row in rows]
        ids = None if self.ids is None else self.ids[rows]
        return Sequences(self.steps[np.concatenate(spans)], self.lengths[rows], ids, self.features)


def read_sequences(X: Any, lengths: Any = None, *, id_column: Any = None, time_column: Any = None) -> Sequences:
    """The sequences in X.

    X: a list, tuple or object array of N arrays (T_i, I), of numpy, torch or nested lists of numbers; an array
    (N, T, I), of which ``lengths``, N integers from 1 to T, say how many steps belong to each sequence; an array
    (N, I), which is N sequences of one step; a pandas frame, see `read_frame`; or `Sequences`, which are returned as
    they are.
    Raises InputError that names sequence, step and feature of what cannot be used.
    """
    if isinstance(X, Sequences):
        return X
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        _refuse_lengths(lengths)
        return read_frame(X, id_column, time_column)
    _refuse(X)
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1):
        return _of_list(list(X), lengths)
    array = _numbers(X, "X")
    if array.ndim == 3:
        return _of_padded(array, lengths)
    _refuse_lengths(lengths)
    return _of_table(array)


def _refuse(X: Any) -> None:
    if hasattr(X, "toarray"):
        raise InputError("X is a sparse matrix, and sequences are dense", hint="X.toarray()")
    if isinstance(X, str | bytes | dict) or X is None or not (hasattr(X, "__len__") or hasattr(X, "__array__")):
        raise InputError(f"X is a {type(X).__name__}", hint=FORMS)


def _refuse_lengths(lengths: Any) -> None:
    if lengths is not None:
        raise InputError("lengths go with a padded array (N, T, I)", hint="leave them out")


def _of_list(entries: list[Any], lengths: Any) -> Sequences:
    _refuse_lengths(lengths)
    if not entries:
        raise InputError("there are no sequences: found array with 0 sample(s)", hint=FORMS)
    if all(np.ndim(entry) == 0 for entry in entries):
        raise InputError("X has one dimension: Expected 2D array, got 1D array instead. Reshape your data", hint=FORMS)
    arrays = [_numbers(entry, f"sequence {index}") for index, entry in enumerate(entries)]
    if all(array.ndim == 1 for array in arrays) and len({len(array) for array in arrays}) == 1:
        return _of_table(np.stack(arrays))
    for index, array in enumerate(arrays):
        _check_sequence(array, index, arrays[0].shape[-1])
    steps, counts = np.concatenate(arrays), np.array([len(array) for array in arrays], np.int64)
    return _finite(Sequences(steps, counts))


def _check_sequence(array: Floats, index: int, width: int) -> None:
    where = f"sequence {index}"
    if array.ndim != 2:
        hint = "one feature is x[:, None]" if array.ndim == 1 else "time first, then features"
        raise InputError(f"it has {array.ndim} dimensions, and (T, I) is two", where=where, hint=hint)
    if array.shape[1] != width:
        raise InputError(f"it has {array.shape[1]} features, and sequence 0 has {width}", where=where)
    if not array.size:
        what = "it has no features" if len(array) else "it is empty"
        raise InputError(what, where=where, hint="leave it out, and its label")


def _of_padded(array: Floats, lengths: Any) -> Sequences:
    count, steps, width = array.shape
    _check_extent(count, width)
    if not steps:
        raise InputError(f"the sequences have no steps: X has shape {array.shape}", hint="(N, T, I)")
    if lengths is None:
        return _finite(Sequences(array.reshape(-1, width), np.full(count, steps, np.int64)))
    counts = _lengths(lengths, count, steps)
    return _finite(Sequences(array[np.arange(steps) < counts[:, None]], counts))


def _lengths(lengths: Any, count: int, steps: int) -> Whole:
    counts = np.asarray(lengths)
    if counts.shape != (count,) or counts.dtype.kind not in "iu":
        what = f"lengths are {counts.dtype} of shape {counts.shape}, expected {count} integers"
        raise InputError(what, hint="one for each sequence")
    bad = np.flatnonzero((counts < 1) | (counts > steps))
    if len(bad):
        where = f"sequence {bad[0]}"
        raise InputError(f"its length is {counts[bad[0]]}, and must be 1 to {steps}", where=where)
    return counts.astype(np.int64)


def _of_table(array: Floats) -> Sequences:
    """Rows as sequences of one step: a column is a feature, as everywhere in scikit-learn."""
    if array.ndim != 2:
        got = f"Expected 2D array, got {array.ndim}D array instead"
        raise InputError(f"X has shape {array.shape}. {got}. Reshape your data", hint=FORMS)
    _check_extent(*array.shape)
    return _finite(Sequences(array, np.ones(len(array), np.int64)))


def _check_extent(count: int, width: int) -> None:
    if not count:
        raise InputError("there are no sequences: found array with 0 sample(s)", hint=FORMS)
    if not width:
        raise InputError(
            f"the sequences have no features: 0 feature(s) (shape=({count}, 0)) while a minimum of 1 is required.",
            hint=FORMS,
        )


def unmasked(values: Any) -> Any:
    """What a masked array hides is missing, NaN among numbers and None among others. All else as it is."""
    if not np.ma.is_masked(values):
        return values
    if values.dtype.kind in "biuf":
        return values.astype(np.float64).filled(np.nan)
    return np.where(np.ma.getmaskarray(values), None, values.data.astype(object))


def _numbers(values: Any, where: str) -> Floats:
    """The values as float64, in memory of their own."""
    values = unmasked(values)
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"it is not an array of numbers ({error})", where=where, hint=FORMS) from error
    if array.dtype.kind == "c":
        raise InputError("Complex data not supported: its numbers are complex", where=where, hint="use two features")
    if array.dtype.kind in "mMSUV":
        raise InputError(f"it holds {array.dtype}, not numbers", where=where, hint="turn it into numbers first")
    try:
        return np.array(array, np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"it holds something that is not a number ({error}): argument must be a number", where=where
        ) from error


def _finite(sequences: Sequences) -> Sequences:
    place = _first_infinite(sequences.steps)
    if place is None:
        return sequences
    sequence = int(np.searchsorted(sequences.starts, place[0], side="right")) - 1
    step = place[0] - int(sequences.starts[sequence])
    raise _infinite(sequences.steps[place], where=f"sequence {sequence}, step {step}, feature {place[1]}")


def _first_infinite(steps: Floats) -> tuple[int, int] | None:
    """The row and column of the first NaN or infinity."""
    places = np.argwhere(~np.isfinite(steps))
    return (int(places[0, 0]), int(places[0, 1])) if len(places) else None


def _infinite(value: float, **place: Any) -> InputError:
    kind = "NaN" if np.isnan(value) else "inf"
    return InputError(f"Input X contains {kind}", hint="fill it in, or leave the sequence out", **place)


def read_frame(frame: pd.DataFrame, id_column: Any, time_column: Any) -> Sequences:
    """The sequences of a long frame, in the order in which their ids first appear.

    id_column: tells the sequences apart; None for a frame in which each row is a sequence of one step.
    time_column: their steps are sorted by it; None if rows are in order. All other columns are features.
    Raises InputError that names row and column.
    """
    _check_columns(frame, id_column, time_column)
    features = [name for name in frame.columns if name not in (id_column, time_column) or name is None]
    named = all(isinstance(name, str) for name in features)
    values = _values(frame, features)
    if not len(frame) or not features:
        raise InputError(f"found array with {len(frame)} sample(s) and {len(features)} feature(s)", where="the frame")
    if id_column is None:
        ids, codes = None, np.arange(len(frame))
    else:
        ids, codes = _codes(frame, id_column)
    order = _order(frame, codes, time_column)
    lengths = np.bincount(codes).astype(np.int64)
    sequences = Sequences(values[order], lengths, ids, tuple(map(str, features)) if named else None)
    place = _first_infinite(sequences.steps)
    if place is not None:
        raise _infinite(sequences.steps[place], row=int(order[place[0]]), column=features[place[1]])
    return sequences


def _check_columns(frame: pd.DataFrame, id_column: Any, time_column: Any) -> None:
    columns = list(frame.columns)
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InputError(f"two columns are named {twice!r}", where="the frame", hint="rename one of them")
    for option, name in (("id_column", id_column), ("time_column", time_column)):
        if name is not None and name not in columns:
            shown = few([repr(other) for other in columns], SHOWN)
            raise InputError(f"there is no column {name!r}; the columns are {shown}", where=argument(option))
    if time_column is not None and id_column is None:
        raise InputError(
            f"{argument('time_column')} is given without {argument('id_column')}",
            hint="name the column that tells the sequences apart",
        )


def _values(frame: pd.DataFrame, features: list[Any]) -> Floats:
    import pandas as pd

    columns: list[Floats] = []
    for name in features:
        column = frame[name]
        if not (pd.api.types.is_numeric_dtype(column) or column.dtype == object):
            what = f"it holds {column.dtype}, not numbers"
            hint = f"name it with {argument('id_column')} or {argument('time_column')}, or leave it out"
            raise InputError(what, column=name, hint=hint)
        numbers = pd.Series(pd.to_numeric(column, errors="coerce"))
        bad = np.flatnonzero((numbers.isna() & column.notna()).to_numpy())
        if len(bad):
            what = f"{column.iloc[bad[0]]!r} is not a number: argument must be a number"
            raise InputError(what, row=int(bad[0]), column=name)
        columns.append(numbers.to_numpy(np.float64, na_value=np.nan))
    return np.stack(columns, axis=1) if columns else np.zeros((len(frame), 0))


def _codes(frame: pd.DataFrame, id_column: Any) -> tuple[Any, Whole]:
    import pandas as pd

    codes, ids = pd.factorize(frame[id_column])
    bad = np.flatnonzero(codes < 0)
    if len(bad):
        raise InputError("the id is missing", row=int(bad[0]), column=id_column)
    return np.asarray(ids), codes.astype(np.int64)


def _order(frame: pd.DataFrame, codes: Whole, time_column: Any) -> Whole:
    """Rows sorted by sequence, then by time; InputError where a sequence has two rows of one time."""
    if time_column is None:
        return np.argsort(codes, kind="stable")
    times = frame[time_column]
    bad = np.flatnonzero(times.isna().to_numpy())
    if len(bad):
        raise InputError("the time is missing", row=int(bad[0]), column=time_column)
    ranks = times.rank(method="dense").to_numpy()
    order = np.lexsort((ranks, codes))
    same = (np.diff(codes[order]) == 0) & (np.diff(ranks[order]) == 0)
    if same.any():
        row = int(order[1:][same][0])
        what = f"the time {times.iloc[row]} appears twice in one sequence"
        raise InputError(what, row=row, column=time_column)
    return order


class LoadedSequences(NamedTuple):
    """What a file of sequences holds.

    Attributes:
        sequences: N sequences, as an estimator's ``predict`` takes them.
        labels: N labels, as text; None where the file has none.
        notes: Sentences about what was inferred about the file.
    """

    sequences: Sequences
    labels: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


class Labelled(NamedTuple):
    """Sequences and their labels.

    Attributes:
        sequences: N sequences, as an estimator's ``fit`` takes them.
        labels: N labels, as text.
        notes: Sentences about what was inferred about the file.
    """

    sequences: Sequences
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()
