"""The rows of a source, parted by the names of their series into buckets that each fit into a worker's memory."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from duckdb import DuckDBPyConnection

from ....tables.options import ReadOptions
from ....tables.reading import literal, open_folder, open_table
from ....tables.table import Table, database
from .rows import Columns, long_rows

ROWS = 200_000
"""In a bucket, about."""
SLICE = 4_000_000
"""Rows that are parted at a time, and held while they are."""
MEMORY = "600MB"
"""Of the database that parts the rows, a slice at a time."""


@contextmanager
def _opened(source: Path, read: ReadOptions) -> Generator[Table]:
    with open_folder(source) if source.is_dir() else open_table(source, read) as table:
        single_threaded(table.connection)
        yield table


def part(source: Path, read: ReadOptions, folder: Path, beside: Sequence[str] = ()) -> Columns:
    """Write the buckets of a source into a folder, which is there only once all are. Raises InputError.

    beside: the covariates that are needed.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    with _opened(source, read) as table:
        columns, query = long_rows(table, read, beside)
        rows = _numbered(table, columns, query, unfinished / "rows.parquet")
        for number, first in enumerate(range(0, rows, SLICE)):
            bucket = f"hash(CAST(c0 AS VARCHAR)) % {-(-rows // ROWS)}"
            table.connection.execute(
                f"COPY (SELECT *, {bucket} AS bucket FROM {_parquet(unfinished / 'rows.parquet')} "
                f"WHERE place > {first} AND place <= {first + SLICE}) "
                f"TO {_quoted(unfinished / str(number))} (FORMAT parquet, PARTITION_BY (bucket))"
            )
    (unfinished / "rows.parquet").unlink()
    unfinished.rename(folder)
    return columns


def _numbered(table: Table, columns: Columns, query: str, file: Path) -> int:
    """Copy the columns into a file whose rows are numbered from 1, and which can be read in slices; how many rows."""
    numbered = f"SELECT *, row_number() OVER () AS place FROM ({query})"
    table.connection.execute(f"COPY ({numbered}) TO {_quoted(file)} (FORMAT parquet)")
    nameless, rows = table.one(f"SELECT count(*) FILTER (WHERE c0 IS NULL), count(*) FROM {_parquet(file)}")
    if nameless:
        what = f"{nameless:,} rows do not name their series in the column {columns.names[0]!r}"
        raise table.error(what, hint="put the names in")
    if not rows:
        raise table.error("there are no rows of data", hint="give a header and at least two rows")
    return rows


def _quoted(path: Path) -> str:
    """SQL: the path."""
    return "'{}'".format(str(path).replace("'", "''"))


def _parquet(path: Path, *below: str) -> str:
    """SQL: the rows of a file, or of those below a folder that a pattern stands for."""
    pattern = "/".join([literal(path), *below]).replace("'", "''")
    return f"read_parquet('{pattern}', hive_partitioning=false)"


def numbers(folder: Path) -> list[int]:
    """The buckets that there are."""
    return sorted({int(path.name.partition("=")[2]) for path in folder.glob("*/bucket=*")})


@contextmanager
def bucket(folder: Path, number: int, columns: Columns, source: str) -> Generator[Table]:
    """The rows of a bucket, in the order of the source."""
    with database(source) as connection:
        single_threaded(connection)
        files = _parquet(folder, "*", f"bucket={number}", "*.parquet")
        cells = ", ".join(f"c{at}" for at in range(len(columns.names)))
        connection.execute(f"CREATE TEMP VIEW cells AS SELECT {cells} FROM {files} ORDER BY place")
        zones = {1: columns.zone} if columns.zone else {}
        yield Table(connection, source, columns.names, columns.types, lambda row: f"bucket {number}", zones=zones)


def single_threaded(connection: DuckDBPyConnection) -> None:
    """One thread, which leaves rows in order, and little memory."""
    connection.execute("SET threads = 1")
    connection.execute(f"SET memory_limit = '{MEMORY}'")
