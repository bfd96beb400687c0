"""How sums of products are laid out in memory for a processor, and the loops that walk there.

Every layout adds up a row in the same order, the bias first, then the products in the order of what is multiplied, so
all give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class AffineSums:
    """Rows for G gates of H units: a bias, and one matrix for each array that is multiplied.

    biases: (G, H). operands: names of the arrays. matrices: (G, H, K) each.
    """

    name: str
    biases: Tensor
    operands: tuple[str, ...]
    matrices: tuple[Tensor, ...]

    @property
    def gates(self) -> int:
        """G."""
        return self.biases.shape[0]

    @property
    def units(self) -> int:
        """H."""
        return self.biases.shape[1]

    @property
    def products(self) -> int:
        """How many numbers are multiplied and added."""
        return sum(matrix.numel() for matrix in self.matrices)


class SumsCode(NamedTuple):
    """table: the weights in the order in which the loops read them. loops: the function's body, which reads ``w`` and
    the operands and writes ``z``. length: how many numbers it writes."""

    table: Tensor
    loops: str
    length: int


class HasPlaces(Protocol):
    """Knows where each sum is stored."""

    def place(self, sums: AffineSums, gate: int, unit: str) -> str:
        """The index in ``z`` of the sum of a gate and unit, as a C expression."""
        ...


class WeightLayout(HasPlaces, Protocol):
    """The order of weights that suits one target."""

    def write(self, sums: AffineSums) -> SumsCode:
        """The table and the loops."""
        ...


@dataclass(frozen=True)
class BlockLayout:
    """Rows in blocks whose sums stay in registers while the arrays are read: for processors with vectors.

    sizes: of blocks, the largest first; rows are padded with zeros to a multiple of the last.
    """

    sizes: tuple[int, ...]

    def write(self, sums: AffineSums) -> SumsCode:
        """[block][bias, then each number of the arrays][row]."""
        rows = torch.cat([sums.biases.reshape(-1, 1), *(m.flatten(0, 1) for m in sums.matrices)], dim=1)
        padded = torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % self.sizes[-1]))
        at, tables, loops = 0, list[Tensor](), list[str]()
        for size in self.sizes:
            count = (len(padded) - at) // size
            if count:
                rows_of_size = padded[at : at + count * size]
                tables.append(rows_of_size.reshape(count, size, -1).transpose(1, 2).reshape(-1))
                loops.append(self._loop(sums, size, count))
                at += count * size
        return SumsCode(torch.cat(tables), "".join(loops), len(padded))

    def place(self, sums: AffineSums, gate: int, unit: str) -> str:
        """All units of a gate are adjacent."""
        return f"{gate * sums.units} + {unit}" if gate else unit

    @staticmethod
    def _loop(sums: AffineSums, size: int, count: int) -> str:
        per_row = f"for (size_t r = 0; r < {size}; ++r)"
        products = "".join(
            f"        for (size_t k = 0; k < {matrix.shape[2]}; ++k, w += {size}) {{\n"
            f"            {per_row} a[r] += w[r] * {operand}[k];\n        }}\n"
            for operand, matrix in zip(sums.operands, sums.matrices, strict=True)
        )
        return (
            f"    for (size_t block = 0; block < {count}; ++block, z += {size}) {{\n"
            f"        float a[{size}];\n        {per_row} a[r] = w[r];\n        w += {size};\n{products}"
            f"        {per_row} z[r] = a[r];\n    }}\n"
        )


@dataclass(frozen=True)
class UnitLayout:
    """All gates of a unit side by side, so that a number is read once for all of them: for scalar processors.

    unroll: how many numbers of an array one iteration of the loop takes.
    """

    unroll: int

    def write(self, sums: AffineSums) -> SumsCode:
        """[unit][bias, then each number of the arrays][gate]."""
        rows = torch.cat([sums.biases.unsqueeze(-1), *sums.matrices], dim=2)
        gates = range(sums.gates)
        start = "".join(f"        float a{g} = w[{g}];\n" for g in gates)
        products = "".join(
            self._products(operand, matrix.shape[2], sums.gates)
            for operand, matrix in zip(sums.operands, sums.matrices, strict=True)
        )
        end = "".join(f"        z[{g}] = a{g};\n" for g in gates)
        loops = (
            f"    for (size_t j = 0; j < {sums.units}; ++j, z += {sums.gates}) {{\n"
            f"{start}        w += {sums.gates};\n{products}{end}    }}\n"
        )
        return SumsCode(rows.permute(1, 2, 0).reshape(-1), loops, sums.gates * sums.units)

    def place(self, sums: AffineSums, gate: int, unit: str) -> str:
        """All gates of a unit are adjacent."""
        at = unit if sums.gates == 1 else f"{sums.gates} * {unit}"
        return f"{at} + {gate}" if gate else at

    def _products(self, operand: str, count: int, gates: int) -> str:
        unrolled = count - count % self.unroll
        text = ""
        if unrolled:
            products = "".join(
                self._product(operand, f"k + {k}" if k else "k", k * gates, gates, 12) for k in range(self.unroll)
            )
            text = (
                f"        for (size_t k = 0; k < {unrolled}; k += {self.unroll}, w += {self.unroll * gates}) {{\n"
                f"{products}        }}\n"
            )
        rest = "".join(self._product(operand, str(k), (k - unrolled) * gates, gates, 8) for k in range(unrolled, count))
        return text + rest + (f"        w += {(count - unrolled) * gates};\n" if rest else "")

    @staticmethod
    def _product(operand: str, k: str, at: int, gates: int, indent: int) -> str:
        terms = " ".join(f"a{g} += w[{at + g}] * {operand}[{k}];" for g in range(gates))
        return f"{' ' * indent}{terms}\n"


LAYOUTS: dict[str, WeightLayout] = {
    "generic": BlockLayout((64, 16)),
    "simd": BlockLayout((128, 64, 16)),
    "cortex-m55": BlockLayout((16,)),
    "cortex-m4": UnitLayout(8),
}
"""The layout for each target."""
