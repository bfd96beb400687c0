"""What the pretrained forecaster is trained on and chosen by: real series, and the validation suite."""
