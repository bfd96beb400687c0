"""How good a forecaster is: baselines, metrics, rolling-origin backtest, verdict."""
