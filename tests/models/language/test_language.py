from __future__ import annotations

import math
import pickle
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewise.errors import InputError
from gatewise.estimators import LanguageModel
from gatewise.models.language.generator import Sampling, nucleus

TEXT = "the cat sat on the mat. the dog sat on the cat. " * 12
QUICK = {"hidden_size": 12, "batch_size": 4, "length": 16, "max_epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def model():
    return LanguageModel(**QUICK).fit(TEXT)


@pytest.mark.parametrize("options", [{}, {"residual": True}], ids=["stream", "module"])
@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5, "top_p": 0.8}, {"temperature": 0}], ids=str)
def test_the_state_is_carried_from_call_to_call(options, settings):
    model = LanguageModel(**QUICK, options=options, embedding_size=12).fit(TEXT)
    generator = np.random.default_rng(3)
    parts = model.generate("the ", 10, seed=generator, **settings) + model.generate("", 10, seed=generator, **settings)
    assert model.reset().generate("the ", 20, seed=3, **settings) == parts
    assert model.reset().generate("th", 0) == ""
    assert model.generate("e ", 20, seed=3, **settings) == parts
    assert len(parts) == 20


def test_a_seed_reproduces_and_the_own_generator_begins_anew_with_reset(model):
    first = model.reset().generate("the", 40)
    assert model.reset().generate("the", 40) == first
    assert model.generate("the", 40) != first
    assert model.reset().generate("the", 40, seed=1) != model.reset().generate("the", 40, seed=2)


@pytest.mark.parametrize("options", [{}, {"residual": True}], ids=["stream", "module"])
@pytest.mark.parametrize("copied", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"])
def test_a_copy_goes_on_from_what_was_read(options, copied):
    model = LanguageModel(**QUICK, options=options, embedding_size=12).fit(TEXT)
    with pytest.raises(InputError, match="nothing to go on from"):
        copied(model).generate("", 1)
    model.generate("the ", 10, seed=3)
    copies = [copied(model), copied(model)]
    written = model.generate("", 20)
    assert [copy.generate("", 20) for copy in copies] == [written, written]
    assert copies[0].generate("", 5) == model.generate("", 5)


def test_what_is_generated_is_what_the_whole_network_would_say(model):
    import torch

    written = "the " + model.reset().generate("the ", 30, temperature=0)
    tokens = torch.from_numpy(model.vocabulary_.encode(written))[:, None]
    with torch.no_grad():
        said = model.network_(tokens)[0][3:-1, 0].argmax(-1)
    assert model.vocabulary_.decode(said.tolist()) == written[4:]


def test_score_is_the_mean_of_what_each_prefix_says(model):
    import torch

    tokens = torch.from_numpy(model.vocabulary_.encode(TEXT[:30]))
    with torch.no_grad():
        logits = [model.network_(tokens[:end, None])[0][-1, 0] for end in range(1, 30)]
    nats = [float(-said.double().log_softmax(0)[token]) for said, token in zip(logits, tokens[1:], strict=True)]
    assert model.score(TEXT[:30]) == pytest.approx(np.mean(nats), rel=1e-5)
    assert model.perplexity(TEXT) == math.exp(model.score(TEXT))


def test_the_end_of_the_text_is_held_out_and_measured(tmp_path):
    text = TEXT + "Z" * 4
    cut = len(text) - int(0.05 * len(text))
    model = LanguageModel(**QUICK, validation=0.05).fit(text)
    plain = LanguageModel(**QUICK, vocabulary=text).fit(text[:cut])
    assert model.reset().generate("the", 20) == plain.reset().generate("the", 20)
    assert (model.validation_tokens_, model.validation_loss_) == (len(text) - cut, plain.score(text[cut:]))
    assert (plain.validation_tokens_, plain.validation_loss_) == (0, None)
    model.save(tmp_path / "model")
    assert LanguageModel.load(tmp_path / "model").validation_loss_ == model.validation_loss_


def test_it_learns():
    uniform = math.log(len(set(TEXT)))
    assert LanguageModel(**QUICK | {"max_epochs": 30, "learning_rate": 0.02}).fit(TEXT).score(TEXT) < uniform / 3


def test_the_same_seed_gives_the_same_model(model):
    assert LanguageModel(**QUICK).fit(TEXT).score(TEXT) == model.score(TEXT)


def test_tokens_in_a_list_and_from_a_tokenizer():
    words = TEXT.split()
    model = LanguageModel(**QUICK).fit(words)
    assert set(model.generate(["the"], 5)) <= set(words)
    with pytest.raises(InputError, match=r"token 1: the token 'bird' does not occur"):
        model.generate(["the", "bird"], 1)

    class Bytes:
        def encode(self, text):
            return list(text.encode())

        def decode(self, numbers):
            return bytes(numbers).decode(errors="replace")

    assert len(LanguageModel(**QUICK, tokenizer=Bytes()).fit(TEXT).generate("the", 5)) == 5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.generate("the €", 1), "character 4: the character '€' does not occur"),
        (lambda m: m.reset().generate("", 1), "nothing to go on from"),
        (lambda m: m.generate("a", -1), "`length` is -1"),
        (lambda m: m.generate("a", 1, temperature=-1), "`temperature` is -1"),
        (lambda m: m.generate("a", 1, top_p=0), "`top_p` is 0"),
        (lambda m: m.generate("a", 1, top_p=1.1), "`top_p` is 1.1"),
        (lambda m: m.generate(None, 1), "the text is a NoneType"),
        (lambda m: m.generate("a", 1, seed=-1), "`seed` is -1"),
        (lambda m: LanguageModel().generate("a", 1), "not fitted"),
        (lambda m: LanguageModel().generate("", 1), "not fitted"),
        (lambda m: m.score("a"), "1 tokens"),
        (lambda m: m.score(["a", "b"]), "the text is a list"),
        (lambda m: LanguageModel().score("ab"), "not fitted"),
        (lambda m: LanguageModel().fit("short"), "5 tokens are too few for 32 columns.*\n.*fewer columns"),
        (lambda m: LanguageModel().fit(""), "0 tokens are too few"),
        (lambda m: LanguageModel().fit(["a", None, "a"]), "token 1: the text holds a NoneType.*\n.*each a string"),
        (lambda m: LanguageModel(tokenizer=3).fit("short"), "`tokenizer` is a int.*\n.*encode.text."),
        (lambda m: LanguageModel(options="x").fit(TEXT), "`options` is 'x'.*\n.*a mapping"),
        (lambda m: LanguageModel(options={"bidirectional": True}).fit(TEXT), "`options` has 'bidirectional'"),
        (lambda m: LanguageModel(options={"batch_first": True}).fit(TEXT), "`options` has 'batch_first'"),
        (lambda m: LanguageModel(options={"proj_size": 2}).fit(TEXT), "`options` has 'proj_size'"),
        (lambda m: LanguageModel(options={"layernorm": 1}).fit(TEXT), "`options` has 'layernorm'.*\n.*layer_norm"),
        (lambda m: LanguageModel().fit(7), "the text is a int"),
    ],
)
def test_what_cannot_be_done_is_one_error(call, words, model):
    with pytest.raises(InputError, match=words):
        call(model)


logits = st.lists(st.floats(-20, 20), min_size=1, max_size=12).map(np.array)


@given(logits, st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set(values, top_p):
    whole = Sampling().probabilities(values)
    kept = np.flatnonzero(nucleus(whole, top_p))
    assert whole[kept].sum() >= top_p - 1e-12
    assert whole[kept].sum() - whole[kept].min() < top_p
    assert whole[kept].min() >= np.delete(whole, kept).max(initial=0)
    assert Sampling(1.0, top_p).probabilities(values).sum() == pytest.approx(1)


@given(logits.filter(lambda values: len(set(values)) == len(values)))
def test_a_temperature_near_zero_takes_the_most_probable(values):
    best = np.sort(values)[-2:]
    gap = best[-1] - best[0] if len(values) > 1 else 1.0
    cold = Sampling(max(gap, 1e-300) / 800).probabilities(values)
    assert cold.argmax() == values.argmax()
    assert cold.max() == 1
    assert np.array_equal(Sampling(0).probabilities(values), cold)
    assert Sampling(0).choose(values, np.random.default_rng(0)) == values.argmax()


@given(logits)
def test_a_high_temperature_makes_all_alike(values):
    assert np.allclose(Sampling(1e6).probabilities(values), 1 / len(values), atol=1e-4)


def test_a_list_of_texts_is_no_list_of_tokens():
    with pytest.raises(InputError, match="none of the 2 tokens occurs twice") as caught:
        LanguageModel().fit(["a text", "another"])
    assert "join" in caught.value.hint


def test_tokens_are_drawn_as_often_as_they_are_probable():
    sampling, values, generator = Sampling(1.0), np.log([0.5, 0.3, 0.2]), np.random.default_rng(0)
    counts = np.bincount([sampling.choose(values, generator) for _ in range(4000)], minlength=3)
    assert counts / 4000 == pytest.approx([0.5, 0.3, 0.2], abs=4 * 0.5 / 4000**0.5)
