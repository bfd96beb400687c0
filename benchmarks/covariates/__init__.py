"""What covariates are worth, on sets whose future is known."""
