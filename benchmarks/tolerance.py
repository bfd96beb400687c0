"""How far a benchmark's figures may be off before it says so; `tests/tolerance.py` has all others."""

# Relative to the largest number compared, float32, benchmarks of one layer against its peers. A gradient of a weight is
# a sum over up to 100,000 rows, which each library takes in its own order: 6e-8 times the root of that is 2e-5.
PEER = 5e-5

# The same in bfloat16, where torch.nn adds up the gradients of weights step by step, each sum rounded to 8 bits: 2^-9
# times the root of 1000 steps is 0.06, and 0.07 was measured. `tests/nn/test_halves.py` tells which of both is right.
PEER_BFLOAT16 = 0.2

# Relative: the loss of a program after up to three steps of training, float32, with our classes and with torch.nn's.
# Six places, as programs print it; what rounds differently does so in each of some ten thousand sums before it.
LOSS = 2e-6

# Absolute, relative to outputs larger than 1: an exported C file against the module in float64, over 1,000 steps;
# what the project promises. Its sigmoid and tanh are off by 2.5e-7 at most.
C_FILE = 2e-6
# Layer norm divides by small deviations, so that rounding grows in float32 of any kind: the file may be this many
# times as far from float64 as the module in float32 is.
C_FILE_BESIDE_OURS = 3

# By which share the parameters of two kinds of models, and the seconds of their trainings, may differ in a comparison:
# what `gatewise compare` promises. A step more of width changes some 2 % of 20,000 parameters; an update, with which a
# training ends, takes a few hundredths of a training's seconds.
PARAMETERS, SECONDS = 0.02, 0.05
