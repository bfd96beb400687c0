"""The contestant that regresses on covariates and forecasts what they leave."""
