"""Whether explanations add up."""
