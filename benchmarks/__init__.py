"""Figures that the documents quote, each printed by one command."""
