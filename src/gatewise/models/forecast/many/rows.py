"""The rows of a source as few columns: whose they are, when, what was observed, and what is known beside that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

from ....errors import argument
from ....tables.columns import Roles, find_roles
from ....tables.compose import with_listed
from ....tables.covariate_columns import set_apart
from ....tables.options import ReadOptions
from ....tables.table import Table

HEAD = 10_000
"""Rows by which columns are told apart."""
_NAME, _VALUE = "unique_id", "y"
"""What the columns of a wide table become; where the time is called so, the others get a stroke more."""


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


class LongRows(NamedTuple):
    """columns: see `Columns`. query: SQL for the rows, their cells called c0, c1, c2 and so on."""

    columns: Columns
    query: str


def long_rows(table: Table, read: ReadOptions, beside: Sequence[str] = ()) -> LongRows:
    """The rows of a table: of a long one as they are, of a wide one a row for each series and time.

    Columns are told apart by the first rows, where the options do not name them; times and names may be listed with
    commas. beside: the covariates that are needed. Raises InputError where no column names the series, and there is but
    one, and for a wide table beside covariates.
    """
    table, covariates = set_apart(table, beside)
    table, read = with_listed(table, read)
    table.connection.execute(f"CREATE TEMP TABLE head AS SELECT * FROM {table.relation} LIMIT {HEAD}")
    roles = find_roles(replace(table, relation="head"), read)
    zone = table.zones.get(roles.time, "")
    long = f"give the table one row for each series and time, and name the column: {argument('id')}"
    if roles.wide and beside:
        raise table.error("the table is wide: each series has a column, and covariates have no place", hint=long)
    if roles.wide:
        return _unpivoted(table, roles, zone)
    if roles.series is None:
        raise table.error("no column names the series", hint=long)
    places = (roles.series, roles.time, roles.targets[0], *covariates)
    names, types = (tuple(every[place] for place in places) for every in (table.names, table.types))
    cells = ", ".join(f"c{place} AS c{at}" for at, place in enumerate(places))
    return LongRows(Columns(names, types, zone), f"SELECT {cells} FROM {table.relation}")


def _unpivoted(table: Table, roles: Roles, zone: str) -> LongRows:
    """The targets of a wide table below each other, a series each; an empty cell is no row, as series begin and end."""
    time, kind = table.names[roles.time], _common([table.types[target] for target in roles.targets])
    names = ", ".join("'{}'".format(table.names[target].replace("'", "''")) for target in roles.targets)
    values = ", ".join(f"CAST(c{target} AS {kind})" for target in roles.targets)
    cells = f"unnest([{names}]) AS c0, c{roles.time} AS c1, unnest([{values}]) AS c2"
    query = f"SELECT * FROM (SELECT {cells} FROM {table.relation}) WHERE c2 IS NOT NULL"
    called = tuple(f"{name}_" if name == time else name for name in (_NAME, _VALUE))
    return LongRows(Columns((called[0], time, called[1]), ("VARCHAR", table.types[roles.time], kind), zone), query)


def _common(types: Sequence[str]) -> str:
    """A type of DuckDB that holds what all of these hold."""
    if len({*types}) == 1:
        return types[0]
    return "VARCHAR" if "VARCHAR" in types else "DOUBLE"
