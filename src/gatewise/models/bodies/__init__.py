"""What reads a sequence inside a network: any recurrent stack, temporal convolutions, a causal Transformer.

A network is built around one of them, whatever its task, and knows no more of it than `Body` says.
"""

from __future__ import annotations

from .body import Body as Body
from .convolutions import TemporalConvolutions as TemporalConvolutions
from .transformer import CausalTransformer as CausalTransformer

__all__ = ["Body", "CausalTransformer", "TemporalConvolutions"]
