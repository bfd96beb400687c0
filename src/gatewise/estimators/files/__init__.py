"""Labelled sequences in files."""
