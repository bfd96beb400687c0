"""The forecasts of a detector in C: a recorded program, which reads the rows before them whether there or missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ...export.c.files import Footprint
from ...export.c.recorded.program import Example, ProgramFile
from ...export.c.text import int_table
from ...tables.panel import Floats
from ..forecast.pretrained.recorded import TOLERANCE, Medians
from ..forecast.pretrained.weights import pretrained, pretrained_weights
from .device_tables import table
from .expectation import FAN, FIRST, Due, Expectation, fans_after
from .watch import Watch

PARTS_OF_ONE = 1024
"""In these the library expects the rows of the self-test, so that floats hold the distances to them exactly."""
_HISTORY, _AHEAD = "history", "ahead"
_MEDIAN = len(FAN) // 2

_STRUCTS = """typedef struct @work { /* of a forecast; what is in it between two does not matter */
@FIELDS} @work;

"""
_WIDE = """    @work work;
    double history[@READ], ahead[@STEPS]; /* what a forecast reads, and the latest */
"""
_NARROW = """    uint32_t left; /* rows until the next forecast */
"""
_FUNCTIONS = """
/* The forecast of the rows after those that are known. */
static void @ask(@state *state)
{
    uint32_t back;
    for (back = 1; back <= @READ; ++back) {
        const int known = back <= state->count;
        state->history[@READ - back] = (double)(known ? state->values[state->count - back] : @bits(0x7fc00000u));
    }
    @forecast(&state->work, state->history, state->ahead);
    state->left = @STEPS;
}

static float @expect(@state *state)
{
    if (state->left == 0) @ask(state);
    --state->left;
    return state->left < @STEPS ? (float)state->ahead[@STEPS - 1u - state->left] : @bits(0x7fc00000u);
}
"""
_BEGINNING = """    for (at = 0; at < @STEPS; ++at) state->ahead[at] = (double)@bits(0x7fc00000u);
    state->left = @FIRST;
"""
_PREPARE = """/* Expect of rows what the library did; whether the forecasts agree that are made again. */
static int @prepare(@state *state, uint32_t row)
{
    uint32_t at, asked;
    if (state->left > 0) return 1;
    for (asked = 0; asked < @ASKED; ++asked) {
        if (@golden_asked[asked] != row) continue;
        @ask(state);
        for (at = 0; at < @STEPS; ++at)
            if (!@near((float)state->ahead[at], @bits(@golden_ahead[asked * @STEPS + at]), @golden_most)) return 0;
    }
    for (at = 0; at < @STEPS; ++at)
        state->ahead[at] = row + at < @ROWS ? (double)@bits(@golden[(row + at + 1u) * @OUTPUTS - 1u]) : 0.0;
    state->left = @STEPS;
    return 1;
}

"""


class ForecastInC:
    """The medians of forecasts, each of the rows until the next.

    Args:
        watch: Of the series.
        rows: Of the self-test.

    Raises:
        InputError: The statements of the file give other medians than the library.
    """

    about = "The network that comes with gatewise forecasts the rows."
    narrow, beginning, prepare = _NARROW, _BEGINNING, _PREPARE

    def __init__(self, watch: Watch, rows: Floats) -> None:
        expectation = watch.expectation
        assert isinstance(expectation, Expectation)
        self.season = expectation.season
        self.due = Due(watch.known, self.season)
        steps, reach = self.due.steps, self.due.reach
        program = Medians(pretrained(), pretrained_weights(), self.season, reach, steps)
        self.file = ProgramFile(
            program.recording, {_HISTORY: program.history}, {_AHEAD: program.medians}, name="", verb="forecast"
        )
        asked = self._asked(rows)
        examples = [self._example(rows[:known]) for known in asked]
        self._check([*examples, self._example(watch.shapes.past)])
        self.functions = self.file.functions("static ") + _FUNCTIONS
        self.macros = {"READ": reach, "STEPS": steps, "FIRST": FIRST, "ASKED": len(asked)}
        self.structs = _STRUCTS.replace("@FIELDS", self.file.fields)
        self.wide = _WIDE.replace("@READ", f"{reach}").replace("@STEPS", f"{steps}")
        left = expectation.due - watch.known
        self.tables = {"ahead": expectation.ahead[:, _MEDIAN]}
        self.sets = {"ahead": f"state->ahead[@STEPS - {left}u + at] = (double){{}}"}
        self.reset = f"    state->left = {left}u;\n"
        self.golden = _golden(asked, examples)
        self.sizes = self._sizes()

    def told(self) -> Expectation:
        """See `ExpectedInC`."""
        return _Rounded.of(self.season)

    def _asked(self, rows: Floats) -> list[int]:
        """How many rows of the self-test are known when the network is asked: few, soon after a gap, and last."""
        due = np.arange(FIRST, len(rows), self.due.steps)
        gap = np.flatnonzero(np.isnan(rows)).max(initial=0)
        return np.unique([due[0], due[np.searchsorted(due[:-1], gap)], due[-1]]).tolist()

    def _example(self, past: Floats) -> Example:
        """What is forecast after some rows, on the scale of the band around it."""
        history = np.full(self.due.reach, np.nan)
        history[max(self.due.reach - len(past), 0) :] = past[-self.due.reach :]
        read = replace(self.due, known=len(past)).history(past, 0)
        (fan,) = fans_after([read], self.season, self.due.steps)
        largest = np.fmax.reduce(np.abs(fan), axis=None, initial=1.0)
        return Example({_HISTORY: history}, {_AHEAD: fan[:, _MEDIAN]}, float(largest))

    def _check(self, examples: Sequence[Example]) -> None:
        difference = self.file.difference(examples)
        if not difference <= TOLERANCE:
            what = f"forecasts in C would differ by {difference:.1e}, where {TOLERANCE:g} is allowed"
            raise InputError(f"{what}, and nothing was written", hint="give another season, and report it")

    def _sizes(self) -> Footprint:
        sizes, numbers = self.file.sizes, self.due.reach + self.due.steps
        work = sizes.ram + -sizes.ram % 8
        return replace(sizes, states=numbers, ram=work + 8 * numbers + 4)


class _Rounded(Expectation):
    """In `PARTS_OF_ONE`."""

    def read(self, past: Floats, known: int, values: Floats) -> Floats:
        return np.round(super().read(past, known, values) * PARTS_OF_ONE) / PARTS_OF_ONE


def _golden(asked: Sequence[int], examples: Sequence[Example]) -> str:
    """The tables of `_PREPARE`; a median in floats is rounded, and what is compared with it too."""
    scale, medians = max(one.scale for one in examples), np.concatenate([one.outputs[_AHEAD] for one in examples])
    most = TOLERANCE * scale + float(np.spacing(np.float32(scale)))
    asked_table = int_table("@golden_asked", np.array(asked), "uint32_t")
    return f"{asked_table}{table('@golden_ahead', medians)}static const float @golden_most = {np.float32(most)!s}f;\n"
