"""The exported C file computes what the module computes, for every cell and every way to build a model."""

from __future__ import annotations

import copy
import re
import subprocess

import pytest
import torch
from benchmarks.device.compiled import C99, WARNINGS, exported
from torch import nn

from gatewise.cells import CELLS
from gatewise.export import to_c
from gatewise.export.c.layouts import LAYOUTS
from gatewise.nn import GRU, LSTM, Recurrent
from gatewise.nn.chain import Chain
from gatewise.nn.maps import Standardize, Unstandardize
from gatewise.nn.parts import KINDS

from ..matrix import ALL_CELLS, every_pair, names
from ..needs import need, needs_gcc
from ..tolerance import C_FILE, C_FILE_BESIDE_OURS

pytestmark = needs_gcc
STEPS = 1000
# gcc 12 with FMA fuses in vectors of alternating sums and differences (fmaddsub), whatever -ffp-contract says
NEVER_FUSED = ("-fno-tree-slp-vectorize",)
MAP_ARGUMENTS = {
    Standardize: (torch.linspace(-1, 1, 5), torch.linspace(0.5, 2, 5)),
    Unstandardize: (torch.linspace(-1, 1, 5), torch.linspace(0.5, 2, 5)),
    nn.LayerNorm: (5,),
    nn.Linear: (5, 5),
}
torch.manual_seed(0)
OPTIONS = {
    "projected": LSTM(3, 12, 2, proj_size=5),
    "projected, and the step reads its output": Recurrent(CELLS["gru"], 3, 12, proj_size=5),
    "heads": LSTM(3, 12, heads=3),
    "residual": GRU(6, 6, 2, residual=True),
    "pre-norm": GRU(3, 6, 2, pre_norm=True),
    "learned states": LSTM(3, 6, learned_state=True),
    "zoneout and dropouts": LSTM(3, 6, zoneout={"h": 0.1, "c": 0.5}, recurrent_dropout=0.2, candidate_dropout=0.1),
    "clipped": LSTM(3, 6, clip_memory=0.5, clip_gates=1.0),
    "no bias": LSTM(3, 6, bias=False),
    "sizes differ": LSTM(3, [7, 4], 2),
    "one unit": LSTM(1, 1),
    "torch.nn.LSTM": nn.LSTM(3, 7, 2),
    "torch.nn.GRU": nn.GRU(3, 7),
    "torch.nn.RNN": nn.RNN(3, 7, nonlinearity="relu"),
    "float64": LSTM(3, 6, dtype=torch.float64),
}
MODELS = {
    **{name: Recurrent(cell, 3, 18, 2) for name, cell in ALL_CELLS.items()},
    **OPTIONS,
    **{
        f"{kind.__name__} in a chain": Chain(GRU(3, 5), nn.Linear(5, 5), kind(*MAP_ARGUMENTS.get(kind, ())))
        for kind, row in KINDS.items()
        if row.rows is not None
    },
    "two recurrent parts": Chain(nn.Linear(2, 3), nn.Tanh(), LSTM(3, 5), nn.Linear(5, 4, bias=False), GRU(4, 3)),
    "no recurrent part": Chain(nn.Linear(2, 3)),
}


@pytest.fixture(scope="module")
def in_c(tmp_path_factory):
    found = exported(list(MODELS.values()), tmp_path_factory.mktemp("c"))
    return dict(zip(MODELS, found, strict=True))


@torch.no_grad()
def said(model, x):
    """What the module says of (T, I) in evaluation mode."""
    return model.eval()(x.to(next(model.parameters()).dtype))[0]


def exactly_said(model, x):
    """The same in float64."""
    return said(copy.deepcopy(model).double(), x)


@pytest.mark.parametrize("name", names(MODELS))
def test_a_thousand_steps_are_the_modules(in_c, name):
    model, x = MODELS[name], torch.randn(STEPS, in_c[name].sizes.inputs, generator=torch.Generator().manual_seed(1))
    parts = [x]
    if gap(said(model, x), exactly_said(model, x)) > C_FILE / 8:
        # rounding grows in layer-normed and unbounded memories, in float32 of any kind: begin anew every ten steps
        parts = x.split(10)
    exact = torch.cat([exactly_said(model, part) for part in parts])
    found = torch.cat([again(in_c[name], part) for part in parts])
    # where even the module's own float32 leaves the bound, its gap is the measure
    ours = gap(torch.cat([said(model, part) for part in parts]), exact)
    assert gap(found, exact) <= max(C_FILE, C_FILE_BESIDE_OURS * ours)
    assert in_c[name].selftest() == 0


def gap(found, exact):
    return float((found - exact).abs().max()) / max(1.0, float(exact.abs().max()))


def again(one, x):
    one.reset()
    return one.run(x)


@pytest.mark.parametrize("name", ["lstm", "deep", "learned states", "two recurrent parts", "no recurrent part"])
def test_steps_are_the_run_and_a_state_goes_on_where_it_was(in_c, name):
    one, x = in_c[name], torch.randn(9, in_c[name].sizes.inputs)
    one.reset()
    whole = one.run(x)
    one.reset()
    assert torch.equal(torch.stack([one.step(row) for row in x[:4]]), whole[:4])
    kept = one.state.copy()
    assert torch.equal(one.run(x[4:]), whole[4:])
    one.state = kept
    assert torch.equal(one.run(x[4:]), whole[4:])


def test_states_are_the_modules_in_the_order_that_the_header_says(in_c, tmp_path):
    model, one, x = MODELS["sizes differ"], in_c["sizes differ"], torch.randn(5, 3)
    one.reset()
    one.run(x)
    with torch.no_grad():
        h, c = model.eval()(x)[1]
    header = to_c(model, tmp_path).header.read_text()
    for name, expected in (("l0_h", h[0]), ("l0_c", c[0]), ("l1_h", h[1]), ("l1_c", c[1])):
        begin, end = map(int, re.search(rf"values (\d+) to (\d+): {name}\n", header).groups())
        torch.testing.assert_close(torch.from_numpy(one.state[begin : end + 1]), expected, atol=2e-6, rtol=0)


FLAGS = [("-O0",), ("-O3",), ("-O3", "-march=native", *NEVER_FUSED)]


@every_pair(target=LAYOUTS.keys(), compiler=["gcc", "clang"], flags={" ".join(flags): flags for flags in FLAGS})
def test_every_target_and_compiler_gives_the_same_bits(in_c, target, compiler, flags, tmp_path):
    need(compiler)
    names = ["lstm", "gru", "deep", "slstm_layer_norm", "projected", "two recurrent parts", "LayerNorm in a chain"]
    found = exported([MODELS[name] for name in names], tmp_path / "c", *flags, compiler=compiler, target=target)
    for name, one in zip(names, found, strict=True):
        x = torch.randn(40, one.sizes.inputs, generator=torch.Generator().manual_seed(2))
        in_c[name].reset()
        assert torch.equal(one.run(x), in_c[name].run(x)), name


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One model of every kind of statement."""
    folder = tmp_path_factory.mktemp("written")
    model = Chain(Standardize(torch.zeros(3), torch.ones(3)), Recurrent(ALL_CELLS["deep"], 3, 5), nn.LayerNorm(5))
    return to_c(model, folder)


def run(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


@pytest.mark.needs("g++")
def test_it_is_cpp_without_a_warning(written, tmp_path):
    done = run("g++", "-x", "c++", *WARNINGS, "-DMODEL_SELFTEST", "-c", written.source, "-o", tmp_path / "o")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
def test_it_needs_nothing_from_outside_and_holds_no_data_that_changes(written, level, tmp_path):
    assert run("gcc", *C99, level, "-c", written.source, "-o", tmp_path / "o").returncode == 0
    symbols = run("nm", tmp_path / "o").stdout.split("\n")
    kinds = {line.split()[-2] for line in symbols if line}
    assert not kinds & set("UBbDdC"), symbols


def test_sanitizers_find_nothing(written, tmp_path):
    main = tmp_path / "main.c"
    main.write_text('#include "model.h"\nint main(void) { return model_selftest(); }\n')
    flags = [*C99, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMODEL_SELFTEST"]
    done = run("gcc", *flags, f"-I{written.source.parent}", main, written.source, "-o", tmp_path / "program")
    assert done.returncode == 0, done.stderr
    done = run(tmp_path / "program")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_self_test_can_fail(written, tmp_path):
    spoilt = written.source.read_text().replace("model_step(&state, x, y);\n        for", "x[0] += 1.0f;\n        for")
    (tmp_path / "model.c").write_text(spoilt + "\nint main(void) { return model_selftest(); }\n")
    include = f"-I{written.source.parent}"
    done = run("gcc", "-w", "-DMODEL_SELFTEST", include, tmp_path / "model.c", "-o", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert run(tmp_path / "p").returncode != 0


def test_the_sizes_are_those_of_the_compiled_file(written, tmp_path):
    assert run("gcc", *C99, "-O2", "-c", written.source, "-o", tmp_path / "o").returncode == 0
    sections = run("size", "-A", tmp_path / "o").stdout
    rodata = sum(int(line.split()[1]) for line in sections.split("\n") if line.startswith(".rodata"))
    assert written.sizes.flash <= rodata <= written.sizes.flash + 256
    assert f"#define MODEL_STATE_BYTES {written.sizes.ram}\n" in written.header.read_text()
