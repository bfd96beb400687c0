"""The words that options choose from, for the help and for completion: known without importing what they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable

MODELS = ("auto", "lstm", "naive", "seasonal_naive", "auto_theta", "auto_ets")
FILLS = ("none", "linear", "previous", "zero")
DUPLICATES = ("refuse", "mean", "last")
MARKS = (".", ",")
FREQUENCIES = ("h", "D", "B", "W", "MS", "ME", "QS", "YS", "15min")
ENCODINGS = ("utf-8", "latin-1", "utf-16", "cp1252")
VIEWS = ("equations", "program", "llvm", "diagram")
FORMATS = ("c", "onnx")
DTYPES = ("float32", "int8")
TARGETS = ("generic", "simd", "cortex-m4", "cortex-m55")

Completion = Callable[[str], list[str]]


def listed(words: Iterable[str]) -> str:
    """The words in a sentence, the first as the default."""
    first, *others = words
    return ", ".join([f"{first} (default)", *others])


def one_of(words: Iterable[str]) -> Completion:
    """What completes the beginning of one of these words."""
    known = tuple(words)

    def complete(incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete)]

    return complete


def cell_names(incomplete: str) -> list[str]:
    """The names of cells that begin so: those of the files that they are written in, none of which is imported."""
    from importlib.util import find_spec
    from pkgutil import iter_modules

    spec = find_spec("gatewise.cells")
    places = spec.submodule_search_locations if spec else None
    return sorted(module.name for module in iter_modules(places or []) if module.name.startswith(incomplete))
