"""How a table of series is read, in the words of every command that reads one."""

from __future__ import annotations

from typing import Annotated

from .app import READING, Text, option

APART, SORTED = "Column that tells sequences apart.", "Column to sort each sequence by."

Time = Annotated[Text, option(READING, "NAME", "Column of times.", "--time-col")]
Target = Annotated[Text, option(READING, "NAME", "Column of values.")]
Frequency = Annotated[Text, option(READING, "ALIAS", "Step between times: h, D, W, MS, 15min, ...", "--freq")]
Fill = Annotated[str, option(READING, "WORD", "Into gaps: none (default), linear, previous, zero.")]
Duplicates = Annotated[str, option(READING, "WORD", "Equal times: refuse (default), mean, last.")]
Encoding = Annotated[Text, option(READING, "CODEC", "Such as latin-1.")]
Delimiter = Annotated[Text, option(READING, "LETTER", "Between two cells; or tab.")]
Decimal = Annotated[Text, option(READING, "LETTER", "In numbers: . or ,")]
