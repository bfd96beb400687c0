"""Synthetic time series: batches drawn from a mixture of families, the same for the same seed.

    from gatewise.synthetic import Mixture

    batch = Mixture(seed=0).batch(7)
    batch.values    # (rows, length), NaN where nothing was observed

For tests, benchmarks and the training of forecasters. Needs NumPy alone.
"""

from .batch import Batch as Batch
from .batch import Frame as Frame
from .families import FAMILIES as FAMILIES
from .families import Family as Family
from .mixture import Mixture as Mixture
from .profiles import PROFILES as PROFILES
from .profiles import Profile as Profile
from .recorded import Collection as Collection
from .recorded import Recorded as Recorded

__all__ = ["FAMILIES", "PROFILES", "Batch", "Collection", "Family", "Frame", "Mixture", "Profile", "Recorded"]
