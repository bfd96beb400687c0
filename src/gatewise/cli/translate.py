"""``gatewise translate``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError, argument, located
from ..escape import json_ascii
from .app import app
from .command import Command, carry_out, check_files
from .options import MODEL, PRECISIONS, READING, UNITS, WRITING, File, Json, Text, Widths, cell_names, option, widths_in

if TYPE_CHECKING:
    from ..models.translation.model import Translator
    from ..models.translation.scores import TranslationScores
    from ..tables.parallel import Parallel
    from .console import Screen

FIRST = "A model (.safetensors), which translates standard input; or pairs to learn from: .csv, or a tab between two."
SECOND = "Where DATA holds sources alone, line by line: their translations."
SEARCH = "How it translates"
MODEL_FILE = ".safetensors"


@dataclass(frozen=True)
class Request:
    """What is asked of ``gatewise translate``.

    data: a model, or pairs to learn from, which with ``translations`` stand in two files. test, references: likewise,
    to be translated and scored. source, target: columns of tables. beam, length_penalty: None for the model's own.
    settings: further arguments of a `Translator`, of those that were given.
    """

    data: Path
    settings: dict[str, Any]
    translations: Path | None = None
    test: Path | None = None
    references: Path | None = None
    source: str | None = None
    target: str | None = None
    beam: int | None = None
    length_penalty: float | None = None
    save: Path | None = None
    report: Path | None = None
    alignment: Path | None = None

    @property
    def is_model(self) -> bool:
        """Whether there is a model already."""
        return self.data.name.lower().endswith(MODEL_FILE)


@dataclass(frozen=True)
class Outcome:
    """about: sentences on files and model. scores: of a test set. lines: translations of standard input, as they are
    made."""

    about: tuple[str, ...]
    scores: TranslationScores | None = None
    lines: Iterator[str] | None = None


def check(request: Request) -> None:
    """Raise InputError for a request that cannot be carried out, whatever the files hold."""
    if request.is_model and (request.save or request.translations or request.settings):
        what = f"{', '.join(map(argument, ('save', 'epochs', 'units')))} and the like are about learning"
        raise InputError(f"{what}, and {request.data.name} is a model", hint="give pairs to learn from instead")
    if not (request.is_model or request.test or request.save):
        raise InputError(
            "there is nothing to do", hint=f"add {argument('test')}, or {argument('save')} to keep what is learned"
        )
    if not request.test and (request.references or request.report or (request.alignment and not request.is_model)):
        names = f"{argument('references')}, {argument('report')} and {argument('alignment')}"
        raise InputError(f"{names} go with a test set", hint=f"add {argument('test')}")
    check_files(
        reads=(request.data, request.translations, request.test, request.references),
        writes=(request.save, request.alignment),
        page=request.report,
    )
    if request.test:
        import_module("sacrebleu")  # a missing one is told now rather than after the training


def run(request: Request) -> Outcome:
    """Train or load, save, and translate. Raises GatewiseError."""
    from ..tables.parallel import load_pairs

    columns = {"source": request.source, "target": request.target}
    test = load_pairs(request.test, request.references, **columns) if request.test else None
    if request.is_model:
        model, about = _loaded(request)
    else:
        pairs = load_pairs(request.data, request.translations, **columns)
        model, about = _trained(request, pairs, test)
    if test is None:
        return Outcome(about, lines=_streamed(model, request.alignment) if request.is_model else None)
    with located(test.name):
        scores = model.evaluate(test.source, test.target)
        _write(request, model, scores, test)
    return Outcome(about, scores)


def _loaded(request: Request) -> tuple[Translator, tuple[str, ...]]:
    from ..models.translation.model import Translator

    model = Translator.load(request.data)
    return model.set_params(**_search(request)), (f"The model comes from {request.data}.",)


def _search(request: Request) -> dict[str, Any]:
    given = {"beam": request.beam, "length_penalty": request.length_penalty}
    return {name: value for name, value in given.items() if value is not None}


def _trained(request: Request, pairs: Parallel, test: Parallel | None) -> tuple[Translator, tuple[str, ...]]:
    from ..models.translation.model import Translator

    model = Translator(verbose=True, **request.settings, **_search(request))
    start = time.monotonic()
    with located(pairs.name):
        model.fit(pairs.source, pairs.target)
    if request.save:
        model.save(request.save)
    return model, (*_about(pairs, model, test), _training(model, time.monotonic() - start))


def _about(pairs: Parallel, model: Translator, test: Parallel | None) -> Iterator[str]:
    """What was read, what was left out, and what the test set shares with it."""
    from ..models.translation.pairs import repeated
    from ..words import count, sentence

    source, target = model.vocabularies_
    units = f"{source.size:,} {source.kind}" + ("" if source is target else f" and {target.size:,} {target.kind}")
    yield f"{pairs.name}: {count(len(pairs.source), 'pair')}, {model.pairs_:,} learned from; {units}."
    yield from map(sentence, (*pairs.notes, *model.notes_))
    if test is not None and (known := repeated(pairs.source, test.source)):
        all_of_them = known == len(test.source)
        yield (
            f"{known:,} of the {count(len(test.source), 'source')} of {test.name} "
            f"{'are' if known > 1 else 'is'} among those learned from"
            + (": the scores say nothing about new sentences." if all_of_them else ".")
        )


def _training(model: Translator, seconds: float) -> str:
    return f"Trained in {seconds:.0f} s: {model.n_iter_} epochs, {model.loss_:.3f} nats a unit in training."


def _write(request: Request, model: Translator, scores: TranslationScores, test: Parallel) -> None:
    from ..files import atomic_write

    if request.alignment:
        lines = zip(test.source, scores.translations, strict=True)
        atomic_write(request.alignment, "".join(f"{_links(model, *line)}\n" for line in lines))
    if request.report:
        from ..models.translation.report import render

        atomic_write(request.report, render(model, scores, test.source, test.target, test.name))


def _links(model: Translator, source: str, translation: str) -> str:
    """A sentence's alignment, or nothing where there is none to be had."""
    try:
        return model.align(source, translation).moses()
    except InputError:
        return ""


def _streamed(model: Translator, alignment: Path | None) -> Iterator[str]:
    """Translations of standard input: of all lines at once that are there, and at least of one."""
    from ..files import atomic_write
    from .lines import waiting_lines

    links: list[str] = []
    for number, lines in waiting_lines():
        translations = [found[0] for found in model.translations(lines)]
        for at, translation in enumerate(translations):
            if translation.parts > 1:
                typer.echo(
                    f"note: line {number + at} is long, and was translated in {translation.parts} parts", err=True
                )
        texts = [translation.text for translation in translations]
        if alignment:
            links += map(_links, [model] * len(lines), lines, texts)
        yield from texts
    if alignment:
        atomic_write(alignment, "".join(f"{line}\n" for line in links))


def present(outcome: Outcome, screen: Screen) -> None:
    """Print each translation of standard input, or else what was learned and how good it is."""
    if outcome.lines is not None:
        for line in outcome.lines:
            typer.echo(line)
        return
    for line in outcome.about:
        screen.say(line)
    if outcome.scores is not None:
        _present_scores(outcome.scores, screen)


def _present_scores(scores: TranslationScores, screen: Screen) -> None:
    from ..models.translation.report import figures, verdict

    screen.head(verdict(scores))
    rows = figures(scores)
    screen.table(("", "score", "95 %"), [row[:3] for row in rows])
    screen.say(
        f"Length: {scores.length_ratio:.1%} of the references; {scores.repeating:.1%} repeat themselves; "
        f"{scores.nats:.3f} nats a unit of the references."
    )
    for note in scores.notes:
        screen.say(f"Note: {note}.")
    for name, _, _, signature in rows:
        screen.say(f"{name}: {signature}", "dim")


def as_json(outcome: Outcome) -> str:
    """One line of JSON: ``about``; of a test set ``metrics`` (for each ``name``, ``cased``, ``value``, ``low``,
    ``high``, ``signature``), ``exact``, ``unit_error``, ``nats``, ``length_ratio``, ``repeating``, ``notes`` and
    ``translations``; of standard input ``translations`` alone.
    """
    document: dict[str, Any] = {"about": outcome.about}
    if scores := outcome.scores:
        document |= {"metrics": [metric._asdict() for metric in scores.metrics], "notes": scores.notes}
        names = ("pairs", "exact", "unit_error", "nats", "length_ratio", "repeating", "translations")
        document |= {name: getattr(scores, name) for name in names}
    if outcome.lines is not None:
        document["translations"] = list(outcome.lines)
    return json_ascii(document)


COMMAND = Command(run, present, as_json, check)


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


@app.command()
def translate(
    context: typer.Context,
    data: Annotated[Path, typer.Argument(metavar="DATA", help=FIRST, show_default=False)],
    translations: Annotated[File, typer.Argument(metavar="TRANSLATIONS", help=SECOND, show_default=False)] = None,
    test: Annotated[File, option(MODEL, "FILE", "Pairs to translate and to score, as DATA.")] = None,
    references: Annotated[File, option(MODEL, "FILE", "Translations, where the test has sources alone.")] = None,
    units: Annotated[Text, option(MODEL, "WORD", f"{', '.join(UNITS)}. Default: auto.", choices=UNITS)] = None,
    vocabulary_size: Annotated[
        int | None, option(MODEL, "N", "Subwords or words, at most. Default: 4000.", "--vocabulary")
    ] = None,
    cell: Annotated[
        Text, typer.Option(metavar="NAME", help="Default: lstm.", rich_help_panel=MODEL, autocompletion=cell_names)
    ] = None,
    widths: Widths = None,
    epochs: Annotated[int | None, option(MODEL, "N", "Passes over DATA. Default: 12 or more.", min=1)] = None,
    budget: Annotated[Text, option(MODEL, "TIME", "Time to train, such as 90s or 15m. Default: none.")] = None,
    precision: Annotated[
        Text, option(MODEL, "WORD", f"Of training: {', '.join(PRECISIONS)}. Default: float32.", choices=PRECISIONS)
    ] = None,
    seed: Annotated[int, option(MODEL, "N", "Same seed, same model. Default: 0.", min=0)] = 0,
    beam: Annotated[int | None, option(SEARCH, "N", "Hypotheses kept; 1 is greedy. Default: 5.")] = None,
    length_penalty: Annotated[float | None, option(SEARCH, "X", "0 favours short ones. Default: 1.")] = None,
    source: Annotated[Text, option(READING, "NAME", "Column of sources. Default: the first.")] = None,
    target: Annotated[Text, option(READING, "NAME", "Column of translations. Default: the second.")] = None,
    save: Annotated[File, option(WRITING, "FILE", "The model, as .safetensors.")] = None,
    report: Annotated[File, option(WRITING, "FILE", "One page of HTML on the test, with alignments.")] = None,
    alignment: Annotated[File, option(WRITING, "FILE", "Word alignments as 0-0 1-2, a line for each.")] = None,
    json: Json = False,
) -> None:
    """Learn to translate from pairs, score on a test set; or translate standard input, line by line."""

    def ask() -> Request:
        settings = _given(units=units, vocabulary_size=vocabulary_size, cell=cell, max_epochs=epochs, budget=budget)
        settings |= _given(precision=precision)
        if told := widths_in(widths):
            settings["options"] = {"widths": told}
        learning = settings if data.name.lower().endswith(MODEL_FILE) else {**settings, "random_state": seed}
        files = (translations, test, references, source, target)
        return Request(data, learning, *files, beam, length_penalty, save, report, alignment)

    carry_out(context, COMMAND, ask, json=json)
