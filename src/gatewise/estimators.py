"""Estimators in scikit-learn's manner: sequences of any length in, labels, numbers, text or alerts out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .extras import found_late

if TYPE_CHECKING:
    from .models.detect.anomalies import Anomalies as Anomalies
    from .models.detect.detector import Detector as Detector
    from .models.detect.results import Alert as Alert
    from .models.language.model import LanguageModel as LanguageModel
    from .models.sequence.classifier import SequenceClassifier as SequenceClassifier
    from .models.sequence.regressor import SequenceRegressor as SequenceRegressor
    from .models.translation.model import Translator as Translator
    from .tables.labelled import load_labelled as load_labelled
    from .tables.labelled import load_sequences as load_sequences
    from .tables.parallel import load_pairs as load_pairs

# Found when asked for, so that the command line answers without importing torch.
_EXPORTS = {
    "Alert": "..models.detect.results",
    "Anomalies": "..models.detect.anomalies",
    "Detector": "..models.detect.detector",
    "LanguageModel": "..models.language.model",
    "SequenceClassifier": "..models.sequence.classifier",
    "SequenceRegressor": "..models.sequence.regressor",
    "Translator": "..models.translation.model",
    "load_labelled": "..tables.labelled",
    "load_pairs": "..tables.parallel",
    "load_sequences": "..tables.labelled",
}
__all__ = [
    "Alert",
    "Anomalies",
    "Detector",
    "LanguageModel",
    "SequenceClassifier",
    "SequenceRegressor",
    "Translator",
    "load_labelled",
    "load_pairs",
    "load_sequences",
]
__getattr__ = found_late(__name__, _EXPORTS)


def __dir__() -> list[str]:
    return __all__
