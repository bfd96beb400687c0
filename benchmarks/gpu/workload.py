"""What is measured on a GPU: pieces of some workloads each, every one a process that ends within forty seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gatewise.cells import CELLS

DTYPES = ("float16", "bfloat16", "float32")
UNITS = (128, 256, 512, 768, 1000, 1024)
ROWS = (1, 12, 16, 64)
STEPS, LOOP_STEPS = 1024, 128
TORCHS = ("lstm", "gru", "rnn")
OTHERS = ("peephole_lstm", "coupled_lstm", "gru_reset_before", "mgu", "slstm")


@dataclass(frozen=True)
class Workload:
    """A layer to time. cell: by name. rivals: of :data:`.rivals.RIVALS`. ragged: lengths from half to all of T."""

    cell: str
    dtype: str
    units: int
    rows: int
    rivals: tuple[str, ...]
    steps: int = STEPS
    ragged: bool = False
    options: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Piece:
    """Workloads of one process; none where it compares results instead, those of the cell ``parity``."""

    name: str
    workloads: tuple[Workload, ...] = ()
    parity: str = ""


def pieces() -> Iterator[Piece]:
    """All, what tells most first: parity of the cells that are timed before everything, that of others at last."""
    timed = (*TORCHS, *OTHERS)
    yield from (Piece(f"parity {cell}", parity=cell) for cell in timed)
    for cell in ("lstm", "gru_reset_before"):
        sizes = tuple(Workload(cell, "bfloat16", units, 16, ("launches",)) for units in (256, 512, 768, 1024))
        yield Piece(f"persistent {cell}", sizes)
    for cell in TORCHS:
        for dtype in DTYPES:
            for units in UNITS:
                sizes = tuple(Workload(cell, dtype, units, rows, ("torch",)) for rows in ROWS)
                yield Piece(f"{cell} {dtype} {units}", sizes)
    for dtype in DTYPES:
        ragged = (Workload("lstm", dtype, units, 16, ("torch",), ragged=True) for units in (256, 768))
        yield Piece(f"ragged {dtype}", tuple(ragged))
        both = ({"bidirectional": True}, {"num_layers": 2})
        yield Piece(f"stacks {dtype}", tuple(Workload("lstm", dtype, 512, 16, ("torch",), options=o) for o in both))
    for cell in OTHERS:
        sizes = tuple(Workload(cell, "bfloat16", units, 16, ()) for units in (64, 128, 768))
        yield Piece(f"{cell} bfloat16", sizes)
        yield Piece(f"{cell} loop", (Workload(cell, "bfloat16", 768, 16, ("loop",), steps=LOOP_STEPS),))
        yield Piece(f"{cell} compiled", (Workload(cell, "bfloat16", 768, 16, ("compiled",), steps=LOOP_STEPS // 4),))
    normal = ({"layer_norm": "output"}, {"zoneout": {"h": 0.05}}, {"recurrent_dropout": 0.1})
    yield Piece("variants", tuple(Workload("lstm", "bfloat16", 768, 16, (), options=each) for each in normal))
    yield from (Piece(f"parity {cell}", parity=cell) for cell in CELLS if cell not in timed)
