"""A recorded program as a .c file and its header."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....version import version
from ...recording import Recorded, Recording
from ..files import Footprint, with_functions
from ..text import plain
from .accesses import Accesses
from .arena import arena_of
from .constants import C_TYPES, table_of, table_text
from .emulation import emulated
from .lowering import Lowered
from .render import WIDEST, Renderer, declared
from .statements import products

_PART = 400
"""Lines of a function of the file, or somewhat more: compilers take long over long ones."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Example:
    """What the self-test compares: inputs and outputs by name. scale: differences are relative to the largest number of
    an output, or to this where it is larger."""

    inputs: Arrays
    outputs: Arrays
    scale: float = 1.0


@dataclass(frozen=True)
class Written:
    """Both files. sizes: inputs and outputs in all; no states."""

    source: str
    header: str
    sizes: Footprint


_COMMENT = """/* Written by gatewise {version}.

{about}

   Flash: {sizes.flash:,} bytes of numbers that never change, and the code. RAM: {sizes.ram:,} bytes to work in, which
   hold nothing between two calls. Stack: {sizes.stack:,} bytes of arrays, and what registers need. A call takes
   {sizes.macs:,} multiplications with additions in products of matrices. No heap, no library.

   C99 or C++. Without contraction of products and sums (-ffp-contract=off, or -std=c99 with GCC) every compiler and
   processor with IEEE 754 arithmetic gives the same bits; -ffast-math takes missing numbers for others. The self-test
   allows a difference of {tolerance:g}, relative to the largest number of an output or to 1.
*/
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

typedef struct @work { /* what is in it before a call does not matter */
@FIELDS} @work;

/* @ABOUT_ARRAYS. They must not overlap. */
void @VERB(@ARGUMENTS);

#ifdef @CAPITAL_SELFTEST
/* 0 where examples come out as they did when this was written, else the number of the first that does not, from 1. */
int @selftest(@work *work);
#endif

#ifdef __cplusplus
}
#endif

#endif
"""


_SELFTEST = """#ifdef {capital}_SELFTEST
{tables}
int @selftest(@work *work)
{{
{arrays}    for (size_t example = 0; example < {count}; ++example) {{
{body}
    }}
    return 0;
}}
#endif
"""


class ProgramFile:
    """A recorded program as C.

    Args:
        recording: The program.
        inputs, outputs: Its values, by the names that they get in C.
        name: What the files, types and functions are called.
        verb: What the function is called, after the name.
    """

    def __init__(
        self,
        recording: Recording,
        inputs: Mapping[str, Recorded],
        outputs: Mapping[str, Recorded],
        *,
        name: str,
        verb: str,
    ) -> None:
        self.name, self.verb = name, verb
        self.inputs, self.outputs = dict(inputs), dict(outputs)
        self.arrays = self.inputs | self.outputs
        self.lowered = lowered = Lowered(recording, inputs, outputs)
        given = {value: name for name, value in (*lowered.inputs.items(), *lowered.outputs.items())}
        self.arena = arena_of(lowered.statements, lowered.sizes, lowered.dtypes, set(given))
        accesses = Accesses(self.arena, recording.constants, given)
        self.statements = list(Renderer(accesses).lines(lowered.statements))
        self.tables = accesses.tables
        self.sizes = Footprint(
            inputs=sum(one.size for one in inputs.values()),
            outputs=sum(one.size for one in outputs.values()),
            states=0,
            flash=accesses.flash,
            ram=self.arena.bytes,
            stack=8 * WIDEST,
            macs=products(lowered.statements),
            crc=zlib.crc32(b"".join(accesses.data)),
        )

    def difference(self, examples: Sequence[Example]) -> float:
        """How far the statements of the file, in NumPy, are from outputs, relative as `Example` says.

        Infinite where only one of them is NaN.
        """
        differences: list[float] = []
        for one in examples:
            found = emulated(self.lowered, one.inputs)
            differences += [_difference(found[name], told.ravel(), one.scale) for name, told in one.outputs.items()]
        return max(differences)

    def written(self, about: str, examples: Sequence[Example], tolerance: float) -> Written:
        """Both files. about: what it is, in sentences. tolerance: of the self-test, see the comment."""
        return Written(self._source(examples, tolerance), self._header(about, tolerance), self.sizes)

    def _parameters(self) -> dict[str, str]:
        """What the functions take, by name."""
        found = {"work": "@work *work"}
        found |= {name: f"const {C_TYPES[one.dtype.name]} *{name}" for name, one in self.inputs.items()}
        return found | {name: f"{C_TYPES[one.dtype.name]} *{name}" for name, one in self.outputs.items()}

    @property
    def fields(self) -> str:
        """Those of the struct of memory to work in, the widest first."""
        return "".join(f"    {line}\n" for line in declared(self.arena.lengths)) or "    char none;\n"

    def functions(self, storage: str = "") -> str:
        """Tables and functions, ``@`` for the prefix. storage: what stands before that which is called, see `verb`."""
        parameters = self._parameters()
        functions, calls = list[str](), list[str]()
        for at, part in enumerate(self._parts()):
            text = "\n".join(f"    {line}" for line in part)
            used = {name: one for name, one in parameters.items() if re.search(rf"\b{name}\b", text)}
            functions.append(f"static void @part{at}({', '.join(used.values())})\n{{\n{text}\n}}\n")
            calls.append(f"    @part{at}({', '.join(used)});\n")
        unused = [name for name in parameters if not any(re.search(rf"\b{name}\b", call) for call in calls)]
        calls += [f"    (void){name};\n" for name in unused]
        whole = f"{storage}void @{self.verb}({', '.join(parameters.values())})\n{{\n{''.join(calls)}}}\n"
        return "\n".join([*self.tables, *functions, whole])

    def _source(self, examples: Sequence[Example], tolerance: float) -> str:
        return with_functions(self.name, f"\n{self.functions()}\n{self._selftest(examples, tolerance)}")

    def _parts(self) -> Iterator[list[str]]:
        """The lines of each function: of some statements."""
        lines: list[str] = []
        for statement in self.statements:
            lines += statement
            if len(lines) > _PART:
                yield lines
                lines = []
        yield lines

    def _header(self, about: str, tolerance: float) -> str:
        comment = _COMMENT.format(
            version=plain(version()), about=_wrapped(about), sizes=self.sizes, tolerance=tolerance
        )
        capital = self.name.upper()
        facts = {
            **{name.upper(): one.size for name, one in self.arrays.items()},
            "WORK_BYTES": self.sizes.ram,
            "FLASH_BYTES": self.sizes.flash,
            "STACK_BYTES": self.sizes.stack,
            "MACS": self.sizes.macs,
            "NUMBERS_CRC32": f"0x{self.sizes.crc:08x}u",
        }
        arrays = [f"{name} has {_times(one.shape)} numbers" for name, one in self.inputs.items()]
        arrays += [f"{name} gets {_times(one.shape)}, row by row" for name, one in self.outputs.items()]
        marks = {
            "@MACROS": "".join(f"#define {capital}_{key} {value}\n" for key, value in facts.items()),
            "@FIELDS": self.fields,
            "@ABOUT_ARRAYS": "; ".join(arrays),
            "@VERB": f"@{self.verb}",
            "@ARGUMENTS": ", ".join(self._parameters().values()),
            "@CAPITAL": capital,
            "@": f"{self.name}_",
        }
        declarations = _DECLARATIONS
        for mark, text in marks.items():
            declarations = declarations.replace(mark, text)
        return comment + declarations

    def _selftest(self, examples: Sequence[Example], tolerance: float) -> str:
        allowed = [tolerance * max(one.scale, *map(_largest, one.outputs.values())) for one in examples]
        tables, most = _told("most", np.array(allowed), "example")
        lines: list[str] = []
        for name, one in self.arrays.items():
            arrays = [(each.inputs if name in self.inputs else each.outputs)[name].ravel() for each in examples]
            text, told = _told(name, np.concatenate(arrays).astype(one.dtype), f"example * {one.size} + k")
            tables += text
            filled = f"{name}[k] = {told};" if name in self.inputs else _compared(name, told, most)
            lines.append(f"for (size_t k = 0; k < {one.size}; ++k) {filled}")
        lines.insert(len(self.inputs), f"@{self.verb}({', '.join(self._parameters())});")
        arrays = [f"    static {C_TYPES[one.dtype.name]} {name}[{one.size}];\n" for name, one in self.arrays.items()]
        body = "\n".join(f"        {line}" for line in lines)
        return _SELFTEST.format(
            capital=self.name.upper(), tables=tables, arrays="".join(arrays), count=len(examples), body=body
        )


def _told(name: str, flat: NDArray[Any], place: str) -> tuple[str, str]:
    """A table of the self-test, and C for one of its numbers."""
    table = table_of(flat)
    return table_text(f"@told_{name}", table, len(flat)), table.read.format(f"@told_{name}[{place}]")


def _compared(name: str, told: str, most: str) -> str:
    return f"""{{
            const double found = (double){name}[k], told = (double)({told}), gap = found - told;
            const int same = found == told || (found != found && told != told);
            if (!same && !(gap <= {most} && -gap <= {most})) return (int)example + 1;
        }}"""


def _difference(found: NDArray[Any], told: NDArray[Any], scale: float) -> float:
    found, told = found.astype(np.float64), told.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = np.where((found == told) | (np.isnan(found) & np.isnan(told)), 0.0, np.abs(found - told))
    largest = float(gap.max(initial=0.0)) / max(scale, _largest(told))
    return largest if largest >= 0.0 else float("inf")


def _wrapped(about: str) -> str:
    return fill(plain(about), 117, initial_indent="   ", subsequent_indent="   ")


def _largest(array: NDArray[Any]) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _times(shape: tuple[int, ...]) -> str:
    return " * ".join(map(str, shape)) or "1"
