"""Anomalies in series that people have labelled: VUS-PR first, and beside it the score of the Numenta benchmark.

    python -m benchmarks detect                          # NAB, from ../shared/data/nab.tar.gz
    python -m benchmarks detect --published NAB/results  # and detectors whose scores are in NAB's repository
    python -m benchmarks detect --skab SKAB/data         # and SKAB, from a copy of waico/SKAB

Rows are taken as equally far apart, as NAB's own detectors take them, and read once from the first to the last: the
season, the ranks and the budget are found on the way, and nothing is told of a file but its values. A detector may
begin an alert where its surprise is the largest of 96 rows; what is scored of ours by NAB's rule are these rows with
their surprise, and by VUS-PR the score of every row. No figure is adjusted by points.

The method was chosen on these files (among distances, how many rows they are of, and how long the past counts): on
others expect less. NAB's realTraffic and realTweets were never read.
"""
