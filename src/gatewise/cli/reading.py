"""How a table of series is read, in the words of every command that reads one."""

from __future__ import annotations

from typing import Annotated

from .app import READING, Text, option
from .choices import DUPLICATES, ENCODINGS, FILLS, FREQUENCIES, MARKS, listed

STEPS = "Step between times: h, D, W, MS, 15min, ..."
APART, SORTED = "Column that tells sequences apart.", "Column to sort each sequence by."

Time = Annotated[Text, option(READING, "NAME", "Column of times.", "--time-col")]
Target = Annotated[Text, option(READING, "NAME", "Column of values.")]
Frequency = Annotated[Text, option(READING, "ALIAS", STEPS, "--freq", choices=FREQUENCIES)]
Fill = Annotated[str, option(READING, "WORD", f"Into gaps: {listed(FILLS)}.", choices=FILLS)]
Duplicates = Annotated[str, option(READING, "WORD", f"Equal times: {listed(DUPLICATES)}.", choices=DUPLICATES)]
Encoding = Annotated[Text, option(READING, "CODEC", "Such as latin-1.", choices=ENCODINGS)]
Delimiter = Annotated[Text, option(READING, "LETTER", "Between two cells; or tab.")]
Decimal = Annotated[Text, option(READING, "LETTER", "In numbers: . or ,", choices=MARKS)]
