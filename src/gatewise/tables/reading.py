"""From a file to a panel. DuckDB reads the file; here is only what it must be told and what it cannot explain."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from ..errors import InputError, argument
from ..words import count
from .calendar import is_time
from .frames import check_names
from .numbers import looks_numeric
from .options import DEFAULTS, ReadOptions
from .panel import Frequency, Panel
from .panels import panel_from_table
from .table import Table, database
from .text_file import TextFile, examine, likely_delimiter

__all__ = ["ReadOptions", "load_panel"]

_FOREIGN = {b"PK\x03\x04": "a zip archive or a spreadsheet", b"\xd0\xcf\x11\xe0": "a spreadsheet", b"%PDF": "a PDF"}
_NEEDS = "give a header and at least two rows"
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars"}


def load_panel(path: str | Path, options: ReadOptions = DEFAULTS, *, pace: Frequency | None = None) -> Panel:
    """The series of a CSV file (plain or gzip) or a Parquet file.

    Columns, delimiter, decimal mark, encoding, form of the dates, frequency and season are found out where the
    options leave them open, and said in the panel's notes. Raises InputError, naming file, row (line of the file,
    the header being line 1) and column, for whatever cannot be read without a guess. pace: the frequency, where the
    rows go on from others of which it is known.
    """
    file = Path(path)
    head = _head(file)
    with database(str(path)) as connection:
        if head == b"PAR1":
            return panel_from_table(_parquet_table(connection, file), options, pace)
        return _panel_from_text(connection, file, options, pace)


def _head(path: Path) -> bytes:
    """The first bytes; InputError where there are none, or where they are not those of a table."""
    try:
        # Looked at before it is opened: a pipe would wait for ever.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError("this is a device or a pipe, not a file", where=str(path), hint="store the data in a file")
        with path.open("rb") as handle:
            head = handle.read(4)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=str(path), hint="check the path") from error
    except IsADirectoryError as error:
        raise InputError("this is a folder, not a file", where=str(path), hint="name one file in it") from error
    except (OSError, ValueError) as error:
        what = f"the file cannot be opened ({error})"
        raise InputError(what, where=repr(str(path)), hint="check the path and its permissions") from error
    if not head:
        raise InputError("the file is empty", where=str(path), hint=_NEEDS)
    if head in _FOREIGN:
        what = f"this is {_FOREIGN[head]}"
        raise InputError(what, where=str(path), hint="save the table as CSV or Parquet first")
    return head


def _parquet_table(connection: DuckDBPyConnection, path: Path) -> Table:
    relation = connection.read_parquet(_literal(path), hive_partitioning=False)
    names = tuple(relation.columns)
    renamed = ", ".join(f"c{i}" for i in range(len(names)))
    quoted = _literal(path).replace("'", "''")
    connection.execute(
        f"CREATE TEMP VIEW cells AS SELECT * FROM read_parquet('{quoted}', hive_partitioning=false) AS t({renamed})"
    )
    return Table(
        connection, str(path), names, tuple(str(kind) for kind in relation.types), lambda row: f"row {row + 1}"
    )


def _panel_from_text(connection: DuckDBPyConnection, path: Path, options: ReadOptions, pace: Frequency | None) -> Panel:
    file = examine(path, options.encoding)
    delimiter = options.separator or likely_delimiter(file)
    table = _text_table(connection, file, delimiter)
    try:
        return panel_from_table(_noted(table, file, options), options, pace)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _explained(file, table, error) from error


def _text_table(connection: DuckDBPyConnection, file: TextFile, delimiter: str) -> Table:
    line, names = _header(connection, file, delimiter)
    relation = connection.read_csv(
        _literal(file.path) if file.plain else file.recoded(delimiter),
        auto_detect=False,
        columns={f"c{i}": "VARCHAR" for i in range(len(names))},
        header=True,
        skiprows=line - 1 if file.plain else 0,
        delimiter=delimiter,
        quotechar='"',
        escapechar='"',
        strict_mode=True,
        null_padding=False,
        hive_partitioning=False,
        compression="gzip" if file.plain and file.gzipped else "none",
    )
    relation.create_view("cells")

    def spot(row: int) -> str:
        found = next(islice(file.records(delimiter), row + 1, None), None)
        return f"row {found[0]}" if found else f"record {row + 1}"

    return Table(connection, str(file.path), names, ("VARCHAR",) * len(names), spot, delimiter, origin=relation)


def _header(connection: DuckDBPyConnection, file: TextFile, delimiter: str) -> tuple[int, tuple[str, ...]]:
    """The line of the header and its names; InputError where they cannot be names of columns."""
    line, names = next(file.records(delimiter), (1, []))
    where = f"{file.path}, row {line}"
    if not names:
        raise InputError("the file holds nothing but empty lines", where=str(file.path), hint=_NEEDS)
    if len(names) < 2:
        hint = f"give the character between the cells as {argument('delimiter')}"
        raise InputError(f"only one column found: {names[0]!r}", where=where, hint=hint)
    check_names(tuple(names), where)
    data = f"SELECT bool_and({looks_numeric('name')} OR {is_time('name')}) FROM (SELECT unnest(?) AS name)"
    if connection.execute(data, [names]).fetchall()[0][0]:
        hint = "put a header such as ds,y above it"
        raise InputError("the first row looks like data, not like column names", where=where, hint=hint)
    return line, tuple(names)


def _noted(table: Table, file: TextFile, options: ReadOptions) -> Table:
    notes: list[str] = []
    if options.encoding is None and not file.encoding.startswith("utf-8"):
        notes.append(f"encoding {file.encoding}")
    if options.delimiter is None and table.delimiter in _SEPARATORS:
        notes.append(f"cells separated by {_SEPARATORS[table.delimiter]}")
    return table.noting(*notes)


def _explained(file: TextFile, table: Table, error: duckdb.Error) -> InputError:
    """What is wrong with the file that DuckDB could not read, told by reading it again record by record."""
    wanted = len(table.names)
    for line, fields in file.records(table.delimiter):
        found = len(fields)
        if found != wanted and not (found == wanted + 1 and not fields[-1]):
            return InputError(
                f"this row has {count(found, 'field')}, the header has {wanted}",
                where=f"{file.path}, row {line}",
                hint="correct the row; if its cells hold the delimiter, quote them, "
                f"or use another {argument('delimiter')}",
            )
    return InputError(
        f"the file cannot be read as a table ({str(error).splitlines()[0]})",
        where=str(file.path),
        hint=f"check its quotes and line ends, or give {argument('delimiter')}",
    )


def _literal(path: Path) -> str:
    """The path as DuckDB takes it without looking for other files that match it as a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path.resolve()))
