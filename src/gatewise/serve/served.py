"""A model that is served: what it is called, what it is, and what answers for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..errors import InputError
from ..models.kind import Kind
from ..models.registry import kind_of
from ..words import capital
from .limits import Limits
from .refusal import BAD, MISSING, RefusedError
from .sessions import Sessions
from .tasks import TASKS, Means, Task
from .tensor_model import TensorModel
from .worker import Worker

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Models = Mapping[str, str | Path] | Iterable[str | Path]


@dataclass(frozen=True)
class Served:
    """One model.

    tensors: what answers for its tensors, None where it has none; why: the reason then. task: its plain JSON, if any.
    means: what it has beside a request.
    """

    name: str
    kind: Kind
    model: Any
    worker: Worker
    tensors: TensorModel | None
    task: Task | None
    means: Means
    why: InputError | None = None

    @property
    def platform(self) -> str:
        """As V2 calls what a model is."""
        return f"gatewise_{self.kind.noun.replace(' ', '_')}"

    @property
    def about(self) -> str:
        """What it is, in a sentence."""
        sizes = f", {self.tensors.inputs} numbers a step in, {self.tensors.outputs} out" if self.tensors else ""
        return f"{capital(self.kind.noun)}{sizes}."

    @property
    def goes_on(self) -> bool:
        """Whether it has sessions."""
        return self.tensors is not None or (self.task is not None and self.task.kept is not None)

    def metadata(self) -> dict[str, Any]:
        """As V2 tells it."""
        about = self.tensors.metadata() if self.tensors else {"inputs": [], "outputs": []}
        return {"name": self.name, "versions": ["1"], "platform": self.platform, **about}

    def by_tensors(self) -> TensorModel:
        """What answers for its tensors. Raises RefusedError where nothing does."""
        if self.tensors is None:
            why = f"the {self.kind.noun} {self.name!r} does not go by tensors"
            hint = f"ask POST {self.task.path}" if self.task else ""
            raise RefusedError(BAD, f"{why}: {self.why.what}" if self.why else why, hint=hint)
        return self.tensors


def served(models: Models, limits: Limits) -> dict[str, Served]:
    """The models in files by their names: the files' own, without ending, where none are given.

    Raises GatewiseError for a file that is damaged, foreign, or of a kind that answers nothing, and InputError for a
    name that stands twice or cannot stand in an address.
    """
    pairs = models.items() if isinstance(models, Mapping) else ((Path(path).stem, path) for path in models)
    by_name: dict[str, Served] = {}
    for name, path in cast("Iterable[tuple[str, str | Path]]", pairs):
        if name in by_name:
            raise InputError(f"two models are called {name!r}", where=str(path), hint="name them: NAME=FILE")
        if not _NAME.fullmatch(name):
            raise InputError(f"a model cannot be called {name!r}", where=str(path), hint="name it: NAME=FILE")
        by_name[name] = _opened(name, path, limits)
    if not by_name:
        raise InputError("there is no model to serve", hint="give the file of at least one")
    return by_name


def _opened(name: str, path: str | Path, limits: Limits) -> Served:
    kind = kind_of(path)
    task = TASKS.get(kind.noun)
    if task is None and not kind.can("chain"):
        kind.check("chain", path)
    model, worker = kind.load(path), Worker(limits.numbers, limits.patience)
    means = Means(limits, Sessions(_most_sessions(task, model, limits), limits.ttl))
    tensors, why = None, None
    try:
        if kind.can("chain"):
            tensors = TensorModel(name, kind.chain(model), worker, limits, means.sessions)
    except InputError as error:  # such as one that reads from both ends
        if task is None:
            raise
        why = error
    return Served(name, kind, model, worker, tensors, task, means, why)


def _most_sessions(task: Task | None, model: Any, limits: Limits) -> int:
    """As many as may be, or as there is memory for; one at least."""
    kept = task.kept(model) if task is not None and task.kept is not None else 0
    return limits.sessions if not kept else max(1, min(limits.sessions, limits.computed // kept))


def chosen(models: Mapping[str, Served], name: str) -> Served:
    """A model by its name. Raises RefusedError where there is none."""
    if name not in models:
        raise RefusedError(MISSING, f"there is no model {name[:64]!r}", hint=f"there are {', '.join(models)}")
    return models[name]


def chosen_for(models: Mapping[str, Served], task: Task, name: str | None) -> Served:
    """A model that does this: the one by this name, or the only one. Raises RefusedError."""
    able = [one for one in models.values() if one.task is task]
    if name is None and len(able) != 1:
        names = ", ".join(one.name for one in able)
        raise RefusedError(BAD, f"several models answer here: {names}", hint="say which, as model")
    if name is None:
        return able[0]
    one = chosen(models, name)
    if one.task is not task:
        raise RefusedError(BAD, f"{name!r} is a {one.kind.noun}", where="model", hint=f"it does not answer {task.path}")
    return one
