"""The rows of a source, parted by the names of their series into buckets that each fit into a worker's memory."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from duckdb import DuckDBPyConnection

from ....errors import argument
from ....tables.columns import find_roles
from ....tables.covariate_columns import set_apart
from ....tables.options import ReadOptions
from ....tables.reading import literal, open_folder, open_table
from ....tables.table import Table, database

ROWS = 200_000
"""In a bucket, about."""
SLICE = 4_000_000
"""Rows that are parted at a time, and held while they are."""
HEAD = 10_000
"""Rows by which columns are told apart."""
MEMORY = "600MB"
"""Of the database that parts the rows, a slice at a time."""


@dataclass(frozen=True)
class Columns:
    """The columns that matter, id, time, target and then covariates: what the source calls them, and DuckDB's types.

    zone: the name of the time zone of the times; empty where they have none.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    zone: str = ""

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(tuple(content["names"]), tuple(content["types"]), content["zone"])

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @property
    def beside(self) -> tuple[str, ...]:
        """The covariates."""
        return self.names[3:]

    def named(self, read: ReadOptions) -> ReadOptions:
        """The options, with these columns."""
        return replace(read, id=self.names[0], time=self.names[1], target=self.names[2])


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
        columns = _columns(table, read, beside)
        rows = _numbered(table, columns, unfinished / "rows.parquet")
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


def _numbered(table: Table, columns: Columns, file: Path) -> int:
    """Copy the columns into a file whose rows are numbered from 1, and which can be read in slices; how many rows."""
    cells = ", ".join(f"c{table.names.index(name)} AS c{at}" for at, name in enumerate(columns.names))
    numbered = f"SELECT {cells}, row_number() OVER () AS place FROM {table.relation}"
    table.connection.execute(f"COPY ({numbered}) TO {_quoted(file)} (FORMAT parquet)")
    nameless, rows = table.one(f"SELECT count(*) FILTER (WHERE c0 IS NULL), count(*) FROM {_parquet(file)}")
    if nameless:
        place = table.names.index(columns.names[0])
        raise table.error(f"{nameless:,} rows do not name their series", column=place, hint="put the names in")
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


def _columns(table: Table, read: ReadOptions, beside: Sequence[str]) -> Columns:
    """The columns that the options name, or that the first rows tell apart."""
    table, covariates = set_apart(table, beside)
    table.connection.execute(f"CREATE TEMP TABLE head AS SELECT * FROM {table.relation} LIMIT {HEAD}")
    roles = find_roles(replace(table, relation="head"), read)
    if roles.series is None:
        what = "no column names the series" if not roles.wide else "the table is wide: each series has a column"
        raise table.error(
            what, hint=f"give the table one row for each series and time, and name the column: {argument('id')}"
        )
    places = (roles.series, roles.time, roles.targets[0], *covariates)
    names, types = (tuple(every[place] for place in places) for every in (table.names, table.types))
    return Columns(names, types, table.zones.get(roles.time, ""))
