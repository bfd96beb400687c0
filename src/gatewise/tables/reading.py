"""From a file to a table. DuckDB reads the file; here is only what it must be told and what it cannot explain."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb import DuckDBPyConnection

from ..errors import InputError, argument
from ..files import open_regular, path_of
from ..words import count
from .forms import is_time, likely_forms
from .frames import check_names, frame_table
from .heading import Heading, find_heading, said_separator
from .numbers import looks_numeric
from .options import DEFAULTS, ReadOptions
from .panel import Frequency, Panel
from .panels import panel_from_table
from .strays import remarks_below, without_strays
from .table import Table, database, has_zone
from .text_file import MAX_UNPACKED, TextFile, examine, likely_delimiter

if TYPE_CHECKING:
    import pandas as pd

_FOREIGN = {b"PK\x03\x04": "a zip archive or a spreadsheet", b"\xd0\xcf\x11\xe0": "a spreadsheet", b"%PDF": "a PDF"}
MAX_ROWS = MAX_UNPACKED // 8  # with a number in each
_NEEDS = "give a header and at least two rows"
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "vertical bars"}


def load_panel(
    path: str | Path,
    options: ReadOptions = DEFAULTS,
    *,
    pace: Frequency | None = None,
    covariates: Sequence[str] = (),
) -> Panel:
    """The series of a CSV file (plain or gzip) or a Parquet file.

    Columns, delimiter, decimal mark, encoding, form of the dates, frequency and season are inferred where the
    options leave them open, and listed in the panel's notes. Raises InputError, naming file, row (line of the file,
    the header being line 1) and column, for whatever cannot be read without a guess. pace: the frequency, where the
    rows go on from others of which it is known. covariates: names of columns that are read beside the target.
    """
    with open_table(path, options) as table:
        return panel_from_table(table, options, pace, covariates)


@contextmanager
def open_table(path: str | Path, options: ReadOptions = DEFAULTS, *, fewest: int = 2) -> Generator[Table]:
    """The table in a CSV file (plain or gzip) or a Parquet file, while the block lasts.

    Encoding and delimiter are inferred where the options leave them open, and the table's notes say so; no column
    has a role yet, and text is still text. fewest: columns that a table must have, to be told from other text.
    Raises InputError, naming file and row, for a file that holds no such table, also from within the block.
    """
    file = path_of(path)
    head = _head(file)
    with database(str(path)) as connection:
        if head == b"PAR1":
            yield _parquet_table(connection, [file], str(path))
        else:
            with _text_table(connection, examine(file, options.encoding), options, fewest) as table:
                yield table


def _head(path: Path) -> bytes:
    """The first bytes; InputError where there are none, or where they are not those of a table."""
    with open_regular(path) as handle:
        head = handle.read(4)
    if not head:
        raise InputError("the file is empty", where=str(path), hint=_NEEDS)
    if head in _FOREIGN:
        what = f"this is {_FOREIGN[head]}"
        raise InputError(what, where=str(path), hint="save the table as CSV or Parquet first")
    return head


@contextmanager
def open_folder(path: str | Path) -> Generator[Table]:
    """The table whose rows are in the Parquet files of a folder and of those in it, in the order of their names.

    Raises InputError where there are none, or their columns differ.
    """
    with database(str(path)) as connection:
        yield _parquet_table(connection, parquet_files(Path(path)), str(path))


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder and of those in it, but for names that begin with ``_`` or ``.``.

    Raises InputError where there are none.
    """
    files = sorted(path for path in folder.rglob("*.parquet") if not _is_hidden(path.relative_to(folder)))
    if not files:
        raise InputError("there is no Parquet file in this folder", where=str(folder), hint="name another folder")
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in path.parts)


def _parquet_table(connection: DuckDBPyConnection, paths: Sequence[Path], source: str) -> Table:
    files = ", ".join("'{}'".format(literal(path).replace("'", "''")) for path in paths)
    relation = connection.sql(f"SELECT * FROM read_parquet([{files}], hive_partitioning=false)")
    names = tuple(relation.columns)
    check_names(names, source)
    _check_rows(connection, files, source)
    described = _described(connection, paths[0])
    if any(str(column.get("numpy_type")).startswith("period[") for column in described):
        return frame_table(connection, _frame(paths, source), source)
    renamed = ", ".join(f"c{i}" for i in range(len(names)))
    connection.execute(
        f"CREATE TEMP VIEW cells AS SELECT * FROM read_parquet([{files}], hive_partitioning=false) AS t({renamed})"
    )
    types = tuple(str(kind) for kind in relation.types)
    named = _zones(described, paths[0]) if any(map(has_zone, types)) else {}
    zones = {i: named[name] for i, name in enumerate(names) if name in named}
    return Table(connection, source, names, types, lambda row: f"row {row + 1}", zones=zones)


def _described(connection: DuckDBPyConnection, path: Path) -> list[dict[str, Any]]:
    """What pandas says of the columns of a file that it has written."""
    entries = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [literal(path)]).fetchall()
    return next((json.loads(value).get("columns", []) for key, value in entries if bytes(key) == b"pandas"), [])


def _frame(paths: Sequence[Path], source: str) -> pd.DataFrame:
    """The rows of files that hold periods of pandas, which DuckDB takes for numbers."""
    import pandas as pd

    try:
        return pd.concat([pd.read_parquet(path) for path in paths])
    except ImportError as error:
        what = "the file holds periods of pandas, and pyarrow, which reads them, is not installed"
        raise InputError(what, where=source, hint="install pyarrow, or save the periods as dates") from error


def _zones(described: Sequence[Mapping[str, Any]], path: Path) -> dict[str, str]:
    """The time zone of each column that has one, by its name, where pandas wrote the file, or pyarrow can tell."""
    if described:
        # An index without a name has one in the file only.
        about = {str(one.get("field_name") or one["name"]): one.get("metadata") or {} for one in described}
        return {name: said["timezone"] for name, said in about.items() if said.get("timezone")}
    try:
        from pyarrow.parquet import read_schema
    except ImportError:
        return {}
    return {field.name: field.type.tz for field in read_schema(path) if getattr(field.type, "tz", None)}


def _check_rows(connection: DuckDBPyConnection, files: str, source: str) -> None:
    """InputError for more rows than memory should hold, which may be packed into next to nothing."""
    rows = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata([{files}])").fetchall()[0][0] or 0
    if rows > MAX_ROWS:
        what = f"the table has {rows:,} rows, more than {MAX_ROWS:,}"
        raise InputError(what, where=source, hint="read a part of it")


@contextmanager
def _text_table(connection: DuckDBPyConnection, file: TextFile, options: ReadOptions, fewest: int) -> Generator[Table]:
    delimiter = options.separator or said_separator(file) or likely_delimiter(file)
    heading = find_heading(file, delimiter, options.skip)
    _check_heading(connection, file, heading, fewest)
    below = remarks_below(file, delimiter, heading)
    table = _noted(_cells(connection, file, delimiter, heading, len(below)), file, options, heading)
    if below:
        table = table.noting(
            f"{count(len(below), 'line')} below the table left out, the first {next(filter(None, below))!r}"
        )
    try:
        table = without_strays(table)
        check_names(table.names, f"{file.path}, row {heading.line}")
        yield table
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _explained(file, table.delimiter, heading, error) from error


def _cells(connection: DuckDBPyConnection, file: TextFile, delimiter: str, heading: Heading, below: int) -> Table:
    """What stands between the heading and so many records at the end."""
    names = heading.names
    plain = file.plain and not below
    relation = connection.read_csv(
        literal(file.path) if plain else file.recoded(delimiter, heading.above, below),
        auto_detect=False,
        columns={f"c{i}": "VARCHAR" for i in range(len(names))},
        header=True,
        skiprows=heading.line - 1 if plain else 0,
        delimiter=delimiter,
        quotechar='"',
        escapechar='"',
        strict_mode=True,
        null_padding=False,
        hive_partitioning=False,
        compression="gzip" if plain and file.gzipped else "none",
    )
    # An empty line is no record; where there is one column, DuckDB takes it for one.
    relation = relation if len(names) > 1 else relation.filter("c0 IS NOT NULL")
    (relation.limit(2**62, 1) if heading.units else relation).create_view("cells")
    first = heading.above + 1 + heading.units

    def spot(row: int) -> str:
        record = next(islice(file.records(delimiter), row + first, None), None)
        return f"row {record[0]}" if record else f"record {row + 1}"

    return Table(connection, str(file.path), names, ("VARCHAR",) * len(names), spot, delimiter, origin=relation)


def _check_heading(connection: DuckDBPyConnection, file: TextFile, heading: Heading, fewest: int) -> None:
    """InputError where what should be the names of columns cannot be."""
    names = heading.names
    where = f"{file.path}, row {heading.line}"
    if not names:
        raise InputError("the file holds nothing but empty lines", where=str(file.path), hint=_NEEDS)
    if names[0].startswith("@"):
        what = f"{names[0]!r} is no name of a column: this looks like an ARFF, .ts or .tsf file, and a table is needed"
        raise InputError(what, where=where, hint="store it as CSV or Parquet, with a header such as id,ds,y")
    if len(names) < fewest:
        hint = f"give the character between the cells as {argument('delimiter')}"
        raise InputError(f"only one column found: {names[0]!r}", where=where, hint=hint)
    timely = is_time("name", likely_forms(names))
    data = f"SELECT bool_and({looks_numeric('name')} OR {timely}) FROM (SELECT unnest(?) AS name)"
    if connection.execute(data, [list(names)]).fetchall()[0][0]:
        hint = "put a header with the names of the columns, such as ds,y, above it"
        raise InputError("the first row looks like data, not like column names", where=where, hint=hint)


def _noted(table: Table, file: TextFile, options: ReadOptions, heading: Heading) -> Table:
    notes: list[str] = []
    if heading.above and options.skip is None:
        notes.append(f"{count(heading.above, 'line')} above the names of the columns left out")
    if heading.units:
        notes.append("the line of units below the names of the columns left out")
    if options.encoding is None and not file.encoding.startswith("utf-8"):
        notes.append(f"encoding {file.encoding}")
    if options.delimiter is None and table.delimiter in _SEPARATORS:
        notes.append(f"cells separated by {_SEPARATORS[table.delimiter]}")
    return table.noting(*notes)


def _explained(file: TextFile, delimiter: str, heading: Heading, error: duckdb.Error) -> InputError:
    """What is wrong with the file that DuckDB could not read, told by reading it again record by record."""
    width = len(heading.names)
    for line, fields in islice(file.records(delimiter), heading.above, None):
        if len(fields) != width and not (len(fields) == width + 1 and not fields[-1]):
            return InputError(
                f"this row has {count(len(fields), 'field')}, the header has {width}",
                where=f"{file.path}, row {line}",
                hint="correct the row; if its cells hold the delimiter, quote them, "
                f"or use another {argument('delimiter')}; if the header stands below, give the lines above it as "
                f"{argument('skip')}",
            )
    return InputError(
        f"the file cannot be read as a table ({str(error).splitlines()[0]})",
        where=str(file.path),
        hint=f"check its quotes and line ends, or give {argument('delimiter')}",
    )


def literal(path: Path) -> str:
    """The path as DuckDB takes it without looking for other files that match it as a pattern.

    Raises InputError where there is no such way: a backslash ends a folder's name for it once there is a pattern.
    """
    if "\\" in str(path.resolve()) and os.sep != "\\" and any(letter in str(path.resolve()) for letter in "*?["):
        what = "a name with a backslash and one of *?[ stands for other files too"
        raise InputError(what, where=str(path), hint="rename the file or its folder")
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path.resolve()))
