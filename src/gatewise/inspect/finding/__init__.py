"""Stretches of time that are like one another."""
