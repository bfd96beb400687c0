"""The forecaster: networks, baselines, the backtest between them, and the report."""
