"""Exported translators against the networks; the answers are ONNX Runtime's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from tests.export.exported import tamed
from tests.matrix import ALL_CELLS, names
from tests.tolerance import ONNX_RUNTIME

from gatewise.errors import InputError
from gatewise.estimators import Translator
from gatewise.models.translation.network import Rates, Sizes, TranslationNetwork
from gatewise.models.translation.onnx import graphs

LINES = ["ab", "ba", "abba", "baab", "aab"]


def network(cell: Any, layers: int = 2, target: int | None = 17, heads: int = 2, **options: Any) -> TranslationNetwork:
    return tamed(TranslationNetwork(cell, Sizes(20, target, 6, 8, 2, layers, heads), Rates(0.2, 0.1), options))


def session(model: Any) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def assert_same(model: TranslationNetwork) -> None:
    for one in graphs(model).values():
        running = session(one.proto.SerializeToString())
        for sample in one.samples:
            answers = running.run(list(sample.outputs), sample.inputs)
            for answer, expected in zip(answers, sample.outputs.values(), strict=True):
                np.testing.assert_allclose(answer, expected, rtol=ONNX_RUNTIME, atol=ONNX_RUNTIME)


@pytest.mark.parametrize("cell", names(ALL_CELLS, quick=["lstm", "slstm"]))
def test_every_cell_agrees_with_onnx_runtime(cell: str) -> None:
    assert_same(network(ALL_CELLS[cell]))


@pytest.mark.parametrize(
    ("layers", "target", "options"),
    [(1, 17, {}), (3, None, {}), (2, 17, {"layer_norm": "output", "zoneout": {"h": 0.1}})],
)
def test_layers_vocabularies_and_options(layers: int, target: int | None, options: dict[str, Any]) -> None:
    assert_same(network(ALL_CELLS["gru"], layers, target, **options))


@pytest.fixture(scope="module")
def translator() -> Translator:
    model = Translator(hidden_size=6, embedding_size=4, max_epochs=2, beam=1, random_state=0)
    return model.fit(LINES, [line.upper() for line in LINES])


def greedy(folder: Path, line: str) -> str:
    """What a program without gatewise makes of the files."""
    told = json.loads((folder / "model_units.json").read_text())
    encoder, decoder = (session(str(folder / f"model_{part}.onnx")) for part in ("encoder", "decoder"))
    units = [told["source"]["entries"].index(letter) + told["first"] for letter in line]
    memory, *states = encoder.run(None, {"source": np.array([units])})
    state_names = [one.name for one in encoder.get_outputs()][1:]
    written, unit = [], told["begin"]
    for _ in range(2 * len(line) + 10):
        given = dict(zip(state_names, states, strict=True))
        answers, attention, *states = decoder.run(None, {"units": np.array([unit]), "memory": memory, **given})
        assert attention.shape == (1, len(line))
        np.testing.assert_allclose(attention.sum(), 1, rtol=ONNX_RUNTIME)
        unit = int(answers[0].argmax())
        if unit == told["end"]:
            break
        written.append(told["target"]["entries"][unit - told["first"]])
    return "".join(written)


def test_a_greedy_search_around_the_files_is_the_translator_s(translator: Translator, tmp_path: Path) -> None:
    written = translator.to_onnx(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written.files}
    assert [greedy(tmp_path, line) for line in LINES] == translator.predict(LINES)


def test_nothing_is_written_beyond_the_tolerance(translator: Translator, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was written"):
        translator.to_onnx(tmp_path, tolerance=0.0)
    assert list(tmp_path.iterdir()) == []


def test_before_fit_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fit"):
        Translator().to_onnx(tmp_path)
