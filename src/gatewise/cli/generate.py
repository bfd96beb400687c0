"""``gatewise generate``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument, located
from ..escape import json_ascii
from .app import app
from .command import Command, carry_out, check_files
from .options import MODEL, WRITING, File, Json, option

if TYPE_CHECKING:
    from ..models.language.model import LanguageModel
    from .console import Screen

SAMPLING = "How it is written"

_HELD_OUT = 0.05
"""The share at the end of a text that is not learned from, but measured on."""


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise generate``. text: a file to learn from, or None with ``load``."""

    text: Path | None
    prompt: str = "\n"
    length: int = 500
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    epochs: int | None = None
    load: Path | None = None
    save: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What was written after the prompt. facts: of the training and the measuring, by the names that JSON has."""

    facts: dict[str, Any]
    prompt: str
    text: str


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the text is."""
    from ..models.language.generator import Sampling

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
    check_files(reads=(request.text, request.load), writes=(request.save,))


def run(request: Request) -> Outcome:
    """Train or load, measure, save, and write. Raises GatewiseError."""
    model, facts = _trained(request.text, request) if request.text else _loaded(request.load)
    start = time.monotonic()
    text = model.generate(
        request.prompt,
        request.length,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
    )
    facts["characters_per_second"] = round(request.length / max(time.monotonic() - start, 1e-9))
    return Outcome(facts, request.prompt, text)


def _loaded(path: Path | None) -> tuple[LanguageModel, dict[str, Any]]:
    from ..models.language.model import LanguageModel

    assert path is not None
    return LanguageModel.load(path), {"model": str(path)}


def _trained(path: Path, request: Request) -> tuple[LanguageModel, dict[str, Any]]:
    from ..models.language.model import LanguageModel
    from ..tables.text_file import read_text

    text = read_text(path)
    if not text:
        raise InputError("the file is empty", where=str(path), hint="give a text to learn from")
    characters = set(text)
    _check_prompt(request.prompt, characters)
    settings: dict[str, Any] = {"max_epochs": request.epochs} if request.epochs else {}
    model = LanguageModel(validation=_HELD_OUT, random_state=request.seed, verbose=True, **settings)
    start = time.monotonic()
    with located(path):
        model.fit(text)
    facts: dict[str, Any] = {
        "text": path.name,
        "characters": len(text),
        "different": len(characters),
        "epochs": model.max_epochs,
        "seconds": round(time.monotonic() - start, 1),
        "held_out": model.validation_tokens_,
        "nats": model.validation_loss_,
    }
    if request.save:
        model.save(request.save)
    return model, facts


def _check_prompt(prompt: str, characters: set[str]) -> None:
    """Refuse a prompt before the training rather than after it."""
    for place, character in enumerate(prompt):
        if character not in characters:
            raise InputError(
                f"the character {character!r} of the prompt does not occur in the text",
                where=f"character {place}",
                hint=f"give {argument('prompt')} characters of the text",
            )


def present(outcome: Outcome, screen: Screen) -> None:
    """Print what was learned and how well, then the prompt and the text."""
    for line in (*_sentences(outcome.facts), "", *(outcome.prompt + outcome.text).split("\n")):
        screen.line(line)


def _sentences(facts: dict[str, Any]) -> list[str]:
    if "model" in facts:
        return [f"The model comes from {facts['model']}."]
    sentences = [
        f"{facts['text']}: {facts['characters']:,} characters, {facts['different']} different",
        f"Trained in {facts['seconds']:.0f} s: {facts['epochs']} epochs of the first {1 - _HELD_OUT:.0%}.",
    ]
    if facts["nats"] is not None:
        sentences.append(
            f"The last {_HELD_OUT:.0%}, {facts['held_out']:,} characters: {facts['nats']:.4f} nats a character."
        )
    return sentences


def as_json(outcome: Outcome) -> str:
    """One line of JSON: ``prompt``, ``text``, ``characters_per_second``; of a loaded model ``model``.

    Of a trained one ``text`` is replaced by the text written, and there are ``characters``, ``different``, ``epochs``,
    ``seconds``, ``held_out`` and ``nats``, the mean loss on the characters held out, or null.
    """
    return json_ascii({**outcome.facts, "prompt": outcome.prompt, "text": outcome.text})


COMMAND = Command(run, present, as_json, check)


@app.command()
def generate(
    context: typer.Context,
    text: Annotated[File, typer.Argument(metavar="TEXT", help="What to learn from, UTF-8, also as .gz.")] = None,
    prompt: Annotated[str, option(SAMPLING, "TEXT", "Beginning to continue. Default: a new line.")] = "\n",
    length: Annotated[int, option(SAMPLING, "N", "Characters to write. Default: 500.", min=0)] = 500,
    temperature: Annotated[
        float, option(SAMPLING, "X", "Lower is more predictable, 0 without chance. Default: 1.")
    ] = 1.0,
    top_p: Annotated[float, option(SAMPLING, "X", "Share of the probability to draw from. Default: 1.")] = 1.0,
    seed: Annotated[int, option(SAMPLING, "N", "Same seed, same model and text. Default: 0.", min=0)] = 0,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over the text. Default: 8.", min=1)] = None,
    load: Annotated[File, option(MODEL, "FILE", "Write with a saved model, training nothing.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as safetensors.")] = None,
    json: Json = False,
) -> None:
    """Learn to write from a text, measure it on the last 5 %, and write."""
    carry_out(
        context,
        COMMAND,
        lambda: Request(text, prompt, length, temperature, top_p, seed, epochs, load, save),
        json=json,
    )
