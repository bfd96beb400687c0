"""Which kind of model a user's own data want: a task in, models side by side out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .extras import found_late

if TYPE_CHECKING:
    from .models.compare.comparison import Comparison as Comparison
    from .models.compare.pairs import translation as translation
    from .models.compare.run import compare as compare
    from .models.compare.sequences import classification as classification
    from .models.compare.sequences import regression as regression
    from .models.compare.series import forecasting as forecasting

# Found when asked for, so that the command line answers without importing torch.
_EXPORTS = {
    "Comparison": "..models.compare.comparison",
    "classification": "..models.compare.sequences",
    "compare": "..models.compare.run",
    "forecasting": "..models.compare.series",
    "regression": "..models.compare.sequences",
    "translation": "..models.compare.pairs",
}
__all__ = ["Comparison", "classification", "compare", "forecasting", "regression", "translation"]
__getattr__ = found_late(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
