"""The forecaster that comes trained: naive experts, what a network is told of them, and the network itself."""
