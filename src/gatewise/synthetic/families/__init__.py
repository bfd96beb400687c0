"""The families of series, each with a row in `FAMILIES`."""

from .business import BUSINESS, RATES
from .calendar import DAYS, LOAD, SUN
from .chaos import CHAOS
from .counts import FREQUENT, RARE
from .family import Family as Family
from .gaussian import PROCESS, PRODUCT
from .growth import GROWTH
from .sarima import SARIMA, SARIMA_NOISED, SARIMA_TWO
from .shapes import SHAPES
from .smoothing import SMOOTHED, THETA
from .structure import ADDED, BY_WEEKDAY, MULTIPLIED
from .walks import GARCH, MOMENTUM, OU, WALK

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        *(ADDED, MULTIPLIED, BY_WEEKDAY, SMOOTHED, THETA, BUSINESS, RATES),
        *(SARIMA, SARIMA_TWO, SARIMA_NOISED, PROCESS, PRODUCT, WALK, MOMENTUM, OU, GARCH),
        *(RARE, FREQUENT, LOAD, SUN, DAYS, GROWTH, SHAPES, CHAOS),
    )
}
"""Every family by its name."""
