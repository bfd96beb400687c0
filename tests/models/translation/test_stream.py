"""A translation written unit by unit has the bits of one written at once, wherever its state is carried."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gatewise
from gatewise.errors import InputError, ModelFileError
from gatewise.estimators import Translator
from gatewise.models.translation.search import Beam, _Group, most_units

LINES = ["abc", "cab", "bb", "a", "cbacba", "", "abcabcabcabcab", "?"]
CELLS = ["lstm", *(pytest.param(cell, marks=pytest.mark.slow) for cell in ("gru", "slstm"))]


def translator(cell: str = "lstm", seed: int = 0, layers: int = 2) -> Translator:
    """One whose weights are far from zero, so that translations differ."""
    made = Translator(cell, hidden_size=6, num_layers=layers, embedding_size=5, max_epochs=1, random_state=0, beam=1)
    made.set_params(units="characters", longest=9).fit(LINES[:5] * 2, [line.upper() for line in LINES[:5]] * 2)
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in made.network_.parameters():
            weight.normal_(std=0.9)
    return made


@pytest.fixture(scope="module")
def model() -> Translator:
    return translator()


@pytest.mark.parametrize("cell", CELLS)
def test_a_stream_writes_what_is_written_at_once(cell: str, model: Translator) -> None:
    made = model if cell == "lstm" else translator(cell, layers=1)
    texts = [list(made.stream(line)) for line in LINES]
    assert [grown[-1] if grown else "" for grown in texts] == made.predict(LINES)
    assert len({grown[-1] for grown in texts if grown}) > 3
    assert any(len(set(grown)) > 2 for grown in texts)


def test_every_step_has_the_bits_of_the_search(model: Translator) -> None:
    for line in LINES[:3]:
        units = model.vocabularies_.source.encode(line)
        most, stream = most_units(len(units), model._ratio, model.longest), model.stream(line)
        with torch.inference_mode():
            group = _Group(model.network_, [units], Beam(1), [most])
            for length in range(1, most):
                group._step(length)
                if stream.step() is None or stream.ended:
                    break
                assert torch.equal(group.scores, stream.state.score)
                assert group.sentences[0].live[0] == stream.state.written[0]
        assert length > 1


def test_a_state_is_taken_up_anywhere(model: Translator, tmp_path: Path) -> None:
    model.save(tmp_path / "model.safetensors")
    again = Translator.load(tmp_path / "model.safetensors")
    for line in LINES:
        stream, units = model.stream(line), []
        for _ in range(40):
            stream.save(tmp_path / "state")
            resumed = again.stream()
            resumed.load(tmp_path / "state")
            assert resumed.text == stream.text
            unit = resumed.step()
            assert stream.step() == unit
            assert resumed.text == stream.text
            assert (resumed.state.score is None) == (stream.state.score is None)
            if stream.state.score is not None:
                assert torch.equal(stream.state.score, resumed.state.score)
            if unit is None:
                break
            units.append(unit)
        assert stream.ended
        assert model.predict([line]) == [stream.text]
        assert len(units) == sum(map(len, stream.state.written))


def test_a_state_can_be_gone_on_from_twice(model: Translator) -> None:
    stream = model.stream("cbacba")
    stream.step()
    state = stream.state
    first = [stream.step() for _ in range(3)]
    stream.state = state
    assert [stream.step() for _ in range(3)] == first


def test_a_long_line_is_written_part_by_part(model: Translator) -> None:
    line = LINES[6]
    stream = model.stream(line)
    assert len(stream.state.left) == 2
    assert list(stream)[-1] == model.predict([line])[0]
    assert len(stream.state.written) == 2


def test_states_of_other_models_are_refused_and_nothing_changes(model: Translator, tmp_path: Path) -> None:
    other = model.stream("abc")
    other.step()
    other.save(tmp_path / "state")
    stream = translator(layers=1).stream("cab")
    stream.step()
    before = stream.state
    with pytest.raises(ModelFileError, match="not one of this translator"):
        stream.load(tmp_path / "state")
    assert stream.state is before
    with pytest.raises(InputError, match="not of a Translator") as refused:
        gatewise.stream(model)  # pyright: ignore[reportArgumentType]
    assert "model.stream" in refused.value.hint
    with pytest.raises(InputError, match="source holds a int"):
        model.stream(3)  # pyright: ignore[reportArgumentType]
    data = bytearray((tmp_path / "state").read_bytes())
    data[-1] ^= 1
    (tmp_path / "state").write_bytes(data)
    with pytest.raises(ModelFileError):
        other.load(tmp_path / "state")
