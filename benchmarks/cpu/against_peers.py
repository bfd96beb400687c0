"""Plain layers against everything else that runs them, at all sizes; and how near they come to matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import torch

from gatewise.cells import CELLS

from ..measure import alternately, geometric_mean
from .parity import check_parity
from .peers import PEERS, peers_of, products
from .plan import Plan
from .result import Finding, Row, Verdict, threads
from .shapes import SHAPES
from .workload import Workload

_MAIN = "torch.nn"


def _finding(cell: str, training: bool, least: dict[int, float], worst: float, plan: Plan) -> Finding:
    kind = "forward + backward" if training else "inference"
    rows: list[Row] = []
    for count in plan.threads:
        with threads(count):
            for shape in SHAPES:
                plan.progress(f"{cell} {kind}, {shape}, {count} threads")
                workload = Workload(CELLS[cell], shape, training)
                rows.append(_row(workload, plan))
    verdicts = [verdict for count in plan.threads for verdict in _verdicts(rows, count, least[count], worst)]
    return Finding(f"{cell}, {kind}", rows, [*verdicts, *_shares(rows, training)])


def _row(workload: Workload, plan: Plan) -> Row:
    ours = workload.ours()
    peers = peers_of(workload, [_MAIN] if plan.quick else list(PEERS))
    check_parity(f"{workload.cell.name} {workload.shape}", ours, peers)
    gemm = products(workload) if workload.shape.is_large else {}
    samples = alternately({"gatewise": ours, **peers, **gemm}, plan.seconds)
    figures = {"GFLOP/s": workload.operations / samples.median("gatewise") / 1e9}
    scale = 3 if workload.training else 1  # a product's speed is that of its forward pass
    for name in gemm:
        figures[f"of {name}"] = scale * samples.ratio(name, "gatewise").median
    return Row.of(str(workload.shape), samples, **figures)


def _verdicts(rows: list[Row], count: int, least: float, worst: float) -> list[Verdict]:
    ratios = {row.case: row.ratios[_MAIN].median for row in rows if row.threads == count}
    mean, (case, lowest) = geometric_mean(ratios.values()), min(ratios.items(), key=lambda item: item[1])
    on = f"{count} thread{'s' if count > 1 else ''}"
    return [
        Verdict(f"geometric mean over {_MAIN} at least {least} x, {on}", f"{mean:.2f} x", mean >= least),
        Verdict(f"no shape under {worst} x, {on}", f"{lowest:.2f} x at {case}", lowest >= worst),
    ]


def _shares(rows: list[Row], training: bool) -> list[Verdict]:
    goal, large = (0.8 if training else 0.9), [row for row in rows if "of torch.mm" in row.figures and row.threads == 1]
    found: list[Verdict] = []
    for name in ("of torch.mm", "of oneDNN"):
        case, share = min(((row.case, row.figures.get(name, 0.0)) for row in large), key=lambda item: item[1])
        found.append(Verdict(f"share of the speed {name} at least {goal}", f"{share:.2f} at {case}", share >= goal))
    return found


def _half(cell: str, training: bool, plan: Plan) -> Finding:
    """In bfloat16 against torch.nn in bfloat16, and against our own float32."""
    kind = "forward + backward" if training else "inference"
    rows: list[Row] = []
    for count, shape in product(plan.threads, SHAPES):
        with threads(count):
            plan.progress(f"{cell} {kind} in bfloat16, {shape}, {count} threads")
            workload, whole = (Workload(CELLS[cell], shape, training, dtype=each) for each in (torch.bfloat16, _WHOLE))
            ours, peers = workload.ours(), peers_of(workload, [_MAIN])
            check_parity(f"{cell} {shape} in bfloat16", ours, peers)
            rows.append(Row.of(str(shape), alternately({"gatewise": ours, **peers, _OURS: whole.ours()}, plan.seconds)))
    verdicts = [verdict for count in plan.threads for verdict in _verdicts(rows, count, 1.2, 0.95)]
    return Finding(f"{cell}, {kind}, bfloat16", rows, verdicts)


_WHOLE, _OURS = torch.float32, "gatewise, float32"

SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    "lstm_inference": partial(_finding, "lstm", False, {1: 1.4, 2: 1.8}, 0.98),
    "lstm_training": partial(_finding, "lstm", True, {1: 1.5, 2: 1.5}, 0.95),
    "gru_inference": partial(_finding, "gru", False, {1: 3.0, 2: 3.0}, 0.95),
    "gru_training": partial(_finding, "gru", True, {1: 4.0, 2: 4.0}, 0.95),
    "lstm_half_inference": partial(_half, "lstm", False),
    "lstm_half_training": partial(_half, "lstm", True),
    "gru_half_inference": partial(_half, "gru", False),
    "gru_half_training": partial(_half, "gru", True),
}
