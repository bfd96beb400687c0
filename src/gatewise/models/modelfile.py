"""The files of forecasters and estimators, with settings and weights and no data in them, and those of detectors."""

from __future__ import annotations

from ..container import Container
from ..errors import ModelFileError

FORECASTER_FILE = Container(
    key="gatewise",
    noun="gatewise model",
    format=1,
    error=ModelFileError,
    again="train the model again and save it",
    source="give a file written by Forecaster.save",
    largest_header=1 << 20,
)
ESTIMATOR_FILE = Container(
    key="gatewise-estimator",
    noun="gatewise estimator",
    format=1,
    error=ModelFileError,
    again="train the estimator again and save it",
    source="give a file that an estimator has saved",
)
DETECTOR_FILE = Container(
    key="gatewise-detector",
    noun="gatewise detector",
    format=1,
    error=ModelFileError,
    again="fit the detector again and save it",
    source="give a file written by Detector.save",
)
