"""A data frame as the text of a CSV file that neither a reader nor a spreadsheet takes for anything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..escape import plain_cell
from .table import database

if TYPE_CHECKING:
    import pandas as pd

_SPLITTING = ";|"
"""Letters beside the comma at which some readers split a row."""


def csv_text(frame: pd.DataFrame) -> str:
    """The columns of a frame, one row a line, as `DataFrame.to_csv` writes them.

    A text that a spreadsheet would run as a formula is led by an apostrophe, and control characters are spelled out;
    all others stand as they are. Where a reader could split a text, everything but numbers is quoted. What is missing
    is empty. Numbers have as many digits as it takes to read them back.
    """
    import pandas as pd

    columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
    texts = {i: _texts(column) for i, column in enumerate(columns) if column.dtype.kind not in "biuf"}
    everything = any(unsafe for _, _, unsafe in texts.values())
    plain: dict[str, Any] = {}
    for i, column in enumerate(columns):
        if i in texts:
            codes, cells, _ = texts[i]
            plain[f"c{i}"] = _repeated(codes, _quoted(cells, everything))
        elif column.dtype.kind == "b":
            plain[f"c{i}"] = _repeated(column.to_numpy(np.int64), ["False", "True"])
        else:
            plain[f"c{i}"] = column.to_numpy()
    head = ",".join(_quoted(map(str, frame.columns), everything))
    return "\n".join([head, *_lines(pd.DataFrame(plain, copy=False)), ""])


def _texts(column: pd.Series) -> tuple[Any, Sequence[str], bool]:
    """Which of the distinct cells stands in each row, -1 for none, these cells made safe, and whether that took much.

    It did where a cell had to be changed, or where some reader would split one although a comma would not.
    """
    import pandas as pd

    codes, values = pd.factorize(column)
    if column.dtype.kind == "M":
        return codes, pd.DatetimeIndex(values).astype(str).tolist(), False
    names = [str(value) for value in values]
    cells = [plain_cell(name) for name in names]
    return codes, cells, cells != names or any(sign in cell for sign in _SPLITTING for cell in cells)


def _quoted(cells: Iterable[str], everything: bool) -> list[str]:
    """Cells in quotes where they need them, or all (RFC 4180)."""
    return ['"{}"'.format(cell.replace('"', '""')) if everything or set(cell) & set(',"') else cell for cell in cells]


def _repeated(codes: Any, cells: Sequence[str]) -> Any:
    """``cells[code]`` for each code, nothing for -1, without a string of Python for each."""
    import pandas as pd

    places = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
    among = np.array([*(places[cell] for cell in cells), -1])
    return pd.Categorical.from_codes(among[codes], np.array([*places, None], object)[:-1])


def _lines(frame: pd.DataFrame) -> list[str]:
    """The rows, commas between their cells."""
    cells = ", ".join(f"coalesce({name}::VARCHAR, '')" for name in frame)
    with database("the table") as connection:
        connection.register("frame", frame)
        return connection.execute(f"SELECT concat_ws(',', {cells}) AS line FROM frame").fetchnumpy()["line"].tolist()
