"""Exported C files: the same numbers as Python, the bound of their functions, and their speed."""
