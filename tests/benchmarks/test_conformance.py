"""The sequences of the conformance table, its pass lines, and its cheapest lines from end to end."""

from __future__ import annotations

import json
import math
import re

import pytest
import torch
from benchmarks.conformance import main as command
from benchmarks.conformance.data import reber, synthetic
from benchmarks.conformance.data.files import CHORALES, DIGITS, TEXT, chorales, digits, shakespeare
from benchmarks.conformance.goals import Apart, EverySeed, number, spread
from benchmarks.conformance.networks import Attention
from benchmarks.conformance.runner import Line
from benchmarks.conformance.table import FORMS
from benchmarks.conformance.task import Outcome
from benchmarks.conformance.tasks import continual, counting, equality, timer
from benchmarks.conformance.tasks.reber import is_right

from ..tolerance import SIGMAS

# The grammar once more, as a regular expression: T leads to S*X, P to T*V, and X leads back.
_TAIL = "T*V(?:PX T*V)*(?:PS|V)E".replace(" ", "")
INNER = re.compile(f"B(?:TS*X(?:S|X{_TAIL[:-1]})E|P{_TAIL})")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_grammatical(string: str) -> bool:
    begins, ends = string[0] == "B" and string[1] in "TP", string[-1] == "E" and string[-2] == string[1]
    return begins and ends and INNER.fullmatch(string[2:-2]) is not None


def test_drawn_strings_are_of_the_embedded_reber_grammar():
    tosses = reber.coins(generator())
    strings = [reber.embedded(tosses)[0] for _ in range(500)]
    assert [string for string in strings if not is_grammatical(string)] == []
    assert len(set(strings)) > 100


def test_what_is_legal_after_a_prefix_is_what_was_ever_drawn_there():
    tosses, seen, allowed = reber.coins(generator()), dict[str, set[str]](), dict[str, str]()
    for _ in range(3000):
        string, legal = reber.embedded(tosses)
        for place in range(min(8, len(string))):
            seen.setdefault(string[:place], set()).add(string[place])
            allowed[string[:place]] = legal[place]
    common = [prefix for prefix in seen if len(prefix) < 5]
    assert [prefix for prefix in common if seen[prefix] != set(allowed[prefix])] == []


def test_the_embedded_symbol_is_the_only_one_that_a_stream_calls_critical():
    symbols, critical = reber.stream(3000, generator())
    text = "".join(reber.SYMBOLS[symbol] for symbol in symbols)
    strings = [string + "E" for string in re.split("E(?=B[TP]B)", text)[:-1]]
    assert [string for string in strings if not is_grammatical(string)] == []
    ends = torch.tensor([len(string) for string in strings]).cumsum(0)
    assert critical.nonzero().flatten()[: len(ends)].tolist() == (ends - 3).tolist()


def test_batches_of_strings_say_where_each_ends():
    found = reber.strings(20, generator())
    assert found.symbols.shape == found.legal.shape[:2] == (int(found.lengths.max()), 20)
    steps = torch.arange(len(found.symbols))[:, None]
    assert torch.equal(found.legal.sum(2) > 0, steps < found.lengths - 1)
    real = (found.lengths - 2, torch.arange(20))
    assert (found.symbols[real] == found.symbols[1]).all()


def test_the_sum_of_two_marked_numbers_is_asked():
    x, y, last = synthetic.adding(30, 2000, generator())
    assert (x[..., 1].sum(0) == 2).all()
    assert (last == 29).all()
    torch.testing.assert_close((x[..., 0] * x[..., 1]).sum(0), y)
    error = (y - 1).square()
    assert abs(error.mean() - 1 / 6) < SIGMAS * error.std() / math.sqrt(len(y))


def test_the_class_of_temporal_order_is_that_of_its_two_symbols():
    x, y, last = synthetic.temporal_order(2000, generator())
    symbols = x.argmax(2)
    assert (symbols[0] == 0).all()
    assert (symbols[last, torch.arange(2000)] == 7).all()
    assert ((symbols == 7).sum(0) == 1).all()
    assert {*last.tolist()} == {*range(99, 110)}
    marked = [(row.nonzero().flatten().tolist(), row[row > 0].tolist()) for row in (symbols.t() * _is_xy(symbols).t())]
    assert all(10 <= places[0] <= 20 and 50 <= places[1] <= 60 and len(places) == 2 for places, _ in marked)
    assert [2 * (kinds[0] - 1) + kinds[1] - 1 for _, kinds in marked] == y.tolist()
    assert (y.bincount(minlength=4) / 2000 - 0.25).abs().max() < SIGMAS * math.sqrt(0.25 * 0.75 / 2000)


def _is_xy(symbols: torch.Tensor) -> torch.Tensor:
    return (symbols == 1) | (symbols == 2)


def test_parity_is_that_of_the_ones_so_far():
    x, y, asked = synthetic.parity(9, 50, generator())
    odd, wanted = torch.zeros(50), list[torch.Tensor]()
    for bit in x[..., 0]:
        odd = (odd - bit).abs()
        wanted.append(odd)
    assert torch.equal(y[..., 0], torch.stack(wanted))
    assert asked.all()


def test_counting_asks_for_what_may_follow():
    x, y, asked = synthetic.counting(3, smallest=2)
    steps = [
        (
            synthetic.COUNTING_SYMBOLS[row.argmax()],
            "".join(s for s, b in zip(synthetic.COUNTING_NEXT, may, strict=True) if b),
        )
        for row, may, is_asked in zip(x[:, 0], y[:, 0], asked[:, 0], strict=True)
        if is_asked
    ]
    assert steps == [("S", "a"), ("a", "ab"), ("a", "ab"), ("b", "b"), ("b", "c"), ("c", "c"), ("c", "T")]
    assert asked[:, 1].all()


class Oracle(torch.nn.Module):
    """Says what the right answer is, shifted by a mistake that the test makes."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, state=None):
        return self.answer(x), state


def test_a_count_is_as_large_as_the_first_mistake_allows():
    def answer(x):
        y = (synthetic.counting(counting.TESTED).y - 0.5).clone()
        y[3 * 7, 7 - 1] *= -1  # after the last c but one of n = 7
        return y

    assert counting.largest(Oracle(answer)) == 6
    assert counting.largest(Oracle(lambda x: synthetic.counting(counting.TESTED).y - 0.5)) == counting.TESTED


def test_strings_are_right_only_where_every_legal_symbol_leads():
    given = reber.strings(10, generator())
    assert is_right(Oracle(lambda x: given.legal), given)
    wrong = given.legal.clone()
    wrong[3, 4] = 1 - wrong[3, 4]
    assert not is_right(Oracle(lambda x: wrong), given)


def outcomes(**figures):
    return {name: [Outcome({"f": value}, 1, 1.0) for value in values] for name, values in figures.items()}


@pytest.mark.parametrize(("low", "high", "holds"), [(0.5, 0.9, True), (0.6, 0.9, False), (0.5, 0.8, False)])
def test_every_seed_has_to_reach_the_line(low, high, holds):
    verdict = EverySeed("a", "f", low, high).judge(outcomes(a=[0.5, 0.9]))
    assert verdict.holds == holds
    assert not EverySeed("a", "f", low, high).judge(outcomes(a=[0.7, math.nan])).holds


def test_means_are_compared_over_seeds():
    found = outcomes(a=[1.0, 3.0], b=[1.5, 1.5])
    assert Apart("a", "b", "f", high=0.5).judge(found).holds
    assert not Apart("a", "b", "f", high=0.4).judge(found).holds
    assert not Apart("a", "b", "f", low=0.6).judge(found).holds


def test_figures_are_written_for_people():
    assert [number(value) for value in (3.0, 0.12345, 1e-9, math.inf)] == ["3", "0.1235", "1e-09", "inf"]
    assert spread([1.0, 2.0]) == "1.5 (1 to 2)"
    assert spread([2.0, 2.0]) == "2"


@pytest.mark.parametrize("form", FORMS)
def test_goals_are_about_contenders_that_run(form):
    tasks = FORMS[form]()
    assert len({task.name for task in tasks}) == len(tasks)
    assert all({*goal.judged} <= {*task.contenders} for task in tasks for goal in task.goals)
    assert all(task.goals for task in tasks)


def test_the_full_form_has_every_line():
    wanted = {*(f"C{line}" for line in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 14, 15)), "C4a", "C4b"}
    assert {task.line for task in FORMS["full"]()} == wanted


@pytest.mark.slow
@pytest.mark.parametrize("task", [timer.task((5, 10)), equality.task()], ids=lambda task: task.name)
def test_the_lines_that_take_no_training_hold(task):
    found = {name: [task.run(name, seed=3)] for name in task.contenders}
    assert [goal for goal in task.goals if not goal.judge(found).holds] == []


@pytest.mark.slow
def test_a_seed_gives_the_same_figures_again():
    def figures():
        return continual.task(seen=32 * 50 * 3).run("LSTM", seed=4).figures

    assert figures() == figures()


def test_a_transformer_sees_no_later_step():
    network, x = Attention(3, 8, 2).eval(), torch.randn(6, 2, 3)
    before, _ = network(x)
    after, _ = network(torch.cat((x[:4], torch.randn(2, 2, 3))))
    torch.testing.assert_close(before[:4], after[:4])
    assert not torch.equal(before[4:], after[4:])


@pytest.mark.slow
def test_the_command_leaves_with_one_where_a_line_is_missed(monkeypatch, tmp_path, capsys):
    path = tmp_path / "found.json"
    arguments = ["--quick", "--seeds", "1", "--only", "C4a", "--json", str(path), "--markdown", str(tmp_path / "m.md")]
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 0
    (line,) = json.loads(path.read_text())["lines"]
    assert all(goal["holds"] for goal in line["goals"])
    assert "| PeepholeLSTM, set by hand | 19 | 0 |" in (tmp_path / "m.md").read_text()
    found = [Line(task, {name: [task.run(name, 0)] for name in task.contenders}) for task in [timer.task((5,))]]
    monkeypatch.setattr(command, "run", lambda *_: found)
    monkeypatch.setattr(EverySeed, "judge", lambda *_: Apart("a", "a", "f", low=1).judge(outcomes(a=[0.0])))
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 1
    assert "missed" in capsys.readouterr().out


@pytest.mark.skipif(not DIGITS.exists(), reason="MNIST is not at hand (../shared/data/mnist)")
def test_digits_are_read():
    images = digits("t10k")
    assert images.x.shape == (10_000, 28, 28)
    assert images.y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.skipif(not CHORALES.exists(), reason="the chorales are not at hand (../shared/data/music)")
def test_chorales_are_read():
    parts = chorales()
    assert [len(parts[name]) for name in ("train", "valid", "test")] == [229, 76, 77]
    assert {*parts["train"][0].unique().tolist()} == {0.0, 1.0}


@pytest.mark.skipif(not TEXT.exists(), reason="the text is not at hand (../shared/data/text)")
def test_the_last_twentieth_of_the_text_is_for_validation():
    text = shakespeare()
    assert len(text.train) + len(text.valid) == 1_115_394
    assert len(text.valid) == 55_770
    assert text.symbols == 65
