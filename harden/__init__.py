"""Hostile calls, drawn at random from a seed: nothing may crash, hang, or be wrong without a word."""
