"""How good the verdict itself is: over many series, what it chooses against what came next.

    python -m benchmarks verdict [--quick] [--results FILE]

Every series has a contest of its own, all models but the networks in it, and then the true next window, which nobody
saw: the test part of the M4 competition for its series, the end of the others. The series are those of ../shared/data
that may be used for development, and random walks. What is printed of a set: how often the model chosen was the best in
hindsight; the geometric mean of its error over that of the best in hindsight (regret) beside that of other rules; by
how much the printed figures were better than what came; what the intervals held; how many windows were held by less
than half without a word said; how often the verdict said what.

Each series is a line of JSON in the file of results; what stands there already is not computed again.

The rules of the verdict were made on these sets: on other data expect a little less.
"""
