"""Files as statistical offices, loggers and spreadsheets write them, with the values that they hold."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from gatewise.tables.panel import Panel

Load = Callable[..., Panel]
VALUES = [21, 24, 22, 27, 30, 26, 25, 28, 31, 29, 33, 35]
DAYS = pd.date_range("2024-01-01", periods=12)
MONTHS = pd.date_range("2023-01-01", periods=12, freq="MS")


def lines(layout: str, times: pd.DatetimeIndex = DAYS) -> str:
    """A row for each time, with its value."""
    return "".join(layout.format(time=time, value=value) + "\n" for time, value in zip(times, VALUES, strict=True))


def check(panel: Panel, times: pd.DatetimeIndex = DAYS) -> None:
    """Whether a panel holds one series of these times and values."""
    assert [values.tolist() for values in panel.values] == [VALUES]
    assert panel.times[0].tolist() == times.to_numpy("datetime64[ns]").tolist()


COLUMNS = {
    "Eurostat": "DATAFLOW,LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\n"
    + lines("ESTAT:X(1.0),01/01/24 11:00:00,DE,{time:%Y-%m},{value}", MONTHS),
    "years and months, Japanese": "年,月,売上\n" + lines("{time:%Y},{time:%m},{value}", MONTHS),
    "years and months, Korean": "년도,월,매출\n" + lines("{time:%Y},{time:%m},{value}", MONTHS),
    "seconds since 1970": "unix_s,temperature\n" + lines("{time.value},{value}", MONTHS).replace("000000000,", ","),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_times_by_their_names(load: Load, name: str) -> None:
    check(load(COLUMNS[name]), MONTHS)
