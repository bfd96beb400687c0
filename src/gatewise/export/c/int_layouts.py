"""How int8 weights are laid out in memory for a processor, and the loops that read them: all give the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from .arrays import Numbers
from .layouts import AffineSums, BlockLayout, HasPlaces, UnitLayout


class Int8Sums(NamedTuple):
    """Sums in whole numbers. matrices: (G, H, K) each, int8. biases, and scales for each matrix: (G, H), float32."""

    sums: AffineSums
    matrices: Sequence[Numbers]
    biases: Numbers
    scales: Sequence[Numbers]


class Int8SumsCode(NamedTuple):
    """weights, scales: in the order in which the loops read them as ``w`` and ``s``. c: the C type of weights.

    loops: the function's body, which writes ``z``. length: how many numbers it writes.
    """

    weights: Numbers
    c: str
    scales: Numbers
    loops: str
    length: int


class Int8Layout(HasPlaces, Protocol):
    """The order of weights that suits one target."""

    def write(self, sums: Int8Sums, prefix: str) -> Int8SumsCode:
        """The tables and the loops."""
        ...


@dataclass(frozen=True)
class Int8BlockLayout:
    """``size`` rows at once, so that compilers use vector instructions."""

    size: int

    def place(self, sums: AffineSums, gate: int, unit: str) -> str:
        """All units of a gate are adjacent."""
        return BlockLayout((self.size,)).place(sums, gate, unit)

    def write(self, sums: Int8Sums, prefix: str) -> Int8SumsCode:
        """[block][each number of the arrays][row], and [block][bias, then each scale][row]."""
        size = self.size
        matrices = [matrix.reshape(-1, matrix.shape[-1]) for matrix in sums.matrices]
        rows = np.concatenate([_padded(matrix, size) for matrix in matrices], axis=1)
        columns = [column.reshape(-1, 1) for column in (sums.biases, *sums.scales)]
        scales = np.concatenate([_padded(column, size) for column in columns], axis=1)
        loops = self._loop(sums.sums, size, len(rows) // size)
        return Int8SumsCode(_blocked(rows, size), "int8_t", _blocked(scales, size), loops, len(rows))

    @staticmethod
    def _loop(sums: AffineSums, size: int, count: int) -> str:
        per_row = f"for (size_t r = 0; r < {size}; ++r)"
        products = "".join(
            f"        {per_row} a[r] = 0;\n"
            f"        for (size_t k = 0; k < {matrix.shape[2]}; ++k, w += {size}) {{\n"
            f"            const int32_t v = {operand}[k];\n"
            f"            {per_row} a[r] += w[r] * v;\n        }}\n"
            f"        {per_row} z[r] += s[r] * (float)a[r];\n        s += {size};\n"
            for operand, matrix in zip(sums.operands, sums.matrices, strict=True)
        )
        return (
            f"    for (size_t block = 0; block < {count}; ++block, z += {size}) {{\n"
            f"        int32_t a[{size}];\n        {per_row} z[r] = s[r];\n        s += {size};\n{products}    }}\n"
        )


def _padded(rows: Numbers, size: int) -> Numbers:
    return np.pad(rows, ((0, -len(rows) % size), (0, 0)))


def _blocked(rows: Numbers, size: int) -> Numbers:
    return np.ascontiguousarray(rows.reshape(-1, size, rows.shape[1]).transpose(0, 2, 1)).reshape(-1)


@dataclass(frozen=True)
class Int8UnitLayout:
    """All gates of a unit side by side, four weights in a word: bytes k, k + 2, k + 1, k + 3, as SXTB16 unpacks them
    for SMLAD. unroll: how many numbers of an array one iteration of the loop takes."""

    unroll: int

    def place(self, sums: AffineSums, gate: int, unit: str) -> str:
        """All gates of a unit are adjacent."""
        return UnitLayout(self.unroll).place(sums, gate, unit)

    def write(self, sums: Int8Sums, prefix: str) -> Int8SumsCode:
        """[unit][each four numbers of the arrays][gate], and [unit][gate][bias, then each scale]."""
        words = np.concatenate([_words(matrix) for matrix in sums.matrices], axis=2)
        scales = np.stack([sums.biases, *sums.scales], axis=2).transpose(1, 0, 2)
        loops = self._loop(sums.sums, scales.shape[2], prefix)
        length = sums.sums.gates * sums.sums.units
        weights = np.ascontiguousarray(words.transpose(1, 2, 0)).reshape(-1)
        return Int8SumsCode(weights, "uint32_t", np.ascontiguousarray(scales).reshape(-1), loops, length)

    def _loop(self, sums: AffineSums, columns: int, prefix: str) -> str:
        gates, text = range(sums.gates), ""
        for at, (operand, matrix) in enumerate(zip(sums.operands, sums.matrices, strict=True), 1):
            text += "        {\n"
            text += "".join(f"            int32_t a{g} = 0;\n" for g in gates)
            text += self._words(operand, matrix.shape[2], sums.gates, prefix)
            sums_so_far = [f"s[{g * columns}]" if at == 1 else f"z[{g}]" for g in gates]
            text += "".join(
                f"            z[{g}] = {sums_so_far[g]} + s[{g * columns + at}] * (float)a{g};\n" for g in gates
            )
            text += "        }\n"
        if not sums.operands:
            text = "".join(f"        z[{g}] = s[{g}];\n" for g in gates)
        step = f"z += {sums.gates}, s += {sums.gates * columns}"
        return f"    for (size_t j = 0; j < {sums.units}; ++j, {step}) {{\n{text}    }}\n"

    def _words(self, operand: str, count: int, gates: int, prefix: str) -> str:
        unrolled = count - count % self.unroll
        text, words = "", self.unroll // 4 * gates
        if unrolled:
            products = "".join(
                self._word(operand, f"k + {k}" if k else "k", 4, k // 4 * gates, gates, prefix)
                for k in range(0, self.unroll, 4)
            )
            loop = f"for (size_t k = 0; k < {unrolled}; k += {self.unroll}, w += {words})"
            text = f"            {loop} {{\n{products}            }}\n"
        starts = range(unrolled, count, 4)
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
        operands = "low, high" if high else "low"
        dots = "".join(f"                a{g} = {prefix}{call}(a{g}, w[{at + g}], {operands});\n" for g in range(gates))
        return f"            {{\n                {low}{high};\n{dots}            }}\n"


def _words(matrix: Numbers) -> Numbers:
    """(G, H, K) of int8 as (G, H, K / 4) of words."""
    padded = np.pad(matrix, ((0, 0), (0, 0), (0, -matrix.shape[2] % 4)))
    bytes_of = padded.reshape(*padded.shape[:2], -1, 4)[..., [0, 2, 1, 3]].view(np.uint8).astype(np.uint32)
    shifts = np.array([0, 8, 16, 24], np.uint32)
    return np.bitwise_or.reduce(bytes_of << shifts, axis=-1)


INT8_LAYOUTS: dict[str, Int8Layout] = {
    "generic": Int8BlockLayout(16),
    "simd": Int8BlockLayout(16),
    "cortex-m55": Int8UnitLayout(16),
    "cortex-m4": Int8UnitLayout(16),
}
"""The layout for each target."""
