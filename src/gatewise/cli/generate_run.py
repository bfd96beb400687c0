"""The flow of ``gatewise generate``: read, train or load, measure, write."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, argument, located
from ..escape import visible
from ..files import check_writable
from ..models.language.generator import Sampling
from ..models.language.model import LanguageModel
from ..tables.text_file import read_text

_HELD_OUT = 0.05
"""The share at the end of a text that is not learned from, but measured on."""


@dataclass(frozen=True)
class Request:
    """One call. text: to learn from, or None with ``load``."""

    text: Path | None
    prompt: str
    length: int
    temperature: float
    top_p: float
    seed: int
    epochs: int | None
    save: Path | None
    load: Path | None
    json: bool


def check(request: Request) -> None:
    """Raise InputError for words that cannot be followed, whatever the text is."""
    if (request.text is None) == (request.load is None):
        raise InputError(f"give either a text to learn from, or {argument('load')}", hint="one of them")
    if request.load and (request.save or request.epochs):
        raise InputError(
            f"{argument('save')} and {argument('epochs')} cannot be used with {argument('load')}",
            hint="they are about learning",
        )
    if not request.prompt:
        raise InputError("the prompt is empty", hint=f"give at least one character, such as {argument('prompt', 'A')}")
    Sampling(request.temperature, request.top_p)
    if request.save:
        check_writable(request.save)
        if request.text and request.save.resolve() == request.text.resolve():
            raise InputError("this file is named twice", where=str(request.save), hint="give each a name of its own")


def run(request: Request) -> None:
    """Do what was asked. Raises GatewiseError."""
    model, facts = _loaded(request.load) if request.load else _trained(request)
    begun = time.monotonic()
    written = model.generate(
        request.prompt,
        request.length,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
    )
    facts["characters_per_second"] = round(request.length / max(time.monotonic() - begun, 1e-9))
    if request.json:
        print(json.dumps({**facts, "prompt": request.prompt, "text": written}, allow_nan=False))
        return
    for line in _words(facts):
        print(visible(line))
    print("\n" + "\n".join(visible(line) for line in (request.prompt + written).split("\n")))


def _loaded(path: Path) -> tuple[LanguageModel, dict[str, Any]]:
    return LanguageModel.load(path), {"model": str(path)}


def _trained(request: Request) -> tuple[LanguageModel, dict[str, Any]]:
    assert request.text is not None
    text = read_text(request.text)
    if not text:
        raise InputError("the file is empty", where=str(request.text), hint="give a text to learn from")
    cut = len(text) - int(_HELD_OUT * len(text))
    known = "".join(sorted(set(text)))
    _check_prompt(request.prompt, known)
    given: dict[str, Any] = {"max_epochs": request.epochs} if request.epochs else {}
    model = LanguageModel(vocabulary=known, random_state=request.seed, verbose=True, **given)
    begun = time.monotonic()
    with located(request.text):
        model.fit(text[:cut])
    facts: dict[str, Any] = {
        "text": request.text.name,
        "characters": len(text),
        "different": len(known),
        "epochs": model.max_epochs,
        "seconds": round(time.monotonic() - begun, 1),
        "held_out": len(text) - cut,
        "nats": model.score(text[cut:]) if len(text) - cut > 1 else None,
    }
    if request.save:
        model.save(request.save)
    return model, facts


def _check_prompt(prompt: str, known: str) -> None:
    """Refused now, not after the training."""
    for place, character in enumerate(prompt):
        if character not in known:
            raise InputError(
                f"the character {character!r} of the prompt does not occur in the text",
                where=f"character {place}",
                hint=f"give {argument('prompt')} characters of the text",
            )


def _words(facts: dict[str, Any]) -> list[str]:
    if "model" in facts:
        return [f"The model comes from {facts['model']}."]
    lines = [
        f"{facts['text']}: {facts['characters']:,} characters, {facts['different']} different",
        f"Trained in {facts['seconds']:.0f} s: {facts['epochs']} epochs of the first {1 - _HELD_OUT:.0%}.",
    ]
    if facts["nats"] is not None:
        lines.append(
            f"The last {_HELD_OUT:.0%}, {facts['held_out']:,} characters: {facts['nats']:.4f} nats a character."
        )
    return lines
