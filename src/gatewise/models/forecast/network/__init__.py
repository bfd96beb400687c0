"""The LSTM forecaster: windows, scaling, network, ensemble, calibration."""
