"""Files of the corpus as series by name, each one small function."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gatewise.tables.panel import Floats

Entry = Mapping[str, Any]
"""A set of ``corpus.toml``."""
Series = Iterator[tuple[str, Floats]]

_FEWEST_SALES = 150  # days on which an article was sold


def long(content: io.BytesIO, entry: Entry) -> Series:
    """Rows in their order of time, one series after the other or mixed."""
    table = pd.read_csv(content)
    for name, rows in _groups(table, entry):
        if "time" in entry:
            rows = rows.set_index(pd.to_datetime(rows[entry["time"]]))[list(entry["values"])]
            rows = rows.groupby(level=0).mean().resample(entry["step"]).mean()
        for column in entry["values"]:
            yield f"{name} {column}".strip(), rows[column].to_numpy(np.float64)


def regular(content: io.BytesIO, entry: Entry) -> Series:
    """Times of any kind brought to a regular step by the mean; NaN where nothing was measured."""
    table = pd.read_csv(content, low_memory=False, sep=entry.get("separator", ","))
    stamps = _stamps(table, entry)
    columns = [name for wanted in entry["values"] for name in fnmatch.filter(table.columns, wanted)]
    for name, rows in _groups(table, entry):
        numbers = rows[columns].apply(pd.to_numeric, errors="coerce").set_index(stamps[rows.index])
        means = numbers.resample(entry["step"]).mean()
        for column in columns:
            yield f"{name} {column}".strip(), means[column].to_numpy(np.float64)


def sales(content: io.BytesIO, entry: Entry) -> Series:
    """Sums of the pieces sold on each day between an article's first and last sale; 0 where there was none."""
    table = pd.read_csv(content, low_memory=False, usecols=[*entry["keys"], *entry["values"], entry["time"]])
    day = pd.to_datetime(table[entry["time"]], format="%m/%d/%Y %H:%M").dt.normalize()
    sold = table[table["Quantity"] > 0].assign(day=day)
    for (name,), rows in sold.groupby(list(entry["keys"])):
        days = rows.groupby("day")["Quantity"].sum()
        if len(days) >= _FEWEST_SALES:
            yield str(name), days.resample("1D").sum().to_numpy(np.float64)


def _stamps(table: pd.DataFrame, entry: Entry) -> pd.Series:
    """The time of each row: of columns year, month, day and hour, or of texts, one behind the other."""
    columns = entry["time"].split()
    if "year" in columns:
        return pd.to_datetime(table[columns])
    text = table[columns].astype(str).agg(" ".join, axis=1) if len(columns) > 1 else table[columns[0]]
    return pd.to_datetime(text, dayfirst=bool(entry.get("day_first")))


def _groups(table: pd.DataFrame, entry: Entry) -> Iterator[tuple[str, pd.DataFrame]]:
    keys = list(entry.get("keys", []))
    if not keys:
        yield "", table
        return
    for key, rows in table.groupby(keys, sort=True):
        yield ", ".join(map(str, key)), rows


READERS: dict[str, Callable[[io.BytesIO, Entry], Series]] = {"long": long, "regular": regular, "sales": sales}
