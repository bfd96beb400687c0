from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.matrix import names
from tests.models.forecast import fakes

import gatewise
from gatewise.cells import CELLS
from gatewise.errors import InputError
from gatewise.estimators import LanguageModel, SequenceClassifier, SequenceRegressor
from gatewise.inspect.explain import Inside, Refused, Sum, look_inside
from gatewise.inspect.explain import explanation as looking
from gatewise.inspect.explain.documents import as_json, page_of, paged
from gatewise.inspect.subject import Prediction, Subject
from gatewise.models.forecast.estimator import Forecaster
from gatewise.nn import Recurrent

X = [np.random.default_rng(row).normal(row % 2, 1.0, (6 + row, 2)) for row in range(8)]
Y = [f"class {row % 2}" for row in range(8)]
QUICK = {"hidden_size": 5, "max_epochs": 2, "random_state": 0}


class Readout(torch.nn.Module):
    """A recurrent layer of a cell, and numbers read from its last output."""

    def __init__(self, cell: str, layers: int = 1) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.recurrent, self.linear = Recurrent(CELLS[cell], 3, 4, layers), torch.nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.recurrent(x)[0][-1, 0])


def plain(cell: str = "lstm", steps: int = 9, layers: int = 1) -> Subject:
    model, x = Readout(cell, layers).eval(), torch.randn(steps, 1, 3, generator=torch.Generator().manual_seed(0))
    said = tuple(Prediction(f"number {k}", value) for k, value in enumerate(model(x).tolist()))
    names = tuple(map(str, range(steps)))
    return Subject("a model", model, x, lambda output: output, said, names, ("a", "b", "c"), x[:, 0])


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    series = fakes.panel(fakes.climbing(60), fakes.climbing(48)[::-1] - 30.0)
    return Forecaster(5, model="lstm", budget=0.2).fit(series)


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    return SequenceClassifier(**QUICK).fit(X, Y)


def sums(inside: Inside) -> list[Sum]:
    assert inside.holds
    assert not inside.notes
    found = [view for each in inside.outputs for view in each.views]
    assert all(isinstance(view, Sum) for view in found)
    return [view for view in found if isinstance(view, Sum)]


def total(view: Sum) -> float:
    return float(view.by_step.sum()) + math.fsum(view.lines.values())


@pytest.mark.parametrize("cell", names(CELLS))
def test_every_cell_is_looked_into_or_refused_by_name(cell: str) -> None:
    inside = look_inside(plain(cell))
    assert inside.holds
    for each in inside.outputs:
        for view in each.views:
            if isinstance(view, Refused):
                assert cell in view.sentence
            else:
                assert total(view) == pytest.approx(each.prediction.value, abs=1e-5)
    assert json.loads(as_json(inside))["cell"] == cell
    assert page_of(inside).startswith("<!doctype html>")


def test_both_sums_are_the_models_own_number_for_a_forecast(forecaster: Forecaster) -> None:
    for series, log in (("a", True), ("b", False)):
        subject = forecaster.subject(series=series, step=2)
        inside = look_inside(subject)
        level = float(dict(subject.about)["Recent level"].replace(",", ""))
        for each, views in zip(inside.outputs, np.reshape(np.array(sums(inside), object), (-1, 2)), strict=True):
            for view in views:
                made = level * math.exp(total(view)) if log else level + total(view)
                assert made == pytest.approx(each.prediction.value, rel=2e-3)  # the level is written with four digits
        assert subject.chosen == 1


def test_a_forecast_is_explained_by_the_member_nearest_to_it(forecaster: Forecaster) -> None:
    subject = forecaster.subject(series="a")
    median = forecaster.predict_quantiles().median[0]
    away = [abs(said.value - value) / value for said, value in zip(subject.predictions, median, strict=True)]
    assert 100 * max(away) == pytest.approx(float(dict(subject.about)["Away from that"].split()[0]), rel=0.06)


def test_steps_of_a_forecast_are_named_by_what_they_cover(forecaster: Forecaster) -> None:
    subject = forecaster.subject(series="a")
    assert subject.steps[-1] == "56 to 59"
    assert subject.cells[-1] == ("56", "57", "58", "59")
    assert subject.fed[-1].tolist() == pytest.approx(fakes.climbing(60)[-4:].tolist())
    assert [said.label for said in subject.predictions] == ["60", "61", "62", "63", "64"]


def test_what_lies_before_a_short_series_is_called_so_and_gets_no_credit(forecaster: Forecaster) -> None:
    subject = forecaster.subject(fakes.panel(fakes.climbing(7)))
    assert subject.steps[0] == "before the data"
    assert torch.isnan(subject.fed[0]).all()
    inside = look_inside(subject)
    assert all(not view.by_step[0].any() for view in (each.credit for each in inside.outputs) if isinstance(view, Sum))
    document = json.loads(as_json(inside))
    assert document["inputs"]["numbers"][0] == [None] * 4
    assert page_of(inside)


def test_what_is_inside_writes_its_page_and_its_document(tmp_path: Path) -> None:
    inside = look_inside(plain())
    assert inside.to_html(tmp_path / "inside.html") == page_of(inside) == (tmp_path / "inside.html").read_text()
    assert inside.to_json(tmp_path / "inside.json") == as_json(inside) == (tmp_path / "inside.json").read_text()


def test_a_model_without_memory_is_refused_by_name() -> None:
    naive = Forecaster(3, model="naive").fit(fakes.panel(fakes.climbing(40)))
    with pytest.raises(InputError, match="has no memory that can be looked into") as error:
        naive.subject()
    assert 'model="lstm"' in error.value.hint


def test_a_series_or_step_that_is_not_there_is_refused(forecaster: Forecaster) -> None:
    with pytest.raises(InputError, match="no series 'z'") as error:
        forecaster.subject(series="z")
    assert error.value.hint == "there is a, b"
    with pytest.raises(InputError, match="no step 9"):
        forecaster.subject(step=9)


def test_classes_are_explained_above_the_mean_of_all(classifier: SequenceClassifier) -> None:
    subject = classifier.subject(X, 3)
    inside = look_inside(subject)
    logits = np.log(classifier.predict_proba(X)[3])
    expected = dict(zip(classifier.classes_, logits - logits.mean(), strict=True))
    for each in inside.outputs:
        for view in each.views:
            assert isinstance(view, Sum)
            assert total(view) == pytest.approx(expected[each.prediction.label], abs=1e-5)
    narrowed = classifier.subject(X, 3, output="class 1")
    assert narrowed.predictions[narrowed.chosen].label == "class 1"


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_numbers_of_a_sequence_are_explained_in_their_own_units(pooling: str) -> None:
    y = [100.0 + len(x) for x in X]
    regressor = SequenceRegressor(pooling=pooling, num_layers=2, **QUICK).fit(X, y)
    inside = look_inside(regressor.subject(X, 5))
    for view in sums(inside):
        assert total(view) == pytest.approx(regressor.predict(X)[5], rel=1e-5)


def test_the_next_character_is_explained_by_those_before() -> None:
    text = "the cat sat on the mat. " * 8
    model = LanguageModel(hidden_size=6, num_layers=1, embedding_size=4, max_epochs=1, random_state=0, batch_size=2)
    model.fit(text)
    subject = model.subject(text[-10:], output="t")
    assert subject.predictions[subject.chosen].label == "next 't'"
    assert subject.steps == tuple(f"{place} {letter!r}" for place, letter in enumerate(text[-10:]))
    for view, each in zip(sums(look_inside(subject))[::2], subject.predictions, strict=True):
        assert total(view) == pytest.approx(each.value, abs=1e-5)


def test_rows_and_outputs_that_are_not_there_are_refused(classifier: SequenceClassifier) -> None:
    with pytest.raises(InputError, match="no sequence 8"):
        classifier.subject(X, 8)
    with pytest.raises(InputError, match="no output 'class 7'"):
        classifier.subject(X, 0, output="class 7")


def test_document_and_page_hold_the_records_own_numbers() -> None:
    subject = plain(layers=2)
    inside = look_inside(subject)
    found = gatewise.record(subject.model, subject.x)
    document = json.loads(as_json(inside))
    page = paged(inside)
    for place in range(2):
        for kind in ("gates", "states"):
            for name, kept in getattr(found, kind).items():
                read = np.array(document["layers"][place][kind][name], np.float32)
                assert np.array_equal(read, kept[place, 0, :, 0].numpy())
        wires = {wire.name: wire.numbers for wire in page.places[place].wires}
        assert np.array_equal(wires["c"], found.states["c"][place, 0, :, 0].numpy())
        assert np.array_equal(wires["f"], found.gates["forget"][place, 0, :, 0].numpy())
        assert np.array_equal(wires["c_prev"][1:], wires["c"][:-1])


def test_document_holds_the_numbers_of_the_views() -> None:
    inside = look_inside(plain())
    document = json.loads(as_json(inside))
    assert document["schema"] == 1
    assert document["holds"] is True
    scales = inside.places[0].timescales
    assert scales
    assert document["layers"][0]["timescales"]["tau"] == scales.tau.tolist()
    assert inside.saturation
    assert document["layers"][0]["saturation"]["forget"]["left"] == inside.saturation.left["forget"][0, 0].tolist()
    for written, each in zip(document["outputs"], inside.outputs, strict=True):
        for name, view in zip(("memory", "credit"), each.views, strict=True):
            assert isinstance(view, Sum)
            assert written[name]["by_step"] == view.by_step.tolist()
            assert written[name]["lines"] == dict(view.lines)
            assert written[name]["certificate"]["gap"] == view.certificate.gap


def test_a_sum_that_does_not_check_is_refused_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = looking.linear_readout
    monkeypatch.setattr(looking, "linear_readout", lambda *given: replace(wrong(*given), value=wrong(*given).value + 1))
    inside = look_inside(plain())
    assert not inside.holds
    memory, credit = inside.outputs[0].views
    assert isinstance(memory, Refused)
    assert "does not add up" in memory.sentence
    assert isinstance(credit, Sum)
    assert memory.sentence in json.loads(as_json(inside))["outputs"][0]["memory"]["refusal"]
    assert "does not add up" in page_of(inside)


def test_too_long_a_sequence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatewise.inspect.recorded_run._SHARE", 0.0)
    with pytest.raises(InputError, match="a record of") as error:
        look_inside(replace(plain(), shorter="look at less"))
    assert error.value.hint == "look at less"


def test_a_model_alone_is_no_subject():
    with pytest.raises(InputError, match=r"(?s)a Recurrent is no subject.*gatewise\.record"):
        look_inside(Recurrent(CELLS["lstm"], 3, 4))
