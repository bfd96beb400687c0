"""What a change to the cell costs: against our own plain LSTM, and against the loop that one would write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise.cells import CELLS
from gatewise.declaration import cell
from gatewise.equation import Cell
from gatewise.nn import LSTM

from ..measure import alternately
from .parity import check_parity
from .peers import eager_loop
from .plan import Plan
from .result import Finding, Row, Verdict, threads
from .shapes import LARGEST, MIDDLE, SHAPES, SMALL, Shape
from .workload import Workload

# name: (cell, options of the module). Their products are those of the plain LSTM, coupled's fewer.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "peephole": ("peephole_lstm", {}),
    "coupled": ("coupled_lstm", {}),
    "zoneout": ("lstm", {"zoneout": {"h": 0.05, "c": 0.5}}),
    "recurrent dropout": ("lstm", {"recurrent_dropout": 0.25}),
    "clip": ("lstm", {"clip_memory": 3.0}),
    "layer norm": ("lstm", {"layer_norm": "output"}),
}
_LIMITS = dict.fromkeys(VARIANTS, 1.15) | {"layer norm": 1.5}


def tax(plan: Plan) -> Finding:
    """Every variant in training against the plain LSTM, the time scaled to the same products."""
    rows: list[Row] = []
    for shape in (MIDDLE, SHAPES[4]):
        workloads = {name: Workload(CELLS[kind], shape, True, options) for name, (kind, options) in VARIANTS.items()}
        plain = Workload(CELLS["lstm"], shape, True)
        plan.progress(f"variants, {shape}")
        with threads(1):
            samples = alternately(
                {"lstm": plain.ours(), **{name: workload.ours() for name, workload in workloads.items()}},
                plan.seconds * len(VARIANTS) / 2,
            )
            rows.append(Row.of(str(shape), samples))
    worst = {name: max(row.ratios[name].median for row in rows) for name in VARIANTS}
    verdicts = [
        Verdict(f"{name} at most {_LIMITS[name]} x plain", f"{ratio:.2f} x", ratio <= _LIMITS[name])
        for name, ratio in worst.items()
    ]
    return Finding("variants against our plain LSTM, forward + backward", rows, verdicts)


def user_cell(plan: Plan) -> Finding:
    """The LSTM written again by a user, against the one that ships."""
    plan.progress("a user's own cell")

    @cell(gates="input forget candidate output", state="h c")
    def my_lstm(i: Any, f: Any, g: Any, o: Any, c: Any) -> Any:
        """The same equations in a user's file."""
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, c

    with threads(1):
        built_in, mine = (Workload(each, MIDDLE, True).ours() for each in (CELLS["lstm"], my_lstm))
        check_parity("a user's own cell", built_in, {"my_lstm": mine})
        row = Row.of(str(MIDDLE), alternately({"built in": built_in, "user's": mine}, plan.seconds))
    ratio = row.ratios["user's"].median
    return Finding(
        "a user's own cell against the built-in with the same equations",
        [row],
        [Verdict("1.0 x", f"{ratio:.2f} x", ratio <= 1.05)],
    )


def eager(plan: Plan) -> Finding:
    """Every cell against the eager loop, forward + backward."""
    return _loops("every cell against the eager loop, forward + backward", {SMALL: 20.0, (LARGEST,): 3.0}, plan)


def papers(plan: Plan) -> Finding:
    """Likewise, at sizes that are no cell's best: one sequence, and a batch."""
    return _loops("every cell against the eager loop at two more sizes", {_ONE: 10.0, _MANY: 2.0}, plan)


_ONE, _MANY = (Shape(100, 1, 64, 32),), (Shape(100, 32, 64, 128),)


def _loops(title: str, goals: Mapping[tuple[Shape, ...], float], plan: Plan) -> Finding:
    """goals: by shapes, how many times as fast every cell is to be."""
    rows: list[Row] = []
    verdicts: list[Verdict] = []
    with threads(1):
        for shapes, least in goals.items():
            mine = [_against_loop(each, shape, plan) for each in CELLS.values() for shape in shapes]
            ratios = {row.case: row.ratios["eager loop"].median for row in mine}
            case, lowest = min(ratios.items(), key=lambda item: item[1])
            at = " and ".join(map(str, shapes))
            verdicts.append(Verdict(f"at least {least:.0f} x at {at}", f"{lowest:.1f} x, {case}", lowest >= least))
            rows += mine
    return Finding(title, rows, verdicts)


def _against_loop(kind: Cell, shape: Shape, plan: Plan) -> Row:
    plan.progress(f"eager loop, {kind.name}, {shape}")
    workload = Workload(kind, shape, True)
    ours, loop = workload.ours(), eager_loop(workload)
    check_parity(f"{kind.name} {shape}", ours, {"eager loop": loop})
    return Row.of(f"{kind.name}, {shape}", alternately({"gatewise": ours, "eager loop": loop}, plan.seconds))


def ragged(plan: Plan) -> Finding:
    """A padded batch with lengths, three quarters of its steps valid, against the packed sequence of torch.nn."""
    plan.progress("ragged batch")
    torch.manual_seed(0)
    steps, batch, units = 1000, 16, 64
    lengths = torch.linspace(steps / 2, steps, batch).long()[torch.randperm(batch)]
    x = torch.randn(steps, batch, units)
    mine, theirs = LSTM(units, units), torch.nn.LSTM(units, units)
    theirs.load_state_dict(mine.state_dict())
    mask = (torch.arange(steps).unsqueeze(1) < lengths).unsqueeze(2)
    seed = torch.randn(steps, batch, units) * mask / mask.sum()

    def ours() -> tuple[Any, ...]:
        mine.zero_grad()
        y = mine(x, lengths=lengths)[0]
        y.backward(seed)
        return y.detach(), torch.zeros(1), mine.weight_ih_l0.grad, mine.weight_hh_l0.grad

    def packed() -> tuple[Any, ...]:
        theirs.zero_grad()
        y = theirs(pack_padded_sequence(x, lengths, enforce_sorted=False))[0]
        padded = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=steps)[0]
        padded.backward(seed)
        return padded.detach(), torch.zeros(1), theirs.weight_ih_l0.grad, theirs.weight_hh_l0.grad

    rows: list[Row] = []
    for count in plan.threads:
        with threads(count):
            check_parity("ragged batch", ours, {"packed": packed})
            samples = alternately({"gatewise": ours, "packed nn.LSTM": packed}, plan.seconds)
            rows.append(Row.of(f"T {steps}, B {batch}, H {units}", samples))
    ratio = min(row.ratios["packed nn.LSTM"].median for row in rows)
    return Finding(
        "ragged batch, forward + backward",
        rows,
        [Verdict("at least 15 x faster than packed nn.LSTM", f"{ratio:.1f} x", ratio >= 15)],
    )


SECTIONS: dict[str, Callable[[Plan], Finding]] = {
    "variants": tax,
    "user_cell": user_cell,
    "eager": eager,
    "papers": papers,
    "ragged": ragged,
}
