"""A table inside DuckDB, wherever it came from, and words for the place of each of its cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from ..errors import InputError, located
from ..words import few, unaccented

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "temp_directory": "",  # nothing is written to disk
    "autoinstall_known_extensions": False,  # nothing is fetched
    "autoload_known_extensions": False,
}


_AT_ONCE = 50  # expressions in one query; the time to plan one grows faster than their number
_NARROW = 1000  # columns of which all are copied before they are fetched


@contextmanager
def database(source: str) -> Generator[DuckDBPyConnection]:
    """A private DuckDB in memory; what it refuses becomes an InputError about ``source``."""
    try:
        with duckdb.connect(":memory:", config=_SETTINGS) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            _leave_room(connection)
            yield connection
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise InputError(
            "the table does not fit into this machine's memory", where=source, hint="read fewer rows or columns"
        ) from error
    except (duckdb.Error, UnicodeEncodeError) as error:
        raise InputError(
            f"the table cannot be read ({str(error).splitlines()[0]})",
            where=source,
            hint="check that it is a plain table of one header and equal rows",
        ) from error


def _leave_room(connection: DuckDBPyConnection) -> None:
    """Halve the memory that DuckDB allows itself, so that the arrays made from a table fit beside it."""
    size, unit = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0].split()
    connection.execute(f"SET memory_limit = '{float(size) / 2}{unit}'")


def holds_numbers(kind: str) -> bool:
    """Whether a column of this DuckDB type holds numbers."""
    return re.fullmatch(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)", kind) is not None


def holds_times(kind: str) -> bool:
    """Whether a column of this DuckDB type holds dates or points in time."""
    return re.fullmatch(r"DATE|TIMESTAMP\w*( WITH TIME ZONE)?", kind) is not None


def has_zone(kind: str) -> bool:
    """Whether a column of this DuckDB type holds points in time, in UTC whatever their zone."""
    return "ZONE" in kind or kind.startswith("TIMESTAMPTZ")


def quoted(names: Sequence[str]) -> str:
    """The names in quotes; a long list is cut and the rest counted."""
    return few([repr(name) for name in names], 8)


def how_many(condition: str) -> str:
    """SQL: the number of rows for which the condition holds, 0 where there are none."""
    return f"count(*) FILTER (WHERE {condition})"


@dataclass(frozen=True)
class Table:
    """A relation of a DuckDB connection.

    Its columns are called c0, c1, ... so that no text of the user's enters SQL. names: what the user calls them.
    types: DuckDB's names of their types. spot: words for a row, which is counted from 0 here, as its source counts
    it: the line of a text file, its first line being 1; the row of a Parquet file, from 1; the row of a frame, from 0.
    delimiter: what separated the cells as text, if anything did. notes: what was inferred on the way here.
    origin: an object that DuckDB reads from and that must live as long as the table. relation: what DuckDB calls it.
    parts: columns that others have been made of, or that are covariates. zones: names of the time zones of columns that
    have one. placed: columns of which ``spot`` tells the place by itself.
    """

    connection: DuckDBPyConnection
    source: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    spot: Callable[[int], str]
    delimiter: str = ""
    notes: tuple[str, ...] = ()
    origin: object = None
    relation: str = "cells"
    parts: frozenset[int] = frozenset()
    zones: Mapping[int, str] = field(default_factory=dict[int, str])
    placed: frozenset[int] = frozenset()

    @property
    def turned(self) -> bool:
        """Whether its rows were cells of one row in the source."""
        return bool(self.placed)

    def where(self, row: int | None = None, column: int | None = None) -> str:
        """The place of a cell, a row, a column or the whole table in the user's own terms."""
        parts = [self.source]
        if row is not None:
            parts.append(self.spot(row))
        if column is not None and (row is None or column not in self.placed):
            parts.append(f"column {self.names[column]!r}")
        return ", ".join(parts)

    def error(self, what: str, *, row: int | None = None, column: int | None = None, hint: str = "") -> InputError:
        """An error about a cell, a row, a column or the whole table."""
        name = None if column is None else self.names[column]
        return InputError(what, where=self.where(row, column), hint=hint, row=row, column=name)

    def located(self) -> AbstractContextManager[None]:
        """Errors that carry a row or column of this table, or that name no place, name it as `where` does."""
        return located(
            self.source,
            lambda row, name: self.where(row, self.names.index(name) if name in self.names else None),
        )

    def key(self, column: int) -> str:
        """The name of the column in lower case, without accents and punctuation."""
        return re.sub(r"[\W_]+", "", unaccented(self.names[column].lower()))

    def is_text(self, column: int) -> bool:
        """Whether the column holds text that is still to be understood."""
        return self.types[column] == "VARCHAR"

    def keep(self, columns: Sequence[int]) -> int:
        """Copy these columns into the relation ``rows``, in their order; how many rows there are."""
        selected = ", ".join(f"c{column}" for column in sorted(set(columns)))
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE rows AS SELECT {selected} FROM {self.relation}")
        return int(self.one("SELECT count(*) FROM rows")[0])

    def one(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query's answer."""
        # All of it is fetched: an answer left open would block the connection.
        return self.connection.execute(sql).fetchall()[0]

    def arrays(self, expressions: Sequence[str]) -> list[NDArray[Any]]:
        """Expressions without NULLs over ``rows``, each with one element a row, in their order."""
        arrays: list[NDArray[Any]] = []
        for start in range(0, len(expressions), _NARROW):
            part = expressions[start : start + _NARROW]
            relation = self._narrowed(part) if len(expressions) > _NARROW else "rows"
            arrays += self._fetched(part, relation)
        return arrays

    def _fetched(self, expressions: Sequence[str], relation: str) -> list[NDArray[Any]]:
        arrays: list[NDArray[Any]] = []
        for start in range(0, len(expressions), _AT_ONCE):
            some = [f"{text} AS e{i}" for i, text in enumerate(expressions[start : start + _AT_ONCE])]
            fetched = self.connection.execute(f"SELECT {', '.join(some)} FROM {relation}").fetchnumpy()
            arrays += [np.asarray(fetched[f"e{i}"]) for i in range(len(some))]
        return arrays

    def _narrowed(self, expressions: Sequence[str]) -> str:
        """A copy of the columns of ``rows`` in these expressions: every query takes time for all columns there are."""
        columns = ", ".join(dict.fromkeys(re.findall(r"\bc[0-9]+\b", " ".join(expressions))))
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE narrow AS SELECT {columns} FROM rows ORDER BY rowid")
        return "narrow"

    def pooled(self, columns: Sequence[int]) -> str:
        """SQL: the cells of these text columns of ``rows``, but for NULLs, as one column called ``cell``."""
        selected = ", ".join(f"c{column}" for column in columns)
        return f"(UNPIVOT (SELECT {selected} FROM rows) ON * INTO NAME name VALUE cell)"

    def first(self, condition: str) -> int | None:
        """The first of ``rows`` for which the condition holds."""
        row = self.one(f"SELECT min(rowid) FROM rows WHERE {condition}")[0]
        return None if row is None else int(row)

    def cell(self, row: int, column: int) -> str:
        """The content of a cell, as text."""
        return str(self.one(f"SELECT c{column} FROM rows WHERE rowid = {row}")[0])

    def noting(self, *notes: str) -> Table:
        """The same table with more notes."""
        return replace(self, notes=(*self.notes, *notes))
