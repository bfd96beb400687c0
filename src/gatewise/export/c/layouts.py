"""How sums of products are laid out in memory for a processor, and the loops that walk there.

Every layout adds up each row in one order, the bias first, then the products in the order of what is multiplied: the
results have the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sums:
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


class Written(NamedTuple):
    """table: the weights in the order in which the loops read them. loops: the function's body, which reads ``w`` and
    the operands and writes ``z``. room: how many numbers it writes."""

    table: Tensor
    loops: str
    room: int


class Layout(Protocol):
    """How one target wants it."""

    def write(self, sums: Sums) -> Written:
        """The loops."""
        ...

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Where the sum of a gate and unit is in ``z``."""
        ...


@dataclass(frozen=True)
class Blocks:
    """Rows in blocks that stay in registers while the arrays go by: for processors with vectors.

    sizes: of blocks, the largest first; rows are filled up with zeros to a multiple of the last.
    """

    sizes: tuple[int, ...]

    def write(self, sums: Sums) -> Written:
        """[block][bias, then each number of the arrays][row]."""
        rows = torch.cat([sums.biases.reshape(-1, 1), *(m.flatten(0, 1) for m in sums.matrices)], dim=1)
        padded = torch.nn.functional.pad(rows, (0, 0, 0, -len(rows) % self.sizes[-1]))
        at, tables, loops = 0, list[Tensor](), list[str]()
        for size in self.sizes:
            count = (len(padded) - at) // size
            if count:
                mine = padded[at : at + count * size]
                tables.append(mine.reshape(count, size, -1).transpose(1, 2).reshape(-1))
                loops.append(self._loop(sums, size, count))
                at += count * size
        return Written(torch.cat(tables), "".join(loops), len(padded))

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Gate by gate."""
        return f"{gate * sums.units} + {unit}" if gate else unit

    @staticmethod
    def _loop(sums: Sums, size: int, count: int) -> str:
        each = f"for (size_t r = 0; r < {size}; ++r)"
        products = "".join(
            f"        for (size_t k = 0; k < {matrix.shape[2]}; ++k, w += {size}) {{\n"
            f"            {each} a[r] += w[r] * {operand}[k];\n        }}\n"
            for operand, matrix in zip(sums.operands, sums.matrices, strict=True)
        )
        return (
            f"    for (size_t block = 0; block < {count}; ++block, z += {size}) {{\n"
            f"        float a[{size}];\n        {each} a[r] = w[r];\n        w += {size};\n{products}"
            f"        {each} z[r] = a[r];\n    }}\n"
        )


@dataclass(frozen=True)
class Units:
    """All gates of a unit side by side, so that a number is read once for all of them: for scalar processors.

    unroll: how many numbers of an array are taken in one turn of the loop.
    """

    unroll: int

    def write(self, sums: Sums) -> Written:
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
        return Written(rows.permute(1, 2, 0).reshape(-1), loops, sums.gates * sums.units)

    def place(self, sums: Sums, gate: int, unit: str) -> str:
        """Unit by unit."""
        at = unit if sums.gates == 1 else f"{sums.gates} * {unit}"
        return f"{at} + {gate}" if gate else at

    def _products(self, operand: str, count: int, gates: int) -> str:
        whole = count - count % self.unroll
        text = ""
        if whole:
            turns = "".join(
                self._one(operand, f"k + {k}" if k else "k", k * gates, gates, 12) for k in range(self.unroll)
            )
            text = (
                f"        for (size_t k = 0; k < {whole}; k += {self.unroll}, w += {self.unroll * gates}) {{\n"
                f"{turns}        }}\n"
            )
        rest = "".join(self._one(operand, str(k), (k - whole) * gates, gates, 8) for k in range(whole, count))
        return text + rest + (f"        w += {(count - whole) * gates};\n" if rest else "")

    @staticmethod
    def _one(operand: str, k: str, at: int, gates: int, indent: int) -> str:
        terms = " ".join(f"a{g} += w[{at + g}] * {operand}[{k}];" for g in range(gates))
        return f"{' ' * indent}{terms}\n"


LAYOUTS: dict[str, Layout] = {
    "generic": Blocks((64, 16)),
    "simd": Blocks((128, 64, 16)),
    "cortex-m55": Blocks((16,)),
    "cortex-m4": Units(8),
}
"""By target."""
