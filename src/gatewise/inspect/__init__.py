"""Look inside: every gate and state of a run, where a memory came from, and what would have been otherwise.

Views are made of a :func:`gatewise.record`, or of a model and its input. Those that are sums carry a certificate.
"""

from .certificate import Certificate as Certificate
from .change.changes import Clamp as Clamp
from .change.changes import Patch as Patch
from .change.intervention import intervene as intervene
from .credit.connectivity import connectivity as connectivity
from .credit.decomposition import decompose as decompose
from .credit.integrated import integrated_gradients as integrated_gradients
from .finding.matching import matches as matches
from .finding.matching import units_on as units_on
from .finding.similar import similar as similar
from .inside import Inside as Inside
from .inside import look_inside as look_inside
from .memory.jacobian import lag_norms as lag_norms
from .memory.jacobian import step_jacobians as step_jacobians
from .memory.provenance import provenance as provenance
from .memory.saturation import saturation as saturation
from .memory.timescales import timescales as timescales
from .memory.trail import SaturationTrail as SaturationTrail
from .recorded.record import LayerRecord as LayerRecord
from .recorded.record import Record as Record
from .recorded.run import record as record
from .recorded.run import recording as recording
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
