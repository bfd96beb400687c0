"""Look inside: every gate and state of a run, where a memory came from, and what would have been otherwise.

Views are made of a `gatewise.record`, or of a model and its input. Those that are sums carry a certificate.
"""

from .certificate import Certificate as Certificate
from .clamp import Clamp as Clamp
from .clamp import Patch as Patch
from .credit.connectivity import connectivity as connectivity
from .credit.decomposition import decompose as decompose
from .credit.integrated import integrated_gradients as integrated_gradients
from .explain import Inside as Inside
from .explain import look_inside as look_inside
from .intervention import intervene as intervene
from .memory.jacobian import lag_norms as lag_norms
from .memory.jacobian import step_jacobians as step_jacobians
from .memory.provenance import provenance as provenance
from .memory.saturation import SaturationTrail as SaturationTrail
from .memory.saturation import saturation as saturation
from .memory.timescales import timescales as timescales
from .recorded_run import record as record
from .recorded_run import recording as recording
from .records import LayerRecord as LayerRecord
from .records import Record as Record
from .selected_units import matches as matches
from .selected_units import units_on as units_on
from .similar_steps import similar as similar
from .subject import Subject as Subject

__all__ = [
    "Certificate",
    "Clamp",
    "Inside",
    "LayerRecord",
    "Patch",
    "Record",
    "SaturationTrail",
    "Subject",
    "connectivity",
    "decompose",
    "integrated_gradients",
    "intervene",
    "lag_norms",
    "look_inside",
    "matches",
    "provenance",
    "record",
    "recording",
    "saturation",
    "similar",
    "step_jacobians",
    "timescales",
    "units_on",
]
