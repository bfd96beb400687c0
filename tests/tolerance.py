"""Every tolerance of the tests, each with its reason. None is softer anywhere else."""

from __future__ import annotations

# Relative. A handful of float64 operations against the same figure worked out in another order.
ROUNDING = 1e-12

BATCH_SIZE_FORECAST = 1e-4
"""Relative, between forecasts made in batches of different size: matrix products sum in another order."""

FLOAT32_FORECAST = 1e-3
"""Between forecasts of the same series in another unit: the networks work in float32."""

# Relative to the largest number compared. Fused kernels against the eager loop in float64: only the order of sums
# differs, over at most a few hundred terms of 1.1e-16 each. The project promises 1e-10 for gradients.
PARITY = {"float64": 1e-12, "float32": 5e-6}

# Relative. A program's value against the same formula by torch.autograd, float64, no sums at all.
DERIVATIVE = 1e-13

# gradcheck: central differences in float64 with a step of 1e-6 cannot do better.
GRADCHECK = {"eps": 1e-6, "atol": 1e-7, "rtol": 1e-5}
GRADGRADCHECK = {"eps": 1e-6, "atol": 1e-6, "rtol": 1e-4}

# Units in the last place, float32, of the functions in the CPU kernels. Measured over a dense sample.
ULP = {"exp": 1.5, "tanh": 3.0, "sigmoid": 2.5, "log_sigmoid": 4.0}

# Absolute, float32, against ONNX Runtime: what the project promises. Values are of the size of 1, both sides sum up to
# some fifty terms in another order and use other functions for sigmoid and tanh, over up to forty steps.
ONNX_RUNTIME = 2e-6
