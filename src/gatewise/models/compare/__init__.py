"""Kinds of models side by side on the user's own data, under conditions that are equal for all and are printed."""
