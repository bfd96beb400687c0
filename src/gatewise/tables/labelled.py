"""Labelled sequences, whatever file they come from."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .sequences import Columns, Labelled

_TEXT = (".ts", ".ts.gz")


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
    from .long_table import read_table

    return read_table(path, columns)
