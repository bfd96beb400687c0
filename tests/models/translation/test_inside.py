"""The decoder looked into: its own numbers, split into sums that check."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.matrix import FAMILY, names
from tests.tolerance import FLOAT32_LOG_PROBABILITY

from gatewise.cli import follow
from gatewise.errors import InputError
from gatewise.estimators import Translator
from gatewise.inspect import look_inside
from gatewise.inspect.explain import Sum
from gatewise.models.translation.batches import batch_of
from gatewise.models.translation.learning import logits_of

LINES = ["ab", "ba", "abba", "baab", "aab"]


def translator(cell: str = "lstm", **arguments: int) -> Translator:
    sizes = {"hidden_size": 6, "embedding_size": 4, "max_epochs": 2, "random_state": 0}
    return Translator(FAMILY[cell], **sizes, **arguments).fit(LINES, [line.upper() for line in LINES])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_is_explained_is_the_network(layers: int) -> None:
    model = translator(num_layers=layers)
    subject = model.subject("abba", "ABBA")
    logits, units = logits_of(model.network_, batch_of([model._encoded("abba", "ABBA")]))
    above = (logits - logits.mean(1, keepdim=True)).gather(1, units[:, None])[:, 0]
    found = torch.tensor([prediction.value for prediction in subject.predictions])
    torch.testing.assert_close(found, above, rtol=FLOAT32_LOG_PROBABILITY, atol=FLOAT32_LOG_PROBABILITY)
    assert [step.split()[-1] for step in subject.steps] == ["'A'", "'B'", "'B'", "'A'", "(end)"]
    assert len(subject.inputs) == 1 + len("abba") + 1


@pytest.mark.parametrize("cell", names(FAMILY, quick=["lstm", "gru_reset_before"]))
def test_credit_adds_up_or_is_refused(cell: str) -> None:
    inside = look_inside(translator(cell).subject("abba", "ABBA"))
    views = [view for output in inside.outputs for view in output.views]
    assert inside.holds
    assert all(isinstance(view, Sum) for view in views) or cell not in ("lstm", "gru")


def test_what_is_written_later_has_no_share() -> None:
    subject = translator().subject("abba", "ABBA")
    first = look_inside(subject).outputs[0]
    assert isinstance(first.credit, Sum)
    assert first.credit.by_step[0].abs().sum() > 0
    assert first.credit.by_step[1:].abs().max() == 0


def test_from_a_file_and_for_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    translator().save("model")
    Path("pairs.tsv").write_text("ab\tAB\nabba\tABBA\n")
    assert follow(["inspect", "model", "pairs.tsv", "--row", "1", "--report", "page.html"]) == 0
    assert "Source: abba" in capsys.readouterr().out
    assert "what was written before" in Path("page.html").read_text()
    assert follow(["inspect", "model", "pairs.tsv", "--row", "2"]) == 1
    assert "there is no pair 2" in capsys.readouterr().err


def test_an_output_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="give a number, 1 to 3"):
        translator().subject("ab", "AB", output="9")
