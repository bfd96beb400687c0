"""Gates, states and weights of other widths than H: cells from papers that need them against loops typed out here, run,
streamed, recorded, drawn and exported in their true shapes; and what cannot be is refused by name."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from benchmarks.device.compiled import InC, compiled
from torch import nn, sigmoid, tanh

from gatewise import cell, record, stream
from gatewise.cells import CELLS
from gatewise.diagram import diagram
from gatewise.errors import CellError, InputError, ShapeError
from gatewise.export import to_c, to_onnx
from gatewise.inspect import Clamp, decompose, intervene, provenance, step_jacobians, timescales
from gatewise.nn import Chain, Recurrent, RecurrentCell
from gatewise.nn.init import recommended_
from gatewise.show import show

from ..export.exported import assert_same, written
from ..matrix import names, relative_error
from ..needs import needs_gcc
from ..tolerance import C_FILE, GRADGRADCHECK, GRADIENT, ONNX_RUNTIME, PARITY

T, B, F, H = 6, 5, 4, 8


@cell(
    gates={
        "encoder": "W x + U h",
        "recall": "U(...)",
        "memory": "U(...)",
        "write": "U(...)",
        "hidden": "W x + U h",
        "read": "U(...)",
    },
    state="h m",
    widths={"e": 1, "r": 1, "a": "memory", "b": "memory", "m": "memory"},
)
def lmu(e, r, a, b, hidden, read, h, m):
    """Voelker et al., Legendre Memory Units, NeurIPS 2019, equations 5 to 7, with A and B trained."""
    u = e + r(m)
    m = a(m) + b(u)
    h = tanh(hidden + read(m))
    return h, m


@cell(
    gates={name: "W x + U h + b" for name in ("input", "forget", "candidate", "output")} | {"projection": "U(...)"},
    state="r c",
    widths={"r": "projected", "project": "projected"},
    candidate="g",
)
def lstmp(i, f, g, o, project, r, c):
    """Sak et al., arXiv:1402.1128, equations 1 to 6: a projection said in the cell itself."""
    g = tanh(g)
    c = sigmoid(f) * c + sigmoid(i) * g
    return project(sigmoid(o) * tanh(c)), c


def parts(weight, *rows):
    return weight.split(rows)


def typed_scrn(w, x, h, s):
    B, A = parts(w["weight_ih_l0"], s.shape[1], H)
    s = 0.05 * x @ B.t() + 0.95 * s
    return sigmoid(s @ w["weight_hh_context_l0"].t() + x @ A.t() + h @ w["weight_hh_l0"].t()), s


def typed_skip_gru(w, x, h, u):
    (W_r, W_z, W_n), (U_r, U_z, U_n, U_p) = parts(w["weight_ih_l0"], H, H, H), parts(w["weight_hh_l0"], H, H, H, 1)
    *b, b_p = parts(w["bias_hh_l0"], H, H, H, 1)
    b_r, b_z, b_n = (one + two for one, two in zip(b, parts(w["bias_ih_l0"], H, H, H), strict=True))
    hit = u + (torch.round(u) - u).detach()
    r, z = sigmoid(x @ W_r.t() + h @ U_r.t() + b_r), sigmoid(x @ W_z.t() + h @ U_z.t() + b_z)
    new = z * h + (1 - z) * tanh(x @ W_n.t() + (r * h) @ U_n.t() + b_n)
    h = hit * new + (1 - hit) * h
    du = sigmoid(h @ U_p.t() + b_p)
    return h, hit * du + (1 - hit) * (u + torch.minimum(du, 1 - u))


def typed_lmu(w, x, h, m):
    (W_e, W_h), (U_e, U_h) = parts(w["weight_ih_l0"], 1, H), parts(w["weight_hh_l0"], 1, H)
    E_m, A, W_m = parts(w["weight_hh_memory_l0"], 1, m.shape[1], H)
    u = x @ W_e.t() + h @ U_e.t() + m @ E_m.t()
    m = m @ A.t() + u @ w["weight_hh_1_l0"].t()
    return tanh(x @ W_h.t() + h @ U_h.t() + m @ W_m.t()), m


def typed_lstmp(w, x, r, c):
    gates = x @ w["weight_ih_l0"].t() + w["bias_ih_l0"] + r @ w["weight_hh_l0"].t() + w["bias_hh_l0"]
    i, f, g, o = gates.chunk(4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return (sigmoid(o) * tanh(c)) @ w["weight_hh_hidden_l0"].t(), c


CASES = {
    "scrn-narrow": (CELLS["scrn"], {"context": 3}, typed_scrn),
    "scrn-wide": (CELLS["scrn"], {"context": 13}, typed_scrn),
    "scrn-alike": (CELLS["scrn"], {}, typed_scrn),
    "skip_gru": (CELLS["skip_gru"], {}, typed_skip_gru),
    "lmu-narrow": (lmu, {"memory": 6}, typed_lmu),
    "lmu-wide": (lmu, {"memory": 11}, typed_lmu),
    "lstmp": (lstmp, {"projected": 3}, typed_lstmp),
}
QUICK = ("scrn-narrow", "skip_gru", "lmu-wide")
every_case = pytest.mark.parametrize("name", names(CASES, QUICK))
every_case_slowly = pytest.mark.parametrize("name", names(CASES, QUICK[:1]))
SMOOTH = [name for name in CASES if name != "skip_gru"]  # the gradient of the other is by its paper not its output's


def made(name, *sizes, **options):
    """A module of a case, and for each state its width."""
    one, widths, _ = CASES[name]
    torch.manual_seed(2)
    module = Recurrent(one, *(sizes or (F, H)), widths=widths, **options)
    return module, module.widths(module.places[0])


@every_case
@pytest.mark.parametrize("rows", [B, pytest.param(2, marks=pytest.mark.slow)])
def test_outputs_and_gradients_are_the_papers(name, rows):
    """By the kernels for rows and for few, given states of their own widths."""
    module, widths = made(name, dtype=torch.float64)
    x = torch.randn(T, rows, F, dtype=torch.float64, requires_grad=True)
    hx = [torch.rand(1, rows, width, dtype=torch.float64, requires_grad=True) for width in widths]
    w, states, outputs = dict(module.named_parameters()), [state[0] for state in hx], []
    for step in x:
        states = CASES[name][2](w, step, *states)
        outputs.append(states[0])
    y, last = module(x, tuple(hx))
    assert module.driver(x).driver == "cpu"
    leaves = [x, *hx, *module.parameters()]
    found, expected = (
        [y, *last, *torch.autograd.grad(y.square().sum() + sum(state.sin().sum() for state in last), leaves)]
        for y, last in ((y, [state[0] for state in last]), (torch.stack(outputs), states))
    )
    for at, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert relative_error(ours, theirs) <= (PARITY["float64"] if at <= len(widths) else GRADIENT)


def test_a_projection_said_in_the_cell_is_torchs():
    module, _ = made("lstmp", dtype=torch.float64)
    torchs = nn.LSTM(F, H, proj_size=3, dtype=torch.float64)
    for ours, theirs in (("weight_hh_hidden_l0", "weight_hr_l0"), *((n, n) for n in ("weight_ih_l0", "weight_hh_l0"))):
        getattr(module, ours).data.copy_(getattr(torchs, theirs))
    for name in ("bias_ih_l0", "bias_hh_l0"):
        getattr(module, name).data.copy_(getattr(torchs, name))
    x = torch.randn(T, B, F, dtype=torch.float64)
    (y, last), (expected, ended) = module(x), torchs(x)
    for ours, theirs in zip((y, *last), (expected, *ended), strict=True):
        assert relative_error(ours, theirs) <= PARITY["float64"]


@every_case
def test_it_is_streamed_recorded_drawn_and_exported_in_its_shapes(name, tmp_path):
    """Two layers; the writers of C and ONNX check what they write."""
    module, widths = made(name, F, H, 2)
    x = torch.rand(T, 3, F)
    with torch.no_grad():
        y, last = module(x)
    assert [state.shape for state in last] == [(2, 3, width) for width in widths]
    steps = stream(module, 3)
    assert torch.equal(torch.stack([steps.step(row) for row in x]), y)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(steps.state, last, strict=True))
    steps.state = last
    assert torch.equal(steps.step(x[0]), module(x[:1], last)[0][0])
    kept = record(module, x)
    assert torch.equal(kept.output[0], y)
    assert [state.shape for state in kept.states.values()] == [(2, 1, T, 3, width) for width in widths]
    assert [kept.initial[state].shape[-1] for state in module.cell.state] == widths
    sizes = module.sizes(module.places[0])
    assert [gate.shape[-1] for gate in kept.gates.values()] == [sizes.rows(gate) for gate in module.cell.gates]
    assert diagram(module.cell).startswith("<svg")
    assert to_c(module, tmp_path, name="floats").sizes.states == 2 * sum(widths)
    assert to_onnx(module, tmp_path / "model.onnx").difference < ONNX_RUNTIME


@needs_gcc
@every_case_slowly
def test_c_goes_on_from_states_in_their_own_widths(name, tmp_path):
    """In float, and in int8 with the bits of its numpy model."""
    module, widths = made(name, F, H, 2)
    x = torch.rand(2 * T, 1, F)
    with torch.no_grad():
        first, last = module(x[:T])
        later, ended = module(x[T:], last)
    files = [
        to_c(module, tmp_path, name="floats"),
        to_c(module, tmp_path, name="whole", dtype="int8", calibration=x.expand(-1, 3, -1)),
    ]
    flags = ("-O1", "-DFLOATS_SELFTEST", "-DWHOLE_SELFTEST")
    library = compiled([each.source for each in files], tmp_path / "model.so", *flags)
    floats, whole = (InC(library, name, each.sizes) for name, each in zip(("floats", "whole"), files, strict=True))
    assert floats.selftest() == whole.selftest() == 0
    given = torch.cat([state[layer, 0] for layer in range(2) for state in last])
    assert given.shape == (2 * sum(widths),)
    floats.reset()
    torch.testing.assert_close(floats.run(x[:T, 0]), first[:, 0], atol=C_FILE, rtol=0)
    torch.testing.assert_close(torch.from_numpy(floats.gotten()), given, atol=C_FILE, rtol=0)
    floats.given(given.numpy())
    torch.testing.assert_close(floats.run(x[T:, 0]), later[:, 0], atol=C_FILE, rtol=0)
    expected = torch.cat([state[layer, 0] for layer in range(2) for state in ended])
    torch.testing.assert_close(torch.from_numpy(floats.gotten()), expected, atol=C_FILE, rtol=0)


@every_case_slowly
def test_onnx_takes_and_gives_states_in_their_own_widths(name, tmp_path):
    module, _ = made(name, F, H, 2, bidirectional=True)
    _, session = written(module, tmp_path / "model.onnx")
    assert_same(module, session, torch.rand(T, 3, F))


@every_case
def test_both_directions_and_lengths(name):
    """A padded batch gives what each sequence alone gives."""
    module, widths = made(name, F, H, 2, bidirectional=True, dtype=torch.float64)
    x = torch.rand(T, 3, F, dtype=torch.float64)
    y, last = module(x, lengths=[2, T, 4])
    for row, length in enumerate((2, T, 4)):
        alone, ended = module(x[:length, row])
        assert relative_error(y[:length, row], alone) <= PARITY["float64"]
        for state, mine, width in zip(last, ended, widths, strict=True):
            assert mine.shape == (4, width)
            assert relative_error(state[:, row], mine) <= PARITY["float64"]


@every_case
def test_single_steps_are_those_of_the_layer(name):
    module, widths = made(name)
    single = RecurrentCell(CASES[name][0], F, H, widths=CASES[name][1])
    single.load_state_dict({key.removesuffix("_l0"): weight for key, weight in module.state_dict().items()})
    x, hx = torch.rand(T, B, F), None
    for row, expected in zip(x, module(x)[0], strict=True):
        hx = single(row, hx)
        assert relative_error(hx[0], expected) <= PARITY["float32"]
    assert [state.shape for state in hx] == [(B, width) for width in widths]
    assert [state.shape for state in single(x[0, 0])] == [(width,) for width in widths]
    assert torch.equal(pickle.loads(pickle.dumps(single))(x[0])[0], single(x[0])[0])


@pytest.mark.parametrize("name", names(SMOOTH, QUICK[:1]))
def test_second_derivatives(name):
    module, _ = made(name, 2, 3, dtype=torch.float64)
    x = torch.rand(2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: module(x)[0], x, **GRADGRADCHECK)


@pytest.mark.slow
def test_it_is_compiled_whole():
    module, _ = made("lmu-wide")
    x = torch.rand(T, B, F)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x)[0], module(x)[0])


def test_it_is_copied_saved_and_loaded(tmp_path):
    module, _ = made("scrn-narrow")
    x = torch.rand(T, B, F)
    y = module(x)[0]
    assert torch.equal(copy.deepcopy(module)(x)[0], y)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x)[0], y)
    Chain(module).save(tmp_path / "chain.gw")
    assert torch.equal(Chain.load(tmp_path / "chain.gw")(x)[0], y)
    assert "widths={'context': 3}" in repr(module)
    assert "width" in show("scrn")


def test_initial_weights_are_drawn_gate_by_gate():
    module, _ = made("lmu-narrow", dtype=torch.float64)
    recommended_(module)
    memory = module.weight_hh_memory_l0.detach().split((1, 6, H))
    assert relative_error(memory[1] @ memory[1].t(), torch.eye(6, dtype=torch.float64)) <= PARITY["float64"]
    assert relative_error(memory[2].t() @ memory[2], torch.eye(6, dtype=torch.float64)) <= PARITY["float64"]


def test_views_into_it_are_in_its_shapes():
    module, widths = made("scrn-narrow", dtype=torch.float64)
    x = torch.rand(T, 2, F, dtype=torch.float64)
    kept = record(module, x, preactivations=True)
    assert step_jacobians(kept).shape == (T, sum(widths), sum(widths))
    assert torch.allclose(step_jacobians(kept)[:, H:, H:], 0.95 * torch.eye(3, dtype=torch.float64))
    assert timescales(kept).tau.shape == (3,)
    assert provenance(kept).law.holds
    assert provenance(kept).keep.shape == (T, 3)
    assert decompose(module, x, lambda output: output[0][-1, 0, 0]).certificate.holds
    with torch.no_grad():
        states = module(x, return_states=True)[2]
    held = intervene(module, x, [Clamp("s", 0.5, units=[2], span=(T - 1, T))])
    assert [state.shape[-1] for state in states] == widths
    assert not torch.equal(held.before[-1], held.after[-1])
    with pytest.raises(InputError, match="there is no unit 3"):
        intervene(module, x, [Clamp("s", 0.5, units=[3])])


@every_case_slowly
def test_options_around_the_step_go_with_it(name):
    """A stream with learned initial states, sums with the input and its normalisation; and episodes."""
    module, widths = made(name, F, H, 2, learned_state=True, residual=True, pre_norm=True)
    assert [module.get_parameter(f"{state}_0_l1").shape for state in module.cell.state] == [(w,) for w in widths]
    x, resets = torch.rand(T, 2, F), torch.zeros(T, 2, dtype=torch.bool)
    resets[3] = True
    with torch.no_grad():
        y, _ = module(x)
        steps = stream(module, 2)
        assert torch.equal(torch.stack([steps.step(row) for row in x]), y)
        episodes, _ = module(x, resets=resets)
    assert torch.equal(episodes[:3], y[:3])
    assert relative_error(episodes[3:], module(x[3:])[0]) <= PARITY["float32"]


def test_dropping_weights_and_keeping_states_back():
    """One number of a row is one draw for all that read it, which zoneout of units is not."""
    module, _ = made("skip_gru", weight_drop=0.5)
    y, (_, u) = module(torch.rand(T, B, F), return_states=True)[:2]
    assert u.shape == (1, B, 1)
    assert torch.isfinite(y).all()
    zoned = Recurrent(CELLS["scrn"], F, H, widths={"context": 3}, zoneout={"s": 0.5})
    assert zoned(torch.rand(T, B, F))[1][1].shape == (1, B, 3)
    with pytest.raises(CellError, match="a random number for each unit"):
        Recurrent(CELLS["skip_gru"], F, H, zoneout={"u": 0.5})


def declared(step, **declaration):
    return cell(**({"gates": {"a": "W x + U h", "b": "U(...)"}, "state": "h m"} | declaration))(step)


SLIPS = {
    "of two widths": (
        lambda: declared(lambda a, b, h, m: (tanh(a + m), b(m)), widths={"m": "memory", "b": "memory"}),
        r"a_a \(H units\) and m_prev \(width memory\)",
    ),
    "returned in another": (
        lambda: declared(lambda a, b, h, m: (tanh(a), b(h)), widths={"m": 1}),
        "as m, and m is declared with one number a row",
    ),
    "called on two": (
        lambda: declared(lambda a, b, h, m: (tanh(a + b(m) + b(h)), m), widths={"m": 3}),
        "gate 'b' on values of several widths",
    ),
    "a sum of one number": (
        lambda: declared(lambda a, b, h, m: (tanh(a + m.sum(-1, keepdim=True)), m), widths={"m": 1}),
        "takes the sum over units of",
    ),
    "of nothing": (lambda: declared(lambda a, b, h, m: (tanh(a + b(h)), m), widths={"k": 1}), "`widths` names 'k'"),
    "none": (lambda: declared(lambda a, b, h, m: (tanh(a + b(h)), m), widths={"m": 0}), "`widths` has 0 for 'm'"),
    "no name": (lambda: declared(lambda a, b, h, m: (tanh(a + b(h)), m), widths={"m": "l0"}), "`widths` has 'l0'"),
    "true": (lambda: declared(lambda a, b, h, m: (tanh(a + b(h)), m), widths={"m": True}), "`widths` has True"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_width_that_cannot_be_is_refused_at_its_line(name):
    make, message = SLIPS[name]
    with pytest.raises(CellError, match=message):
        make()


@cell(gates={"a": "W x + U h", "b": "U(...)"}, state="h m", widths={"m": "memory", "b": "memory"})
def averages(a, b, h, m):
    return tanh(a + m.mean(-1, keepdim=True)), b(h)


def test_a_module_that_cannot_be_is_refused():
    x = torch.rand(T, B, F)
    for options, message in (
        ({"widths": {"memory": 3}}, "has no width 'memory'"),
        ({"widths": {"context": 0}}, "must be a whole number"),
        ({"widths": 3}, "widths needs a number for each name"),
        ({"proj_size": 2}, "proj_size takes all gates and states to be H wide"),
        ({"heads": 2}, "heads takes all gates and states to be H wide"),
    ):
        with pytest.raises(InputError, match=message):
            Recurrent(CELLS["scrn"], F, H, **options)
    with pytest.raises(InputError, match="takes a mean or sum over 3 units"):
        Recurrent(averages, F, H, widths={"memory": 3})
    assert Recurrent(averages, F, H, widths={"memory": 9})(x)[1][1].shape == (1, B, 9)
    module, _ = made("scrn-narrow")
    with pytest.raises(ShapeError, match="s"):
        module(x, (torch.rand(1, B, H), torch.rand(1, B, H)))
