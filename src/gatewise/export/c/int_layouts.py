"""How int8 weights are laid out in memory for a processor, and the loops that walk there: all find the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from .arrays import Numbers
from .layouts import Blocks, Sums, Units


class Whole(NamedTuple):
    """Sums in whole numbers. matrices: (G, H, K) each. biases: (G, H). scales: (G, H) for each matrix, float32."""

    sums: Sums
    matrices: Sequence[Numbers]
    biases: Numbers
    scales: Sequence[Numbers]


class WholeWritten(NamedTuple):
    """weights, scales: in the order in which the loops read them as ``w`` and ``s``. c: the type of weights."""

    weights: Numbers
    c: str
    scales: Numbers
    loops: str
    room: int


class IntLayout(Protocol):
    """How one target wants it."""

    def write(self, whole: Whole, prefix: str) -> WholeWritten:
        """The loops."""
        ...

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Where the sum of a gate and unit is in ``z``."""
        ...


@dataclass(frozen=True)
class IntBlocks:
    """So many rows at once, so that compilers find vectors."""

    size: int

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Gate by gate."""
        return Blocks((self.size,)).place(sums, gate, unit)

    def write(self, whole: Whole, prefix: str) -> WholeWritten:
        """[block][each number of the arrays][row], and [block][bias, then each scale][row]."""
        size = self.size
        matrices = [matrix.reshape(-1, matrix.shape[-1]) for matrix in whole.matrices]
        rows = np.concatenate([_filled(matrix, size) for matrix in matrices], axis=1)
        columns = [column.reshape(-1, 1) for column in (whole.biases, *whole.scales)]
        scales = np.concatenate([_filled(column, size) for column in columns], axis=1)
        loops = self._whole_loop(whole.sums, size, len(rows) // size)
        return WholeWritten(_blocked(rows, size), "int8_t", _blocked(scales, size), loops, len(rows))

    @staticmethod
    def _whole_loop(sums: Sums, size: int, count: int) -> str:
        each = f"for (size_t r = 0; r < {size}; ++r)"
        products = "".join(
            f"        {each} a[r] = 0;\n"
            f"        for (size_t k = 0; k < {matrix.shape[2]}; ++k, w += {size}) {{\n"
            f"            const int32_t v = {operand}[k];\n"
            f"            {each} a[r] += w[r] * v;\n        }}\n"
            f"        {each} z[r] += s[r] * (float)a[r];\n        s += {size};\n"
            for operand, matrix in zip(sums.operands, sums.matrices, strict=True)
        )
        return (
            f"    for (size_t block = 0; block < {count}; ++block, z += {size}) {{\n"
            f"        int32_t a[{size}];\n        {each} z[r] = s[r];\n        s += {size};\n{products}    }}\n"
        )


def _filled(rows: Numbers, size: int) -> Numbers:
    return np.pad(rows, ((0, -len(rows) % size), (0, 0)))


def _blocked(rows: Numbers, size: int) -> Numbers:
    return np.ascontiguousarray(rows.reshape(-1, size, rows.shape[1]).transpose(0, 2, 1)).reshape(-1)


@dataclass(frozen=True)
class IntUnits:
    """All gates of a unit side by side, four weights in a word: bytes k, k + 2, k + 1, k + 3, as SXTB16 takes them
    apart for SMLAD. unroll: how many numbers of an array are taken in one turn of the loop."""

    unroll: int

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Unit by unit."""
        return Units(self.unroll).place(sums, gate, unit)

    def write(self, whole: Whole, prefix: str) -> WholeWritten:
        """[unit][each four numbers of the arrays][gate], and [unit][gate][bias, then each scale]."""
        words = np.concatenate([_words(matrix) for matrix in whole.matrices], axis=2)
        scales = np.stack([whole.biases, *whole.scales], axis=2).transpose(1, 0, 2)
        loops = self._whole_loop(whole.sums, scales.shape[2], prefix)
        room = whole.sums.gates * whole.sums.units
        weights = np.ascontiguousarray(words.transpose(1, 2, 0)).reshape(-1)
        return WholeWritten(weights, "uint32_t", np.ascontiguousarray(scales).reshape(-1), loops, room)

    def _whole_loop(self, sums: Sums, columns: int, prefix: str) -> str:
        gates, text = range(sums.gates), ""
        for at, (operand, matrix) in enumerate(zip(sums.operands, sums.matrices, strict=True), 1):
            text += "        {\n"
            text += "".join(f"            int32_t a{g} = 0;\n" for g in gates)
            text += self._words(operand, matrix.shape[2], sums.gates, prefix)
            before = [f"s[{g * columns}]" if at == 1 else f"z[{g}]" for g in gates]
            text += "".join(f"            z[{g}] = {before[g]} + s[{g * columns + at}] * (float)a{g};\n" for g in gates)
            text += "        }\n"
        if not sums.operands:
            text = "".join(f"        z[{g}] = s[{g}];\n" for g in gates)
        step = f"z += {sums.gates}, s += {sums.gates * columns}"
        return f"    for (size_t j = 0; j < {sums.units}; ++j, {step}) {{\n{text}    }}\n"

    def _words(self, operand: str, count: int, gates: int, prefix: str) -> str:
        whole = count - count % self.unroll
        text, turn = "", self.unroll // 4 * gates
        if whole:
            turns = "".join(
                self._word(operand, f"k + {k}" if k else "k", 4, k // 4 * gates, gates, prefix)
                for k in range(0, self.unroll, 4)
            )
            loop = f"for (size_t k = 0; k < {whole}; k += {self.unroll}, w += {turn})"
            text = f"            {loop} {{\n{turns}            }}\n"
        starts = range(whole, count, 4)
        for at, k in enumerate(starts):
            text += self._word(operand, str(k), min(4, count - k), at * gates, gates, prefix)
        return text + (f"            w += {len(starts) * gates};\n" if starts else "")

    @staticmethod
    def _word(operand: str, k: str, count: int, at: int, gates: int, prefix: str) -> str:
        def pair(begin: int, there: int) -> str:
            where = f"{operand} + {k} + {begin}" if begin else f"{operand} + {k}"
            return f"{prefix}{'pair' if there > 1 else 'single'}({where})"

        low = f"const uint32_t low = {pair(0, min(2, count))}"
        high = f", high = {pair(2, count - 2)}" if count > 2 else ""
        call = "dot4" if high else "dot2"
        given = "low, high" if high else "low"
        dots = "".join(f"                a{g} = {prefix}{call}(a{g}, w[{at + g}], {given});\n" for g in range(gates))
        return f"            {{\n                {low}{high};\n{dots}            }}\n"


def _words(matrix: Numbers) -> Numbers:
    """(G, H, K) of int8 as (G, H, K / 4) of words."""
    filled = np.pad(matrix, ((0, 0), (0, 0), (0, -matrix.shape[2] % 4)))
    bytes_of = filled.reshape(*filled.shape[:2], -1, 4)[..., [0, 2, 1, 3]].view(np.uint8).astype(np.uint32)
    shifts = np.array([0, 8, 16, 24], np.uint32)
    return np.bitwise_or.reduce(bytes_of << shifts, axis=-1)


INT_LAYOUTS: dict[str, IntLayout] = {
    "generic": IntBlocks(16),
    "simd": IntBlocks(16),
    "cortex-m55": IntUnits(16),
    "cortex-m4": IntUnits(16),
}
"""By target."""
