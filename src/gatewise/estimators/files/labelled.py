"""Labelled sequences, whatever file they come from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ..sequences import Sequences

_TEXT = (".ts", ".ts.gz")


class Labelled(NamedTuple):
    """N sequences and their labels, as text."""

    sequences: Sequences
    labels: tuple[str, ...]


class Columns(NamedTuple):
    """Which columns of a table are no features. time: None where rows are in order."""

    label: str = "label"
    id: str = "id"
    time: str | None = None


def load_labelled(path: str | Path, columns: Columns = Columns()) -> Labelled:  # noqa: B008
    """The sequences of a ``.ts`` file, plain or gzip, or of a long table in CSV or Parquet.

    Raises InputError, naming file, line or row, and column, for whatever cannot be used.
    """
    path = Path(path)
    if not path.exists():
        raise InputError("there is no such file", where=str(path), hint="check the path")
    if not path.is_file():
        raise InputError("this is not a file", where=str(path), hint="name a .ts, CSV or Parquet file")
    if path.name.lower().endswith(_TEXT):
        from .ts import read_ts

        return read_ts(path)
    from .tables import read_table

    return read_table(path, columns)
