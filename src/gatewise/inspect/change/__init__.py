"""What would have been: numbers of a step set, and the model run on."""
