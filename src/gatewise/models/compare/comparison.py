"""A comparison with all that it rests on, and the files that can be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ... import notebook
from ...files import written
from .document import as_json, columns
from .result import Results
from .verdict import verdict


@dataclass(frozen=True)
class Comparison(Results):
    """Models side by side.

    Attributes:
        task: ``"classify"``, ``"regress"``, ``"forecast"`` or ``"translate"``.
        source: What the data are called.
        measure: What the score is: its ``name``, and whether ``higher`` is better.
        about: Sentences on the data and how they were split.
        entries: For each model its ``name``, ``scores`` (S, N) of S seeds and N test items, their mean as ``score``,
            ``behind`` and ``claim`` beside the best, ``size``, ``training`` and ``speed``; networks first, best first.
        conditions: What was the same for all.
        notes: Sentences on what did not go as it should.
        seconds: Wall clock of the whole.
        version: The version of gatewise.
        command: The command line that makes this comparison again; empty where there is none.
        environment: What it ran on.
    """

    @property
    def verdict(self) -> str:
        """Which model is best, and which are as good, in one sentence."""
        return verdict(self)

    def __str__(self) -> str:
        return f"{self.source}: {self.verdict}"

    def _repr_html_(self) -> str:
        """The verdict and the table, as a notebook shows them."""
        heads, cells = zip(*columns(self), strict=True)
        return notebook.paragraph(str(self)) + notebook.table(heads, zip(*cells, strict=True))

    def to_json(self, path: str | Path | None = None) -> str:
        """The comparison as one line of JSON, the document of ``gatewise compare --json``.

        Its keys are ``version``, ``task``, ``source``, ``verdict``, ``about``, ``notes``, ``seconds``, ``measure``
        (``name``, ``unit``, ``higher``), ``conditions`` (``parameters``, ``rates``, ``seeds``, ``seconds``,
        ``updates``, ``minutes``, ``indifference``, ``threads``, ``reading``, ``steps``) and ``models``, networks best
        first and then floors. Of each ``name``, ``learned``, ``score``, ``spread``, ``by_seed``, ``behind`` (two
        bounds) and ``claim`` (``best``, ``better``, ``as good``, ``undecided`` or ``worse``); of a network also
        ``size`` (``described``, ``parameters``, ``file``, ``state``, ``steps``, ``growth``, ``flash``, ``ram``,
        ``board``), ``speed`` (``median`` and ``p99`` in microseconds of a step, ``items`` a second) and ``training``
        (``validation`` by learning rate, ``rate``, ``seconds``, ``updates``, ``diverged``). Bytes are whole numbers;
        what is undefined is null.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The text, in ASCII.

        Raises:
            InputError: The file cannot be written.
        """
        return written(path, as_json(self))

    def to_html(self, path: str | Path | None = None) -> str:
        """The page: verdict, table, a picture of scores against the time of a step, and all conditions.

        Args:
            path: A file to write it to as well; one that exists is replaced.

        Returns:
            The page, which needs no other file and no network.

        Raises:
            InputError: The file cannot be written.
            ModuleNotFoundError: Jinja is not installed.
        """
        from .report import render

        return written(path, render(self))
