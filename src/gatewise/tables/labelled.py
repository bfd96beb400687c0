"""Sequences out of a file, with or without labels: the .ts format of sktime and aeon, read here, or a long table.

Of the .ts format, sequences without gaps or time stamps are read. A line begins with ``#`` for a remark, or
with ``@`` for a property; after ``@data`` each line is one sequence: ``1,2,3:4,5,6:label``, where dimensions are
separated by colons and steps by commas. Without labels, which ``@classLabel false`` says, there are dimensions alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import open_regular, path_of
from .options import DEFAULTS, ReadOptions
from .sequences import Floats, Labelled, LoadedSequences, Sequences
from .text_file import UTF8, read_text

_PEEKED = 1 << 16  # bytes
_STORE = "store it as .ts, as sktime and aeon write it, or as a table of the columns id, step, value and label"
_NAMED_TS = (".ts", ".ts.gz")
_FLAGS = ("timestamps", "missing", "univariate", "equallength")
_NUMBERS = ("dimensions", "dimension", "serieslength")
_REFUSED = {
    "timestamps": ("time stamps", "leave the time stamps out, and write @timeStamps false"),
    "missing": ("missing values", "fill them in first"),
}


def load_labelled(path: str | Path, options: ReadOptions = DEFAULTS, *, label: str = "label") -> Labelled:
    """Read labelled sequences from a ``.ts`` file (sktime, aeon), plain or gzip, or a long table in CSV or Parquet.

    Args:
        path: The file; its name ends in ``.ts`` or ``.ts.gz``, or it is a table.
        options: How a table is read: its columns ``id`` (default ``"id"``) and ``time`` (default: rows are in order),
            and its encoding, delimiter and decimal mark.
        label: The column of labels of a table; all further columns are features.

    Returns:
        `Labelled`: ``sequences`` and ``labels`` for ``fit``, and ``notes`` on what was inferred.

    Raises:
        InputError: The file cannot be read, or something in it cannot be used; the error names line or row, and column.
    """
    sequences, labels, notes = load_sequences(path, options, label=label)
    if labels is None:
        what = "there are no labels: @classLabel is false, or not there"
        raise InputError(what, where=str(path), hint="only labelled sequences can be learned from, or judged")
    return Labelled(sequences, labels, notes)


def load_sequences(path: str | Path, options: ReadOptions = DEFAULTS, *, label: str | None = None) -> LoadedSequences:
    """Read sequences whether or not they have labels, from the files that `load_labelled` reads.

    Args:
        path: The file; its name ends in ``.ts`` or ``.ts.gz``, or it is a table.
        options: How a table is read, as for `load_labelled`.
        label: The column of labels of a table, which has to be there; by default ``"label"``, if there is one. All
            further columns are features.

    Returns:
        `LoadedSequences`: ``sequences`` for ``predict``, ``labels`` or None, and ``notes`` on what was inferred.

    Raises:
        InputError: As `load_labelled`, but for files without labels.
    """
    if path_of(path).name.lower().endswith(_NAMED_TS):
        return read_ts(path)
    _refuse_foreign(path_of(path))
    from .long_table import read_long_table  # DuckDB and pandas, which a .ts file does without

    return read_long_table(path, options, label)


def _refuse_foreign(path: Path) -> None:
    """InputError for two well-known forms of labelled sequences that are not read."""
    with open_regular(path) as handle:
        lines = handle.read(_PEEKED).decode(UTF8, "replace").splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("%")), "")
    if first.lower().startswith("@relation"):
        raise InputError("this is an ARFF file", where=str(path), hint=_STORE)
    cells = first.split()
    if len(cells) > 2 and all(_is_number(cell) for cell in cells):
        what = "this looks like a file of the UCR archive: in each row a label and the steps of one sequence"
        raise InputError(what, where=str(path), hint=_STORE)


@dataclass
class _Header:
    """The properties that were read. classes: None where sequences have no labels."""

    flags: dict[str, bool]
    numbers: dict[str, int]
    classes: tuple[str, ...] | None = None

    @property
    def dimensions(self) -> int | None:
        dimensions = self.numbers.get("dimensions", self.numbers.get("dimension"))
        return 1 if self.flags.get("univariate") else dimensions


def read_ts(path: str | Path) -> LoadedSequences:
    """The sequences and labels, if it has some, of a file, plain or gzip. Raises InputError that names the line."""
    lines = enumerate(read_text(Path(path)).split("\n"), start=1)  # splitlines knows ends that other tools do not
    try:
        return _parsed([(number, line.strip()) for number, line in lines])
    except _LineError as error:
        where = f"{path}, line {error.line}" if error.line else str(path)
        raise InputError(error.what, where=where, hint=error.hint) from None


class _LineError(Exception):
    def __init__(self, what: str, line: int = 0, hint: str = "") -> None:
        self.what, self.line, self.hint = what, line, hint
        super().__init__(what)


def _parsed(lines: list[tuple[int, str]]) -> LoadedSequences:
    content = [(number, line) for number, line in lines if line and not line.startswith(("#", "%"))]
    begin = next((place for place, (_, line) in enumerate(content) if line.lower() == "@data"), None)
    if begin is None:
        raise _LineError("there is no line @data", hint="give a .ts file, as sktime and aeon write it")
    header = _header(content[:begin])
    if begin + 1 == len(content):
        raise _LineError("there are no sequences after @data")
    arrays: list[Floats] = []
    labels: list[str] = []
    for number, line in content[begin + 1 :]:
        parts = [part.strip() for part in line.split(":")]
        if header.classes is not None:
            labels.append(_label(number, parts.pop(), header.classes))
        arrays.append(_sequence(number, parts, header, arrays[0].shape[1] if arrays else header.dimensions))
    lengths = np.array([len(array) for array in arrays], np.int64)
    sequences = Sequences(np.concatenate(arrays), lengths)
    return LoadedSequences(sequences, None if header.classes is None else tuple(labels))


def _header(lines: list[tuple[int, str]]) -> _Header:
    header, seen = _Header({}, {}), set[str]()
    for number, line in lines:
        name, *values = line.split()
        name = name.lower().removeprefix("@")
        if not line.startswith("@") or name in seen:
            what = f"@{name} appears twice" if line.startswith("@") else "this is neither a property nor a remark"
            raise _LineError(what, number, "the sequences come after @data")
        seen.add(name)
        _property(header, name, values, number)
    return header


def _property(header: _Header, name: str, values: list[str], number: int) -> None:
    first = values[0].lower() if values else ""
    if name in _FLAGS:
        if first not in ("true", "false") or len(values) > 1:
            raise _LineError(f"@{name} is {' '.join(values)!r}", number, "true or false")
        header.flags[name] = first == "true"
        if name in _REFUSED and header.flags[name]:
            what, hint = _REFUSED[name]
            raise _LineError(f"sequences with {what} cannot be read", number, hint)
    elif name in _NUMBERS:
        if len(values) != 1 or not (first.isascii() and first.isdigit()) or not int(first[:9]) >= 1:
            raise _LineError(f"@{name} is {' '.join(values)!r}", number, "a whole number of at least 1")
        header.numbers[name] = int(first[:9])
    elif name == "classlabel":
        labelled = first == "true" and len(set(values)) == len(values) > 1
        if not labelled and [value.lower() for value in values] != ["false"]:
            raise _LineError(f"@classLabel is {' '.join(values)!r}", number, "true, then each label once; or false")
        header.classes = tuple(values[1:]) if labelled else None
    elif name != "problemname":
        raise _LineError(f"@{name} is unknown", number, "@classLabel, @dimensions, @equalLength and the like are known")


def _label(number: int, label: str, classes: tuple[str, ...]) -> str:
    if label not in classes:
        raise _LineError(f"the label {label!r} is not in @classLabel", number)
    return label


def _sequence(number: int, dimensions: list[str], header: _Header, width: int | None) -> Floats:
    if not dimensions or (width is not None and len(dimensions) != width):
        expected = "at least 1" if width is None else str(width)
        place = " before the label" if header.classes is not None else ""
        raise _LineError(f"there are {len(dimensions)} dimensions{place}, expected {expected}", number)
    columns = [_numbers(number, place, text) for place, text in enumerate(dimensions, start=1)]
    lengths = [len(column) for column in columns]
    expected = header.numbers.get("serieslength") if header.flags.get("equallength") else None
    expected = lengths[0] if expected is None else expected
    for place, length in enumerate(lengths, start=1):
        if length != expected:
            raise _LineError(f"dimension {place} has {length} steps, expected {expected}", number)
    return np.stack(columns, axis=1)


def _numbers(line: int, dimension: int, text: str) -> Floats:
    cells = text.split(",")
    try:
        steps = np.array([float(cell) for cell in cells])
    except ValueError:
        steps = np.array([np.nan])
    if "_" not in text and np.isfinite(steps).all():
        return steps
    step, cell = next((step, cell) for step, cell in enumerate(cells, start=1) if not _is_number(cell))
    raise _LineError(f"dimension {dimension}, step {step}: {cell.strip()!r} is not a finite number", line)


def _is_number(cell: str) -> bool:
    try:
        return "_" not in cell and bool(np.isfinite(float(cell)))
    except ValueError:
        return False
