"""Forecasts of more series than fit into memory: a folder in, a folder out, in parts that survive a kill."""
