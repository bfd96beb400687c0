"""Anomalies in time series: forecasts of what comes next, and how far it is from that and from all that was before."""
