"""What is learned and used by name: estimators of sequences, language models, forecasters."""
