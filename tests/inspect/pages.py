"""Pages to test with: an LSTM with random weights, run by hand in float64 over a noisy seasonal series."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from gatewise.inspect.certificate import Certificate
from gatewise.inspect.page import (
    Chart,
    Inputs,
    Output,
    Page,
    PageLayer,
    PageTimescales,
    PageWire,
    PredictionInterval,
    Split,
)

GATES = ("input", "forget", "candidate", "output")
HOSTILE = "<script>alert(1)</script>\"'></script><img src=x onerror=alert(2)>\u202eevil\x1b[31m"
RIGHT_TO_LEFT = "\u05de\u05db\u05d9\u05e8\u05d5\u05ea"
STUB = """<svg class="cell-diagram" viewBox="0 0 640 250" role="img" aria-label="the cell">
<g data-value="c_prev"><path class="line" d="M20 60H280" stroke="currentColor"/></g>
<text class="name" data-value="c_prev" x="10" y="30" fill="currentColor">c</text>
<text class="number" data-value="c_prev" x="60" y="50"></text>
<g data-value="f"><path class="line" d="M150 200V60" stroke="currentColor"/></g>
<text class="number" data-value="f" x="170" y="150"></text>
<text class="number" data-value="nothing" x="170" y="190"></text>
</svg>"""


@dataclass(frozen=True)
class Run:
    """Weights and all values of one run; gates and states (T, H), x (T, I), in float64."""

    x: np.ndarray
    W: np.ndarray
    U: np.ndarray
    b: np.ndarray
    head: np.ndarray
    values: dict[str, np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def run(T: int = 200, H: int = 64, I: int = 3, horizon: int = 12, seed: int = 0) -> Run:
    draw = np.random.default_rng(seed)
    t = np.arange(T)
    season = 2 * np.pi * t / 12
    load = np.sin(season) + 0.004 * t + 0.25 * draw.standard_normal(T)
    x = np.stack([load, np.sin(season), np.cos(season), *draw.standard_normal((max(I - 3, 0), T))], axis=1)[:, :I]
    W, U = draw.normal(0, 0.7, (4, H, I)), draw.normal(0, 0.6 / np.sqrt(H), (4, H, H))
    b = np.stack([np.zeros(H), draw.uniform(0, 5, H), np.zeros(H), np.zeros(H)])
    names = ("i", "f", "g", "o", "c", "h", "c_prev", "h_prev")
    values = {name: np.zeros((T, H)) for name in names}
    h = c = np.zeros(H)
    for step in range(T):
        z = W @ x[step] + U @ h + b
        values["c_prev"][step], values["h_prev"][step] = c, h
        i, f, g, o = sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])
        c = f * c + i * g
        h = o * np.tanh(c)
        for name, value in zip(names, (i, f, g, o, c, h), strict=False):
            values[name][step] = value
    return Run(x, W, U, b, draw.normal(0, 1 / np.sqrt(H), (horizon, H)), values)


def memory(run: Run, w: np.ndarray) -> Split:
    """The output by the step that wrote the memory: anchors V4 and V5."""
    v = run.values
    later = np.vstack([np.cumprod(v["f"][:0:-1], axis=0)[::-1], np.ones(v["f"].shape[1])])
    secant = np.tanh(v["c"][-1]) / v["c"][-1]
    written = (later * v["i"] * v["g"]) @ (w * v["o"][-1] * secant)
    value = float(w @ v["h"][-1])
    parts = torch.from_numpy(np.append(written, 0.0))
    certificate = Certificate.of("output by write time", parts, torch.tensor(value, dtype=torch.float64), 1e-13)
    return Split(written[:, None], {"initial memory": 0.0}, certificate)


def credit(run: Run, w: np.ndarray) -> Split:
    """The output by the input of each step, gates frozen: anchor V6."""
    v, (T, H) = run.values, run.values["f"].shape
    given, bias, r_h, r_c = np.zeros_like(run.x), 0.0, w.copy(), np.zeros(H)
    for t in reversed(range(T)):
        z = run.W[2] @ run.x[t] + run.U[2] @ v["h_prev"][t] + run.b[2]
        r_c = r_c + r_h * v["o"][t] * np.tanh(v["c"][t]) / v["c"][t]
        r_z = r_c * v["i"][t] * v["g"][t] / z
        given[t] = run.x[t] * (run.W[2].T @ r_z)
        bias += float(r_z @ run.b[2])
        r_h, r_c = run.U[2].T @ r_z, r_c * v["f"][t]
    value = float(w @ v["h"][-1])
    lines = torch.tensor([*given.ravel(), bias], dtype=torch.float64)
    certificate = Certificate.of("output by input", lines, torch.tensor(value, dtype=torch.float64), 1e-12)
    return Split(given, {"bias": bias, "initial state": 0.0}, certificate)


def place(run: Run, diagram: str = STUB, layer: int = 0, direction: int = 0) -> PageLayer:
    v = run.values
    tau = -1 / np.log(v["f"]).mean(0)
    gates = [
        PageWire(name, v[name], "gate", "signed" if name == "g" else "unit", f"{title} gate")
        for name, title in zip("ifgo", GATES, strict=True)
    ]
    states = [PageWire("c", v["c"], "state"), PageWire("h", v["h"], "state", "signed")]
    others = [PageWire("c_prev", v["c_prev"]), PageWire("h_prev", v["h_prev"])]
    others += [PageWire("kept", v["f"] * v["c_prev"]), PageWire("written", v["i"] * v["g"])]
    return PageLayer(
        layer, direction, "lstm", diagram, (*gates, *states, *others), PageTimescales(np.minimum(tau, 60), tau > 60)
    )


def months(count: int) -> tuple[str, ...]:
    return tuple(str(month) for month in np.datetime64("1949-01") + np.arange(count))


def page(
    T: int = 200, H: int = 64, I: int = 3, horizon: int = 12, places: int = 1, names: tuple[str, ...] = ()
) -> Page:
    done = run(T, H, I, horizon)
    times = months(T + horizon)
    made = done.head @ done.values["h"][-1]
    median = 410 + 45 * np.sin(2 * np.pi * (T + np.arange(horizon)) / 12) + made
    width = 12 + 2 * np.arange(horizon)
    chart = Chart(
        "passengers",
        times,
        380 + 45 * done.x[:, 0],
        median,
        tuple(PredictionInterval(level, median - k * width, median + k * width) for level, k in ((80, 1.0), (95, 1.6))),
    )
    outputs = tuple(
        Output(times[T + k], float(median[k]), "thousands", T + k, memory(done, w), credit(done, w))
        for k, w in enumerate(done.head)
    )
    names = names or ("passengers", "season, sine", "season, cosine", *(f"weather station {k}" for k in range(I)))
    about = (("Model", "LSTM, 1 layer"), ("Cell", "lstm"), ("Units", str(H)), ("Steps", str(T)), ("Series", "air"))
    return Page(
        "air-passengers.csv",
        times[:T],
        tuple(place(replace_seed(done, k), layer=k // 2, direction=k % 2) for k in range(places)),
        Inputs(names[:I], done.x),
        about,
        outputs,
        chart,
    )


def replace_seed(done: Run, seed: int) -> Run:
    T, H = done.values["f"].shape
    return done if seed == 0 else replace(run(T, H, done.x.shape[1], seed=seed))
