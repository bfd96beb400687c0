"""What a detector in C expects of a row: for each kind of expectation, what that adds to the file.

``@`` stands for the prefix of the file, and macros for sizes and bounds, as in `device_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ...export.c.files import Footprint
from ...tables.panel import Floats
from .device_forecast import ForecastInC
from .expectation import REACH, Expectation
from .season_before import SeasonBefore
from .watch import Watch

_BEFORE = """/* The latest value that was observed whole seasons before. */
static float @expect(@state *state)
{
    uint32_t back;
    for (back = @SEASON; back <= @REACH && back <= state->count; back += @SEASON)
        if (!@missing(state->values[state->count - back])) return state->values[state->count - back];
    return @bits(0x7fc00000u);
}
"""


class ExpectedInC(Protocol):
    """What an expectation adds to the file of a detector.

    about: a sentence on what is expected. functions: among them ``@expect``, from a state to what is expected of the
    next row. macros: of the file. structs: types. wide, narrow: fields of the state, at its beginning and at its end.
    beginning, reset: statements that set them where nothing is known, and where the detector stands. tables: numbers
    that are known then, and sets: what sets one of them, ``{}``, at the place ``at``, both by their names. golden,
    prepare: for the self-test, tables and ``@prepare``, which says before each row whether forecasts agree; or nothing.
    sizes: of all that.
    """

    about: str
    functions: str
    macros: dict[str, int]
    structs: str
    wide: str
    narrow: str
    beginning: str
    reset: str
    tables: dict[str, Floats]
    sets: dict[str, str]
    golden: str
    prepare: str
    sizes: Footprint

    def __init__(self, watch: Watch, rows: Floats) -> None: ...

    def told(self) -> Any:
        """The expectation, of which nothing is known yet, by which the library tells the rows of the self-test."""
        ...


class BeforeInC:
    """The row one season before.

    Args:
        watch: Of the series.
        rows: Of the self-test.
    """

    about = "A row is expected to be as that one season before."
    functions = _BEFORE
    structs = wide = narrow = beginning = reset = golden = prepare = ""
    sizes = Footprint(1, 1, states=0, flash=0, ram=0, stack=0, macs=0, crc=0)

    def __init__(self, watch: Watch, rows: Floats) -> None:
        self.season = watch.expectation.season
        self.tables, self.sets = dict[str, Floats](), dict[str, str]()
        self.macros = {"SEASON": self.season, "REACH": REACH}

    def told(self) -> SeasonBefore:
        """See `ExpectedInC`."""
        return SeasonBefore.of(self.season)


IN_C: Mapping[type, type[ExpectedInC]] = {SeasonBefore: BeforeInC, Expectation: ForecastInC}
"""How what is expected becomes C, by its kind."""
