"""Translators on public data: sentences of Multi30k, and pronunciations of the CMU dictionary.

Each run learns with one seed within a time, and is measured on a test set that nothing was chosen by. Figures without
a machine of their own, busy with nothing else, are no record.
"""
