"""C15. The same numbers as other libraries: orders of gates, both resets and both signs of a GRU, projection.

Oracles: torch.nn and ONNX Runtime with the same weights. What neither has is typed out: Chung's sign, h = (1 - z) h'
+ z n (Chung et al., arXiv:1412.3555, equation 5), and Keras' layout of an LSTM.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn, sigmoid, tanh

from gatewise.nn import GRU, LSTM, RNN, CoupledLSTM, GRUResetBefore, PeepholeLSTM, Recurrent
from gatewise.nn.exchange import to_keras

from ... import onnx_oracle
from ..goals import EverySeed
from ..networks import size
from ..task import Found, Task

STEPS, ROWS, INPUTS, UNITS, BOUND = 25, 5, 4, 16, 1e-6
FAR = "largest difference"


class Case:
    """A module with random weights, an input (T, B, I) and initial states (1, B, H), h first."""

    def __init__(self, module: Recurrent) -> None:
        self.module = module
        self.x = torch.randn(STEPS, ROWS, INPUTS)
        self.states = [torch.rand(1, ROWS, place) * 2 - 1 for place in module.widths(module.places[0])]
        self.weights = {name.removesuffix("_l0"): weight.detach() for name, weight in module.named_parameters()}

    @property
    def hx(self) -> Any:
        """The initial states as modules take them."""
        return self.states[0] if len(self.states) == 1 else tuple(self.states)

    def found(self) -> list[Tensor]:
        """Outputs and last states."""
        with torch.no_grad():
            return _flat(self.module(self.x, self.hx))


Oracle = Callable[[Case], Sequence[Tensor]]


def against(module: Recurrent, oracle: Oracle) -> Found:
    """The largest difference in outputs and last states."""
    case = Case(module)
    found = [(a - b.view_as(a)).abs().max().item() for a, b in zip(case.found(), oracle(case), strict=True)]
    return Found({FAR: max(found)}, size(module))


def torch_nn(kind: type[nn.RNNBase], **options: Any) -> Oracle:
    """torch.nn's module with the same weights."""

    def run(case: Case) -> list[Tensor]:
        theirs = kind(INPUTS, UNITS, **options)
        theirs.load_state_dict(case.module.state_dict())
        with torch.no_grad(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not supported with oneDNN")  # the projection is not
            return _flat(theirs(case.x, case.hx))

    return run


def onnx_lstm(**options: Any) -> Oracle:
    """ONNX Runtime's LSTM operator."""

    def run(case: Case) -> list[Tensor]:
        w = {name: weight.numpy() for name, weight in case.weights.items()}
        peephole = {name: weight for name, weight in w.items() if name.startswith("p_")} or None
        bias, states = w["bias_ih"] + w["bias_hh"], [state[0].numpy() for state in case.states]
        found = onnx_oracle.lstm(
            case.x.numpy(), w["weight_ih"], w["weight_hh"], bias, *states, peephole=peephole, **options
        )
        return [torch.from_numpy(part) for part in found]

    return run


def onnx_gru(*, reset_after: bool) -> Oracle:
    """ONNX Runtime's GRU operator."""

    def run(case: Case) -> list[Tensor]:
        w = [case.weights[name].numpy() for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        found = onnx_oracle.gru(case.x.numpy(), *w, case.states[0][0].numpy(), linear_before_reset=reset_after)
        return [torch.from_numpy(part) for part in found]

    return run


def chung(case: Case) -> list[Tensor]:
    """The GRU with z and 1 - z exchanged, by formula, from the case's weights with those of the update negated."""
    (r, z, n), (ru, zu, nu), (rb, zb, nb), (rc, zc, nc) = (
        case.weights[name].chunk(3) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, outputs = case.states[0][0], list[Tensor]()
    for x in case.x:
        update = sigmoid(-(x @ z.t() + zb + h @ zu.t() + zc))
        reset = sigmoid(x @ r.t() + rb + h @ ru.t() + rc)
        candidate = tanh(x @ n.t() + nb + (reset * h) @ nu.t() + nc)
        h = (1 - update) * h + update * candidate
        outputs.append(h)
    return [torch.stack(outputs), h]


def keras(case: Case) -> list[Tensor]:
    """Keras' LSTM by formula, from the weights as Keras stores them: i, f, c, o."""
    ((kernel, recurrent, bias),) = to_keras(case.module)
    h, c, outputs = case.states[0][0], case.states[1][0], list[Tensor]()
    for x in case.x:
        i, f, g, o = (x @ kernel + h @ recurrent + bias).chunk(4, dim=1)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        outputs.append(h)
    return [torch.stack(outputs), h, c]


def _flat(result: Any) -> list[Tensor]:
    y, last = result
    return [y, *(last if isinstance(last, tuple) else (last,))]


_CASES: dict[str, Callable[[], Found]] = {
    "LSTM, torch.nn": lambda: against(LSTM(INPUTS, UNITS), torch_nn(nn.LSTM)),
    "LSTM with projection, torch.nn": lambda: against(LSTM(INPUTS, UNITS, proj_size=7), torch_nn(nn.LSTM, proj_size=7)),
    "GRU, reset after, torch.nn": lambda: against(GRU(INPUTS, UNITS), torch_nn(nn.GRU)),
    "RNN, torch.nn": lambda: against(RNN(INPUTS, UNITS), torch_nn(nn.RNN)),
    "LSTM, ONNX Runtime (i o f c)": lambda: against(LSTM(INPUTS, UNITS), onnx_lstm()),
    "PeepholeLSTM, ONNX Runtime": lambda: against(PeepholeLSTM(INPUTS, UNITS), onnx_lstm()),
    "CoupledLSTM, ONNX Runtime": lambda: against(CoupledLSTM(INPUTS, UNITS), onnx_lstm(coupled=True)),
    "GRU, reset after, ONNX Runtime (z r h)": lambda: against(GRU(INPUTS, UNITS), onnx_gru(reset_after=True)),
    "GRU, reset before, ONNX Runtime": lambda: against(GRUResetBefore(INPUTS, UNITS), onnx_gru(reset_after=False)),
    "GRU, reset before, Chung's sign": lambda: against(GRUResetBefore(INPUTS, UNITS), chung),
    "LSTM, Keras (i f c o)": lambda: against(LSTM(INPUTS, UNITS), keras),
}


def task() -> Task:
    """The line, the same in both forms."""
    contenders = {name: lambda _, case=case: case() for name, case in _CASES.items()}
    goals = [EverySeed(name, FAR, high=BOUND) for name in _CASES]
    return Task(
        "C15",
        "equality across libraries",
        f"outputs and last states in float32, T={STEPS}, are those of other libraries to {BOUND:g}",
        "the same equations",
        contenders,
        goals,
    )
