"""The persistent kernels, their programs run by Triton's interpreter at the same time, each in a thread of its own."""

from __future__ import annotations

import inspect
import threading
import time
from collections import Counter
from functools import wraps
from itertools import product as pairs
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch

from gatewise.kernels.gpu import exchange, passes, persistent, regime
from gatewise.kernels.gpu.driver import GPUDriver
from gatewise.kernels.gpu.passes import Way
from gatewise.kernels.gpu.persistent import PersistentKernels, block_of, own_units
from gatewise.kernels.gpu.plan import backward_plan, forward_plan
from gatewise.kernels.gpu.regime import PERSISTENT, STEPS, Regime, regimes_of
from gatewise.kernels.reference import REFERENCE

from ..matrix import ALL_CELLS, every_pair, random_layer, relative_error
from ..needs import need_module
from ..tolerance import PARITY

need_module("triton")
from triton.runtime import interpreter  # noqa: E402

from .test_gpu import CELLS, CPU, assert_the_same, layer_of, results  # noqa: E402

# Programs compute rows and units that there are not too, whose numbers nobody reads.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value|divide by zero) encountered:RuntimeWarning")

MULTIPLYING = {name: cell for name, cell in CELLS.items() if forward_plan(cell, keep=True).matmul_of}
SIZES = {"equal": None, "ragged": (7, 4, 1), "of no steps": (5, 2, 0)}
SLOW = pytest.mark.slow
BUILDER = interpreter.interpreter_builder


class Programs(interpreter.GridExecutor):
    """All programs of a launch at the same time."""

    failures: ClassVar[list[BaseException]] = []

    def __call__(self, *given, **named):
        names = inspect.getfullargspec(self.fn)
        named = {name: value for name, value in named.items() if name in names.args}
        given, named = self._init_args_hst(given, named)
        scope = interpreter._patch_lang(self.fn)
        try:
            arguments = inspect.getcallargs(self.fn, *given, **named)
            arguments = {
                name: value if name in self.constexprs else interpreter._implicit_cvt(value)
                for name, value in arguments.items()
            }
            self._run(arguments, (*self.grid, *(1,) * (3 - len(self.grid))))
        finally:
            scope.restore()

    def _run(self, arguments, grid):
        failures = Programs.failures = []
        BUILDER.set_grid_dim(*grid)

        def program(place):
            try:
                BUILDER.set_grid_idx(*place)
                self.fn(**arguments)
            except BaseException as failure:  # told in the thread that waits for this one
                failures.append(failure)

        threads = [threading.Thread(target=program, args=(place,)) for place in pairs(*map(range, grid))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


class Place(threading.local):
    """Which program a thread is."""

    now = None


def in_turn(call):
    """The same, by one thread at a time.

    CPython 3.11 counts the depth of syntax trees for all threads together, and a garbage collection within one parse
    can let another begin: a SystemError then says that the depths differ (see python/cpython#106905).
    """
    lock = threading.Lock()

    @wraps(call)
    def alone(*arguments):
        with lock:
            return call(*arguments)

    return alone


@pytest.fixture
def together(monkeypatch):
    """Programs of a launch in threads. Whoever looks at a counter lets others go on."""
    place, look = Place(), BUILDER.create_atomic_rmw

    def looked(*arguments):
        time.sleep(2e-3)
        if Programs.failures:  # whoever failed will never count what this one waits for
            raise RuntimeError("another program failed") from Programs.failures[0]
        return look(*arguments)

    own = property(lambda _: place.now, lambda _, now: setattr(place, "now", now))
    monkeypatch.delitem(BUILDER.__dict__, "grid_idx", raising=False)
    monkeypatch.setattr(type(BUILDER), "grid_idx", own, raising=False)
    monkeypatch.setattr(interpreter, "GridExecutor", Programs)
    monkeypatch.setattr(interpreter.FunctionRewriter, "rewrite_ast", in_turn(interpreter.FunctionRewriter.rewrite_ast))
    monkeypatch.setattr(BUILDER, "create_atomic_rmw", looked, raising=False)
    return place


@pytest.fixture
def unlike(monkeypatch, together):
    """The second program is slow: it goes on when the first is a product ahead of it, or is kept from that."""
    product, done = exchange.product, Counter()

    def slowly(*arguments):
        program, begin = together.now[1], time.monotonic()
        while program and done[0] < done[1] + 2 and time.monotonic() < begin + 0.4:
            time.sleep(0.01)
        sums = product(*arguments)
        done[program] += 1
        return sums

    monkeypatch.setattr(exchange, "product", slowly)
    return done


class Persistently:
    """A driver of this regime alone. whole: in one launch. barrier: with it."""

    def __init__(self, *, whole=True, barrier=True):
        self.whole, self.barrier = whole, barrier

    def _kernels(self, plan):
        kernels = PersistentKernels(plan, barrier=self.barrier)
        kernels.whole = self.whole
        return kernels

    def forward(self, cell, layer, *, keep):
        kernels = self._kernels(forward_plan(cell, keep=keep))
        return passes.forward(cell, layer, Way(persistent=True), kernels, keep=keep)

    def backward(self, cell, layer, saved, seeds, *, input_gradient):
        kernels = self._kernels(backward_plan(cell, histories=seeds.histories is not None))
        return passes.backward(cell, layer, saved, seeds, Way(persistent=True), kernels, input_gradient=input_gradient)


@SLOW
@every_pair(cell=MULTIPLYING, dtype=["float32", "float16"], sizes=SIZES)
def test_every_cell_gives_what_the_reference_gives(together, cell, dtype, sizes):
    ragged = {} if sizes is None else {"batch_sizes": torch.tensor(sizes)}
    layer = layer_of(cell, 3, 7, 20, dtype=getattr(torch, dtype), **ragged)
    assert_the_same(Persistently(), cell, layer, dtype, histories=sizes is None)


@SLOW
@pytest.mark.parametrize("name", ["lstm", "gru_reset_before", "slstm_layer_norm"])
def test_many_programs_in_several_tiles_of_rows(together, name):
    layer = layer_of(CELLS[name], 3, 18, 40, dtype=torch.float32)
    assert_the_same(Persistently(), CELLS[name], layer, "float32", histories=False)


@SLOW
@pytest.mark.parametrize("name", ["rnn", "mgu"])
def test_rows_of_weights_in_several_tiles(monkeypatch, together, name):
    monkeypatch.setattr(persistent, "_DEEP", 32)
    monkeypatch.setattr(persistent, "_DEEP_BACKWARD", 32)
    layer = random_layer(CELLS[name], 3, 3, 3, 140, dtype=torch.float32)
    assert all(block_of(plan(CELLS[name]), 140).tiles > 1 for plan in (kept_plan, gradient_plan))
    assert_the_same(Persistently(), CELLS[name], layer, "float32", histories=False)


def test_what_programs_take_over_units_they_put_together(together):
    cell = CELLS["lstm_layer_norm_recurrent_dropout"]
    layer = layer_of(cell, 2, 3, 20, dtype=torch.float32)
    found, expected = (driver.forward(cell, layer, keep=False).y for driver in (Persistently(), REFERENCE))
    assert relative_error(found, expected) <= PARITY["float32"]


def test_the_same_text_runs_a_step_a_launch_to_the_same_bits(request):
    layer = random_layer(CELLS["lstm"], 2, 5, 3, 20, dtype=torch.float32, batch_sizes=torch.tensor([5, 2]))
    apart = results(Persistently(whole=False, barrier=False), CELLS["lstm"], layer, histories=False)
    request.getfixturevalue("together")
    whole = results(Persistently(), CELLS["lstm"], layer, histories=False)
    for one, other in zip((*apart[0], apart[1]), (*whole[0], whole[1]), strict=True):
        assert torch.equal(one, other)


def without(number):
    """Texts of kernels that do not wait for this one of the step's barriers."""
    whole = persistent.module_text

    def text(plan):
        lines = whole(plan).splitlines()
        waits = [at for at, line in enumerate(lines) if "ex.wait(" in line]
        lines[waits[number]] = lines[waits[number]].split("fault")[0] + "fault = 0.0"
        return "\n".join(lines) + "\n"

    return text


def kept_plan(cell):
    return forward_plan(cell, keep=True)


def gradient_plan(cell):
    return backward_plan(cell, histories=False)


def error(driver, cell, layer, *, backward):
    """Of outputs, or of gradients too."""
    if not backward:
        sides = (one.forward(cell, layer, keep=False).y for one in (driver, REFERENCE))
    else:
        sides = (results(one, cell, layer, histories=False)[1] for one in (driver, REFERENCE))
    return relative_error(*sides)


@pytest.mark.parametrize("backward", [False, pytest.param(True, marks=SLOW)])
@pytest.mark.parametrize(
    ("name", "barriers"), [("rnn", 1), pytest.param("gru_reset_before", 2, marks=pytest.mark.slow)]
)
def test_a_barrier_left_out_is_noticed(monkeypatch, unlike, name, barriers, backward):
    layer = random_layer(CELLS[name], 2, 5, 3, 40, dtype=torch.float32)
    assert error(Persistently(), CELLS[name], layer, backward=backward) <= PARITY["float32"]
    for number in range(barriers):
        unlike.clear()
        with monkeypatch.context() as patch:
            patch.setattr(persistent, "module_text", without(number))
            assert error(Persistently(), CELLS[name], layer, backward=backward) > 1e-2


def test_no_barrier_at_all_is_noticed(unlike):
    layer = random_layer(CELLS["rnn"], 2, 5, 3, 40, dtype=torch.float32)
    assert error(Persistently(barrier=False), CELLS["rnn"], layer, backward=False) > 1e-2


@pytest.fixture
def impatient(monkeypatch):
    """Programs look ten times and give up. Here they run one after another, so that the first waits in vain."""
    monkeypatch.setattr(persistent, "PATIENCE", 10)


def test_programs_that_do_not_run_at_the_same_time_end_and_give_no_numbers(impatient):
    layer = random_layer(CELLS["lstm"], 3, 5, 3, 20, dtype=torch.float32)
    states = Persistently().forward(CELLS["lstm"], layer, keep=True)
    assert bool(states.last.isnan().all())


@pytest.fixture
def shared_out(monkeypatch):
    """A driver that shares out U where it can."""
    driver = GPUDriver(CPU)
    both = (Regime(PERSISTENT, "", Way(persistent=True)), Regime(STEPS, "", Way()))
    monkeypatch.setattr(driver, "regimes", lambda cell, layer: both)
    return driver


def test_where_they_do_not_a_launch_and_a_product_each_step_take_their_place(impatient, shared_out):
    layer = random_layer(CELLS["rnn"], 3, 5, 3, 40, dtype=torch.float32)
    with pytest.warns(UserWarning, match="WRONG: rnn .* one persistent launch, U shared out: .*") as warned:
        assert_the_same(shared_out, CELLS["rnn"], layer, "float32", histories=False)
    assert [str(one.message).rsplit(": ", 1)[1] for one in warned] == [
        f"{what} computed by a launch and a product each step" for what in ("it is", "its gradients are")
    ]


def test_what_a_device_refuses_to_launch_runs_in_another_regime(monkeypatch, shared_out):
    monkeypatch.setenv("GATEWISE_SELFCHECK", "0")
    run, asked = passes.Sweep.run, []

    def refused(sweep):
        if isinstance(sweep.kernels, PersistentKernels):
            asked.append(sweep)
            raise RuntimeError("Triton Error [CUDA]: too many blocks in cooperative launch")
        run(sweep)

    monkeypatch.setattr(passes.Sweep, "run", refused)
    layer = random_layer(CELLS["lstm"], 3, 5, 3, 20, dtype=torch.float32)
    with pytest.warns(UserWarning, match="too many blocks in cooperative launch"):
        assert_the_same(shared_out, CELLS["lstm"], layer, "float32", histories=False)
    shared_out.forward(CELLS["lstm"], layer, keep=False)
    assert len(asked) == 2
    monkeypatch.setattr(passes.Sweep, "run", lambda sweep: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(torch.OutOfMemoryError):
        shared_out.forward(CELLS["rnn"], random_layer(CELLS["rnn"], 3, 5, 3, 20, dtype=torch.float32), keep=False)


def test_a_program_owns_what_fills_a_product():
    for plan in (kept_plan, gradient_plan):
        own = {name: own_units(plan(CELLS[name])) for name in ("lstm", "gru", "mgu", "rnn")}
        assert own == {"lstm": 16, "gru": 16, "mgu": 32, "rnn": 32}
    block = block_of(kept_plan(CELLS["lstm"]), 768)
    assert (block.grid(32, 768), block.deep * block.tiles) == ((2, 48), 768)


def test_the_regime_is_named_with_what_it_needs(monkeypatch):
    card = SimpleNamespace(multi_processor_count=132)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    monkeypatch.setattr(regime, "processors", lambda device: regime._processors(torch.device("cuda")))

    def told(units, rows, dtype=torch.bfloat16):
        layer = random_layer(ALL_CELLS["lstm"], 2, rows, 3, units, dtype=dtype)
        return [f"{each.name}: {each.why}" for each in regimes_of(ALL_CELLS["lstm"], layer)]

    more = "U takes 8192 KiB, more than the 128 that a program holds"
    assert told(1024, 32) == [
        f"{PERSISTENT}: {more}, and 128 that wait for each other hold 128 KiB each",
        f"{STEPS}: {more}",
    ]
    assert told(1024, 33) == [f"{STEPS}: {more}, and of 192 to share it 132 run at once"]
    assert told(1100, 1)[0].endswith("and shared out 144, more than the 128 that are proven")
    assert told(1024, 1, torch.float32) == [f"{STEPS}: U takes 16384 KiB, more than the 32 that a program holds"]
