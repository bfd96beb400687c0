"""Monthly series such as a business has many of: a level, a slope, a season, noise."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

AT_ONCE = 50_000
"""Series in one file."""


def series(count: int, months: int, first: int = 0) -> pd.DataFrame:
    """A long table, with the columns ``unique_id``, ``ds`` and ``y``, of series numbered from ``first`` on."""
    generator = np.random.default_rng(first)
    t = np.arange(months)
    level, slope, season, phase = (generator.random((count, 1)) for _ in range(4))
    swing = 8 * season * np.sin(2 * np.pi * (t / 12 + phase))
    values = 50 + 20 * level + 0.2 * (slope - 0.3) * t + swing + generator.normal(size=(count, months))
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{first + number:07}" for number in range(count)], months),
            "ds": np.tile(pd.date_range("2018-01-01", periods=months, freq="MS"), count),
            "y": values.round(3).ravel(),
        }
    )


def write_folder(folder: Path, count: int, months: int) -> Path:
    """Such series in Parquet files, so many in each that memory holds them."""
    folder.mkdir()
    for first in range(0, count, AT_ONCE):
        frame = series(min(AT_ONCE, count - first), months, first)
        duckdb.sql("SELECT * FROM frame").write_parquet(str(folder / f"{first:08}.parquet"))
        del frame
    return folder
