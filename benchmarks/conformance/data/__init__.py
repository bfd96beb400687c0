"""Where the sequences come from: generators, and readers of the data folder beside the checkout."""
