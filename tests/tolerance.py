"""Every tolerance of the tests, each with its reason. None is softer anywhere else.

Those by which a benchmark judges are in `benchmarks/tolerance.py`."""

from __future__ import annotations

from benchmarks.tolerance import C_FILE as C_FILE
from benchmarks.tolerance import C_FILE_BESIDE_OURS as C_FILE_BESIDE_OURS

# Relative. A handful of float64 operations against the same figure worked out in another order.
ROUNDING = 1e-12

SAMPLED = 5e-3
"""Relative, between a mean over a million draws and what theory gives: several of its standard errors."""

BATCH_SIZE_FORECAST = 1e-4
"""Relative, between forecasts made in batches of different size: matrix products sum in another order."""

FLOAT32_LOG_PROBABILITY = 1e-4
"""Relative, and in nats, of a target found unit by unit and read at once: a dozen float32 logits of up to about 30."""

FLOAT32_FORECAST = 1e-3
"""Between forecasts of the same series in another unit: the networks work in float32."""

FLOAT32_REGRESSION = 1e-4
"""Absolute, between columns of deviation 1 in float32 that running sums over other stretches gave."""

# Relative to the largest number compared. Fused kernels against the eager loop in float64: only the order of sums
# differs, over at most a few hundred terms of 1.1e-16 each. The project promises 1e-10 for gradients.
PARITY = {"float64": 1e-12, "float32": 5e-6}

# Relative to the largest number compared, half precision against float64: weights, inputs, outputs and what backward
# reads are rounded to 11 and 8 bits, computed in float32. Measured 1.0e-3 and 1.1e-2 at most over smooth cells, and
# 5.1e-2 where a clipped memory's gradient hangs on which side of the bound a rounded number lies.
HALF = {"float16": 4e-3, "bfloat16": 6e-2}

HALF_BESIDE_TORCH = 1.5
"""Half precision on the CPU: as many times as far from float64 as torch.nn's own results, which is what the project
promises. Measured 0.1 to 0.9, since nothing is rounded but what goes in and comes out."""

# Units in the last place of the GPU kernels' functions, built on an exp and log of their own rounding.
ULP_GPU = {"float32": 4.0, "float64": 4.0}

# Relative. A program's value against the same formula by torch.autograd, float64, no sums at all.
DERIVATIVE = 1e-13

# gradcheck: central differences in float64 with a step of 1e-6 cannot do better.
GRADCHECK = {"eps": 1e-6, "atol": 1e-7, "rtol": 1e-5}
GRADGRADCHECK = {"eps": 1e-6, "atol": 1e-6, "rtol": 1e-4}

# Units in the last place, float32, of the functions in the CPU kernels. The project promises 1 for the first three;
# `python -m benchmarks ulp` measures all of float32, the tests a dense sample.
ULP = {"exp": 1.0, "tanh": 1.0, "sigmoid": 1.0, "log_sigmoid": 4.0, "float64": 3.0}

# The same where products take bfloat16 and h is rounded to 8 bits: nothing makes up for rounding. Over all of float32
# exp is 2.02 off at most, tanh 2.50 and sigmoid 3.44; log_sigmoid 3.42 over what tests take, where it is 2.58 above.
ULP_BRIEF = {"exp": 2.5, "tanh": 3.0, "sigmoid": 3.5, "log_sigmoid": 5.0}

# Relative, float64: what the project promises for gradients of cells, beside loops written for the tests.
GRADIENT = 1e-10

# Relative, float64: a program of a few functions against ONNX Runtime's, whose expm1 and log1p are put together from
# others; the least is of numbers near nothing, the other of what it computes in float32.
RECORDED = {"float64": {"rtol": 1e-9, "atol": 1e-12}, "float32": {"rtol": 1e-6, "atol": 1e-7}}

# Absolute, float32, against ONNX Runtime: what the project promises. Values are of the size of 1, both sides sum up to
# some fifty terms in another order and use other functions for sigmoid and tanh, over up to forty steps.
ONNX_RUNTIME = 2e-6

# Standard deviations that a frequency may be off: with a fixed seed the outcome is the same in every run, and one
# seed in 16,000 would fail.
SIGMAS = 4.0

# Relative, float32 against float64. What a gate that is nearly 1 still lets in: one exp, one tanh and two products.
SATURATED = 1e-5

# Relative, float64, over 70,000 steps of which each forgets half: rounding does not gather, sums are some 500 terms.
LONG_SEQUENCE = 1e-12

# Relative to the largest output, float32 against float64 over 10,000 steps. A cell that forgets also forgets its
# rounding: measured 6.1e-7 at most, no more than over 100 steps. With gates of 1 - 1e-4 the rounding of thousands of
# steps of 6e-8 adds up, and so does that of the gate, 6e-4 of its distance from 1: measured 2.7e-5 at most.
DRIFT = {"forgetting": 2e-6, "remembering": 1e-4}

# Absolute, float32, in chunks of time that join where states are 1e-6 apart or less: what the project promises. Cells
# that forget make differences smaller from there on; measured 5e-7 at most.
TIME_CHUNKS = 1e-5

# Absolute, of a root mean square of 0.1937 over 8192 units: four standard deviations are 0.004.
CHRONO = 5e-3

# Relative, float32. U U^T of a matrix of 12 rows from a QR decomposition.
ORTHOGONAL = 1e-5

# float32 weights after training with two processes and with one: sums of gradients in another order, over some sixty
# updates. The project promises 1e-5.
TWO_PROCESSES = {"atol": 1e-5, "rtol": 1e-5}

# A record of torch's modules against a loop over their formulas, float32: sums of a few terms in another order, carried
# through nine steps and two layers.
RECORD = 1e-6

# Relative, float32: an estimator's answer against its chain's, which standardizes in float32 where the estimator does
# in float64, and sums its last layer in another order.
FLOAT32_CHAIN = 1e-5

# dB, signal over difference to float32, an exported file in int8: what the project promises of a trained model, and
# what weights of 8 bits leave of random ones over all cells.
INT8_TRAINED_RATIO = 45.0
INT8_RATIO = 25.0

IN_PIECES = 1e-5
"""Absolute, between float32 outputs of size 1 that a network gave at once and in pieces, or to a formula in float64:
sums of some hundred terms in another order, through a few layers."""

FLOAT32_RANKS = 2e-3
"""Of scores and surprises of a detector in C: in float32 a distance may change its place with one that agrees with it
to seven digits, which is found among the small ones, of which there are many."""

FUNCTIONS_IN_C = {"float64": {"rtol": 1e-15, "atol": 1e-323}, "float32": {"rtol": 2e-7, "atol": 1.6e-7}}
"""Of one number, between the functions of an exported file and NumPy's: five units in the last place of a double, and
the last bit of a number next to nothing; of a float two such units, and what the file promises of tanh."""

PAIRS = {"float32": 1e-3, "bfloat16": 4e-3}
"""Relative, kernels whose products round what they multiply to bfloat16 against a loop in float64 that does the same.
Measured 2e-7 mostly, and 1.3e-4 where a number lies between two of bfloat16 and is rounded to the other; gradients of
weights are in bfloat16, half a unit of which is 2^-9 to 2^-8."""
