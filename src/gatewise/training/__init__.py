"""Training recurrent networks: one plain loop that knows nothing about what it trains."""
