"""``POST /generate``: the beginning of a text in, how it goes on out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...escape import json_ascii
from ...models.arguments import LARGEST_SEED
from ..refusal import LARGE, RefusedError
from ..shapes import TEXT, number, whole
from .task import Means, Task

if TYPE_CHECKING:
    from ...models.language.model import LanguageModel

_DEFAULT = 200


def run(model: LanguageModel, asked: Mapping[str, Any], means: Means) -> str:
    """The text after the prompt, which depends on nothing that was asked before."""
    prompt, length = asked["prompt"], asked.get("length", _DEFAULT)
    if length + len(prompt) > means.limits.text:
        what = f"prompt and text have more than {means.limits.text:,} characters together"
        raise RefusedError(LARGE, what, hint="ask for less at once")
    if not prompt:
        raise InputError("the prompt is empty", where="prompt", hint="give at least one character")
    chance = {name: float(asked.get(name, 1.0)) for name in ("temperature", "top_p")}
    try:
        text = model.reset().generate(prompt, length, **chance, seed=asked.get("seed", 0))
    finally:
        model.reset()
    return json_ascii({"prompt": prompt, "text": text})


def _example(model: LanguageModel) -> Mapping[str, Any]:
    """A prompt that the model knows."""
    entries = getattr(model.vocabulary_, "entries", None) or ["a"]
    return {"prompt": str(entries[-1]), "length": _DEFAULT}


TASK = Task(
    path="/generate",
    summary="Go on with a text",
    shapes={
        "prompt": TEXT.about("The beginning"),
        "length": whole(0, 1_000_000).about("Characters, or tokens, to write", default=_DEFAULT),
        "temperature": number(0, 1e6).about("Lower is more predictable, 0 without chance", default=1),
        "top_p": number(1e-6, 1).about("Share of the probability to draw from", default=1),
        "seed": whole(0, LARGEST_SEED).about("Same seed, same text", default=0),
    },
    required=("prompt",),
    answer={"type": "object", "properties": {"prompt": {"type": "string"}, "text": {}}},
    run=run,
    example=_example,
    form="text",
)
