"""Multi30k, task 1 (Elliott et al., W16-3210): 29,000 pairs, scored on the 1,000 of test2016.

The data are for research and education and are not shipped; test2017 and MSCOCO are held out, and not read here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy
from pathlib import Path

from gatewise.estimators import Translator, load_pairs
from gatewise.models.translation.pairs import repeated
from gatewise.tables.parallel import Parallel

from ..data import FOLDER as DATA
from .result import Plan, Result, learned

FOLDER = DATA / "translation"
DIRECTIONS = ("de-en", "en-de")


def sentences(plan: Plan, seed: int, direction: str, folder: Path, save: Path | None) -> Result:
    """One run: cased BLEU and chrF of test2016 with sacrebleu's own tokens, and both without case."""
    train, test = (pairs(folder, name, direction) for name in ("train", "test_2016_flickr"))
    course = learned(plan.translator(seed), train.source, train.target, save)
    scores = course.model.evaluate(test.source, test.target)
    figures = {f"{metric.name}, {'cased' if metric.cased else 'lowercased'}": metric.value for metric in scores.metrics}
    details = {
        "metrics": [metric._asdict() for metric in scores.metrics],
        "nats": scores.nats,
        "length_ratio": scores.length_ratio,
        "repeating": scores.repeating,
        "seconds of decoding": {beam: decoding(course.model, test.source, beam) for beam in (plan.beam, 1)},
        "test sources learned from": repeated(train.source, test.source),
    }
    return Result(seed, figures, {**course.details, **details})


def decoding(model: Translator, source: Sequence[str], beam: int) -> float:
    """Seconds that the translation of all sentences takes with such a beam."""
    other = copy(model).set_params(beam=beam)
    begun = time.monotonic()
    other.predict(source)
    return round(time.monotonic() - begun, 1)


def pairs(folder: Path, name: str, direction: str) -> Parallel:
    """One of the sets, by the name of its files."""
    source, target = (folder / f"{name}.{language}.gz" for language in direction.split("-"))
    return load_pairs(source, target)
