"""The text of the two files."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from ...compiler.render.c import number
from ...version import version
from .draft import Array, Draft
from .maths import BOUND, FUNCTIONS, HEAD, functions_called
from .stages import constant
from .text import plain, table

ABI = 1
"""Raised when the functions or the order of states change."""


@dataclass(frozen=True)
class Golden:
    """What the file's own test runs: outputs (T, O) for the inputs of :func:`golden_inputs`, and how far they may be
    off."""

    outputs: Tensor
    tolerance: float


def golden_inputs(steps: int, inputs: int) -> Tensor:
    """Numbers from -1 to 1 that C makes as well, exactly: (T, I)."""
    place = torch.arange(steps * inputs, dtype=torch.int64).reshape(steps, inputs)
    return ((place * 37 + place // 7) % 17 - 8).float() / 8


@dataclass(frozen=True)
class Sizes:
    """What a file takes. flash: bytes of weights. ram: bytes of one state. stack: bytes of a step's arrays. macs:
    multiplications and additions of one step. bound: the largest absolute error of its sigmoid and tanh."""

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
    def of(cls, draft: Draft, inputs: int, outputs: int) -> Sizes:
        """Of everything that was drafted."""
        data = b"".join(weights.numpy().astype("<f4").tobytes() for weights in draft.weights)
        states = len(draft.starts)
        return cls(inputs, outputs, states, len(data), 4 * states, 4 * sum(draft.scratch), draft.macs, zlib.crc32(data))


def header(name: str, about: list[str], draft: Draft, sizes: Sizes, flags: str) -> str:
    """The .h file. about: lines on the model. flags: for the compiler, as this target wants them."""
    capital = name.upper()
    places = "".join(f"   values {span.start} to {span.stop - 1}: {state}\n" for state, span in draft.states.items())
    macros = {
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
    defined = "".join(f"#define {capital}_{key} {value}\n" for key, value in macros.items())
    text = f"""/* Written by gatewise {plain(version())}: a recurrent network, step by step.

{"".join(f"   {plain(line)}" + chr(10) for line in about)}
   Weights: {sizes.flash:,} bytes of flash, constant, shared by all states. RAM: {sizes.ram:,} bytes for each state.
   Stack: {sizes.stack:,} bytes of arrays in a step, and what registers need. A step takes {sizes.macs:,}
   multiplications with additions, whatever the numbers. sigmoid and tanh are within {sizes.bound:g} of the exact ones;
   a NaN counts there as a large number, so check inputs that may be one. No heap, no library, no data that changes
   but the state.

   C99 or C++. Good flags for this target: {flags}.
   Without contraction of products and sums (-ffp-contract=off, or -std=c99 with GCC) every compiler and processor with
   IEEE 754 arithmetic gives the same bits.

   The state, as get_state and set_state copy it:
{places or "   nothing" + chr(10)}*/

#ifndef @CAPITAL_H
#define @CAPITAL_H

#include <stddef.h>
#include <stdint.h>

{defined}
#ifdef __cplusplus
extern "C" {{
#endif

typedef struct @state {{
    float values[{max(1, sizes.states)}];
}} @state;

/* Back to the beginning; also before the first step. */
void @reset(@state *state);

/* One step: x has {capital}_INPUTS numbers, y gets {capital}_OUTPUTS. They must not overlap. */
void @step(@state *state, const float *x, float *y);

/* So many steps: x has steps * {capital}_INPUTS numbers, y gets steps * {capital}_OUTPUTS. */
void @run(@state *state, const float *x, float *y, size_t steps);

/* {capital}_STATES numbers out of a state, or into it. */
void @get_state(const @state *state, float *values);
void @set_state(@state *state, const float *values);

#ifdef {capital}_SELFTEST
/* 0 where a run from the beginning gives what the model gave when it was exported, else the number of the first step
   that does not, from 1. */
int @selftest(void);
#endif

#ifdef __cplusplus
}}
#endif

#endif
"""
    return text.replace("@CAPITAL", capital).replace("@", f"{name}_")


def source(name: str, draft: Draft, y: Array, golden: Golden, inputs: int) -> str:
    """The .c file."""
    prefix = f"{name}_"
    step = "\n".join(f"    {statement}" for statement in draft.step)
    starts = [constant(value, prefix) for value in draft.starts]
    reset = _reset(starts)
    written = "\n".join([*draft.functions, step, *reset])
    called = {each for each in FUNCTIONS if re.search(rf"\b{re.escape(prefix + each)}\(", written)}
    functions = "\n".join(functions_called(called))
    unused = "".join(f"    (void){each};\n" for each in ("state", "x") if not re.search(rf"\b{each}\b", step))
    copies = f"for (size_t k = 0; k < {y.size}; ++k) y[k] = {y.at('k')};"
    states = len(starts)
    text = f"""/* See {name}.h. */

#include "{name}.h"

#if defined(__GNUC__)
#define @INLINE static inline __attribute__((always_inline))
#else
#define @INLINE static inline
#endif

{HEAD if functions else ""}
{functions}
{chr(10).join(draft.tables)}
{chr(10).join(draft.functions)}
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
    for (size_t k = 0; k < {max(1, states)}; ++k) values[k] = state->values[k];
}}

void @set_state(@state *state, const float *values)
{{
    for (size_t k = 0; k < {max(1, states)}; ++k) state->values[k] = values[k];
}}

{_selftest(name, golden, inputs, y.size)}"""
    return text.replace("@", prefix)


def _reset(starts: list[str]) -> list[str]:
    """Statements that set every number, runs of the same one in a loop."""
    lines, begin = list[str](), 0
    for at in range(1, len(starts) + 1):
        if at == len(starts) or starts[at] != starts[begin]:
            lines.append(f"for (size_t k = {begin}; k < {at}; ++k) state->values[k] = {starts[begin]};")
            begin = at
    return lines or ["state->values[0] = 0.0f;"]


def _selftest(name: str, golden: Golden, inputs: int, outputs: int) -> str:
    steps = len(golden.outputs)
    expected = table("@golden", golden.outputs)
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
