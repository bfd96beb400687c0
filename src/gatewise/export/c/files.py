"""The text of the two files."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from ...compiler.render.c import number
from ...version import version
from .arrays import CArray
from .builder import FileBuilder
from .maths import BOUND, FUNCTIONS, HEAD, functions_called
from .state_struct import fields_of, get_of, place_of, reset_of, set_of, spans, states_of
from .text import float_table, plain

ABI = 1
"""Raised when the functions or the order of states change."""


@dataclass(frozen=True)
class Golden:
    """What the file's self-test compares with: outputs (T, O) for the inputs of :func:`golden_inputs`, and how far they
    may be off."""

    outputs: Tensor
    tolerance: float


def golden_inputs(steps: int, inputs: int) -> Tensor:
    """Numbers from -1 to 1, (T, I), that C computes too, exactly."""
    place = torch.arange(steps * inputs, dtype=torch.int64).reshape(steps, inputs)
    return ((place * 37 + place // 7) % 17 - 8).float() / 8


@dataclass(frozen=True)
class Footprint:
    """What a file needs.

    inputs, outputs, states: how many numbers. flash: bytes of weights. ram: bytes of one state. stack: bytes of a
    step's arrays. macs: multiplications with additions of one step. crc: of all weights. bound: the largest absolute
    error of its sigmoid and tanh.
    """

    inputs: int
    outputs: int
    states: int
    flash: int
    ram: int
    stack: int
    macs: int
    crc: int
    bound: float = BOUND

    @classmethod
    def of(cls, builder: FileBuilder, inputs: int, outputs: int) -> Footprint:
        """The footprint of what was built."""
        data, ram = b"".join(builder.data), sum(slot.array.size * slot.array.storage.width for slot in builder.slots)
        ram += -ram % max((slot.array.storage.width for slot in builder.slots), default=1)
        return cls(inputs, outputs, builder.states, len(data), ram, builder.stack, builder.macs, zlib.crc32(data))


@dataclass(frozen=True)
class Quality:
    """How near an int8 file is to the module.

    ratio: of signal to noise on the calibration data, in dB. steps: of calibration. row: the largest sum of magnitudes
    of a row of weights. accumulator: the largest magnitude that a sum can have.
    """

    ratio: float
    steps: int
    row: int

    @property
    def accumulator(self) -> int:
        """The largest magnitude of a sum, for inputs as large as int16 allows."""
        return self.row * 32768


_COMMENT = """/* Written by gatewise {version}: a recurrent network, step by step.

{about}
   Weights: {sizes.flash:,} bytes of flash, constant, shared by all states. RAM: {sizes.ram:,} bytes for each state.
   Stack: {sizes.stack:,} bytes of arrays in a step, and what registers need. A step takes {sizes.macs:,}
   multiplications with additions, whatever the numbers. sigmoid and tanh are within {sizes.bound:g} of the exact ones;
   a NaN counts there as a large number, so check inputs that may be one. No heap, no library, no data that changes
   but the state.
{quality}
   C99 or C++. Good flags for this target: {flags}.
   Without contraction of products and sums (-ffp-contract=off, or -std=c99 with GCC) every compiler and processor with
   IEEE 754 arithmetic gives the same bits.

   The state, as get_state and set_state copy it:
{places}*/
"""
_DECLARATIONS = """
#ifndef @CAPITAL_H
#define @CAPITAL_H

#include <stddef.h>
#include <stdint.h>

@MACROS
#ifdef __cplusplus
extern "C" {
#endif

typedef struct @state {
@FIELDS} @state;

/* Back to the beginning; also before the first step. */
void @reset(@state *state);

/* One step: x has @CAPITAL_INPUTS numbers, y gets @CAPITAL_OUTPUTS. They must not overlap. */
void @step(@state *state, const float *x, float *y);

/* So many steps: x has steps * @CAPITAL_INPUTS numbers, y gets steps * @CAPITAL_OUTPUTS. */
void @run(@state *state, const float *x, float *y, size_t steps);

/* @CAPITAL_STATES numbers out of a state, or into it. */
void @get_state(const @state *state, float *values);
void @set_state(@state *state, const float *values);

#ifdef @CAPITAL_SELFTEST
/* 0 where a run from the beginning gives what the model gave when it was exported, else the number of the first step
   that does not, from 1. */
int @selftest(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
"""


def header(
    name: str, about: list[str], builder: FileBuilder, sizes: Footprint, flags: str, quality: Quality | None = None
) -> str:
    """The .h file. about: lines on the model. flags: good ones for the compiler."""
    comment = _COMMENT.format(
        version=plain(version()),
        about="".join(f"   {plain(line)}\n" for line in about),
        sizes=sizes,
        quality="" if quality is None else _about_quality(quality),
        flags=flags,
        places="".join(place_of(begin, slot) for begin, slot in states_of(builder)) or "   nothing\n",
    )
    capital = name.upper()
    macros = "".join(f"#define {capital}_{key} {value}\n" for key, value in _macros(sizes, quality).items())
    filled = {"@MACROS": macros, "@FIELDS": fields_of(builder), "@CAPITAL": capital, "@": f"{name}_"}
    declarations = _DECLARATIONS
    for mark, text in filled.items():
        declarations = declarations.replace(mark, text)
    return comment + declarations


def _macros(sizes: Footprint, quality: Quality | None) -> dict[str, int | str]:
    """Values of the macros, by name without the file's prefix."""
    macros: dict[str, int | str] = {
        "ABI": ABI,
        "INPUTS": sizes.inputs,
        "OUTPUTS": sizes.outputs,
        "STATES": sizes.states,
        "STATE_BYTES": sizes.ram,
        "FLASH_BYTES": sizes.flash,
        "STACK_BYTES": sizes.stack,
        "MACS": sizes.macs,
        "WEIGHTS_CRC32": f"0x{sizes.crc:08x}u",
        "ACTIVATION_BOUND": number(sizes.bound),
    }
    if quality is not None:
        macros["ACCUMULATOR_BOUND"] = quality.accumulator
        macros["SNR_DB"] = number(min(max(quality.ratio, -999.0), 999.0))
    return macros


def source(name: str, builder: FileBuilder, y: CArray, golden: Golden, inputs: int) -> str:
    """The .c file."""
    prefix = f"{name}_"
    step = "\n".join(f"    {statement}" for statement in builder.step)
    reset = [line for span in spans(builder) for line in reset_of(span, prefix)] or ["state->values[0] = 0.0f;"]
    copy_out = [line for span in spans(builder) for line in get_of(span)] or ["values[0] = state->values[0];"]
    copy_in = [line for span in spans(builder) for line in set_of(span, prefix)] or ["state->values[0] = values[0];"]
    unused = "".join(f"    (void){name};\n" for name in ("state", "x") if not re.search(rf"\b{name}\b", step))
    copies = f"for (size_t k = 0; k < {y.size}; ++k) y[k] = {y.at('k')};"
    text = f"""
{chr(10).join(builder.tables)}
{chr(10).join(builder.functions)}
void @reset(@state *state)
{{
{chr(10).join(f"    {line}" for line in reset)}
}}

void @step(@state *state, const float *x, float *y)
{{
{step}
{unused}    {copies}
}}

void @run(@state *state, const float *x, float *y, size_t steps)
{{
    for (; steps > 0; --steps, x += {inputs}, y += {y.size}) @step(state, x, y);
}}

void @get_state(const @state *state, float *values)
{{
{chr(10).join(f"    {line}" for line in copy_out)}
}}

void @set_state(@state *state, const float *values)
{{
{chr(10).join(f"    {line}" for line in copy_in)}
}}

{_selftest(name, golden, inputs, y.size)}"""
    return with_functions(name, text)


def with_functions(name: str, body: str) -> str:
    """A .c file: its body, in which ``@`` stands for the prefix, after the functions that it calls."""
    prefix = f"{name}_"
    written = body.replace("@", prefix)
    calls = set(re.findall(rf"{re.escape(prefix)}(\w+)\(", written))
    functions = "\n".join(functions_called(calls & FUNCTIONS.keys()))
    head = f"""/* See {name}.h. */

#include "{name}.h"

#if defined(__GNUC__)
#define @INLINE static inline __attribute__((always_inline))
#else
#define @INLINE static inline
#endif

{HEAD if functions else ""}
{functions}"""
    return head.replace("@", prefix) + written


def _about_quality(quality: Quality) -> str:
    return f"""
   Weights of int8, one scale for each row; inputs and outputs of layers int16, memories int32, sums int32, the rest
   float. The magnitudes of a row's weights add up to {quality.row:,} at most, times 32,768 this is
   {quality.accumulator:,}: no sum leaves 32 bits, whose largest number is {(1 << 31) - 1:,}.
   On {quality.steps:,} steps of calibration the signal is {quality.ratio:.1f} dB above the difference to the model.
"""


def _selftest(name: str, golden: Golden, inputs: int, outputs: int) -> str:
    steps = len(golden.outputs)
    expected = float_table("@golden", golden.outputs)
    return f"""#ifdef {name.upper()}_SELFTEST
{expected}
int @selftest(void)
{{
    @state state;
    float x[{inputs}], y[{outputs}];
    @reset(&state);
    for (uint32_t step = 0; step < {steps}; ++step) {{
        for (uint32_t k = 0; k < {inputs}; ++k) {{
            const uint32_t place = step * {inputs}u + k;
            x[k] = ((float)((place * 37u + place / 7u) % 17u) - 8.0f) / 8.0f;
        }}
        @step(&state, x, y);
        for (uint32_t k = 0; k < {outputs}; ++k) {{
            const float gap = y[k] - @golden[step * {outputs}u + k];
            if (!(gap <= {number(golden.tolerance)} && -gap <= {number(golden.tolerance)})) return (int)step + 1;
        }}
    }}
    return 0;
}}
#endif
"""
