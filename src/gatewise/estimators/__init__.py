"""Estimators in scikit-learn's manner: sequences of any length in, labels, numbers or text out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .classifier import SequenceClassifier as SequenceClassifier
    from .language.model import LanguageModel as LanguageModel
    from .regressor import SequenceRegressor as SequenceRegressor

# Found when asked for, so that the command line answers without importing torch.
_EXPORTS = {
    "LanguageModel": ".language.model",
    "SequenceClassifier": ".classifier",
    "SequenceRegressor": ".regressor",
}
__all__ = ["LanguageModel", "SequenceClassifier", "SequenceRegressor"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
